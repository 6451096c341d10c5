//go:build explore

package quill

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// warmPool is a pool whose workers are kept for another task, while a reaper comes by. (Tasks
// are kept by their callers: sync.Pool does not do the same each time. What a kept task's
// late timer can do is in TestE07LateTimerSparesTheNextCallOfATaskInEverySchedule.)
type warmPool struct {
	*Circuit

	s        *explore.Scenario
	crowd    *crowd
	returned int
}

func newWarmPool(s *explore.Scenario, limit, queue int) *warmPool {
	x := newExplored(s, Settings{RequestVolumeThreshold: 100})
	cfg := *x.config.Load()
	cfg.pooled = true
	x.config.Store(&cfg)
	x.cold = false
	p := &warmPool{Circuit: x.Circuit, s: s, crowd: &crowd{s: s, b: x.bulkhead, limit: limit}}
	p.bulkhead.resize(Settings{Isolation: Pool, MaxConcurrent: limit, QueueSize: queue})
	p.crowd.values()
	p.values()
	p.bulkhead.pool.lastAtRest.Store(int64(time.Since(processStart))) // no worker is for one call only
	s.Always(func() error {
		if idle := idleNow(p.bulkhead); len(idle) > limit {
			return fmt.Errorf("%d idle workers of a pool of %d", len(idle), limit)
		}
		return nil
	})
	s.Finally(p.crowd.nothingLeft)
	s.Always(func() error { // the explorer does not know the pool's own timer: it stays away
		if t := p.bulkhead.pool.reaper; t != nil {
			t.Stop()
		}
		return nil
	})
	return p
}

// values tells the explorer what the pool holds, in addition to what the crowd tells.
func (p *warmPool) values() {
	pool := &p.bulkhead.pool
	p.s.Value("idle", pool.top.Load)
	p.s.Value("places", func() uint64 {
		h := uint64(len(p.places()))
		for _, w := range p.places() {
			h = explore.Hash(h, p.s.Owner(w))
		}
		return h
	})
	p.s.Value("lastAtRest", func() uint64 {
		if pool.lastAtRest.Load() != 0 {
			return 1
		}
		return 0
	})
	p.s.Value("watched", func() uint64 {
		if pool.watched.Load() {
			return 1
		}
		return 0
	})
	p.s.Value("bulkhead.mu", func() uint64 {
		h := uint64(p.bulkhead.queue.length)
		for w := p.bulkhead.queue.first; w != nil; w = w.next {
			h = explore.Hash(h, p.s.Owner(w))
		}
		for _, w := range pool.vacant {
			h = explore.Hash(h, p.s.Owner(w)+1)
		}
		return h
	})
}

func (p *warmPool) places() []*worker {
	if all := p.bulkhead.pool.all.Load(); all != nil {
		return *all
	}
	return nil
}

// call makes one call that must end as its run does.
func (p *warmPool) call(ctx context.Context, number int, run func(int) (int, error)) {
	defer p.over(number)
	v, err := Do(ctx, p.Circuit, func(context.Context) (int, error) { return run(number) })
	if err == nil && v != number {
		p.s.Failf("call %d was answered with %d", number, v)
	}
}

// over is deferred by who makes a call. It recovers the panic of its run, and no other.
func (p *warmPool) over(number int) {
	if v := recover(); v != nil {
		if ours, ok := v.(*PanicError); !ok || ours.Value != "boom" {
			p.s.Failf("call %d panicked: %v", number, v)
		}
	}
	p.returned++
}

// keeper is a caller who keeps his task from one call to the next.
func (p *warmPool) keeper() (call func(number int, run func(int) (int, error))) {
	k := &pooledCall[int, int]{}
	k.init(p.Circuit, k, true, true)
	p.s.Finally(func() error {
		if len(k.done) > 0 {
			return errors.New("a kept task was told twice")
		}
		return nil
	})
	return func(number int, run func(int) (int, error)) {
		defer p.over(number)
		k.run = func(context.Context, int) (int, error) { return run(number) }
		defer k.clear()
		var e execution
		e.init(context.Background(), p.Circuit, p.current())
		if e.admit(p.Circuit.now(), true) && runPooled(&e, &k.task) && e.err == nil && k.resp != number {
			p.s.Failf("call %d was answered with %d", number, k.resp)
		}
	}
}

