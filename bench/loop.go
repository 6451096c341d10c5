package main

import (
	"flag"
	"fmt"
	"os"
	"runtime/pprof"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
)

// loopCommand makes so many calls and nothing else: for profilers and instruction counters.
func loopCommand(args []string) error {
	flags := flag.NewFlagSet("bench loop", flag.ContinueOnError)
	name := flags.String("contender", contender.Semaphore, "who is called")
	caseName := flags.String("case", contender.Success.String(), "what happens")
	n := flags.Int("n", 1_000_000, "how many calls")
	profile := flags.String("cpuprofile", "", "write a profile here")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := contender.ParseCase(*caseName)
	if err != nil {
		return err
	}
	all := contenders(c, measure.Load{Cores: 1, Callers: 1}, 0, *name)
	if len(all) == 0 {
		return fmt.Errorf("there is no contender %q in the case %q", *name, c)
	}
	defer releaseAll(all)
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	ctx, cancel := c.Context()
	defer cancel()
	for range *n {
		if v, err := all[0].Call(ctx, 0); v != c.Want(0) || err != nil {
			return fmt.Errorf("a call answered %d, %w", v, err)
		}
	}
	return nil
}
