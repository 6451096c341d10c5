package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill"
)

const (
	mostConcurrent = 8 // the highest limit that is ever in force
	mostQueued     = 6
	changeEvery    = 10 * time.Millisecond
	coolDown       = 25 * time.Second // until warm workers have gone away
)

// plan is what a run is asked for.
type plan struct {
	duration time.Duration
	seed     uint64
	callers  int           // for each circuit
	cool     time.Duration // how long to wait for warm workers to go away; 0: they may stay
}

// soak is one run.
type soak struct {
	plan

	out      io.Writer
	began    time.Time
	deps     []*dependency
	halls    []*hall
	shared   []sharedBulkhead
	breaches breaches
	changes  int // of settings
	scrapes  int
}

// sharedBulkhead is one that two circuits have.
type sharedBulkhead struct {
	*quill.Bulkhead

	hall *hall
}

func newSoak(p plan, out io.Writer) *soak {
	s := &soak{plan: p, out: out}
	r := quill.NewRegistry()
	own := func(name string, isolation quill.Isolation) *dependency {
		return s.add(r, name, new(hall), quill.Settings{Isolation: isolation, MaxConcurrent: mostConcurrent})
	}
	pool, semaphore, flip := own("pool", quill.Pool), own("semaphore", quill.Semaphore), own("flip", quill.Pool)
	flip.flipping = true
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		b := quill.NewBulkhead("shared-"+isolation.String(),
			quill.BulkheadSettings{Isolation: isolation, MaxConcurrent: mostConcurrent, QueueSize: mostQueued})
		h := new(hall)
		s.shared = append(s.shared, sharedBulkhead{b, h})
		for _, name := range []string{"left", "right"} {
			d := s.add(r, name+"-"+isolation.String(), h, quill.Settings{}, quill.WithBulkhead(b))
			d.shared = true
		}
	}
	pool.spare, semaphore.spare, flip.spare = s.deps[3], pool, s.deps[5]
	return s
}

// add makes a circuit with its commands. An OnCall keeps the third ledger.
func (s *soak) add(r *quill.Registry, name string, h *hall, settings quill.Settings, opts ...quill.Option) *dependency {
	d := &dependency{hall: h, soak: s, number: len(s.deps)}
	settings.Timeout, settings.RollingWindow = 5*time.Millisecond, 200*time.Millisecond
	opts = append(opts, settings, quill.WithRegistry(r), quill.WithHooks(quill.Hooks{
		OnCall:       func(_ context.Context, e quill.CallEvent) { d.ledger.told[e.Outcome].Add(1) },
		OnTransition: func(quill.Transition) { runtime.Gosched() },
	}))
	d.Circuit = quill.NewCircuit(name, opts...)
	d.bare = quill.Bind(d.Circuit, d.serve)
	d.command = d.bare.Fallback("spare", func(ctx context.Context, o order, _ error) (int, error) {
		if d.spare == nil || o.ending == fails {
			return 0, errSick
		}
		d.spare.ask(ctx, d.spare.bare, o)
		return 2, nil
	}).OrElse(1)
	s.deps = append(s.deps, d)
	if len(s.halls) == 0 || s.halls[len(s.halls)-1] != h {
		s.halls = append(s.halls, h)
	}
	return d
}

// run makes calls for as long as planned and returns the scoreboard.
func (s *soak) run() board {
	s.began = time.Now()
	goroutines := countGoroutines()
	end := make(chan struct{})
	var callers, watchers, dropped sync.WaitGroup
	for i, d := range s.deps {
		for j := range s.callers {
			c := &caller{d: d, rand: s.newRand(1 + i*s.callers + j), dropped: &dropped}
			callers.Go(func() { c.run(end) })
		}
	}
	still := make(chan struct{}) // closed when no caller is left
	watchers.Go(func() { s.change(s.newRand(0), end) })
	watchers.Go(func() { s.scrape(still) })
	heap := s.progress()
	close(end)
	callers.Wait()
	dropped.Wait()
	close(still)
	watchers.Wait()
	s.settle(goroutines)
	return s.judge(goroutines, heap)
}

func (s *soak) newRand(stream int) *rand.Rand {
	return rand.New(rand.NewPCG(s.seed, uint64(stream))) //nolint:gosec // choices that can be repeated
}

// progress waits for the end of the run and prints a line a second. It returns what the
// heap held after a quarter of the time, when all that warms up was warm.
func (s *soak) progress() (heap uint64) {
	start := time.Now()
	tick := time.NewTicker(min(time.Second, s.duration/4))
	defer tick.Stop()
	for second := 1; time.Since(start) < s.duration; second++ {
		<-tick.C
		if heap == 0 && time.Since(start) >= s.duration/4 {
			heap = heapInUse()
		}
		var entered, returned, alive, open int64
		for _, d := range s.deps {
			returned += int64(d.ledger.returned.Load()) //nolint:gosec // small
			entered += int64(d.ledger.entered.Load())   //nolint:gosec // small
			if d.State() != quill.Closed {
				open++
			}
		}
		for _, h := range s.halls {
			alive += h.alive.Load()
		}
		fmt.Fprintf(s.out, "%4.0fs  calls %9d  in flight %3d  work alive %3d  not closed %d of %d  breaches %d\n",
			time.Since(start).Seconds(), returned, entered-returned, alive, open, len(s.deps), s.breaches.total())
	}
	return heap
}

// settle waits until work that was abandoned is over, goroutines that are about to end have
// ended, and, if there is time for that, warm workers are gone.
func (s *soak) settle(before goroutines) {
	within(5*time.Second, func() bool {
		for _, d := range s.deps {
			if d.Stats().InFlight > 0 || d.hall.alive.Load() > 0 {
				return false
			}
		}
		now := countGoroutines()
		return now.others <= before.others && now.workers <= before.workers+s.mostWorkers()
	})
	if s.cool > 0 {
		fmt.Fprintf(s.out, "waiting up to %s for the warm workers to go away\n", s.cool)
		within(s.cool, func() bool { return countGoroutines().workers == 0 })
	}
}

// mostWorkers is how many warm workers there may be when nobody calls.
func (s *soak) mostWorkers() int {
	n := 0
	for _, d := range s.deps {
		if d.flipping || !d.shared && d.Bulkhead().Isolation() == quill.Pool {
			n += mostConcurrent
		}
	}
	for _, b := range s.shared {
		if b.Isolation() == quill.Pool {
			n += mostConcurrent
		}
	}
	return n
}

// within waits for something to become true.
func within(d time.Duration, done func() bool) {
	for start := time.Now(); time.Since(start) < d && !done(); {
		<-time.After(5 * time.Millisecond)
	}
}
