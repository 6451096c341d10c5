package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
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

// files are those that have mutants, in the order of their names, those of the root first.
func files(mutants []*mutant) []string {
	var names []string
	for _, m := range mutants {
		names = append(names, m.File)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), cmp.Compare(a, b))
	})
	return slices.Compact(names)
}

// tally counts verdicts.
type tally map[string]int

func count(mutants []*mutant, file string) tally {
	n := tally{}
	for _, m := range mutants {
		if file == "" || m.File == file {
			n[m.Verdict]++
		}
	}
	return n
}

// efficacy is the share of the killed among those killed and alive, in per cent.
func (t tally) efficacy() float64 {
	if t[killed] == 0 {
		return 0
	}
	return 100 * float64(t[killed]) / float64(t[killed]+t[lived])
}

func (t tally) row(name, between string) string {
	share := "-"
	if t[killed]+t[lived] > 0 {
		share = fmt.Sprintf("%.1f %%", t.efficacy())
	}
	cells := []string{name}
	for _, verdict := range []string{killed, lived, timedOut, bare, ""} {
		cells = append(cells, strconv.Itoa(t[verdict]))
	}
	return strings.Join(append(cells, share), between)
}

var columns = []string{"file", "killed", "alive", "time limit", "not reached", "not tried", "efficacy"}

// report prints what lives, the table and the total, and tells whether the target is met.
func report(name string, mutants []*mutant, out io.Writer) bool {
	fmt.Fprintln(out)
	for _, m := range mutants {
		if m.Verdict == lived || m.Verdict == timedOut {
			fmt.Fprintf(out, "%s: %s\n", m, m.Verdict)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s\n", strings.Join(columns, "\t"))
	for _, file := range files(mutants) {
		fmt.Fprintln(w, count(mutants, file).row(file, "\t"))
	}
	total := count(mutants, "")
	fmt.Fprintln(w, total.row("all", "\t"))
	_ = w.Flush()
	fmt.Fprintf(out, "\n%d killed, %d lived, %d ran into the time limit, %d that no test reaches, %d not tried yet\n",
		total[killed], total[lived], total[timedOut], total[bare], total[""])
	good := total.efficacy() >= target
	verdict := map[bool]string{true: "pass", false: "FAIL"}[good]
	fmt.Fprintf(out, "mutation: %s: %.1f %% of %d mutants killed\n", name, total.efficacy(), total[killed]+total[lived])
	fmt.Fprintf(out, "%s: the target is %d %%\n", verdict, target)
	return good
}

const (
	begins = "<!-- mutation: written by `make mutation WRITE=1` -->\n"
	ends   = "<!-- end of mutation -->\n"
)

// writePage puts the table between the page's markers.
func writePage(page string, mutants []*mutant) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := bytes.Cut(text, []byte(begins))
	_, after, closed := bytes.Cut(rest, []byte(ends))
	if !ok || !closed {
		return fmt.Errorf("%s has no lines %q and %q", page, strings.TrimSpace(begins), strings.TrimSpace(ends))
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n| %s |\n|---|%s\n", strings.Join(columns, " | "), strings.Repeat("---|", len(columns)-1))
	for _, file := range files(mutants) {
		fmt.Fprintf(&table, "| %s |\n", count(mutants, file).row(file, " | "))
	}
	fmt.Fprintf(&table, "| %s |\n\nOn %s with %s on %d cores (%s/%s).\n\n", count(mutants, "").row("all", " | "),
		time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	return os.WriteFile(page, slices.Concat(before, []byte(begins), []byte(table.String()), []byte(ends), after), 0o600)
}
