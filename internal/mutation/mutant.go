package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What can become of a mutant.
const (
	killed   = "killed"
	lived    = "lived"
	timedOut = "timed out"
	bare     = "not reached" // by any test
	invalid  = "not viable"  // it does not compile, or stands where a constant must
)

// mutant is one operator changed in one way.
type mutant struct {
	File    string `json:"-"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Kind    string `json:"kind"`
	Verdict string `json:"verdict,omitempty"` // empty: not tried
	By      string `json:"by,omitempty"`      // the test that killed it

	id     int    // of its switch, from 1
	before string // what became of it with other tests
	tried  bool   // in this run
}

func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", m.File, m.Line, m.Column, strings.ToLower(strings.ReplaceAll(m.Kind, "_", " ")))
}

// skipped are the tests that build a program or start a process: they take longer than all
// others together.
const skipped = "^(TestJ06|TestM02|TestNothingRemains|TestRootNeeds)"

var listed = regexp.MustCompile(`(?:RUNNABLE|NOT COVERED) ([A-Z_]+) at (\S+\.go):(\d+):(\d+)`)

// listMutants asks gremlins which mutants there are. Before it lists them it has the tests run to see
// what they cover; so it is told to run none. Here each test is asked by itself what it reaches.
func listMutants(ctx context.Context, gremlins, dir string) ([]*mutant, error) {
	gremlins, err := filepath.Abs(gremlins)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, gremlins, "unleash", ".", "--dry-run", "-E", "^(internal/explore|lastgood)/")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false -count=1 -vet=off -run=^$")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("gremlins (`make mutation` builds it): %w\n%s", err, text)
	}
	var all []*mutant
	for _, found := range listed.FindAllStringSubmatch(string(text), -1) {
		m := &mutant{File: found[2], Kind: found[1]}
		m.Line, _ = strconv.Atoi(found[3]) // the expression has digits there
		m.Column, _ = strconv.Atoi(found[4])
		all = append(all, m)
	}
	if len(all) == 0 {
		return nil, errors.New("gremlins lists no mutants:\n" + string(bytes.TrimSpace(text)))
	}
	slices.SortFunc(all, func(a, b *mutant) int { // gremlins lists them as its workers come along
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Kind, b.Kind))
	})
	return all, nil
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
