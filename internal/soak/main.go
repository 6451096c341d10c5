// Command soak lets callers of every kind loose on a few circuits while their settings
// change every 10 ms, and keeps its own books: what it counted itself must agree with what
// callers got, with what the hooks were told, and with what the library says.
//
//	go run ./internal/soak -d 60s [-seed N]
//
// It prints a line a second and then a scoreboard: figure, target, value, pass or fail. It
// exits with 1 if a figure is off, and with 2 if it is called wrongly.
package main

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"
)

// Exit codes.
const (
	exitBreach = 1
	exitUsage  = 2
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

// command is main with everything given. It returns the exit code.
func command(args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(problems)
	duration := flags.Duration("d", time.Minute, "how long calls are made")
	seed := flags.Uint64("seed", 0, "repeats the choices of an earlier run; 0: new ones")
	callers := flags.Int("callers", 12, "goroutines that call, for each circuit")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if *duration <= 0 || *callers < 1 || flags.NArg() > 0 {
		fmt.Fprintln(problems, "soak: -d and -callers must be positive, and there are no arguments")
		return exitUsage
	}
	if *seed == 0 {
		*seed = rand.Uint64() //nolint:gosec // it need not be secret
	}
	fmt.Fprintf(out, "soak: %s, seed %d\n", *duration, *seed)
	board := newSoak(plan{duration: *duration, seed: *seed, callers: *callers, cool: coolDown}, out).run()
	board.print(out)
	fmt.Fprintf(out, "seed %d: ", *seed)
	if failed := board.failed(); failed > 0 {
		fmt.Fprintf(out, "%d of %d figures are off\n", failed, len(board))
		return exitBreach
	}
	fmt.Fprintf(out, "all %d figures hold\n", len(board))
	return 0
}
