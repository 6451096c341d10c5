package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// store keeps the verdicts on each file's mutants.
type store struct {
	dir, root string
	all       []*mutant
	hashes    map[string]string // of the files as they were copied
}

// record is what is kept of a file.
type record struct {
	Hash    string    `json:"hash"` // of the file, and of the mutants gremlins makes of it
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

// recall gives the mutants the verdicts that are known of them.
func (s *store) recall(all []*mutant) error {
	s.all, s.hashes = all, map[string]string{}
	for _, file := range files(all) {
		hash, err := s.hash(file)
		if err != nil {
			return err
		}
		s.hashes[file] = hash
		data, err := os.ReadFile(s.path(file))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var r record
		if err := cmp.Or(err, json.Unmarshal(data, &r)); err != nil {
			return err
		}
		if mutants := s.of(file); r.Hash == hash && len(mutants) == len(r.Mutants) {
			for i, m := range mutants {
				m.Verdict, m.By = r.Mutants[i].Verdict, r.Mutants[i].By
			}
		}
	}
	return nil
}

// keep writes the verdicts on a file's mutants.
func (s *store) keep(file string) error {
	if s.all == nil {
		return nil
	}
	data, err := json.MarshalIndent(record{s.hashes[file], s.of(file)}, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o750); err != nil {
		return err
	}
	return os.WriteFile(s.path(file), data, 0o600)
}