// reap comes by as often as it is told, and once all is over until no worker is left, each
// of which the explorer waits for.
func (p *warmPool) reap(calls, times int) {
	p.s.Go("reaper", func() {
		for n := range times {
			p.bulkhead.reap()
			explore.Here(n)
		}
		explore.Until(func() bool { return p.returned == calls && p.bulkhead.slots.taken() == 0 })
		for n := 0; len(idleNow(p.bulkhead)) > 0; n++ {
			if n == 2 { // the first time they may have been used
				p.s.Failf("%d workers do not leave", len(idleNow(p.bulkhead)))
				return
			}
			p.bulkhead.reap()
			explore.Here(times + n)
		}
	})
}

// callTwice is a caller whose second call tries the worker of the first.
func (p *warmPool) callTwice() {
	p.s.Go("caller", func() {
		call := p.keeper()
		for n := range 2 {
			call(n, func(int) (int, error) { return n, nil })
		}
	})
}

// retire is the registry that forgets the circuit, at any time. After that nobody comes by, and
// the explorer waits for each worker.
func (p *warmPool) retire(calls int) {
	p.s.Go("registry", func() {
		p.bulkhead.retire()
		explore.Until(func() bool { return p.returned == calls && p.bulkhead.slots.taken() == 0 })
		if idle := len(idleNow(p.bulkhead)); idle > 0 {
			p.s.Failf("%d workers stay", idle)
		}
	})
}

func TestA08NoWorkerOutlastsARetiredPoolInSchedulesWithinStops(t *testing.T) {
	well := func(n int) (int, error) { return n, nil }
	schedulesWithin(t, 3, "one after the other", func(s *explore.Scenario) {
		p := newWarmPool(s, 1, 0)
		p.callTwice()
		p.retire(2)
		s.Finally(p.allServed(2))
	})
	schedulesWithin(t, 2, "one after the other, and the reaper", func(s *explore.Scenario) {
		p := newWarmPool(s, 1, 0)
		p.callTwice()
		s.Go("reaper", p.bulkhead.reap)
		p.retire(2)
		s.Finally(p.allServed(2))
	})
	schedulesWithin(t, 1, "two at once", func(s *explore.Scenario) {
		p := newWarmPool(s, 2, 0)
		for i, name := range []string{"a", "b"} {
			s.Go(name, func() { p.call(context.Background(), i, well) })
		}
		p.retire(2)
		s.Finally(p.allServed(2))
	})
}

func TestA08WarmWorkersAreLentOnceAndLeaveInSchedulesWithinStops(t *testing.T) {
	well := func(n int) (int, error) { return n, nil }
	for name, run := range map[string]func(int) (int, error){
		"returns": well,
		"fails":   func(int) (int, error) { return 0, errors.New("sick") },
		"panics":  func(int) (int, error) { panic("boom") },
		"exits":   func(int) (int, error) { runtime.Goexit(); return 0, nil },
	} {
		schedulesWithin(t, 2, "one after the other, by one task, "+name, func(s *explore.Scenario) {
			p := newWarmPool(s, 1, 0)
			s.Go("caller", func() {
				call := p.keeper()
				call(1, run)
				call(2, well)
				call(3, well)
			})
			p.reap(3, 3)
			s.Finally(p.allServed(2))
		})
		schedulesWithin(t, 1, "two at once, one keeps its task, "+name, func(s *explore.Scenario) {
			p := newWarmPool(s, 2, 0)
			s.Go("a", func() {
				call := p.keeper()
				call(1, well)
				call(2, well)
			})
			s.Go("b", func() { p.call(context.Background(), 3, run) })
			p.reap(3, 1)
			s.Finally(p.allServed(2))
		})
		schedulesWithin(t, 2, "one after the other, "+name, func(s *explore.Scenario) {
			p := newWarmPool(s, 1, 0)
			s.Go("caller", func() {
				p.call(context.Background(), 1, run)
				p.call(context.Background(), 2, well)
			})
			p.reap(2, 3)
			s.Finally(p.allServed(1))
		})
		schedulesWithin(t, 1, "one waits, "+name, func(s *explore.Scenario) {
			p := newWarmPool(s, 1, 1)
			s.Go("a", func() { p.call(context.Background(), 1, run) })
			s.Go("b", func() { p.call(context.Background(), 2, well) })
			p.reap(2, 1)
			s.Finally(p.allServed(1))
		})
	}
}

