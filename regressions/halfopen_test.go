package regressions_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestB01ProbeHerd
//
// S: the sleep window is over; 50 callers stand at a barrier.
// T: all come at once, and what they call does not return.
// C: as many run as there are probes; all others are refused at once. The place is taken
// before the call runs, not worked out from results.
//
// Source: Polly#216, #223, #254; opossum#119, #120; tower-resilience#382, #407;
// OpenLiberty#7080; ldbc#731; faulty#70; resilience4j#1432.
func TestB01ProbeHerd(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		for _, probes := range []int{1, 3} {
			s.Probes = probes
			c := newCircuit(t, s)
			trip(t, c)
			time.Sleep(sleepWindow)

			const callers = 50
			var entered, refused atomic.Int64
			began, release := time.Now(), make(chan struct{})
			for range callers {
				go func() {
					err := call(c, func(context.Context) error {
						entered.Add(1)
						<-release
						return nil
					})
					if errors.Is(err, quill.ErrOpen) {
						refused.Add(1)
					}
				}()
			}
			synctest.Wait()
			require.EqualValues(t, probes, entered.Load())
			require.EqualValues(t, callers-probes, refused.Load())
			require.Zero(t, time.Since(began), "the others are refused at once")
			require.Equal(t, quill.HalfOpen, c.State())
			require.Equal(t, probes, c.Stats().Probes)

			close(release)
			synctest.Wait()
			require.Equal(t, quill.Closed, c.State())
		}
	})
}

// TestB02ProbePanics
//
// S: a probe is due.
// T: it panics, and its caller recovers.
// C: that is a failure: the place and the slot are free, the circuit opens again, and
// after another sleep window it probes again. The caller gets the value and the stack.
//
// Source: failsafe-go (reproduced: stuck for good), retry#123, sentinel-golang#202.
func TestB02ProbePanics(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		c := newCircuit(t, s)
		trip(t, c)
		time.Sleep(sleepWindow)

		value, _ := caught(func() { _ = call(c, panicking) })
		if p, pooled := value.(*quill.PanicError); pooled {
			require.Equal(t, quill.Pool, s.Isolation)
			require.Contains(t, string(p.Stack), "panicking", "the stack is that of the panic")
			value = p.Value
		}
		require.Equal(t, "out of luck", value)

		stats := c.Stats()
		require.Equal(t, quill.Open, stats.State)
		require.Equal(t, sleepWindow, stats.RetryAfter)
		require.EqualValues(t, 1, stats.Panics)
		require.EqualValues(t, 21, stats.Total.Failure)
		require.Zero(t, stats.Probes)
		requireRefused(t, c)
		time.Sleep(sleepWindow)
		requireProbeAdmitted(t, c)
		requireAllSlots(t, c)
	})
}

func panicking(context.Context) error { panic("out of luck") }

// TestB03ProbeGoexit
//
// S: a probe is due.
// T: it ends its goroutine with runtime.Goexit, as t.FailNow does.
// C: the place and the slot are settled although nothing can be recovered; who waits for
// the call is released; it counts as a failure.
//
// Source: gobreaker, failsafe-go (reproduced: stuck); hystrix-go (reproduced: the caller
// waits past its timeout, the slot is lost).
func TestB03ProbeGoexit(t *testing.T) {
	exit := func(context.Context) error { runtime.Goexit(); return nil }
	check := func(t *testing.T, c *quill.Circuit) {
		t.Helper()
		stats := c.Stats()
		require.Equal(t, quill.Open, stats.State)
		require.EqualValues(t, 21, stats.Total.Failure)
		require.EqualValues(t, 1, stats.Panics)
		require.Zero(t, stats.Probes)
		time.Sleep(sleepWindow)
		requireProbeAdmitted(t, c)
		requireAllSlots(t, c)
	}
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		c := newCircuit(t, s)
		trip(t, c)
		time.Sleep(sleepWindow)
		var err error
		_, goexit := caught(func() { err = call(c, exit) })
		if s.Isolation == quill.Pool {
			require.ErrorIs(t, err, quill.ErrGoexit, "the caller is told")
			require.False(t, goexit, "only the worker ended")
		} else {
			require.True(t, goexit, "it is the caller's own goroutine")
		}
		check(t, c)
	})
	t.Run("future", func(t *testing.T) {
		eachIsolation(t, func(t *testing.T, s quill.Settings) {
			c := newCircuit(t, s)
			trip(t, c)
			time.Sleep(sleepWindow)
			f := quill.Go(t.Context(), c, func(ctx context.Context) (int, error) { return 0, exit(ctx) })
			_, err := f.Wait(t.Context())
			require.ErrorIs(t, err, quill.ErrGoexit)
			check(t, c)
		})
	})
}

