package quill_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestAllWhoWaitForAFutureSeeTheSameAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		start := time.Now()
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(500 * time.Millisecond); return 7, nil })
		require.Zero(t, time.Since(start), "Go does not wait")
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				v, err := f.Wait(t.Context())
				require.NoError(t, err)
				require.Equal(t, 7, v)
			})
		}
		wg.Wait()
		<-f.Done()
		require.Equal(t, 500*time.Millisecond, time.Since(start))
	})
}

func TestFutureKeepsTheHistoryOfItsAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		last := &shelf{kept: map[string]string{"down": "old"}, age: time.Hour}
		a, err := sick(c).FallbackLast(last).Go(t.Context(), "down").Answer(t.Context())
		require.NoError(t, err)
		require.Equal(t, quill.Answer[string]{
			Value: "old", Outcome: quill.Failure, Step: "last", Cause: errSick, Stale: true, Age: time.Hour,
		}, a)
	})
}

func TestH02WaitThatIsGivenUpLeavesTheFutureUsable(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(500 * time.Millisecond); return 7, nil })
		ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errMine)
		defer cancel()
		_, err := f.Wait(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errMine)
		v, err := f.Wait(t.Context())
		require.NoError(t, err, "the call went on")
		require.Equal(t, 7, v)
		for range 100 {
			v, err = f.Wait(ctx)
			require.NoError(t, err, "an answer that is there is given, whatever the context says")
			require.Equal(t, 7, v)
		}
	})
}

func TestCancelOfTheCallEndsTheFuture(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		ctx, cancel := context.WithCancel(t.Context())
		f := quill.Go(ctx, c, func(ctx context.Context) (int, error) { return 0, obedient(ctx) })
		pass(time.Millisecond)
		cancel()
		_, err := f.Wait(t.Context())
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, uint64(1), c.Stats().Total.Canceled)
	})
}

func TestH03PanicReachesAllWhoWaitForAFuture(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { bang(); return 0, nil })
		var values []any
		for range 2 {
			value, returned := catch(func() { _, _ = f.Wait(t.Context()) })
			require.False(t, returned)
			requireOurPanic(t, value)
			values = append(values, value)
		}
		require.Same(t, values[0], values[1])
		require.Equal(t, quill.Counts{Failure: 1}, c.Stats().Total)
	})
}

// TestPanicOfAFutureIsToldToOnPanicWhoeverWaits: nobody can know whether somebody will, and nothing is
// swallowed.
func TestPanicOfAFutureIsToldToOnPanicWhoeverWaits(t *testing.T) {
	panics := func(context.Context, string) (string, error) { bang(); return "", nil }
	for name, start := range map[string]func(ctx context.Context, c *quill.Circuit) *quill.Future[string]{
		"Command.Go": func(ctx context.Context, c *quill.Circuit) *quill.Future[string] {
			return quill.Bind(c, panics).OrElse("a default").Go(ctx, "")
		},
		"Go": func(ctx context.Context, c *quill.Circuit) *quill.Future[string] {
			return quill.Go(ctx, c, func(ctx context.Context) (string, error) { return panics(ctx, "") })
		},
		"a fallback": func(ctx context.Context, c *quill.Circuit) *quill.Future[string] {
			return sick(c).Fallback("bang", func(ctx context.Context, _ string, _ error) (string, error) { return panics(ctx, "") }).Go(ctx, "down")
		},
		"on the way to Goexit": func(ctx context.Context, c *quill.Circuit) *quill.Future[string] {
			return sick(c).Fallback("bang", func(ctx context.Context, _ string, _ error) (string, error) {
				defer func() { _, _ = panics(ctx, "") }()
				runtime.Goexit()
				return "", nil
			}).Go(ctx, "down")
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				var d diary
				c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
				start(t.Context(), c) // nobody waits
				synctest.Wait()
				require.Len(t, d.panics, 1)
				require.Equal(t, "dep", d.panics[0].Command)
				requireOurPanic(t, d.panics[0])

				f := start(t.Context(), c)
				for range 2 {
					value, _ := catch(func() { _, _ = f.Wait(t.Context()) })
					requireOurPanic(t, value)
					synctest.Wait()
					require.Len(t, d.panics, 2, "once for each call")
					require.Same(t, value, d.panics[1])
				}
				require.Equal(t, uint64(2), c.Stats().Panics)
				requireNothingHeld(t, c)
			})
		})
	}
}

func TestOnPanicOfAFutureHoldsUpNobodyWhoWaits(t *testing.T) {
	for name, manner := range map[string]func(){
		"slow": func() { pass(time.Minute) }, "panics": func() { panic(errMine) }, "exits": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				var told atomic.Int64
				c := newTestCircuit(t, quill.Settings{Isolation: isolation}, quill.WithHooks(quill.Hooks{
					OnPanic: func(*quill.PanicError) { told.Add(1); manner() },
				}))
				start := time.Now()
				f := quill.Go(t.Context(), c, func(context.Context) (int, error) { bang(); return 0, nil })
				value, _ := catch(func() { _, _ = f.Wait(t.Context()) })
				requireOurPanic(t, value)
				require.Zero(t, time.Since(start))
				pass(2 * time.Minute)
				require.EqualValues(t, 1, told.Load())
				requireNothingHeld(t, c)
			})
		})
	}
}

func TestH03FutureOfACallThatExitedItsGoroutineEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
		a, err := f.Answer(t.Context())
		require.ErrorIs(t, err, quill.ErrGoexit)
		require.Equal(t, "quill: dep: run ended by runtime.Goexit", err.Error())
		require.Equal(t, quill.Failure, asError(t, err).Outcome)
		require.Equal(t, quill.Failure, a.Outcome)
		require.ErrorIs(t, a.Cause, quill.ErrGoexit)
		requireNothingHeld(t, c)
	})
}

func TestH04DroppedFuturesLeaveNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1000})
		before := runtime.NumGoroutine()
		for range 500 {
			quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(time.Millisecond); return 0, nil })
		}
		pass(time.Second)
		synctest.Wait()
		// Some of before may be another test's that ends; a few may be the runtime's own.
		require.Less(t, runtime.NumGoroutine(), before+50, "500 futures, and no goroutine left of them")
		requireNothingHeld(t, c)
	})
}
