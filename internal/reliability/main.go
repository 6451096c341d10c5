// Command reliability runs every instrument that proves quill reliable, and prints a
// scoreboard: figure, target, value, pass or fail, and the seed where chance has a part.
//
//	go run ./internal/reliability [-fast] [-only NAME] [-seed N] [-j N] [-write PAGE] [-v]
//
// -fast takes what fits into a minute. It exits with 1 if a figure misses its target, with 2
// if it is called wrongly (behind go run that is 1, too). -write puts the scoreboard between the
// marks in a page. An instrument that is absent says so, and is no failure, only where what it
// needs is not part of this repository (spin, say). The last line counts it apart. Where CI is
// true in the environment it is a failure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Exit codes.
const (
	exitMissed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := command(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are what the command line says.
type options struct {
	fast, verbose bool
	only, page    string
	seed          uint64
	workers       int
}

// command is main with everything given. It returns the exit code.
func command(ctx context.Context, args []string, out, problems io.Writer) int {
	o, err := parse(args, problems)
	if err != nil {
		return exitUsage
	}
	chosen := choose(o)
	if len(chosen) == 0 {
		fmt.Fprintf(problems, "reliability: no instrument has %q in its name\n", o.only)
		return exitUsage
	}
	began := time.Now()
	b, err := runAll(ctx, chosen, o, out)
	if err != nil {
		fmt.Fprintln(problems, "reliability:", err)
		return exitMissed
	}
	if !o.fast && o.only == "" {
		b = b.limitTime(time.Since(began))
	}
	fmt.Fprintf(out, "\n%s\nseed %d, %.0f s: ", b.text(), o.seed, time.Since(began).Seconds())
	if o.page != "" {
		if err := writePage(o.page, b); err != nil {
			fmt.Fprintln(problems, "reliability:", err)
			return exitUsage
		}
	}
	ci := os.Getenv("CI") == "true"
	fmt.Fprintln(out, b.summary(ci))
	if !b.good(ci) {
		return exitMissed
	}
	return 0
}

// parse reads the command line. It says what is wrong with it.
func parse(args []string, problems io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("reliability", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.BoolVar(&o.fast, "fast", false, "only what fits into a minute")
	flags.BoolVar(&o.verbose, "v", false, "show what the instruments print, also where they pass")
	flags.StringVar(&o.only, "only", "", "only the instruments whose name contains this")
	flags.StringVar(&o.page, "write", "", "write the scoreboard into this `page`")
	flags.Uint64Var(&o.seed, "seed", 0, "repeats the choices of an earlier run; 0: new ones")
	flags.IntVar(&o.workers, "j", 2, "how many instruments run at once; above 1, those that wait for most of their time run beside them")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || o.workers < 1 || o.page != "" && (o.fast || o.only != "") {
		err = errors.New("there are no arguments, -j must be 1 or more, and -write wants all instruments")
		fmt.Fprintln(problems, "reliability:", err)
		return o, err
	}
	if o.seed == 0 {
		o.seed = uint64(rand.Uint32()) //nolint:gosec // short, to be typed
	}
	return o, nil
}

func choose(o options) []instrument {
	var chosen []instrument
	for _, i := range instruments(o) {
		if strings.Contains(i.name, o.only) && (!o.fast || i.fast) {
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// runAll runs the instruments, some at once, and returns their figures in their order.
func runAll(ctx context.Context, chosen []instrument, o options, out io.Writer) (board, error) {
	dir, err := os.MkdirTemp("", "quill-reliability-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p := programs{dir: dir, seed: strconv.FormatUint(o.seed, 10)}
	if err := p.compile(ctx, chosen, out); err != nil {
		return nil, err
	}
	boards := make([]board, len(chosen))
	var mu sync.Mutex
	do := func(i int) {
		began := time.Now()
		output, code := chosen[i].run(ctx, p)
		boards[i] = chosen[i].figures(output, code)
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(out, "%s: %.0f s\n", chosen[i].name, time.Since(began).Seconds())
		if o.verbose || boards[i].failed() > 0 {
			fmt.Fprintln(out, tail(output))
		}
	}
	next := make(chan int, len(chosen))
	var wg sync.WaitGroup
	for _, i := range startOrder(chosen) {
		if chosen[i].waits && o.workers > 1 {
			wg.Go(func() { do(i) })
		} else {
			next <- i
		}
	}
	close(next)
	for range min(o.workers, len(chosen)) {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	wg.Wait()
	var all board
	for _, b := range boards {
		all = append(all, b...)
	}
	return all, nil
}

// startOrder begins with those that take longest, so that all end at about the same time.
func startOrder(chosen []instrument) []int {
	order := make([]int, len(chosen))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return chosen[b].seconds - chosen[a].seconds })
	return order
}

// tail is the end of an output, without the tests that passed.
func tail(output string) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimSpace(output), "\n") {
		text := strings.TrimSpace(line)
		if !strings.HasPrefix(text, "=== ") && !strings.HasPrefix(text, "--- PASS") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
