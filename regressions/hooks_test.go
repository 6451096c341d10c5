package regressions_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestB31HookReenters (real time: a deadlock on a mutex is what is looked for)
//
// S: hooks that use the circuit that calls them.
// T: calls of every outcome and every kind of transition.
// C: no deadlock, and the numbers are right.
//
// Source: gobreaker#37, #39, #119; gascity#4839; mercari (reproduced).
func TestB31HookReenters(t *testing.T) {
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		t.Run(isolation.String(), func(t *testing.T) {
			var c *quill.Circuit
			var inside, moves, uses atomic.Int64
			use := func() {
				_, _, _, _ = c.State(), c.Stats(), c.Settings(), c.Bulkhead().Stats()
				// Bounded, because each transition that a hook makes calls the hook again.
				if inside.Add(1) == 1 && uses.Add(1) <= 500 {
					_ = call(c, ok)
					_ = call(c, down)
					c.Reset()
					_ = c.Configure(c.Settings())
					_ = c.Override(quill.ForceClosed, time.Hour, "")
					_ = c.Override(quill.NoOverride, 0, "")
				}
				inside.Add(-1)
			}
			s := quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1, SleepWindow: time.Millisecond}
			c = newCircuit(t, s, quill.WithClassifier(func(error) quill.Verdict { use(); return quill.CountFailure }),
				quill.WithHooks(quill.Hooks{
					OnCall:       func(context.Context, quill.CallEvent) { use() },
					OnTransition: func(quill.Transition) { moves.Add(1); use() },
				}))
			within(t, func() {
				together(4, func(i int) {
					for range 100 {
						_ = call(c, down)
						_ = call(c, ok)
						_, _ = caught(func() { _ = call(c, panicking) })
						k, err := c.Begin(context.Background())
						if err == nil {
							k.End(errDown)
						}
					}
				})
			})
			require.Eventually(t, func() bool {
				s := c.Stats()
				return s.InFlight == 0 && moves.Load() > 100 && inside.Load() == 0
			}, 10*time.Second, time.Millisecond)
			require.Zero(t, c.Stats().HookPanics)
		})
	}
}

// TestB32SlowHook
//
// S: OnTransition takes 300ms, or does not return at all.
// T: 2,000 resets, each a notification, and calls from many goroutines.
// C: no call waits; the queue is bounded and what is dropped is counted; the last
// transition is delivered for certain; and of the statistics not one call is missing.
//
// Source: rubyist/circuitbreaker#47; cockroachdb/circuitbreaker#4; gobreaker, mercari
// (reproduced: 280ms). The inverse: hystrix-go at 541f03c drops statistics.
func TestB32SlowHook(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		s.MaxConcurrent = quill.Unlimited
		const resets, waiting = 2000, 1024
		release := make(chan struct{})
		var told recorder
		c := newCircuit(t, s, quill.WithHooks(quill.Hooks{OnTransition: func(quill.Transition) {
			<-release
			time.Sleep(300 * time.Millisecond)
		}}), told.hook())
		began := time.Now()
		for i := range resets {
			c.Reset()
			if i == 0 {
				synctest.Wait() // now one is being told
			}
		}
		const callers, each = 100, 100
		together(callers, func(i int) {
			for range each {
				_ = call(c, ok)
			}
		})
		require.Zero(t, time.Since(began), "calls wait for a hook")
		stats := c.Stats()
		require.EqualValues(t, callers*each, stats.Total.Success)
		require.EqualValues(t, callers*each, stats.Window.Success)
		require.EqualValues(t, callers*each, stats.Health.Requests)
		require.EqualValues(t, callers*each, stats.TotalExecution.Count())

		trip(t, newCircuit(t, s)) // another circuit is not concerned
		require.NoError(t, c.Override(quill.ForceOpen, 0, "the last one"))
		dropped := c.Stats().NotificationsDropped
		require.EqualValues(t, resets+1-waiting-1, dropped, "one is being told, 1024 wait")
		close(release)
		time.Sleep(time.Duration(resets) * 300 * time.Millisecond)
		synctest.Wait()
		moves := told.all()
		require.Len(t, moves, resets+1-int(dropped))
		require.Equal(t, c.Stats().LastTransition, moves[len(moves)-1])
		require.Equal(t, quill.ForceOpen, moves[len(moves)-1].Override)
	})
}

