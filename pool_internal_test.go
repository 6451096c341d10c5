package quill

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// runPooled runs t's work on a worker and waits for it, as [Command.Do] does for a call that has
// its slot. It reports whether the work is over.
func runPooled(e *execution, t *task) (over bool) {
	gaveUp := e.beginPooled(t)
	e.circuit.bulkhead.start(t)
	return e.endPooled(t, t.await(gaveUp))
}

// warmCircuit returns a circuit whose pool keeps its workers from the first call on, outside a
// bubble.
func warmCircuit(t *testing.T, s Settings) *Circuit {
	t.Helper()
	c := newCircuit("dep", &options{settings: s})
	require.False(t, c.cold)
	c.bulkhead.pool.wasAtRest()
	t.Cleanup(c.bulkhead.DismissWorkers)
	return c
}

// idleWorkers are they, the one on top last. It is right while none comes or goes.
func (b *Bulkhead) idleWorkers() []*worker {
	b.mu.Lock()
	defer b.mu.Unlock()
	var idle []*worker
	all := b.pool.all.Load()
	for n := b.pool.top.Load() & numberMask; n != 0 && len(idle) < len(*all); {
		w := (*all)[n-1]
		if w.state.Load()&busy == 0 {
			idle = append([]*worker{w}, idle...)
		}
		n = uint64(w.below.Load())
	}
	return idle
}

func TestWarmWorkersAreReused(t *testing.T) {
	c := warmCircuit(t, Settings{})
	var first, last string
	for n := range 100 {
		last, _ = Do(t.Context(), c, func(context.Context) (string, error) { return goroutineName(), nil })
		if n == 0 {
			first = last
		}
	}
	require.Equal(t, first, last, "calls in sequence run on one goroutine")
	require.Len(t, c.bulkhead.idleWorkers(), 1)
}

func TestAPoolKeepsNoWorkerOfACallThatComesAfterALongRest(t *testing.T) {
	c := newCircuit("dep", &options{settings: Settings{}})
	t.Cleanup(c.bulkhead.DismissWorkers)
	c.bulkhead.pool.lastAtRest.Store(int64(time.Since(processStart) - keepWarm))
	for range 2 {
		c.bulkhead.pool.lastAtRest.Add(-int64(keepWarm))
		require.NoError(t, doNothing(t, c))
		require.Empty(t, c.bulkhead.idleWorkers(), "the next may be as far off")
		require.False(t, c.bulkhead.pool.watched.Load())
		require.Zero(t, c.bulkhead.Stats().InFlight)
	}
	require.NoError(t, doNothing(t, c))
	require.Len(t, c.bulkhead.idleWorkers(), 1, "it was not")
	first := c.bulkhead.idleWorkers()
	c.bulkhead.pool.lastAtRest.Store(0)
	require.NoError(t, doNothing(t, c))
	require.Equal(t, first, c.bulkhead.idleWorkers(), "a pool that has workers does not rest")
}

// goroutineName is the line that a stack begins with: goroutine 12 [running]:.
func goroutineName() string {
	stack := make([]byte, 64)
	stack = stack[:runtime.Stack(stack, false)]
	for i, b := range stack {
		if b == '[' {
			return string(stack[:i])
		}
	}
	return ""
}

func TestThePoolHasAsManyWorkersAsRanAtOnce(t *testing.T) {
	c := warmCircuit(t, Settings{MaxConcurrent: 7})
	fill := func(n int) {
		release, began := make(chan struct{}), make(chan struct{})
		var futures []*Future[int]
		for range n {
			futures = append(futures, Go(t.Context(), c, func(context.Context) (int, error) {
				began <- struct{}{}
				<-release
				return 0, nil
			}))
			<-began
		}
		close(release)
		for _, f := range futures {
			_, err := f.Wait(t.Context())
			require.NoError(t, err)
		}
	}
	fill(5)
	require.Len(t, c.bulkhead.idleWorkers(), 5)
	fill(7)
	fill(3)
	require.Len(t, c.bulkhead.idleWorkers(), 7)
}