// TestB04ProbeCanceled
//
// S: a probe is under way.
// T: (a) its caller cancels; (b) the caller of another call, which began before the
// circuit opened, cancels, as does one that is refused.
// C: (a) neither success nor failure: the place is free for the next caller at once, and
// no new sleep window begins; (b) nothing happens to the state or to the probe.
//
// Source: Hystrix#1621 (stuck), and its repair: Hystrix#1751, #1853, #1861;
// resilience4j#332.
func TestB04ProbeCanceled(t *testing.T) {
	obey := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	t.Run("a", func(t *testing.T) {
		eachIsolation(t, func(t *testing.T, s quill.Settings) {
			c := newCircuit(t, s)
			trip(t, c)
			time.Sleep(sleepWindow)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			require.ErrorIs(t, callWith(ctx, c, obey), context.Canceled)
			synctest.Wait()

			stats := c.Stats()
			require.EqualValues(t, 1, stats.Total.Canceled)
			require.EqualValues(t, 20, stats.Total.Failure)
			require.Equal(t, quill.HalfOpen, stats.State)
			require.Zero(t, stats.Probes)
			require.Zero(t, stats.RetryAfter)
			requireProbeAdmitted(t, c)
			requireAllSlots(t, c)
		})
	})
	t.Run("b", func(t *testing.T) {
		eachIsolation(t, func(t *testing.T, s quill.Settings) {
			s.Timeout = time.Minute
			c := newCircuit(t, s)
			ctx, cancel := context.WithCancel(t.Context())
			early := quill.Go(ctx, c, func(ctx context.Context) (int, error) { return 0, obey(ctx) })
			synctest.Wait()
			trip(t, c)
			time.Sleep(sleepWindow)
			probe := begin(t, c)

			cancel()
			_, err := early.Wait(t.Context())
			require.ErrorIs(t, err, context.Canceled)
			require.ErrorIs(t, callWith(ctx, c, ok), context.Canceled)
			require.Equal(t, quill.HalfOpen, c.State())
			require.Equal(t, 1, c.Stats().Probes)
			requireRefused(t, c)
			probe.End(nil)
			require.Equal(t, quill.Closed, c.State())
		})
	})
}

// TestB05ProbeIgnored
//
// S: a probe is due.
// T: every probe ends as Ignored: the dependency answers, the requests are wrong.
// C: the place is free at once and the state is as it was; no more probes are out at any
// time than allowed; and there is progress: the tenth in a row closes the circuit, because
// a dependency that says no is there.
//
// Source: resilience4j#544; Polly#311, #717, #1979, #1991; Hystrix#674; circuit#88, #99;
// smallrye-fault-tolerance#320; gobreaker (reproduced: spins).
func TestB05ProbeIgnored(t *testing.T) {
	const enough = 10
	wrong := func(context.Context) error { return quill.Ignore(errRequest) }
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		c := newCircuit(t, s)
		trip(t, c)
		time.Sleep(sleepWindow)
		for range enough - 1 {
			require.ErrorIs(t, call(c, wrong), errRequest)
			require.Equal(t, quill.HalfOpen, c.State())
			require.Zero(t, c.Stats().Probes)
		}
		probe := begin(t, c)
		requireRefused(t, c) // one at a time
		probe.End(quill.Ignore(errRequest))
		require.Equal(t, quill.Closed, c.State())
		require.EqualValues(t, enough, c.Stats().Total.Ignored)
		requireAllSlots(t, c)
	})
	t.Run("then a failure", func(t *testing.T) {
		eachIsolation(t, func(t *testing.T, s quill.Settings) {
			c := newCircuit(t, s, quill.WithClassifier(func(err error) quill.Verdict {
				if errors.Is(err, errRequest) {
					return quill.CountIgnored
				}
				return quill.CountFailure
			}))
			trip(t, c)
			time.Sleep(sleepWindow)
			require.ErrorIs(t, call(c, func(context.Context) error { return errRequest }), errRequest)
			require.ErrorIs(t, call(c, down), errDown)
			require.Equal(t, quill.Open, c.State())
		})
	})
}