func TestA08FirstCallsAfterARestLeaveNoMoreWorkersThanSlotsInSchedulesWithinStops(t *testing.T) {
	well := func(n int) (int, error) { return n, nil }
	schedulesWithin(t, 1, "two at once", func(s *explore.Scenario) {
		p := newWarmPool(s, 2, 0)
		p.bulkhead.pool.lastAtRest.Store(0)
		for i, name := range []string{"a", "b"} {
			s.Go(name, func() {
				call := p.keeper()
				call(2*i, well)
				call(2*i+1, well)
			})
		}
		p.reap(4, 0)
		s.Finally(p.allServed(4))
	})
	for name, run := range map[string]func(int) (int, error){
		"panics": func(int) (int, error) { panic("boom") },
		"exits":  func(int) (int, error) { runtime.Goexit(); return 0, nil },
	} {
		schedulesWithin(t, 2, "one after the other, the first "+name, func(s *explore.Scenario) {
			p := newWarmPool(s, 1, 0)
			p.bulkhead.pool.lastAtRest.Store(0)
			s.Go("caller", func() {
				call := p.keeper()
				call(1, run)
				call(2, well)
				call(3, well)
			})
			p.reap(3, 1)
			s.Finally(p.allServed(2))
		})
	}
}

// TestA08WarmWorkersAreLentToThreeCallersInSampledSchedules: there are millions of states.
func TestA08WarmWorkersAreLentToThreeCallersInSampledSchedules(t *testing.T) {
	seed := drawSeed(t)
	alone(t)
	r := explore.Sample(seed, 4000, func(s *explore.Scenario) {
		p := newWarmPool(s, 2, 1)
		for i, name := range []string{"a", "b", "c"} {
			s.Go(name, func() {
				call := p.keeper()
				for n := range 2 {
					call(2*i+n, func(n int) (int, error) { return n, nil })
				}
			})
		}
		p.reap(6, 2)
		s.Finally(p.allServed(6))
	})
	t.Log(r)
	require.NoError(t, r.Err)
}

func TestA08WarmWorkersAreLentWhileOneGivesUpInSchedulesWithinStops(t *testing.T) {
	schedulesWithin(t, 1, "one gives up", func(s *explore.Scenario) {
		p := newWarmPool(s, 1, 1)
		ctx, cancel := context.WithCancel(context.Background())
		s.Go("canceler", func() {
			explore.Write("granted")
			p.crowd.canceled = true
			cancel()
		})
		for i, name := range []string{"canceled", "lasting"} {
			s.Go(name, func() {
				mine := ctx
				if i == 1 {
					mine = context.Background()
				}
				explore.Read("granted")
				p.call(mine, i, func(n int) (int, error) { return n, nil })
			})
		}
		p.reap(2, 1)
	})
}

// allServed says that the calls ended as they should, whatever the first one's run did.
func (p *warmPool) allServed(atLeast uint64) func() error {
	return func() error {
		total := countsOf(p.counters.Sums())
		if total.Success < atLeast || total.Success+total.Failure != uint64(p.returned) {
			return fmt.Errorf("%+v", total)
		}
		return nil
	}
}