func TestReaperDismissesWorkersThatNobodyNeeded(t *testing.T) {
	b := newBulkhead("dep", Settings{MaxConcurrent: 10}.WithDefaults())
	t.Cleanup(b.DismissWorkers)
	workers := make([]*worker, 4)
	b.mu.Lock()
	for i := range workers {
		workers[i] = b.pool.addLocked()
		workers[i].used = true
	}
	b.mu.Unlock()
	for _, w := range workers {
		b.park(w)
	}
	require.True(t, b.pool.watched.Load(), "a timer stands by")

	b.reap()
	require.Equal(t, workers, b.idleWorkers(), "they were not idle for a whole term yet")
	require.True(t, b.pool.watched.Load())

	require.Same(t, workers[3], b.pool.take(), "the one used last is on top")
	require.Same(t, workers[2], b.pool.take())
	workers[2].used, workers[3].used = true, true
	b.park(workers[2])
	b.park(workers[3])
	b.reap()
	require.Equal(t, workers[2:], b.idleWorkers(), "two at once were needed in this term")
	for _, w := range workers[:2] {
		require.Nil(t, <-w.tasks, "dismissed")
		b.workerExited(w)
	}

	b.reap()
	require.Empty(t, b.idleWorkers())
	require.False(t, b.pool.watched.Load())
	require.Nil(t, b.pool.reaper, "a pool at rest has no timer")
	require.Nil(t, b.pool.take())
	require.NotNil(t, b.pool.all.Load())
	b.workerExited(workers[2])
	b.workerExited(workers[3])
	require.Nil(t, b.pool.all.Load(), "nothing is left of a pool whose workers have gone")
	require.Empty(t, b.pool.vacant)
}

func TestABulkheadThatIsGivenToACircuitAfterItsOwnWasRemovedKeepsWorkers(t *testing.T) {
	r := NewRegistry()
	lender, err := r.circuit("lender", &options{})
	require.NoError(t, err)
	t.Cleanup(lender.bulkhead.DismissWorkers)
	_, err = r.circuit("lender", &options{bulkhead: newBulkhead("another", Settings{}.WithDefaults())})
	require.Error(t, err)
	require.False(t, lender.bulkhead.borrowed, "a circuit that was not made borrows nothing")
	require.True(t, r.Remove("lender"))
	lender.bulkhead.pool.wasAtRest()
	require.NoError(t, doNothing(t, lender))
	require.NoError(t, doNothing(t, lender))
	require.Empty(t, lender.bulkhead.pool.all.Load(), "a removed circuit has workers for one call each")

	borrower, err := r.circuit("borrower", &options{bulkhead: lender.bulkhead})
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, doNothing(t, borrower))
	}
	require.Len(t, borrower.bulkhead.idleWorkers(), 1)
}

func TestARemovedCircuitLetsItsWorkersGo(t *testing.T) {
	shared := newBulkhead("shared", Settings{}.WithDefaults())
	t.Cleanup(shared.DismissWorkers)
	for _, b := range []*Bulkhead{nil, shared} {
		r := NewRegistry()
		c, err := r.circuit("dep", &options{bulkhead: b})
		require.NoError(t, err)
		t.Cleanup(c.bulkhead.DismissWorkers)
		c.bulkhead.pool.wasAtRest()
		for range 3 {
			require.NoError(t, doNothing(t, c))
		}
		require.Len(t, c.bulkhead.idleWorkers(), 1)
		atWork, end := make(chan struct{}), make(chan struct{})
		late := Go(t.Context(), c, func(context.Context) (int, error) { close(atWork); <-end; return 7, nil })
		<-atWork
		require.NoError(t, doNothing(t, c))

		require.True(t, r.Remove("dep"))
		if b == shared {
			require.Len(t, c.bulkhead.idleWorkers(), 1, "others may use the bulkhead")
			close(end)
			_, err = late.Wait(t.Context())
			require.NoError(t, err)
			require.True(t, b.pool.watched.Load())
			continue
		}
		require.Empty(t, c.bulkhead.idleWorkers())
		require.Nil(t, c.bulkhead.pool.reaper)
		close(end)
		v, err := late.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, 7, v)
		require.Empty(t, c.bulkhead.idleWorkers(), "nor does one that was at work stay")
		require.NoError(t, doNothing(t, c), "calls go on")
		require.Empty(t, c.bulkhead.idleWorkers())
		require.False(t, c.bulkhead.pool.watched.Load())
		for c.bulkhead.pool.all.Load() != nil { // the goroutines end
			runtime.Gosched()
		}
	}

	r := NewRegistry()
	lender, err := r.circuit("lender", &options{})
	require.NoError(t, err)
	t.Cleanup(lender.bulkhead.DismissWorkers)
	borrower, err := r.circuit("borrower", &options{bulkhead: lender.bulkhead})
	require.NoError(t, err)
	require.True(t, r.Remove("lender"))
	for range 3 {
		require.NoError(t, doNothing(t, borrower))
	}
	require.Len(t, borrower.bulkhead.idleWorkers(), 1, "another circuit has it")
}