// TestB06ProbeRejectedInside
//
// S: a probe is due.
// T: the breaker admits it, and then (a) the bulkhead is full, (b) the caller's context is
// over already, (c) it is over while the call waits in the queue, (d) a circuit further
// inside refuses.
// C: (a) to (c) the place is given back, and the next caller may probe. (d) is a failure
// like any other that the work returns, and is counted in each circuit for itself.
//
// Source: Sentinel#1638; sentinel-golang#196, #202, #559; gh-aw-mcpg#10686; studio#5322;
// vald#1811; cep21/circuit at da534a6.
func TestB06ProbeRejectedInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := quill.NewBulkhead("shared", quill.BulkheadSettings{MaxConcurrent: 1, QueueSize: 1})
		r := quill.NewRegistry()
		c, err := r.Circuit("probed", quill.WithBulkhead(shared), quill.Settings{SleepWindow: sleepWindow})
		require.NoError(t, err)
		other, err := r.Circuit("other", quill.WithBulkhead(shared), quill.Settings{Timeout: time.Hour})
		require.NoError(t, err)
		trip(t, c)
		time.Sleep(sleepWindow)

		dead, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, callWith(dead, c, ok), context.Canceled) // (b)
		require.Equal(t, quill.Open, c.State(), "nobody asked for a probe yet")

		holder := begin(t, other)
		waiting, cancelWaiting := context.WithCancel(t.Context())
		waiter := quill.Go(waiting, c, func(context.Context) (int, error) { return 0, nil }) // (c)
		synctest.Wait()
		require.Equal(t, 1, c.Stats().Probes)
		requireRefused(t, c)
		cancelWaiting()
		_, err = waiter.Wait(t.Context())
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, c.Stats().Probes)
		require.Equal(t, quill.HalfOpen, c.State())

		require.NoError(t, shared.Resize(1, 0))
		require.ErrorIs(t, call(c, ok), quill.ErrFull) // (a)
		require.EqualValues(t, 1, c.Stats().Total.Rejected)
		require.Zero(t, c.Stats().Probes)
		require.Equal(t, quill.HalfOpen, c.State())
		require.ErrorIs(t, call(c, ok), quill.ErrFull, "and not because a probe is out")

		holder.End(nil)
		requireProbeAdmitted(t, c)
	})
	t.Run("d", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			outer, inner := newCircuit(t, quill.Settings{}), newCircuit(t, quill.Settings{})
			trip(t, outer)
			time.Sleep(sleepWindow)
			trip(t, inner)
			err := call(outer, func(ctx context.Context) error { return callWith(ctx, inner, ok) })
			require.ErrorIs(t, err, quill.ErrOpen)
			require.Equal(t, quill.Open, outer.State())
			require.Zero(t, outer.Stats().Total.ShortCircuited)
			require.EqualValues(t, 1, inner.Stats().Total.ShortCircuited)
			time.Sleep(sleepWindow)
			require.NoError(t, call(outer, func(ctx context.Context) error { return callWith(ctx, inner, ok) }))
			require.Equal(t, quill.Closed, outer.State())
			require.Equal(t, quill.Closed, inner.State())
		})
	})
}

// TestB07ProbeHangs
//
// S: no timeout.
// T: a probe does not return for five sleep windows.
// C: its place has a lease. When that is over the next caller probes, and what the first
// probe says in the end changes nothing.
//
// Source: Polly#216, #239; resilience4j#935; faulty#70; gobreaker, failsafe-go
// (reproduced: nobody is admitted any more).
func TestB07ProbeHangs(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		s.Timeout = quill.NoTimeout
		c := newCircuit(t, s)
		trip(t, c)
		time.Sleep(sleepWindow)

		release := make(chan struct{})
		hanging := quill.Go(t.Context(), c, func(context.Context) (int, error) { <-release; return 0, errDown })
		synctest.Wait()
		time.Sleep(sleepWindow - 1)
		requireRefused(t, c)
		time.Sleep(time.Nanosecond)
		require.Zero(t, c.Stats().Probes, "the lease is over")

		second := begin(t, c)
		requireRefused(t, c)
		time.Sleep(4 * sleepWindow)
		requireProbeAdmitted(t, c)
		second.End(errDown)
		close(release)
		_, err := hanging.Wait(t.Context())
		require.ErrorIs(t, err, errDown)
		require.Equal(t, quill.Closed, c.State(), "late results change nothing")
		require.EqualValues(t, 2, c.Stats().LateResults)
		require.Zero(t, c.Stats().Health.Errors)
		requireAllSlots(t, c)
	})
}
