package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// module is the name of the root package's test binary, as go test -c has it.
const module = "quill"

// programs are the test binaries that the instruments run. Each is compiled once, however many
// instruments run tests of it: linking one takes longer than many of the tests.
type programs struct {
	dir, seed string // where they are; what tests that draw lots by themselves draw by
}

// compile builds the test binaries of all the instruments, those of the same build tags at once.
func (p programs) compile(ctx context.Context, instruments []instrument, out io.Writer) error {
	began := time.Now()
	packages := map[string][]string{} // by their tags
	for _, i := range instruments {
		for _, s := range i.steps {
			if s.pkg != "" && !slices.Contains(packages[s.tags], s.pkg) {
				packages[s.tags] = append(packages[s.tags], s.pkg)
			}
		}
	}
	for _, tags := range slices.Sorted(maps.Keys(packages)) {
		dir := filepath.Join(p.dir, tags)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return err
		}
		args := []string{"test", "-c", "-vet=off", "-tags=" + tags, "-o", dir + string(filepath.Separator)}
		cmd := exec.CommandContext(ctx, "go", append(args, packages[tags]...)...)
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("the tests do not compile: %w\n%s", err, text)
		}
	}
	fmt.Fprintf(out, "compiling the tests: %.0f s\n", time.Since(began).Seconds())
	return nil
}

// binary is where the test binary of a step is.
func (p programs) binary(s step) string {
	name := filepath.Base(s.pkg)
	if s.pkg == "." {
		name = module
	}
	return filepath.Join(p.dir, s.tags, name+".test")
}

// cmd is what the step starts.
func (p programs) cmd(ctx context.Context, s step) *exec.Cmd {
	if s.pkg == "" {
		c := exec.CommandContext(ctx, s.args[0], s.args[1:]...)
		c.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
		return c
	}
	c := exec.CommandContext(ctx, p.binary(s), s.args...)
	c.Dir, c.Env = s.pkg, append(append(os.Environ(), "QUILL_SEED="+p.seed), s.env...)
	return c
}

// step is one command of an instrument, run from the root of the repository, or tests of one
// package, run where its sources are.
type step struct {
	args []string // the command, or flags of the test binary
	env  []string
	pkg  string // of the tests, as the go command is told it; empty: a command
	tags string // build tags of the tests
}

// runs makes the only step of an instrument that is a command.
func runs(args ...string) []step { return []step{{args: args}} }

// tests makes a step of a package's tests. The flags are those of go test.
func tests(pkg string, flags ...string) step {
	s := step{pkg: pkg, args: []string{"-test.v", "-test.paniconexit0", "-test.timeout=10m"}} // as go test has it
	for _, flag := range flags {
		if name, ok := strings.CutPrefix(flag, "-tags="); ok {
			s.tags = name
			continue
		}
		if !strings.HasPrefix(flag, "-rapid.") {
			flag = strings.Replace(flag, "-", "-test.", 1)
		}
		s.args = append(s.args, flag)
	}
	return s
}
