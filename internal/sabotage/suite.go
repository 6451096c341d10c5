package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// suite is a part of the tests, as arguments of go test. All parts together are what must
// not stay green; each fault names the one that is likely to find it, which goes first.
type suite struct {
	name string
	args []string
	slow bool // to run out of time says nothing
}

// Left out everywhere is what a fault in the code cannot move or what is slow: the models
// that spin exhausts have a code of their own, allocations are counted without -N, and some
// tests build a program or start one.
const leftOut = "-skip=^(TestC11RecoversFromEveryState|TestAllocations.*|TestNothingRemains.*|TestM02.*|TestRootNeeds.*)$"

var (
	// quick is the root package without optimizations, which halves the time to build it.
	quick = suite{name: "root", args: []string{"-timeout=60s", "-gcflags=-N -l", "-ldflags=-s -w", leftOut, "."}}
	inner = suite{name: "window", args: []string{"-timeout=60s", leftOut, "./internal/window"}}
	// schedules are those tests that play every interleaving.
	schedules = suite{name: "schedules", slow: true, args: []string{"-tags=explore", "-run=EverySchedule|SampledSchedules", "."}}
	// A lock left out is what the race detector is for.
	racedBreaker = suite{name: "race of the breaker", slow: true, args: []string{"-race", "-run=Breaker|Probe|Herd|Linear", "."}}
	racedFuture  = suite{name: "race of futures", slow: true, args: []string{"-race", "-run=Future|^TestH0", "."}}

	// What shows circuits has tests of its own. A stream that is held up hangs.
	streams = suite{name: "streams", args: []string{"-timeout=20s", "-skip=Dashboard|History", "./quillstream"}}
	scrapes = suite{name: "scrapes", args: []string{"-timeout=60s", "-skip=Promtool|RealPrometheus|TestRules|Dashboard", "./quillprom"}}

	raced  = suite{name: "race", slow: true, args: []string{"-race", leftOut, "."}}
	others = suite{name: "others", slow: true, args: []string{
		leftOut, "./internal/window", "./regressions", "./quillhttp", "./lastgood",
	}}
)

var suites = []suite{quick, schedules, others, raced}

// baseline reports an error if the tests are red without a fault, or do not compile.
func (t tree) baseline(ctx context.Context) error {
	compiles := schedules
	compiles.args = []string{"-run=^$", "-tags=explore", "."}
	for _, s := range []suite{quick, inner, compiles} {
		red, output, err := t.run(ctx, s)
		if err != nil {
			return err
		}
		if red {
			return fmt.Errorf("the tests are red without a fault: %s\n%s", killer(output), tail(output))
		}
	}
	return nil
}

// try runs the suites with the fault in place, until one is red or the time is over.
func (t tree) try(ctx context.Context, f fault) (r result, err error) {
	r.fault = f
	undo, err := t.apply(f)
	defer func() { err = errors.Join(err, undo()) }()
	if err != nil {
		return r, err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, s := range order(f.first) {
		red, output, err := t.run(ctx, s)
		r.seconds = time.Since(began).Seconds()
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return r, nil // green for two minutes
			}
			return r, err
		}
		if red {
			r.red, r.by = true, killer(output)
			return r, nil
		}
	}
	return r, nil
}

// order is all suites, those given first.
func order(first []suite) []suite {
	all := append([]suite(nil), first...)
	for _, s := range suites {
		known := false
		for _, other := range first {
			known = known || other.name == s.name
		}
		if !known {
			all = append(all, s)
		}
	}
	return all
}

// run runs a suite and reports whether a test failed. Not to compile is an error.
func (t tree) run(ctx context.Context, s suite) (red bool, output string, err error) {
	args := append([]string{"test", "-count=1", "-failfast", "-vet=off"}, s.args...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = t.dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off", "QUILL_SABOTAGE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
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
	}
	return true, output, nil
}

var (
	failedTest = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	testsFrame = regexp.MustCompile(`\.((?:Test|Fuzz|Example)\w+)(?:\.func|\()`)
	timedOut   = regexp.MustCompile(`(?m)^panic: test timed out[^\n]*\n\s+running tests:\n\s+(\S+)`)
)

// killer finds the test that went red in what go test printed.
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
	return "an unknown test: " + tail(output)
}

// tail is the end of an output.
func tail(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}