// TestB32SlowOnPanic (real time: only there workers stay warm)
//
// S: work that was left behind panics, and OnPanic, which is told, does not return.
// T: further calls.
// C: none of them is given to the worker that is busy with the hook.
func TestB32SlowOnPanic(t *testing.T) {
	hold, told := make(chan struct{}), make(chan struct{})
	c := newCircuit(t, quill.Settings{MaxConcurrent: 1, Timeout: 10 * time.Second},
		quill.WithHooks(quill.Hooks{OnPanic: func(*quill.PanicError) { close(told); <-hold }}))
	defer close(hold)
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	require.ErrorIs(t, callWith(ctx, c, func(ctx context.Context) error {
		cancel()
		<-release
		return panicking(ctx)
	}), context.Canceled)
	close(release)
	<-told
	for range 10 {
		require.NoError(t, call(c, ok))
	}
	require.Zero(t, c.Stats().InFlight)
}

// TestB33HooksPanicOrderDuplicates
//
// S: several hooks, of which some panic or end their goroutine.
// T: (a) a circuit opens and closes; (b) 100,000 calls from 16 goroutines at once make a
// circuit flap.
// C: (a) the library is unharmed, later hooks and later transitions are told, a panic of
// OnCall reaches the caller after all is counted; (b) each transition is told once, in
// order, beginning with the first.
//
// Source: circuit 1224f2f, da534a6; Polly#218; resilience4j#1437; CircuitBreaker.Net#10;
// failsafe-go (reproduced: the process dies).
func TestB33HooksPanicOrderDuplicates(t *testing.T) {
	t.Run("a", func(t *testing.T) {
		eachIsolation(t, func(t *testing.T, s quill.Settings) {
			var told recorder
			var orphans, calls atomic.Int64
			c := newCircuit(t, s,
				quill.WithHooks(quill.Hooks{
					OnTransition: func(quill.Transition) { panic("listener") },
					OnPanic:      func(*quill.PanicError) { orphans.Add(1); panic("again") },
				}),
				quill.WithHooks(quill.Hooks{OnTransition: func(quill.Transition) { runtime.Goexit() }}),
				quill.WithHooks(quill.Hooks{OnCall: func(_ context.Context, e quill.CallEvent) {
					if e.Outcome == quill.Ignored {
						panic("on call")
					}
				}}),
				quill.WithHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) { calls.Add(1) }}),
				told.hook())
			for range 3 {
				trip(t, c)
				time.Sleep(sleepWindow)
				requireProbeAdmitted(t, c)
			}
			value, _ := caught(func() {
				_ = call(c, func(context.Context) error { return quill.Ignore(errRequest) })
			})
			require.Equal(t, "on call", value)
			synctest.Wait()

			stats := c.Stats()
			require.EqualValues(t, stats.Total.Total(), calls.Load(), "hooks after the one that panicked")
			require.EqualValues(t, 1, stats.Total.Ignored)
			require.Len(t, told.all(), 9)
			requireChain(t, told.all())
			require.EqualValues(t, 9, orphans.Load())
			require.EqualValues(t, 19, stats.HookPanics, "9 panics, 9 Goexits, one of OnCall")
			requireAllSlots(t, c)
		})
	})
	t.Run("b", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var told recorder
			c := newCircuit(t, quill.Settings{
				Isolation: quill.Semaphore, MaxConcurrent: quill.Unlimited,
				RequestVolumeThreshold: 5, SleepWindow: time.Millisecond,
			}, told.hook())
			const rounds, callers, each = 125, 16, 50 // 100,000 calls
			var opened, extra int
			for range rounds {
				together(callers, func(i int) {
					for n := range each {
						if (n+i)%2 == 0 {
							_ = call(c, down)
						} else {
							_ = call(c, ok)
						}
					}
				})
				// How often the storm opens it is the scheduler's choice: a round ends open, so
				// that the next one begins with a probe and each opens it once at the least.
				for c.State() != quill.Open {
					_ = call(c, down)
					extra++
				}
				time.Sleep(time.Millisecond)
			}
			synctest.Wait()
			moves := told.all()
			requireChain(t, moves)
			require.EqualValues(t, rounds*callers*each+extra, c.Stats().Total.Total())
			require.Zero(t, c.Stats().NotificationsDropped)
			require.Equal(t, c.Stats().LastTransition, moves[len(moves)-1])
			for _, m := range moves {
				if m.To == quill.Open {
					opened++
				}
			}
			require.GreaterOrEqual(t, opened, rounds, fmt.Sprint(len(moves), " transitions"))
		})
	})
}
