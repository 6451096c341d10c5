package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// footprints measures what commands cost that do nothing, each time in a fresh process.
func (p plan) footprints(r *report.Results) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	type cell struct {
		name   string
		n      int
		called bool
		once   bool // is enough: it waits until workers have gone, or is large
	}
	var cells []cell
	for _, c := range contender.Idles() {
		for _, n := range p.names {
			cells = append(cells, cell{c.Name, n, false, c.Once > 0 && n >= c.Once})
		}
		cells = append(cells, cell{c.Name, 1000, true, true})
	}
	rows := make([]report.Footprint, len(cells))
	p.turns(len(cells), func(i int) {
		c := cells[i]
		rows[i].Contender, rows[i].Names, rows[i].Called = c.name, c.n, c.called
		if err != nil || c.once && len(rows[i].Bytes) > 0 {
			return
		}
		var f measure.Footprint
		if f, err = footprintOf(self, c.name, c.n, c.called, p.quick); err == nil {
			rows[i].CPU = append(rows[i].CPU, f.CPU)
			rows[i].Creation = append(rows[i].Creation, f.Creation)
			rows[i].Bytes = append(rows[i].Bytes, f.Bytes)
			rows[i].Heap = append(rows[i].Heap, float64(f.Heap))
			rows[i].Goroutines = append(rows[i].Goroutines, f.Goroutines)
		}
	})
	r.Footprints = rows
	return err
}

func footprintOf(self, name string, n int, called, quick bool) (f measure.Footprint, err error) {
	err = inProcess(&f, self, "footprint", "-contender", name, "-n", strconv.Itoa(n),
		"-called="+strconv.FormatBool(called), "-quick="+strconv.FormatBool(quick))
	return f, err
}

// inProcess runs self with the given arguments and reads what it says.
func inProcess(into any, self string, args ...string) error {
	cmd := exec.Command(self, args...) //nolint:noctx // itself, and it ends
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%q: %w", args, err)
	}
	return json.Unmarshal(out, into)
}

// footprintCommand is the fresh process.
func footprintCommand(args []string) error {
	flags := flag.NewFlagSet("bench footprint", flag.ContinueOnError)
	name := flags.String("contender", contender.Semaphore, "what to make")
	n := flags.Int("n", 1000, "how many")
	called := flags.Bool("called", false, "call each once, and wait until its workers have gone")
	quick := flags.Bool("quick", false, "wait for nothing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for _, c := range contender.Idles() {
		if c.Name != *name {
			continue
		}
		calls := 0
		if *called {
			calls = 1
		}
		f := measure.FootprintOf(c, *n, calls, func() {
			if *called && !*quick && !c.Busy {
				awaitIdle(25 * time.Second)
			}
		})
		return json.NewEncoder(os.Stdout).Encode(f)
	}
	return fmt.Errorf("there is no contender %q to make", *name)
}

// awaitIdle waits until only the main goroutine is left, but not for ever.
func awaitIdle(most time.Duration) {
	for end := time.Now().Add(most); time.Now().Before(end) && runtime.NumGoroutine() > 1; {
		time.Sleep(100 * time.Millisecond)
	}
}
