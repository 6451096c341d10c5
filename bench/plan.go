package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// plan is how much is measured.
type plan struct {
	rounds int           // how often each figure is taken
	each   time.Duration // how long a figure of a closed loop takes
	slice  time.Duration // how long a figure of the open loop takes
	names  []int         // how many commands are made
	only   string        // parts; empty: all
	quick  bool
	byCPU  bool           // of the curves
	loads  []measure.Load // of the closed loops
}

func quickPlan() plan {
	return plan{
		rounds: 1, each: 2 * time.Millisecond, slice: 50 * time.Millisecond, names: []int{1, 1000},
		quick: true, loads: report.AllLoads,
	}
}

func (p plan) run(r *report.Results) error {
	r.Machine, r.Rounds, r.Quick = machine(), p.rounds, p.quick
	began := time.Now()
	for _, part := range []struct {
		name string
		run  func(r *report.Results) error
	}{
		{"footprint", p.footprints},
		{"closed", p.closed},
		{"crowd", p.crowds},
		{"timeouts", p.timeouts},
		{"paced", p.paced},
	} {
		if p.only != "" && !slices.Contains(strings.Split(p.only, ","), part.name) {
			continue
		}
		if err := part.run(r); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
		progressf("%s done after %.0f s", part.name, time.Since(began).Seconds())
	}
	return nil
}

func progressf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}

func machine() report.Machine {
	return report.Machine{
		Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpuName(),
		Cores: runtime.NumCPU(), Date: time.Now().UTC().Format(time.DateOnly),
	}
}

func cpuName() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

// ready is a contender made for one cell.
type ready struct {
	measure.Subject

	name    string
	own     bool // in a process of its own
	release func()
}

// prepare returns a contender ready for a case, nil if it has none.
func prepare(c contender.Contender, s contender.Case, load measure.Load, timeout time.Duration) *ready {
	work, freeWork := s.Work(load.Callers)
	call, free := c.Make(contender.Setup{Case: s, Work: work, Callers: load.Callers, Timeout: timeout})
	if call == nil {
		return nil
	}
	return &ready{
		Subject: measure.Subject{Call: call, Case: s, Load: load}, name: c.Name, own: c.Own,
		release: func() {
			freeWork()
			if free != nil {
				free()
			}
		},
	}
}

// leave lets go of what is measured in a process of its own: here it would only be in the way.
func (x *ready) leave() {
	if x.own {
		x.release()
		x.Call, x.release = nil, func() {}
	}
}

// contenders makes all, or those of the given names, ready for a case.
func contenders(s contender.Case, load measure.Load, timeout time.Duration, names ...string) []*ready {
	var all []*ready
	for _, c := range contender.All() {
		if len(names) > 0 && !slices.Contains(names, c.Name) {
			continue
		}
		if x := prepare(c, s, load, timeout); x != nil {
			all = append(all, x)
		}
	}
	return all
}

func releaseAll(all []*ready) {
	for _, x := range all {
		x.release()
	}
}

// turns calls f for each of n things in each round, in an order of its own.
func (p plan) turns(n int, f func(i int)) {
	for range p.rounds {
		for _, i := range rand.Perm(n) { //nolint:gosec // no secret
			f(i)
		}
	}
}

// closed measures each case under each load. What a target compares takes turns: all cases
// of one caller and of two, and success under all loads; the other cases under theirs come before,
// for a shorter time, as no target looks at them.
func (p plan) closed(r *report.Results) error {
	cases := []contender.Case{
		contender.Success, contender.MayCancel, contender.Open, contender.Failure, contender.Waits,
		contender.Async, contender.Deep,
	}
	var together []*ready
	var groups [][]*ready
	for _, c := range cases {
		var rest []*ready
		for _, load := range p.loads {
			switch {
			case load != report.Alone && (c == contender.Deep || c == contender.MayCancel):
			case load == report.Alone || load == report.Both || c == contender.Success:
				together = append(together, contenders(c, load, 0)...)
			default:
				rest = append(rest, contenders(c, load, 0)...)
			}
		}
		groups = append(groups, rest)
	}
	shorter := p
	shorter.each = p.each * 2 / 5
	for _, all := range groups {
		if err := shorter.cells(r, all); err != nil {
			return err
		}
	}
	return p.cells(r, together)
}