func TestThePlaceOfAWorkerThatEndedIsUsedAgain(t *testing.T) {
	b := newBulkhead("dep", Settings{MaxConcurrent: 10}.WithDefaults())
	stays := b.newWorker()
	for range 5 {
		w := b.newWorker()
		require.EqualValues(t, 2, w.number)
		w.tasks <- nil
		require.Eventually(t, func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.pool.vacant) == 1
		}, 10*time.Second, time.Millisecond)
	}
	stays.tasks <- nil
	require.Eventually(t, func() bool { return b.pool.all.Load() == nil }, 10*time.Second, time.Millisecond)
	last := b.newWorker()
	require.EqualValues(t, 1, last.number, "they begin anew")
	last.tasks <- nil
}

func TestATaskGoesToTheWorkerThatItHadLast(t *testing.T) {
	b := newBulkhead("dep", Settings{MaxConcurrent: 10}.WithDefaults())
	t.Cleanup(b.DismissWorkers)
	first, second := b.newWorker(), b.newWorker()
	b.park(first)
	b.park(second)
	require.True(t, first.takeAgain(), "wherever it lies")
	require.False(t, first.takeAgain(), "it is busy")
	require.Equal(t, []*worker{second}, b.idleWorkers())
	require.Same(t, second, b.pool.take())
	require.Nil(t, b.pool.take(), "who is busy is let fall")
	b.park(first)
	require.Equal(t, []*worker{first}, b.idleWorkers(), "and comes back on top when it is given back")
	require.False(t, second.takeAgain())
	b.park(second)
	require.Equal(t, []*worker{first, second}, b.idleWorkers())
}

func TestAWorkerThatExitedWhileItLayOnTheStackLeavesNoTrace(t *testing.T) {
	c := warmCircuit(t, Settings{MaxConcurrent: 1, RequestVolumeThreshold: 1000})
	exits := false
	command := Bind(c, func(context.Context, int) (int, error) {
		if exits {
			runtime.Goexit()
		}
		return 0, nil
	})
	for range 3 { // of the same task, if sync.Pool will
		exits = false
		for range 3 {
			_, err := command.Do(t.Context(), 0)
			require.NoError(t, err)
		}
		exits = true
		_, err := command.Do(t.Context(), 0)
		require.ErrorIs(t, err, ErrGoexit)
		require.Empty(t, c.bulkhead.idleWorkers())
		require.Eventually(t, func() bool { return c.bulkhead.pool.all.Load() == nil }, 10*time.Second, time.Millisecond)
		require.Zero(t, c.bulkhead.pool.top.Load()&numberMask, "the place is forgotten, and so must be where it lay")
	}
}

func TestReaperLeavesWorkersThatAreAtWork(t *testing.T) {
	c := warmCircuit(t, Settings{})
	require.NoError(t, doNothing(t, c))
	release, began := make(chan struct{}), make(chan struct{})
	f := Go(t.Context(), c, func(context.Context) (int, error) { close(began); <-release; return 7, nil })
	<-began
	c.bulkhead.reap()
	c.bulkhead.reap()
	c.bulkhead.reap()
	close(release)
	v, err := f.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, 7, v)
	require.NoError(t, doNothing(t, c))
	require.Len(t, c.bulkhead.idleWorkers(), 1)
}

func doNothing(t *testing.T, c *Circuit) error {
	t.Helper()
	_, err := Do(t.Context(), c, func(context.Context) (int, error) { return 0, nil })
	return err
}

