package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
)

// interval is between two calls of the open loop.
const interval = 100 * time.Microsecond

// figure times a contender in a closed loop: here, or in a process of its own if it wants one.
func (p plan) figure(x *ready) (f measure.Figure, err error) {
	if !x.own {
		return x.Closed(p.each), nil
	}
	return f, inOwn(&f, x, "-each", p.each.String())
}

// arrivals times n calls of a contender that come on schedule, likewise.
func arrivals(x *ready, n int) (a measure.Arrivals, err error) {
	if !x.own {
		return paced(x, n), nil
	}
	return a, inOwn(&a, x, "-paced", strconv.Itoa(n))
}

// paced lets a hundred calls go before.
func paced(x *ready, n int) measure.Arrivals {
	x.Paced(100, interval)
	return x.Paced(n, interval)
}

func inOwn(into any, x *ready, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return inProcess(into, self, append([]string{
		"own", "-contender", x.name, "-case", x.Case.String(),
		"-cores", strconv.Itoa(x.Load.Cores), "-callers", strconv.Itoa(x.Load.Callers),
	}, args...)...)
}

// ownCommand is the fresh process: it makes one contender, and sets no timer.
func ownCommand(args []string) error {
	flags := flag.NewFlagSet("bench own", flag.ContinueOnError)
	name := flags.String("contender", contender.HandOffBare, "who is called")
	caseName := flags.String("case", contender.Success.String(), "what happens")
	cores := flags.Int("cores", 1, "how many cores Go may use")
	callers := flags.Int("callers", 1, "how many call at once")
	each := flags.Duration("each", 50*time.Millisecond, "how long a closed loop takes")
	scheduled := flags.Int("paced", 0, "not a closed loop: so many calls on schedule")
	if err := flags.Parse(args); err != nil {
		return err
	}
	c, err := contender.ParseCase(*caseName)
	if err != nil {
		return err
	}
	all := contenders(c, measure.Load{Cores: *cores, Callers: *callers}, 0, *name)
	if len(all) == 0 {
		return fmt.Errorf("there is no contender %q in the case %q", *name, c)
	}
	defer releaseAll(all)
	var said any
	if *scheduled > 0 {
		said = paced(all[0], *scheduled)
	} else {
		said = all[0].Closed(*each)
	}
	return json.NewEncoder(os.Stdout).Encode(said)
}
