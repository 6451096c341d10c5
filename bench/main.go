// Command bench measures quill beside other libraries and beside the bare means that all of
// them are made of, holds the figures against what the design asks for, and writes the
// table and the plot of docs/performance.md.
//
//	go run .                the whole, within ten minutes
//	go run . -quick         the same with short runs: whether it works, not what it costs
//	go run . -write         and write docs/performance.md and docs/images/bench.svg
//	go run . -from r.json   judge and show what an earlier run measured
//	go run . curves         what a call costs as the work grows
//	go run . instructions   what a call executes, counted by valgrind
//
//	go run . lines          which cache lines a call writes, seen by valgrind
//
// The rest are what it starts itself with: footprint, timeouts, own and loop.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-f7c3343e/quill/bench/report"
)

func main() {
	run, args := sideBySide, os.Args[1:]
	if c := command(args); c != nil {
		run, args = c, args[1:]
	}
	if err := run(args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// command is what the first argument names, nil if it names nothing.
func command(args []string) func(args []string) error {
	if len(args) == 0 {
		return nil
	}
	return map[string]func(args []string) error{
		"curves": curvesCommand, "instructions": instructionsCommand, "lines": linesCommand,
		"footprint": footprintCommand, "timeouts": timeoutsCommand, "own": ownCommand, "loop": loopCommand,
	}[args[0]]
}

// sideBySide is the command without a name.
func sideBySide(args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	quick := flags.Bool("quick", false, "short runs: only whether it works")
	rounds := flags.Int("rounds", 10, "how often each figure is taken")
	each := flags.Duration("each", 45*time.Millisecond, "how long a figure takes")
	write := flags.Bool("write", false, "write docs/performance.md and docs/images/bench.svg")
	from := flags.String("from", "", "do not measure: read what an earlier run left here")
	only := flags.String("only", "", "measure these parts only: closed,crowd,timeouts,paced,footprint")
	byCPU := flags.Bool("cpu", false, "judge by processor time: on a busy machine the clock says little")
	root := flags.String("root", "..", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	plan := plan{rounds: *rounds, each: *each, slice: time.Second, names: []int{1, 1000, 100_000}, loads: report.AllLoads}
	if *quick {
		plan = quickPlan()
	}
	plan.only = *only
	r := &report.Results{}
	var err error
	if *from != "" {
		err = readJSON(*from, r)
	} else if err = plan.run(r); err == nil {
		err = keep(r, filepath.Join(*root, ".tmp", "bench", "results.json"))
	}
	if err != nil {
		return err
	}
	r.ByCPU = *byCPU
	report.Print(os.Stdout, r)
	if *write {
		return report.Write(*root, r)
	}
	return nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

// keep writes what was measured, so that it can be judged and shown again.
func keep(v any, path string) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
