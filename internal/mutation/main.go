// Command mutation asks whether the tests see a changed operator: `<` that became `<=`, `+`
// that became `-`. The mutants are those that gremlins lists for the root package and
// internal/window.
//
//	go run ./internal/mutation [-fresh | -anew] [-j N] [-write PAGE] [FILE ...]
//
// What makes a mutant dear is the compiler: gremlins builds the tests anew for each. Here all
// mutants are compiled into one binary, each behind a switch of its own, and a mutant costs
// no more than the tests that reach it, of which the quickest go first. What fails must fail
// twice to count as a kill.
//
// Verdicts are kept in .tmp/mutation, file by file, until the file or the tests of its package
// change: a second run tries what lived, and what is new; what hung, if its file is named.
// -fresh tries all. What lived before comes first, and of what was killed the test that did it.
// Files are named by their paths from the module's root; without any, all are tried.
//
// -anew is for `make reliability`, which has some minutes: all are judged, whatever is kept, but
// those that lived when -write last wrote the table count as alive without a trial. They are in
// alive.tsv, and none of them can make the share larger. It keeps no verdicts.
//
// It prints the mutants that live, a table per file and the total. It exits with 1 if less
// than 95 % of all are killed, and with 2 if it cannot tell.
package main

import (
	"cmp"
	"context"
	"errors"
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
	fresh   bool
	anew    bool
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
	flags.BoolVar(&o.fresh, "fresh", false, "try all mutants, whatever is known of them")
	flags.BoolVar(&o.anew, "anew", false, "as -fresh, but what is listed as alive counts as that, and no verdict is kept")
	flags.IntVar(&o.workers, "j", 2, "how many mutants are tried at once")
	flags.StringVar(&o.page, "write", "", "the `page` that gets the table, between its markers")
	if err := flags.Parse(args); err != nil {
		return exitCannot
	}
	o.files = flags.Args()
	if o.workers < 1 || o.anew && (o.fresh || o.page != "" || len(o.files) > 0) {
		fmt.Fprintln(problems, "mutation: -j is below 1, or something stands beside -anew")
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
	if o.anew {
		return tryAnew(ctx, o, dir, all, out)
	}
	chosen, err := choose(o, all)
	if err != nil {
		return false, err
	}
	if err := try(ctx, o, dir, chosen, kept, out); err != nil {
		return false, err
	}
	good = report(everything, all, out)
	if o.page != "" {
		err = errors.Join(writePage(o.page, all, kept.oldest()), writeAlive(o.root, all))
	}
	return good, err
}

const everything = "all of the root package and internal/window"

// tryAnew tries all mutants but those that are listed as alive, and keeps no verdicts.
func tryAnew(ctx context.Context, o options, dir string, all []*mutant, out io.Writer) (good bool, err error) {
	for _, m := range all {
		m.before, m.Verdict = cmp.Or(m.Verdict, m.before), ""
	}
	listed, err := listedAlive(o.root, all)
	if err != nil {
		return false, err
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return slices.Contains(listed, m) })
	if err := try(ctx, o, dir, chosen, &store{}, out); err != nil {
		return false, err
	}
	for _, m := range listed {
		m.Verdict = lived
	}
	fmt.Fprintf(out, "%d are listed as alive, and count as that\n", len(listed))
	inCore := slices.DeleteFunc(slices.Clone(all), func(m *mutant) bool { return !core(m.File) })
	good = report("the breaker and the rolling window", inCore, out)
	return report(everything, all, out) && good, nil
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
		"internal/window/mark.go", "internal/window/place.go", "internal/window/ring.go", "internal/window/times.go":
		return true
	}
	return false
}
