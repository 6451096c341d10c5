package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
	"github.com/seed-f7c3343e/quill/bench/report"
)

// curvesCommand measures what a call costs as the work grows.
func curvesCommand(args []string) error {
	flags := flag.NewFlagSet("bench curves", flag.ContinueOnError)
	rounds := flags.Int("rounds", 10, "how often each figure is taken")
	each := flags.Duration("each", 30*time.Millisecond, "how long a figure takes")
	byCPU := flags.Bool("cpu", false, "show processor time: on a busy machine the clock says little")
	write := flags.Bool("write", false, "write docs/performance.md")
	root := flags.String("root", "..", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := plan{rounds: *rounds, each: *each, byCPU: *byCPU}
	var page strings.Builder
	fmt.Fprintf(&page, "%s Nanoseconds a call.\n",
		report.Setting(&report.Results{Machine: machine(), Rounds: p.rounds, ByCPU: p.byCPU}))
	for _, curve := range []func() (report.Table, error){p.goroutineCurve, p.coreCurve, p.commandCurve, p.windowCurve, p.overrideCurve} {
		t, err := curve()
		if err != nil {
			return err
		}
		fmt.Print(t.Text())
		page.WriteString("\n" + t.Markdown())
	}
	if !*write {
		return nil
	}
	return report.Between(filepath.Join(*root, "docs", "performance.md"), "curves", page.String())
}

// point is one measurement of a curve: its row and its column.
type point struct {
	*ready

	row, column int
}

// curve measures the points in turns and puts their medians into the table.
func (p plan) curve(t report.Table, rows []string, points []point) (report.Table, error) {
	for _, row := range rows {
		t.Rows = append(t.Rows, append([]string{row}, make([]string, len(t.Head)-1)...))
	}
	figures := make([]measure.Samples, len(points))
	for _, x := range points {
		x.leave()
	}
	var err error
	p.turns(len(points), func(i int) {
		if err != nil {
			return
		}
		var f measure.Figure
		load := points[i].Load
		f, err = p.figure(points[i].ready)
		if p.byCPU {
			f.Wall = f.CPU / float64(min(load.Cores, load.Callers))
		}
		figures[i] = append(figures[i], f.Wall)
	})
	for i, x := range points {
		t.Rows[x.row][1+x.column] = fmt.Sprintf("%.0f", figures[i].Median())
		x.release()
	}
	return t, err
}

// grid is a curve of contenders under loads.
func (p plan) grid(t report.Table, loads []measure.Load, label func(measure.Load) int) (report.Table, error) {
	names := []string{
		contender.AtomicAdd, contender.HandOffBare, contender.HandOff,
		contender.Semaphore, contender.SemaphoreNoTimeout, contender.Pool,
	}
	t.Head = append(t.Head, names...)
	var rows []string
	var points []point
	for row, load := range loads {
		rows = append(rows, strconv.Itoa(label(load)))
		for column, name := range names {
			for _, x := range contenders(contender.Success, load, 0, name) {
				points = append(points, point{x, row, column})
			}
		}
	}
	return p.curve(t, rows, points)
}

func (p plan) goroutineCurve() (report.Table, error) {
	var loads []measure.Load
	for n := 1; n <= 4096; n *= 4 {
		loads = append(loads, measure.Load{Cores: runtime.NumCPU(), Callers: n})
	}
	return p.grid(report.Table{
		Title: "Goroutines on one command",
		Note:  "On all cores. Flat is good: who waits for a processor is not held up by the command as well.",
		Head:  []string{"goroutines"},
	}, loads, func(l measure.Load) int { return l.Callers })
}

func (p plan) coreCurve() (report.Table, error) {
	var loads []measure.Load
	for n := 1; n <= runtime.NumCPU(); n++ {
		loads = append(loads, measure.Load{Cores: n, Callers: n})
	}
	return p.grid(report.Table{
		Title: "Cores on one command",
		Note:  "A caller for each core. Time for each call of all together: half on two cores would be perfect.",
		Head:  []string{"cores"},
	}, loads, func(l measure.Load) int { return l.Cores })
}

// commandCurve calls many commands in turn, so that each call finds its circuit cold.
func (p plan) commandCurve() (report.Table, error) {
	var rows []string
	var points []point
	for n := 1; n <= 100_000; n *= 10 {
		rows = append(rows, strconv.Itoa(n))
		for column, set := range []quill.Settings{
			{Isolation: quill.Semaphore, RollingWindow: time.Hour},
			{Isolation: quill.Semaphore},
			{Isolation: quill.Pool, RollingWindow: time.Hour},
		} {
			if set.Isolation == quill.Pool && n > 10_000 {
				continue // a warm worker each for 20 s would be measured
			}
			points = append(points, point{inTurn(n, set), len(rows) - 1, column})
		}
	}
	return p.curve(report.Table{
		Title: "Commands",
		Note: "One caller, a command after the other. Nothing is shared between commands: what grows is what the " +
			"processor's caches do not hold, and where each is called less than once a bucket, that each call begins one.",
		Head: []string{
			"commands", contender.Semaphore + ", buckets of 6 min", contender.Semaphore + ", of 1 s",
			contender.Pool + ", of 6 min",
		},
	}, rows, points)
}

func inTurn(n int, set quill.Settings) *ready {
	work, _ := contender.Success.Work(1)
	registry := quill.NewRegistry()
	commands := make([]*quill.Command[int, int], n)
	for i := range commands {
		commands[i] = quill.New(fmt.Sprintf("command-%06d", i), work,
			set, quill.WithRegistry(registry))
	}
	for _, c := range commands { // the first call makes room for the latencies
		_, _ = c.Do(context.Background(), 0)
	}
	next := 0
	call := func(ctx context.Context, req int) (int, error) {
		if next++; next == n {
			next = 0
		}
		return commands[next].Do(ctx, req)
	}
	return &ready{Subject: measure.Subject{Call: call, Load: report.Alone}, release: func() {}}
}

// windowCurve changes what the breaker looks back on.
func (p plan) windowCurve() (report.Table, error) {
	windows := []struct {
		name string
		set  quill.Settings
	}{
		{"10 s in 10 buckets", quill.Settings{}},
		{"10 s in 1 bucket", quill.Settings{RollingBuckets: 1}},
		{"10 s in 100 buckets", quill.Settings{RollingBuckets: 100}},
		{"100 ms in 100 buckets", quill.Settings{RollingWindow: 100 * time.Millisecond, RollingBuckets: 100}},
		{"1 h in 100 buckets", quill.Settings{RollingWindow: time.Hour, RollingBuckets: 100}},
		{"the last 100 calls", quill.Settings{RollingCalls: 100}},
		{"the last 100,000 calls", quill.Settings{RollingCalls: 100_000}},
	}
	var rows []string
	var points []point
	for row, w := range windows {
		rows = append(rows, w.name)
		failing, work := stayClosed(w.set)
		success, _ := called(w.set, contender.Success, nil)
		failure, _ := called(failing, contender.Failure, work)
		stats, circuit := called(w.set, contender.Success, nil)
		for range 1000 {
			_, _ = stats.Call(context.Background(), 0)
		}
		stats.Call = func(context.Context, int) (int, error) { return int(circuit.Stats().Total.Ignored) + 1, nil } //nolint:gosec // 0
		points = append(points, point{success, row, 0}, point{failure, row, 1}, point{stats, row, 2})
	}
	return p.curve(report.Table{
		Title: "Windows",
		Note: "Semaphore, one caller. A circuit whose calls fail stays closed by a RequestVolumeThreshold of a thousand " +
			"million; among the last n calls there cannot be so many, so one call in 50 succeeds there, and the " +
			"ErrorPercentThreshold is 100.",
		Head: []string{"window", "success", "failure", "Stats"},
	}, rows, points)
}

// overrideCurve is what an operator's will costs.
func (p plan) overrideCurve() (report.Table, error) {
	var rows []string
	var points []point
	for row, o := range []struct {
		name string
		kind quill.Override
	}{{"none", quill.NoOverride}, {"ForceClosed", quill.ForceClosed}, {"Disabled", quill.Disabled}} {
		rows = append(rows, o.name)
		set := quill.Settings{Override: o.kind, RequestVolumeThreshold: leastOfNone}
		success, _ := called(set, contender.Success, nil)
		failure, _ := called(set, contender.Failure, nil)
		points = append(points, point{success, row, 0}, point{failure, row, 1})
	}
	return p.curve(report.Table{
		Title: "Overrides",
		Note: "Semaphore, one caller, the default window. The overrides are for good, as those in Settings are: they cost " +
			"no lock. As long as one that has an end lasts, each call asks under the lock of the gate whether it has come, when it " +
			"begins and when it ends.",
		Head: []string{"override", "success", "failure"},
	}, rows, points)
}

// leastOfNone is a volume that is never reached: the circuit stays closed whatever fails.
const leastOfNone = 1_000_000_000

// stayClosed are the settings, and the work if not that of the case, with which nearly all
// calls fail and the circuit stays closed by itself.
func stayClosed(set quill.Settings) (quill.Settings, contender.Work) {
	if set.RollingCalls == 0 {
		set.RequestVolumeThreshold = leastOfNone
		return set, nil
	}
	set.ErrorPercentThreshold = 100
	calls := 0
	return set, func(context.Context, int) (int, error) {
		if calls++; calls%50 == 1 {
			return contender.FallbackAnswer, nil
		}
		return 0, contender.ErrWork
	}
}

// called is a Semaphore command with one caller. What it measured is worth nothing if its
// circuit did open.
func called(set quill.Settings, c contender.Case, work contender.Work) (*ready, *quill.Circuit) {
	if work == nil {
		work, _ = c.Work(1)
	}
	set.Isolation, set.MaxConcurrent = quill.Semaphore, 100
	call, circuit := contender.QuillCall(set, work)
	return &ready{
		Subject: measure.Subject{Call: call, Case: c, Load: report.Alone},
		release: func() {
			if refused := circuit.Stats().Total.ShortCircuited; refused > 0 {
				panic(fmt.Sprintf("the circuit was open for %d calls: %+v", refused, set))
			}
		},
	}, circuit
}

// instructionsCommand counts what a call executes, where a machine has no counters: under
// valgrind, once with many calls and once with twice as many.
func instructionsCommand(args []string) error {
	flags := flag.NewFlagSet("bench instructions", flag.ContinueOnError)
	n := flags.Int("n", 20_000, "how many calls")
	write := flags.Bool("write", false, "write docs/performance.md")
	root := flags.String("root", "..", "the repository")
	if err := flags.Parse(args); err != nil {
		return err
	}
	t, err := instructionTable(*n)
	if err != nil {
		return err
	}
	fmt.Fprint(os.Stdout, t.Text())
	if !*write {
		return nil
	}
	return report.Between(filepath.Join(*root, "docs", "performance.md"), "instructions", t.Markdown())
}
