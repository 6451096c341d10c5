package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// result is what became of one fault.
type result struct {
	fault    fault
	red      bool
	by       string // the test that went red
	missed   string // why the tests named for it did not: "green", or what went wrong
	seconds  float64
	switched bool  // found in a program that has all faults
	again    bool  // only found at a second try, by itself
	problem  error // it cannot be told whether the tests go red
}

// trial is one run of the command.
type trial struct {
	root   string
	chosen []fault
	out    io.Writer

	switches *switches // nil: each fault is built by itself

	// whole reports whether the whole suites are green without a fault. That is asked when
	// they are needed, and once.
	whole func() error

	mu      sync.Mutex
	results []result // in the order of chosen
}

// job is what a worker does in a copy of the tree, which it leaves as it was.
type job func(context.Context, tree) error

// tryAll tries the faults, some at once, and returns their results in their order. If switched,
// they are built all at once.
func tryAll(
	ctx context.Context, root string, chosen []fault, workers int, switched bool, out io.Writer,
) (results []result, err error) {
	t := &trial{root: root, chosen: chosen, out: out, results: make([]result, len(chosen))}
	if !switched {
		return t.results, t.tryWith(ctx, workers)
	}
	return t.results, withCopy(ctx, root, func(copied tree) error {
		if t.switches, err = putSwitches(ctx, copied, chosen); err != nil {
			return err
		}
		return t.tryWith(ctx, workers)
	})
}

// tryWith tries the faults with so many workers.
func (t *trial) tryWith(ctx context.Context, workers int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	t.whole = sync.OnceValue(func() error {
		return withCopy(ctx, t.root, func(copied tree) error { return copied.baseline(ctx) })
	})
	jobs := t.jobs()
	next := make(chan job, len(jobs))
	for _, j := range jobs {
		next <- j
	}
	close(next)

	var wg sync.WaitGroup
	for range min(workers, len(jobs)) {
		wg.Go(func() {
			err := withCopy(ctx, t.root, func(copied tree) error {
				for do := range next {
					if err := errors.Join(do(ctx, copied), ctx.Err()); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// jobs are the tests known to find faults, without one, and each fault: first those whose
// tests may take long, so that all workers end at about the same time.
func (t *trial) jobs() []job {
	var jobs []job
	homes, killers := homesOf(t.chosen)
	for _, home := range homes {
		if t.switches != nil { // as they are run with a fault
			jobs = append(jobs, func(ctx context.Context, _ tree) error { return t.switches.greenAlone(ctx, t.chosen, home) })
			continue
		}
		for _, names := range apart(killers[home.name]) {
			jobs = append(jobs, func(ctx context.Context, copied tree) error {
				return green(copied.runCut(ctx, home, names))
			})
		}
	}
	for _, slow := range []bool{true, false} {
		for i, f := range t.chosen {
			if f.home().slow == slow {
				jobs = append(jobs, func(ctx context.Context, copied tree) error { return t.try(ctx, copied, i) })
			}
		}
	}
	return jobs
}

// homesOf are the suites that have the tests named for some faults, and these tests, by the
// suite's name.
func homesOf(chosen []fault) (homes []suite, killers map[string][]string) {
	killers = map[string][]string{}
	for _, f := range chosen {
		home := f.home()
		if killers[home.name] == nil {
			homes = append(homes, home)
		}
		killers[home.name] = append(killers[home.name], f.killers...)
	}
	return homes, killers
}

// apart are the tests in two lots, those of the explorer by themselves: what other tests
// leave behind, such as a pool's timer, would be a step that its schedules do not know.
func apart(names []string) [][]string {
	var explored, others []string
	for _, name := range names {
		if strings.HasSuffix(name, "Schedule") || strings.HasSuffix(name, "Schedules") {
			explored = append(explored, name)
		} else {
			others = append(others, name)
		}
	}
	return slices.DeleteFunc([][]string{explored, others}, func(lot []string) bool { return len(lot) == 0 })
}

// try tries one of the faults.
func (t *trial) try(ctx context.Context, copied tree, i int) error {
	var r result
	var err error
	again := t.switches.has(t.chosen[i])
	if again {
		r, err = t.switches.try(ctx, t.chosen[i])
		again = !r.red
	}
	if !r.red { // or by itself, with all suites behind it
		r, err = copied.try(ctx, t.chosen[i], t.whole)
		r.again = again
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.problem = err
	t.mu.Lock()
	defer t.mu.Unlock()
	t.results[i] = r
	fmt.Fprintf(t.out, "%s: %s (%.1f s)\n", r.fault.name, r.verdict(), r.seconds)
	return nil
}

// verdict is a result in words.
func (r result) verdict() string {
	by := "red by " + r.by
	switch {
	case r.problem != nil:
		return "CANNOT TELL: " + r.problem.Error()
	case !r.red:
		by = "SURVIVED"
	}
	if r.again {
		by += ", at the second try, by itself"
	}
	if r.missed != "" {
		by += fmt.Sprintf(", but %v: %s", r.fault.killers, r.missed)
	}
	return by
}
