package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill/internal/family"
)

// try runs tests with the fault in place, until one is red or the time is over. First go no
// more than the tests known to find it, then all suites; whole reports whether those are
// green without the fault.
func (t tree) try(ctx context.Context, f fault, whole func() error) (r result, err error) {
	r.fault = f
	undo, err := t.apply(f)
	defer func() { err = errors.Join(err, undo()) }()
	if err != nil {
		return r, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	defer func() { r.seconds = time.Since(began).Seconds() }()
	if len(f.killers) > 0 {
		red, output, err := t.runCut(ctx, f.home(), f.killers)
		if red {
			r.red, r.by = true, killer(output)
			return r, nil
		}
		r.missed = "green"
		if err != nil { // by the fault, or by the cut? The whole suites tell.
			r.missed = err.Error()
		}
	}
	if err := whole(); err != nil {
		return r, err
	}
	for _, s := range order(f.first) {
		red, output, err := t.run(ctx, s)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return r, nil // green for two minutes
		case err != nil:
			return r, err
		case red:
			r.red, r.by = true, killer(output)
			return r, nil
		}
	}
	return r, nil
}

// runCut runs no more than some tests of a suite, built without the others.
func (t tree) runCut(ctx context.Context, s suite, names []string) (red bool, output string, err error) {
	err = t.withCut(s, names, func(overlay string) error {
		s.run, s.skip = "^("+strings.Join(names, "|")+")$", ""
		s.args = append(slices.Clone(s.args), "-overlay="+overlay, "-timeout="+s.longest(names).String())
		red, output, err = t.run(ctx, s)
		return err
	})
	return red, output, err
}

// buildCut builds a program of no more than some tests of a suite.
func (t tree) buildCut(ctx context.Context, s suite, names []string, program string) error {
	return t.withCut(s, names, func(overlay string) error {
		s.run, s.skip = "", ""
		s.args = append(slices.Clone(s.args), "-overlay="+overlay, "-c", "-o="+program)
		red, output, err := t.run(ctx, s)
		if red {
			return fmt.Errorf("the tests of %s do not compile:\n%s", s.name, tail(output))
		}
		return err
	})
}

// withCut calls f with an overlay in which a suite has no more than some tests.
func (t tree) withCut(s suite, names []string, f func(overlay string) error) error {
	all, err := parseTests(filepath.Join(t.dir, s.dir()), s.buildTags())
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "quill-sabotage-cut-") // some tests look at all files of the tree
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	overlay, err := all.cut(dir, names)
	if err != nil {
		return err
	}
	return f(overlay)
}

// longest is how long some tests may take. They take a second in all: more is to hang.
func (s suite) longest(names []string) time.Duration {
	if s.slow {
		return limit
	}
	return time.Duration(6+2*len(names)) * time.Second
}

// baseline reports an error if the suites are red without a fault, or do not compile.
func (t tree) baseline(ctx context.Context) error {
	compiles := schedules
	compiles.run = "^$"
	for _, s := range []suite{quick, inner, compiles} {
		if err := green(t.run(ctx, s)); err != nil {
			return err
		}
	}
	return nil
}

// green reports an error unless the tests that ran are green.
func green(red bool, output string, err error) error {
	if err == nil && red {
		return fmt.Errorf("the tests are red without a fault: %s\n%s", killer(output), tail(output))
	}
	return err
}

// run runs a suite and reports whether a test failed. Not to compile is an error.
func (t tree) run(ctx context.Context, s suite) (red bool, output string, err error) {
	args := append([]string{"test", "-count=1", "-failfast", "-vet=off"}, s.arguments()...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.dir
	return runTests(ctx, cmd, s, "GOFLAGS=-buildvcs=false", "GOWORK=off")
}

// runTests runs a command that runs a suite's tests.
func runTests(ctx context.Context, cmd *exec.Cmd, s suite, env ...string) (red bool, output string, err error) {
	cmd.Env = append(append(os.Environ(), "QUILL_SABOTAGE=1"), env...)
	family.Bind(cmd)
	cmd.WaitDelay = 5 * time.Second
	data, err := cmd.CombinedOutput()
	output = string(data)
	switch _, exited := errors.AsType[*exec.ExitError](err); {
	case ctx.Err() != nil:
		return false, output, ctx.Err()
	case err == nil:
		return false, output, nil
	case !exited:
		return false, output, err
	case strings.Contains(output, "[build failed]"), strings.Contains(output, "[setup failed]"):
		return false, output, fmt.Errorf("it does not compile:\n%s", tail(output))
	case s.slow && timedOut.MatchString(output):
		return false, output, nil
	case killer(output) == "":
		return false, output, fmt.Errorf("it ended (%w), and no test says that it failed:\n%s", err, tail(output))
	}
	return true, output, nil
}

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	testsFrame = regexp.MustCompile(`\.((?:Test|Fuzz|Example)\w+)(?:\.func|\()`)
	timedOut   = regexp.MustCompile(`(?m)^panic: test timed out[^\n]*\n\s+running tests:\n\s+(\S+)`)
)

// killer finds the test that went red in what go test printed; "" if none did.
func killer(output string) string {
	why := ""
	switch {
	case strings.Contains(output, "WARNING: DATA RACE"):
		why = " (data race)"
	case strings.Contains(output, "fatal error: "):
		why = " (the process died)"
	}
	if m := failedTest.FindStringSubmatch(output); m != nil {
		return m[1] + why
	}
	if m := timedOut.FindStringSubmatch(output); m != nil {
		return m[1] + " (hangs)"
	}
	if m := testsFrame.FindStringSubmatch(output); m != nil {
		return m[1] + " (the process died)"
	}
	if strings.Contains(output, "goroutines left after the tests") {
		return "TestMain (goroutines left)"
	}
	return ""
}

// tail is the end of an output.
func tail(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