func TestA08WorkerThatPanickedStaysAndOneThatExitedIsReplaced(t *testing.T) {
	c := warmCircuit(t, Settings{MaxConcurrent: 1, RequestVolumeThreshold: 1000})
	require.Panics(t, func() {
		_, _ = Do(t.Context(), c, func(context.Context) (int, error) { panic("boom") })
	})
	require.Len(t, c.bulkhead.idleWorkers(), 1)
	for range 20 {
		_, err := Do(t.Context(), c, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
		require.ErrorIs(t, err, ErrGoexit)
		require.Empty(t, c.bulkhead.idleWorkers())
		require.NoError(t, doNothing(t, c), "the pool has not shrunk")
	}
	require.Zero(t, c.Stats().InFlight)
}

func TestWorkersAreColdInABubble(t *testing.T) {
	outside := warmCircuit(t, Settings{})
	require.NoError(t, doNothing(t, outside))
	idle := outside.bulkhead.idleWorkers()
	require.Len(t, idle, 1)
	synctest.Test(t, func(t *testing.T) {
		require.NoError(t, doNothing(t, outside), "a circuit made outside works in a bubble")
		require.Equal(t, idle, outside.bulkhead.idleWorkers(), "but lends it no worker, and keeps none of it")
		c := newCircuit("dep", &options{})
		require.True(t, c.cold)
		require.NoError(t, doNothing(t, c))
		require.Empty(t, c.bulkhead.idleWorkers())
		require.False(t, c.bulkhead.pool.watched.Load())
	})
	require.NoError(t, doNothing(t, outside))
	require.Equal(t, idle, outside.bulkhead.idleWorkers())
}

func TestSlowOnPanicHoldsUpNoOtherCall(t *testing.T) {
	for name, end := range map[string]func(){"slow": nil, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			told, release := make(chan struct{}), make(chan struct{})
			c := newCircuit("dep", &options{hooks: []Hooks{{OnPanic: func(*PanicError) {
				close(told)
				if end != nil {
					end()
				}
				<-release
			}}}})
			t.Cleanup(c.bulkhead.DismissWorkers)
			defer close(release)
			ctx, cancel := context.WithCancel(t.Context())
			_, err := Do(ctx, c, func(context.Context) (int, error) {
				cancel()
				<-leftBehind(c)
				panic("of abandoned work")
			})
			require.ErrorIs(t, err, context.Canceled)
			<-told
			require.NoError(t, doNothing(t, c), "the hook's goroutine is no worker")
			require.Zero(t, c.Stats().InFlight)
		})
	}
}

// leftBehind returns a channel that is closed once the caller has left its work behind.
func leftBehind(c *Circuit) <-chan struct{} {
	left := make(chan struct{})
	go func() {
		for c.Stats().Abandoned == 0 {
			runtime.Gosched()
		}
		close(left)
	}()
	return left
}

func TestTasksAreReusedWithoutMixingUpCalls(t *testing.T) {
	c := warmCircuit(t, Settings{MaxConcurrent: 4, QueueSize: 100, RequestVolumeThreshold: 1_000_000, Timeout: time.Minute})
	command := Bind(c, mixed)
	fourAtOnce(func(n int) {
		checkMixed(t, n, func(ctx context.Context, leaves func()) (int, error) {
			leaves()
			return command.Do(ctx, n)
		})
	})
	require.EqualValues(t, mixedCalls, c.Stats().Total.Total())
}

func TestWarmTasksTimeOutAndServeAgain(t *testing.T) {
	c := warmCircuit(t, Settings{Timeout: time.Millisecond, MaxConcurrent: 100, RequestVolumeThreshold: 1_000_000})
	release := make(chan struct{})
	command := Bind(c, func(_ context.Context, n int) (int, error) {
		if n%2 == 1 {
			<-release // whatever the context says
		}
		return n, nil
	})
	for n := range 100 {
		began := time.Now()
		v, err := command.Do(t.Context(), n)
		if n%2 == 1 {
			require.ErrorIs(t, err, ErrTimeout)
			require.GreaterOrEqual(t, time.Since(began), time.Millisecond, "never before its time")
		} else if err == nil { // on a busy machine even this may take its time
			require.Equal(t, n, v)
		}
	}
	require.GreaterOrEqual(t, c.Stats().Abandoned, 50)
	close(release)
	restsSoon(t, c)
}
