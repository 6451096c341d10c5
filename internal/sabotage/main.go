// Command sabotage proves the tests: it puts one-line faults into a copy of the tree, one at
// a time, such as no mutation tool makes, and runs the tests until they go red.
//
//	go run ./internal/sabotage [-only EXPRESSION] [-some N -seed N] [-j N] [-switch] [-check]
//
// It prints a table: the fault, the file, the test that went red, the seconds it took. It
// exits with 1 if the tests stay green with a fault in place for two minutes, and with 2 if
// it cannot tell (behind go run that is 1, too): the tests are red without a fault, a fault no longer fits the code it was
// written for, or does not compile. -switch builds all faults into one program and turns them on
// one at a time, which takes a fifth of the time; without it each is put into a tree that is
// built anew. -check only looks whether each fault fits, and names
// tests that are there.
//
// Each fault names the tests that are known to find it. These are tried first and alone,
// built without all others, which takes a second; only if they are green or do not compile,
// the whole suites follow, and the table says so. A new fault may name none: the table has
// the test to name.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
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
	some := flags.Int("some", 0, "no more than so many of them, drawn at random; 0: all")
	seed := flags.Uint64("seed", 0, "for -some: the same draws the same")
	workers := flags.Int("j", 2, "how many faults are tried at once, each in a copy of its own")
	switched := flags.Bool("switch", false, "build all faults at once and turn them on one at a time")
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
	chosen := draw(choose(expression), *some, *seed)
	if len(chosen) == 0 || *workers < 1 || *some < 0 || flags.NArg() > 0 {
		fmt.Fprintf(problems, "sabotage: no fault matches %q, or -j is below 1, -some below 0, or there are arguments\n", *only)
		return exitCannot
	}
	if err := fitAll(*root, chosen); err != nil {
		fmt.Fprintln(problems, "sabotage:", err)
		return exitCannot
	}
	if *check {
		if err := killersThere(*root, chosen); err != nil {
			fmt.Fprintln(problems, "sabotage:", err)
			return exitCannot
		}
		fmt.Fprintf(out, "%d faults fit the code, the tests named for them are there\n", len(chosen))
		return 0
	}
	results, err := tryAll(ctx, *root, chosen, *workers, *switched, out)
	if err != nil {
		fmt.Fprintln(problems, "sabotage:", err)
		return exitCannot
	}
	code := report(results, out)
	if *switched {
		fmt.Fprintf(out, "%d of them in programs that have them all, the others each in a tree of its own\n", atOnce(results))
	}
	return code
}

// atOnce is how many of the faults were in programs that have them all.
func atOnce(results []result) (n int) {
	for _, r := range results {
		if r.switched {
			n++
		}
	}
	return n
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

// draw is n of them at random, in their order; 0: all. As far as they can be they are of two
// suites, each of which takes some ten seconds to compile.
func draw(from []fault, n int, seed uint64) []fault {
	if n == 0 || n >= len(from) {
		return from
	}
	const mostHomes = 2
	homes := map[string]bool{}
	var drawn, left []int
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(len(from)) { //nolint:gosec // no secret
		home := from[i].home().name
		if len(homes) < mostHomes || homes[home] {
			homes[home] = true
			drawn = append(drawn, i)
		} else {
			left = append(left, i)
		}
	}
	drawn = append(drawn, left...)[:n]
	slices.Sort(drawn)
	var chosen []fault
	for _, i := range drawn {
		chosen = append(chosen, from[i])
	}
	return chosen
}

// report prints the table and returns the exit code.
func report(results []result, out io.Writer) int {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nfault\tfile\tred by\tseconds")
	survived, unknown, elsewhere := 0, 0, 0
	for _, r := range results {
		by := r.by
		if r.again {
			by += ", at the second try, by itself"
		}
		if r.missed != "" {
			elsewhere++
			by += ", no longer by " + strings.Join(r.fault.killers, ", ")
		}
		switch {
		case r.problem != nil:
			by = "- (CANNOT TELL)"
			unknown++
		case !r.red:
			by = "- (SURVIVED)"
			survived++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f\n", r.fault.name, r.fault.edits[0].file, by, r.seconds)
	}
	for _, n := range notBuilt {
		fmt.Fprintf(w, "%s\t-\tnot built: %s\t-\n", n.fault, n.why)
	}
	_ = w.Flush()
	fmt.Fprintf(out, "\nsabotage: %d faults, %d red, %d survived\n", len(results), len(results)-survived-unknown, survived)
	if elsewhere > 0 {
		fmt.Fprintf(out, "%d of them not by the test named for them in faults.go: name another\n", elsewhere)
	}
	switch {
	case unknown > 0:
		return exitCannot
	case survived > 0:
		return exitSurvived
	}
	return 0
}
