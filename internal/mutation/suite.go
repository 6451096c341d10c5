package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// suite is the tests of one package, compiled with a switch for each of its mutants.
type suite struct {
	dir, binary string
	flags       []string // of the binary
	tests       []*test
}

// test is one test of a suite.
type test struct {
	name    string
	took    time.Duration // in a process of its own
	reaches map[int]bool  // the mutants, by their ids
}

// build compiles a package's tests with the mutants' switches in place.
func build(ctx context.Context, dir, sub string, mutants []*mutant) (*suite, error) {
	const format = "{{.Dir}}\t{{.ImportPath}}\t{{.Module.Path}}\t{{join .GoFiles \" \"}}\t{{.TestImports}}{{.XTestImports}}"
	list, err := goTool(ctx, dir, "list", "-f", format, "./"+sub)
	if err != nil {
		return nil, err
	}
	of := strings.Split(strings.TrimSpace(list), "\t")
	if len(of) != 5 {
		return nil, errors.New("go list: " + list)
	}
	exports, err := goTool(ctx, dir, "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", "./"+sub)
	if err != nil {
		return nil, err
	}
	p, err := load(of[0], of[1], of[2], strings.Fields(of[3]), exports)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(p.install(mutants), installSwitches(dir)); err != nil {
		return nil, err
	}
	s := &suite{dir: of[0], binary: filepath.Join(of[0], "mutants.test"), flags: []string{"-test.short", "-test.paniconexit0"}}
	if strings.Contains(of[4], "pgregory.net/rapid") {
		s.flags = append(s.flags, "-rapid.seed=1", "-rapid.nofailfile") // the same luck for each mutant
	}
	if _, err := goTool(ctx, dir, "test", "-c", "-vet=off", "-o", s.binary, "./"+sub); err != nil {
		return nil, err
	}
	return s, s.list(ctx)
}

// installSwitches writes the package that the rewritten files import.
func installSwitches(dir string) error {
	dir = filepath.Join(dir, "internal", "mutant")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "mutant.go"), []byte(switches), 0o600)
}

// list learns which tests there are.
func (s *suite) list(ctx context.Context) error {
	names, _, err := s.run(ctx, time.Minute, nil, "-test.list=^(Test|Fuzz)")
	if err != nil {
		return fmt.Errorf("listing the tests: %w\n%s", err, names)
	}
	skip := regexp.MustCompile(skipped)
	for name := range strings.FieldsSeq(names) {
		if !skip.MatchString(name) {
			s.tests = append(s.tests, &test{name: name, reaches: map[int]bool{}})
		}
	}
	return nil
}

func goTool(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
	var problems bytes.Buffer
	cmd.Stderr = &problems
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, problems.Bytes())
	}
	return string(text), nil
}

// run runs the suite's binary. A mutant may eat memory without an end: there is one.
func (s *suite) run(ctx context.Context, limit time.Duration, env []string, args ...string) (output string, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit+10*time.Second) // the binary's own limit comes first
	defer cancel()
	line := append([]string{"-c", `ulimit -v 8000000; exec "$@"`, "sh", s.binary, "-test.timeout=" + limit.String()}, s.flags...)
	cmd := exec.CommandContext(ctx, "sh", append(line, args...)...)
	cmd.Dir = s.dir
	cmd.Env = append(append(os.Environ(), "QUILL_SEED=1"), env...) // the same luck for each mutant, too
	cmd.WaitDelay = time.Second
	start := time.Now()
	text, err := cmd.CombinedOutput()
	return string(text), time.Since(start), err
}

// only is the argument for these tests.
func only(tests []*test) string {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	return "-test.run=^(" + strings.Join(names, "|") + ")$"
}

// measure learns which mutants each test reaches, and how long it takes. A test that is red
// without a mutant is left out.
func (s *suite) measure(ctx context.Context, workers, times int, out io.Writer) error {
	red := make([]string, len(s.tests))
	err := inParallel(ctx, workers, len(s.tests), func(ctx context.Context, i int) (err error) {
		red[i], err = s.learn(ctx, s.tests[i], times)
		return err
	})
	if err != nil {
		return err
	}
	var green []*test
	for i, t := range s.tests {
		if red[i] == "" {
			green = append(green, t)
			continue
		}
		fmt.Fprintf(out, "left out, as it is red without a mutant: %s\n%s\n", t.name, lastLines(red[i], 12))
	}
	if len(green) < len(s.tests)*9/10 {
		return errors.New("the tests are red without a mutant")
	}
	s.tests = green
	slices.SortStableFunc(s.tests, func(a, b *test) int { return cmp.Compare(a.took, b.took) })
	return nil
}

// learn runs a test by itself, as often as is asked for, since it may be a matter of luck what it
// reaches, and once more if it is red. It returns what a test prints that is red each time.
func (s *suite) learn(ctx context.Context, t *test, times int) (red string, err error) {
	log := filepath.Join(s.dir, "reached-"+t.name)
	green := false
	for n := 0; n < times || n < 2 && !green; n++ {
		text, took, err := s.run(ctx, time.Minute, []string{"MUTANT_LOG=" + log}, only([]*test{t}))
		if t.took = max(t.took, took); err == nil {
			green = true
		} else {
			red = text
		}
	}
	if !green {
		return red, ctx.Err()
	}
	reached, err := os.ReadFile(log)
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	for id := range strings.FieldsSeq(string(reached)) {
		n, _ := strconv.Atoi(id) // the binary wrote it
		t.reaches[n] = true
	}
	return "", ctx.Err()
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
