package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// store keeps the verdicts on each file's mutants.
type store struct {
	dir, root string
	all       []*mutant
	now       map[string]record // what the files are as they were copied, without their mutants
	dates     map[string]string // of the verdicts that stand
}

// record is what is kept of a file.
type record struct {
	Hash    string    `json:"hash"`  // of the file, and of the mutants gremlins makes of it
	Tests   string    `json:"tests"` // of its package: of their files, and of what they read
	Date    string    `json:"date"`
	Mutants []*mutant `json:"mutants"`
}

func (s *store) path(file string) string {
	return filepath.Join(s.dir, strings.ReplaceAll(file, "/", "_")+".json")
}

func (s *store) of(file string) []*mutant {
	return slices.DeleteFunc(slices.Clone(s.all), func(m *mutant) bool { return m.File != file })
}

func (s *store) hash(file string) (string, error) {
	text, err := os.ReadFile(filepath.Join(s.root, file))
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	sum.Write(text)
	for _, m := range s.of(file) {
		fmt.Fprintln(sum, m)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// hashTests is of the tests of a package, less those that are left out of the copy.
func (s *store) hashTests(dir string) (string, error) {
	sum := sha256.New()
	names, err := filepath.Glob(filepath.Join(s.root, dir, "*_test.go"))
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if !unwanted(filepath.Base(name)) {
			err = errors.Join(err, hashFile(sum, name))
		}
	}
	data := filepath.Join(s.root, dir, "testdata")
	err = errors.Join(err, filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) && path == data {
			return nil
		}
		if err != nil || e.IsDir() {
			return err
		}
		return hashFile(sum, path)
	}))
	return hex.EncodeToString(sum.Sum(nil)), err
}

func hashFile(sum hash.Hash, name string) error {
	text, err := os.ReadFile(name)
	fmt.Fprintln(sum, filepath.Base(name), len(text))
	sum.Write(text)
	return err
}

// recall gives the mutants the verdicts that are known of them. If only the tests changed it
// says what became of each before, and by which test.
func (s *store) recall(all []*mutant) error {
	s.all, s.now, s.dates = all, map[string]record{}, map[string]string{}
	tests := map[string]string{}
	for _, file := range files(all) {
		hash, err := s.hash(file)
		dir := filepath.Dir(file)
		if _, done := tests[dir]; !done && err == nil {
			tests[dir], err = s.hashTests(dir)
		}
		if err != nil {
			return err
		}
		s.now[file] = record{Hash: hash, Tests: tests[dir]}
		data, err := os.ReadFile(s.path(file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var r record
		if err := cmp.Or(err, json.Unmarshal(data, &r)); err != nil {
			return err
		}
		s.take(file, r)
	}
	return nil
}

// take gives a file's mutants what its record says of them, as far as it stands.
func (s *store) take(file string, r record) {
	mutants := s.of(file)
	sameFile := r.Hash == s.now[file].Hash && len(mutants) == len(r.Mutants)
	stands := sameFile && r.Tests == s.now[file].Tests
	if stands {
		s.dates[file] = r.Date
	}
	for i, m := range mutants {
		switch {
		case stands:
			m.Verdict, m.By = r.Mutants[i].Verdict, r.Mutants[i].By
		case sameFile:
			m.before, m.By = r.Mutants[i].Verdict, r.Mutants[i].By
		}
	}
}

// keep writes the verdicts on a file's mutants.
func (s *store) keep(file string) error {
	if s.all == nil {
		return nil
	}
	r := s.now[file]
	r.Date, r.Mutants = today(), s.of(file)
	if slices.ContainsFunc(r.Mutants, func(m *mutant) bool { return m.Verdict != "" && !m.tried }) {
		r.Date = cmp.Or(s.dates[file], r.Date) // some are as old as they were
	}
	s.dates[file] = r.Date
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return err
	}
	return os.WriteFile(s.path(file), data, 0o600)
}

// oldest is the date of the verdict that stands for longest.
func (s *store) oldest() string {
	oldest := ""
	for _, date := range s.dates {
		if oldest == "" || date < oldest {
			oldest = date
		}
	}
	return oldest
}

func today() string { return time.Now().UTC().Format(time.DateOnly) }
