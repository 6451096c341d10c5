package quill_test

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// futureModel is some futures and those who wait for them.
type futureModel struct {
	c       *quill.Circuit
	ctx     context.Context //nolint:containedctx // the test's
	futures []*modelFuture
}

type modelFuture struct {
	*quill.Future[int]

	end     chan int // how the run ends
	ended   bool
	how     int
	waiters []*futureWaiter
}

// futureWaiter is one who waits, and what came of it.
type futureWaiter struct {
	cancel context.CancelFunc
	gaveUp bool

	done  bool
	value int
	err   error
	panic any
}

func (m *futureModel) start(*rapid.T) {
	f := &modelFuture{end: make(chan int, 1)}
	n := len(m.futures)
	f.Future = quill.Go(m.ctx, m.c, func(context.Context) (int, error) {
		switch <-f.end {
		case runFails:
			return 0, errSick
		case runPanics:
			bang()
		case runExits:
			runtime.Goexit()
		}
		return n, nil
	})
	m.futures = append(m.futures, f)
}

func (m *futureModel) pick(r *rapid.T) *modelFuture {
	if len(m.futures) == 0 {
		r.Skip("no future")
	}
	return m.futures[rapid.IntRange(0, len(m.futures)-1).Draw(r, "future")]
}

func (m *futureModel) finish(r *rapid.T) {
	f := m.pick(r)
	if f.ended {
		r.Skip("it has ended")
	}
	f.ended, f.how = true, rapid.IntRange(runReturns, runExits).Draw(r, "how")
	f.end <- f.how
}

func (m *futureModel) wait(r *rapid.T) {
	f := m.pick(r)
	ctx, cancel := context.WithCancel(m.ctx)
	w := &futureWaiter{cancel: cancel}
	f.waiters = append(f.waiters, w)
	go func() {
		defer cancel()
		defer func() {
			w.panic = recover()
			w.done = true
		}()
		w.value, w.err = f.Wait(ctx)
	}()
}

func (m *futureModel) giveUp(r *rapid.T) {
	f := m.pick(r)
	if len(f.waiters) == 0 {
		r.Skip("nobody waits for it")
	}
	w := f.waiters[rapid.IntRange(0, len(f.waiters)-1).Draw(r, "waiter")]
	w.cancel()
	w.gaveUp = w.gaveUp || !f.ended
}

func (m *futureModel) check(r *rapid.T) {
	synctest.Wait()
	under := 0
	for n, f := range m.futures {
		select {
		case <-f.Done():
			require.True(r, f.ended)
		default:
			require.False(r, f.ended)
			under++
		}
		for _, w := range f.waiters {
			m.checkWaiter(r, n, f, w)
		}
	}
	require.Equal(r, under, m.c.Stats().InFlight)
}

func (m *futureModel) checkWaiter(r *rapid.T, n int, f *modelFuture, w *futureWaiter) {
	require.Equal(r, f.ended || w.gaveUp, w.done)
	switch {
	case !w.done:
	case w.gaveUp:
		require.ErrorIs(r, w.err, context.Canceled)
		require.Nil(r, w.panic)
	case f.how == runReturns:
		require.NoError(r, w.err)
		require.Equal(r, n, w.value, "each future has its own answer")
	case f.how == runFails:
		require.Equal(r, errSick, w.err)
	case f.how == runExits:
		require.ErrorIs(r, w.err, quill.ErrGoexit)
	case f.how == runPanics:
		require.IsType(r, &quill.PanicError{}, w.panic)
		for _, other := range f.waiters {
			require.True(r, other.panic == nil || other.panic == w.panic, "all see the same panic")
		}
	}
}

// Futures are what the model is: each ends once, all who wait see the same, one who gives up
// takes nothing along, and nobody needs to wait (H1 to H4).
func TestH01FutureAgreesWithItsModel(t *testing.T) {
	checkBoth(t, func(t *testing.T, r *rapid.T, isolation quill.Isolation) {
		m := &futureModel{ctx: t.Context()}
		m.c = newTestCircuit(t, quill.Settings{
			Isolation: isolation, Timeout: quill.NoTimeout, MaxConcurrent: quill.Unlimited, RequestVolumeThreshold: 1_000_000,
		})
		defer func() {
			for _, f := range m.futures {
				close(f.end)
			}
		}()
		r.Repeat(map[string]func(*rapid.T){
			"": m.check, "start": m.start, "wait": m.wait, "wait too": m.wait, "finish": m.finish, "give up": m.giveUp,
		})
	})
}