// cells measures all in turns, and lets them go.
func (p plan) cells(r *report.Results, all []*ready) (err error) {
	defer releaseAll(all)
	cells := make([]report.Cell, len(all))
	for i, x := range all {
		cells[i] = report.Cell{Case: x.Case, Load: x.Load, Contender: x.name}
		if x.Load == report.Alone {
			cells[i].Allocs, cells[i].Bytes = x.Allocs()
		}
		x.leave()
	}
	p.turns(len(all), func(i int) {
		if err != nil {
			return
		}
		var f measure.Figure
		f, err = p.figure(all[i])
		cells[i].Wall = append(cells[i].Wall, f.Wall)
		cells[i].CPU = append(cells[i].CPU, f.CPU)
		cells[i].Calls += f.Calls
		cells[i].Wrong += f.Wrong
	})
	r.Cells = append(r.Cells, cells...)
	progressf("%d cells done", len(all))
	return err
}

// crowds times single calls of many goroutines.
func (p plan) crowds(r *report.Results) error {
	var all []*ready
	for _, load := range []measure.Load{report.Both, report.Many} {
		all = append(all, contenders(contender.Success, load, 0,
			contender.Direct, contender.Least, contender.HandOff, contender.HandOffLeast,
			contender.Semaphore, contender.SemaphoreNoTimeout, contender.Pool, contender.PoolNoTimeout,
			contender.HystrixGo)...)
	}
	defer releaseAll(all)
	rows := make([]report.Crowd, len(all))
	p.turns(len(all), func(i int) {
		sorted, wrong := all[i].Latencies(2 * p.each)
		rows[i].Wrong += wrong
		rows[i].Contender, rows[i].Load = all[i].name, all[i].Load
		rows[i].P50 = append(rows[i].P50, measure.Percentile(sorted, 50))
		rows[i].P999 = append(rows[i].P999, measure.Percentile(sorted, 99.9))
	})
	r.Crowds = rows
	return nil
}

// paced measures ten thousand calls a second, cut into slices that take turns.
func (p plan) paced(r *report.Results) (err error) {
	all := contenders(contender.Success, report.Alone, 0,
		contender.Direct, contender.Spawn, contender.HandOffBare, contender.Semaphore, contender.Pool,
		contender.GobreakerBare, contender.GobreakerWrapped, contender.FailsafeBreaker, contender.FailsafeFull,
		contender.ResiliencyBreaker, contender.ResiliencyFull, contender.HystrixGo)
	defer releaseAll(all)
	rows := make([]report.Paced, len(all))
	late, own := make([][]float64, len(all)), make([][]float64, len(all))
	p.turns(len(all), func(i int) {
		if err != nil {
			return
		}
		runtime.GC()
		var a measure.Arrivals
		a, err = arrivals(all[i], int(p.slice/interval))
		rows[i].Contender = all[i].name
		rows[i].Wrong += a.Wrong
		rows[i].P50 = append(rows[i].P50, measure.Percentile(a.Late, 50))
		rows[i].P99 = append(rows[i].P99, measure.Percentile(a.Late, 99))
		rows[i].P999 = append(rows[i].P999, measure.Percentile(a.Late, 99.9))
		late[i], own[i] = append(late[i], a.Late...), append(own[i], a.Own...)
	})
	for i := range rows {
		slices.Sort(late[i])
		slices.Sort(own[i])
		rows[i].P9999, rows[i].Own = measure.Percentile(late[i], 99.99), measure.Percentile(own[i], 50)
	}
	r.Paced = rows
	return err
}
