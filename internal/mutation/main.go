// Command mutation asks whether the tests see a changed operator: `<` that became `<=`, `+`
// that became `-`. The mutants are those that gremlins lists for the root package and
// internal/window.
//
//	go run ./internal/mutation [-core] [-sample N -seed S] [-fresh] [-j N] [-write PAGE] [FILE ...]
//
// What makes a mutant dear is the compiler: gremlins builds the tests anew for each. Here all
// mutants are compiled into one binary, each behind a switch of its own, and a mutant costs
// no more than the tests that reach it, of which the quickest go first. What fails must fail
// twice to count as a kill.
//
// Verdicts are kept in .tmp/mutation, file by file, until the file or the tests of its package
// change: a second run tries what lived, and what is new; what hung, if its file is named.
// -fresh tries all. What lived before comes first, and of what was killed the test that did it.
// Files are named by their paths from the module's root; without any, and without -core,
// all are tried.
//
// -core and -sample judge anew the breaker and the window, and mutants drawn from all by the
// seed, and keep no verdicts. -sample also says what the kept verdicts come to, or that they
// are stale, which the exit code does not tell.
//
// It prints the mutants that live, a table per file and the total. It exits with 1 if less
// than 95 % of all are killed, and with 2 if it cannot tell.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
)

// Exit codes.
const (
	exitLived  = 1
	exitCannot = 2
)

// target is the least share of mutants, in per cent, that the tests must kill.
const target = 95

type options struct {
	root    string
	core    bool
	sample  int
	seed    uint64
	fresh   bool
	workers int
	page    string
	files   []string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is main with everything given. It returns the exit code.
func command(ctx context.Context, args []string, out, problems io.Writer) int {
	var o options
	flags := flag.NewFlagSet("mutation", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.StringVar(&o.root, "C", ".", "directory of the module")
	flags.BoolVar(&o.core, "core", false, "the breaker and the rolling window, all anew")
	flags.IntVar(&o.sample, "sample", 0, "so `many` mutants drawn from all, all anew, and what is kept of the others")
	flags.Uint64Var(&o.seed, "seed", 1, "of -sample")
	flags.BoolVar(&o.fresh, "fresh", false, "try all mutants, whatever is known of them")
	flags.IntVar(&o.workers, "j", 2, "how many mutants are tried at once")
	flags.StringVar(&o.page, "write", "", "the `page` that gets the table, between its markers")
	if err := flags.Parse(args); err != nil {
		return exitCannot
	}
	o.files = flags.Args()
	if o.workers < 1 || o.sample < 0 {
		fmt.Fprintln(problems, "mutation: -j is below 1, or -sample below 0")
		return exitCannot
	}
	good, err := run(ctx, o, out)
	switch {
	case err != nil:
		fmt.Fprintln(problems, "mutation:", err)
		return exitCannot
	case !good:
		return exitLived
	}
	return 0
}

// run tries what is asked for, and tells whether the target is met.
func run(ctx context.Context, o options, out io.Writer) (good bool, err error) {
	dir, err := os.MkdirTemp("", "quill-mutation-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := copyTree(o.root, dir); err != nil {
		return false, err
	}
	all, err := listMutants(ctx, filepath.Join(o.root, ".tmp", "bin", "gremlins"), dir)
	if err != nil {
		return false, err
	}
	kept := &store{dir: filepath.Join(o.root, ".tmp", "mutation"), root: o.root}
	if err := kept.recall(all); err != nil {
		return false, err
	}
	if o.core || o.sample > 0 {
		return tryPart(ctx, o, dir, all, kept, out)
	}
	chosen, err := choose(o, all)
	if err != nil {
		return false, err
	}
	if err := try(ctx, o, dir, chosen, kept, out); err != nil {
		return false, err
	}
	good = report("the root package and internal/window", all, out)
	if o.page != "" {
		err = writePage(o.page, all, kept.oldest())
	}
	return good, err
}

// tryPart tries the core, and some that are drawn from all, whatever is known of them, and
// tells what is known of all.
func tryPart(ctx context.Context, o options, dir string, all []*mutant, kept *store, out io.Writer) (good bool, err error) {
	if o.sample > 0 {
		reportKept(all, kept, out)
	}
	good = true
	drawn := draw(all, o.sample, o.seed)
	chosen := slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool {
		return (!o.core || !core(m.File)) && !slices.Contains(drawn, m)
	})
	for _, m := range chosen {
		m.before, m.Verdict = cmp.Or(m.Verdict, m.before), ""
	}
	if err := try(ctx, o, dir, chosen, &store{}, out); err != nil {
		return false, err
	}
	if o.core {
		inCore := slices.DeleteFunc(slices.Clone(chosen), func(m *mutant) bool { return !core(m.File) })
		good = report("the breaker and the rolling window", inCore, out) && good
	}
	if o.sample > 0 {
		name := fmt.Sprintf("%d drawn from all %d of the root package and internal/window", len(drawn), len(all))
		good = report(name, drawn, out) && good
	}
	return good, nil
}

// choose returns the mutants to try: of the files asked for those of which it is not yet
// known that they are killed.
func choose(o options, all []*mutant) ([]*mutant, error) {
	for _, file := range o.files {
		if !slices.ContainsFunc(all, func(m *mutant) bool { return m.File == file }) {
			return nil, fmt.Errorf("%s has no mutants", file)
		}
	}
	var chosen []*mutant
	for _, m := range all {
		asked := len(o.files) == 0 || slices.Contains(o.files, m.File)
		if asked && !known(o, m) {
			m.before, m.Verdict = cmp.Or(m.Verdict, m.before), ""
			chosen = append(chosen, m)
		}
	}
	return chosen, nil
}

// known tells whether a verdict stands. A mutant that hangs takes its time, and is tried again
// only where its file is named.
func known(o options, m *mutant) bool {
	if o.fresh {
		return false
	}
	switch m.Verdict {
	case killed, invalid:
		return true
	case timedOut:
		return len(o.files) == 0
	}
	return false
}

// core tells whether a file is the breaker's machine or keeps the rolling window.
func core(file string) bool {
	switch file {
	case "breaker.go", "internal/window/counters.go", "internal/window/last.go",
		"internal/window/place.go", "internal/window/ring.go", "internal/window/times.go":
		return true
	}
	return false
}
