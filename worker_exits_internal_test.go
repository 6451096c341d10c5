package quill

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mustReturn fails if f does not return: where a pool spins, a Timeout does not help.
func mustReturn(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(20 * time.Second):
		stacks := make([]byte, 1<<16)
		t.Fatalf("the call does not return\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// Work that calls Goexit, and of whose deferred functions one panics, ends the goroutine all
// the same: recover takes the panic, and not the exit.
func TestAnExitWithAPanicInADeferredFunctionCostsThePoolNothing(t *testing.T) {
	c := warmCircuit(t, Settings{MaxConcurrent: 2})
	for range 3 {
		require.NoError(t, doNothing(t, c))
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		defer func() { _ = recover() }() // the panic reaches the caller
		_, _ = Do(t.Context(), c, func(context.Context) (int, error) {
			defer func() { panic("in a deferred function") }()
			runtime.Goexit()
			return 0, nil
		})
	}()
	<-gone
	for range 5 {
		mustReturn(t, func() error { return doNothing(t, c) })
	}
	require.Zero(t, c.Stats().InFlight)
	require.EqualValues(t, 1, c.Stats().Total.Failure)
}

// What two callers do, step by step: one gives back a worker that had left the stack, and is
// held up before it is there again; another, whose task had the same worker, takes it
// meanwhile, and its work ends the goroutine. All places are vacant then, and must not be
// forgotten: the first is about to put one of them on the stack.
func TestThePlaceOfAWorkerOnItsWayToTheStackIsKept(t *testing.T) {
	c := warmCircuit(t, Settings{MaxConcurrent: 2})
	for range 2 {
		require.NoError(t, doNothing(t, c))
	}
	b := c.bulkhead
	w := b.pool.take()
	require.NotNil(t, w)
	w.state.Store(stacked) // the first half of put

	p := &pooledCall[int, int]{run: func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil }}
	p.init(c, p, true, true)
	p.worker = w
	var e execution
	e.init(t.Context(), c, c.current())
	require.True(t, e.admit(c.now(), true))
	require.True(t, runPooled(&e, &p.task))
	require.ErrorIs(t, e.err, ErrGoexit)
	require.Eventually(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.pool.all.Load() == nil || len(b.pool.vacant) == 1
	}, 10*time.Second, time.Millisecond)

	b.pool.push(w) // the second half
	mustReturn(t, func() error { return doNothing(t, c) })
}

// mixedWork ends in one of eight ways.
func mixedWork(ctx context.Context, n int) (int, error) {
	switch n % 8 {
	case 0:
		runtime.Goexit()
	case 1:
		panic("boom")
	case 2:
		defer func() { panic("boom, late") }()
		runtime.Goexit()
	case 3:
		<-ctx.Done()
		for range n % 100 { // late, and by a little more
			runtime.Gosched()
		}
		if n%16 > 8 {
			panic("late")
		}
	case 4:
		<-ctx.Done()
		return 0, ctx.Err()
	case 5:
		return 0, errors.New("sick")
	}
	return n, nil
}

// TestA03CallsOfEveryEndingAmongWarmWorkersLeaveNothing: by Do and by Go, with callers that
// leave, while the operator changes all that can be changed.
func TestA03CallsOfEveryEndingAmongWarmWorkersLeaveNothing(t *testing.T) {
	for _, isolation := range []Isolation{Pool, Semaphore} {
		t.Run(isolation.String(), func(t *testing.T) { mixEndings(t, isolation) })
	}
}

func mixEndings(t *testing.T, isolation Isolation) {
	t.Helper()
	settings := Settings{
		Isolation: isolation, MaxConcurrent: 4, QueueSize: 3, Timeout: 2 * time.Millisecond, SleepWindow: time.Millisecond,
		ErrorPercentThreshold: 90, RollingWindow: 100 * time.Millisecond,
	}
	c := warmCircuit(t, settings)
	command := Bind(c, mixedWork)
	var made atomic.Uint64
	var stop atomic.Bool
	var callers, all sync.WaitGroup
	change := make(chan struct{}) // after some calls
	for range 8 {
		callers.Go(func() {
			for n := 1; !stop.Load(); n++ {
				callMixed(t, command, rand.IntN(1000))
				made.Add(1)
				if n%8 == 0 {
					change <- struct{}{}
				}
			}
		})
	}
	all.Go(func() { callers.Wait(); close(change) })
	all.Go(func() {
		for range change {
			switch rand.IntN(4) {
			case 0:
				_ = c.bulkhead.Resize(1+rand.IntN(6), rand.IntN(4))
			case 1:
				s := settings
				s.MaxConcurrent, s.RollingCalls = 1+rand.IntN(6), 20*rand.IntN(2)
				_ = c.Configure(s)
			case 2:
				c.Reset()
			case 3:
				c.bulkhead.reap()
			}
		}
	})
	lasts := 2 * time.Second
	if testing.Short() {
		lasts = 300 * time.Millisecond
	}
	time.AfterFunc(lasts, func() { stop.Store(true) })
	mustReturn(t, func() error { all.Wait(); return nil })
	require.Eventually(t, func() bool {
		s := c.Stats()
		return s.InFlight == 0 && s.Abandoned == 0 && s.Queued == 0
	}, 10*time.Second, time.Millisecond)
	require.Equal(t, made.Load(), c.Stats().Total.Total())
}

// callMixed calls on a goroutine of its own, since the work may end it.
func callMixed(t *testing.T, command *Command[int, int], n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(500+rand.IntN(3000))*time.Microsecond)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer func() { _ = recover() }()
		var v int
		var err error
		if n%3 == 0 {
			v, err = command.Go(ctx, n).Wait(t.Context())
		} else {
			v, err = command.Do(ctx, n)
		}
		if err == nil && v != n {
			t.Errorf("%d for %d", v, n)
		}
	}()
	<-ended
}
