// Command sabotage proves the tests: it puts one-line faults into a copy of the tree, one at
// a time, such as no mutation tool makes, and runs the tests until they go red.
//
//	go run ./internal/sabotage [-only EXPRESSION] [-j N] [-check]
//
// It prints a table: the fault, the file, the test that went red, the seconds it took. It
// exits with 1 if the tests stay green with a fault in place for two minutes, and with 2 if
// it cannot tell: the tests are red without a fault, a fault no longer fits the code it was
// written for, or does not compile. -check only looks whether each fault fits.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"sync"
	"text/tabwriter"
	"time"
)

// Exit codes.
const (
	exitSurvived = 1
	exitCannot   = 2
)

// limit is how long the tests have to find a fault.
const limit = 2 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// command is main with everything given. It returns the exit code.
func command(ctx context.Context, args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("sabotage", flag.ContinueOnError)
	flags.SetOutput(problems)
	only := flags.String("only", "", "only the faults whose name matches this regular `expression`")
	workers := flags.Int("j", 2, "how many faults are tried at once, each in a copy of its own")
	check := flags.Bool("check", false, "only look whether each fault fits the code")
	root := flags.String("C", ".", "directory of the module")
	if err := flags.Parse(args); err != nil {
		return exitCannot
	}
	expression, err := regexp.Compile(*only)
	if err != nil {
		fmt.Fprintln(problems, "sabotage: -only:", err)
		return exitCannot
	}
	chosen := choose(expression)
	if len(chosen) == 0 || *workers < 1 || flags.NArg() > 0 {
		fmt.Fprintf(problems, "sabotage: no fault matches %q, or -j is below 1, or there are arguments\n", *only)
		return exitCannot
	}
	if err := fitAll(*root, chosen); err != nil {
		fmt.Fprintln(problems, "sabotage:", err)
		return exitCannot
	}
	if *check {
		fmt.Fprintf(out, "%d faults fit the code\n", len(chosen))
		return 0
	}
	results, err := tryAll(ctx, *root, chosen, *workers, out)
	if err != nil {
		fmt.Fprintln(problems, "sabotage:", err)
		return exitCannot
	}
	return report(results, out)
}

func choose(only *regexp.Regexp) []fault {
	var chosen []fault
	for _, f := range faults {
		if only.MatchString(f.name) {
			chosen = append(chosen, f)
		}
	}
	return chosen
}

// result is what became of one fault.
type result struct {
	fault   fault
	red     bool
	by      string // the test that went red
	seconds float64
	problem error // it cannot be told whether the tests go red
}

// tryAll tries the faults, some at once, and returns their results in their order.
func tryAll(ctx context.Context, root string, chosen []fault, workers int, out io.Writer) ([]result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results := make([]result, len(chosen))
	next := make(chan int, len(chosen))
	for i := range chosen {
		next <- i
	}
	close(next)

	var wg sync.WaitGroup
	var mu sync.Mutex
	for range min(workers, len(chosen)) {
		wg.Go(func() {
			err := withCopy(ctx, root, func(t tree) error {
				if err := t.baseline(ctx); err != nil {
					return err
				}
				for i := range next {
					r, err := t.try(ctx, chosen[i])
					if ctx.Err() != nil {
						return ctx.Err()
					}
					r.problem = err
					results[i] = r
					mu.Lock()
					fmt.Fprintf(out, "%s: %s (%.0f s)\n", r.fault.name, verdict(r), r.seconds)
					mu.Unlock()
				}
				return nil
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return nil, err
	}
	return results, ctx.Err()
}

func verdict(r result) string {
	switch {
	case r.problem != nil:
		return "CANNOT TELL: " + r.problem.Error()
	case r.red:
		return "red by " + r.by
	}
	return "SURVIVED"
}

// report prints the table and returns the exit code.
func report(results []result, out io.Writer) int {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nfault\tfile\tred by\tseconds")
	survived, unknown := 0, 0
	for _, r := range results {
		by := r.by
		switch {
		case r.problem != nil:
			by = "- (CANNOT TELL)"
			unknown++
		case !r.red:
			by = "- (SURVIVED)"
			survived++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.0f\n", r.fault.name, r.fault.edits[0].file, by, r.seconds)
	}
	for _, n := range notBuilt {
		fmt.Fprintf(w, "%s\t-\tnot built: %s\t-\n", n.fault, n.why)
	}
	_ = w.Flush()
	fmt.Fprintf(out, "\nsabotage: %d faults, %d red, %d survived\n", len(results), len(results)-survived-unknown, survived)
	switch {
	case unknown > 0:
		return exitCannot
	case survived > 0:
		return exitSurvived
	}
	return 0
}
