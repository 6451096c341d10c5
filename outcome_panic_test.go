package quill_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// bang is where the panics of these tests come from; its name must be in their stacks.
func bang() { panic(errMine) }

// requireOurPanic checks value and original stack of a panic that came by a pool.
func requireOurPanic(t *testing.T, value any) {
	t.Helper()
	p, ok := value.(*quill.PanicError)
	require.True(t, ok, "%v (%T) is no *PanicError", value, value)
	require.Equal(t, "dep", p.Command)
	require.Equal(t, errMine, p.Value)
	require.ErrorIs(t, p, errMine)
	require.Contains(t, string(p.Stack), "quill_test.bang", "the stack is the original one")
	require.Contains(t, p.Error(), "quill: dep: panic: "+errMine.Error())
	require.Contains(t, p.Error(), "quill_test.bang")
}

func TestPanicInRunIsCountedAndReachesTheCaller(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
		asked := false
		command := quill.Bind(c, func(context.Context, int) (int, error) { bang(); return 0, nil }).
			Fallback("spare", func(context.Context, int, error) (int, error) { asked = true; return 0, nil })

		value, returned := catch(func() { _, _ = command.Do(t.Context(), 1) })
		require.False(t, returned)
		require.False(t, asked, "a panic is no case for a fallback")
		if isolation == quill.Pool {
			requireOurPanic(t, value)
		} else {
			require.Equal(t, errMine, value, "on the caller's own goroutine it is untouched")
		}
		s := c.Stats()
		require.Equal(t, quill.Counts{Failure: 1}, s.Total)
		require.Equal(t, uint64(1), s.Health.Errors)
		require.Equal(t, uint64(1), s.Panics)
		require.Equal(t, 1, d.len())
		require.Equal(t, quill.Failure, d.last(t).Outcome)
		require.Error(t, d.last(t).Err)
		requireNothingHeld(t, c)
	})
}

func TestPanicKeepsItsStackWhereNobodyRecovers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore})
		var stack []byte
		_, _ = catch(func() {
			defer func() { // runs before the goroutine unwinds past it, as a crash report would
				stack = make([]byte, 1<<16)
				stack = stack[:runtime.Stack(stack, false)]
			}()
			_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { bang(); return 0, nil })
		})
		require.Contains(t, string(stack), "quill_test.bang", "nothing recovered and panicked anew")
	})
}

func TestGoexitInRunIsAFailure(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
		command := quill.Bind(c, func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil })

		var err error
		value, returned := catch(func() { _, err = command.Do(t.Context(), 1) })
		require.Nil(t, value)
		require.Equal(t, isolation == quill.Pool, returned, "on the caller's goroutine it ends that")
		if returned {
			require.ErrorIs(t, err, quill.ErrGoexit)
			require.Equal(t, "dep", asError(t, err).Command)
			require.Equal(t, quill.Failure, asError(t, err).Outcome)
		}
		s := c.Stats()
		require.Equal(t, quill.Counts{Failure: 1}, s.Total)
		require.Equal(t, uint64(1), s.Health.Errors)
		require.Equal(t, uint64(1), s.Panics)
		require.Equal(t, quill.Failure, d.last(t).Outcome)
		require.Equal(t, 1, d.len())
		requireNothingHeld(t, c)
	})
}

func TestGoexitOnAWorkerGetsTheFallback(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		command := quill.Bind(c, func(context.Context, int) (int, error) { runtime.Goexit(); return 0, nil }).OrElse(7)
		a, err := command.Answer(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, 7, a.Value)
		require.ErrorIs(t, a.Cause, quill.ErrGoexit)
	})
}

func TestOnlyPanicsOpenTheCircuitToo(t *testing.T) {
	for name, end := range map[string]func(){"panic": bang, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation})
				runs := 0
				for range 100 {
					_, _ = catch(func() {
						_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { runs++; end(); return 0, nil })
					})
				}
				require.Equal(t, 20, runs)
				require.Equal(t, quill.Open, c.State())
				requireNothingHeld(t, c)
			})
		})
	}
}

func TestPanicInAProbeReopensAndFreesItsPlace(t *testing.T) {
	for name, end := range map[string]func(){"panic": bang, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation})
				openUp(t, c)
				for range 3 {
					pass(5 * time.Second)
					_, _ = catch(func() {
						_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { end(); return 0, nil })
					})
					require.Equal(t, quill.Open, c.State())
					require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
				}
				pass(5 * time.Second)
				require.NoError(t, call(t, c, nil))
				require.Equal(t, quill.Closed, c.State())
				requireNothingHeld(t, c)
			})
		})
	}
}

func TestPanicInTheClassifierIsAFailure(t *testing.T) {
	for name, end := range map[string]func(){"panic": bang, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				var d diary
				c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks(),
					quill.WithClassifier(func(error) quill.Verdict { end(); return quill.CountIgnored }))
				value, returned := catch(func() { _ = call(t, c, errSick) })
				require.False(t, returned)
				if name == "panic" {
					require.Equal(t, errMine, value, "the classifier runs on the caller's goroutine")
				}
				s := c.Stats()
				require.Equal(t, quill.Counts{Failure: 1}, s.Total)
				require.Equal(t, uint64(1), s.Panics)
				require.Equal(t, 1, d.len())
				require.Equal(t, errSick, d.last(t).Err)
				requireNothingHeld(t, c)

				k, err := c.Begin(t.Context())
				require.NoError(t, err)
				_, returned = catch(func() { _, _ = k.End(errSick) })
				require.False(t, returned)
				o, err := k.End(nil)
				require.Equal(t, quill.Failure, o, "the first End counted")
				require.Equal(t, errSick, err)
				require.Equal(t, quill.Counts{Failure: 2}, c.Stats().Total)
				requireNothingHeld(t, c)
			})
		})
	}
}

func TestPanicInAFallbackIsCountedAndReachesTheCaller(t *testing.T) {
	for name, end := range map[string]func(){"panic": bang, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				var d diary
				c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
				command := quill.Bind(c, func(context.Context, int) (int, error) { return 0, errSick }).
					Fallback("spare", func(context.Context, int, error) (int, error) { end(); return 0, nil }).
					OrElse(7)
				value, returned := catch(func() { _, _ = command.Do(t.Context(), 1) })
				require.False(t, returned)
				if name == "panic" {
					require.Equal(t, errMine, value)
				}
				s := c.Stats()
				require.Equal(t, quill.Counts{Failure: 1}, s.Total, "once, as what run did")
				require.Equal(t, uint64(1), s.Panics)
				require.Equal(t, []quill.StepStats{{Step: "spare", Failed: 1}, {Step: "default"}}, s.Fallbacks)
				require.Equal(t, 1, d.len())
				require.Empty(t, d.last(t).Step)
				requireNothingHeld(t, c)
			})
		})
	}
}

func TestPanicInOnCallHarmsNobodyElse(t *testing.T) {
	for name, end := range map[string]func(){"panic": bang, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				var d diary
				c := newTestCircuit(t, quill.Settings{Isolation: isolation},
					quill.WithHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) { end() }}), d.hooks())
				value, returned := catch(func() { _ = call(t, c, nil) })
				require.False(t, returned)
				if name == "panic" {
					require.Equal(t, errMine, value)
				}
				s := c.Stats()
				require.Equal(t, quill.Counts{Success: 1}, s.Total)
				require.Equal(t, uint64(1), s.HookPanics)
				require.Zero(t, s.Panics)
				require.Equal(t, uint64(1), s.TotalWhole.Count())
				require.Equal(t, 1, d.len(), "the next hook is called all the same")
				requireNothingHeld(t, c)

				require.NoError(t, c.Override(quill.ForceOpen, 0, ""))
				_, returned = catch(func() { _, _ = c.Begin(t.Context()) })
				require.False(t, returned)
				require.Equal(t, 2, d.len())
			})
		})
	}
}

func TestPanicOfAbandonedWorkGoesToOnPanic(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{
			OnPanic: func(*quill.PanicError) { panic("and a panic of its own") },
		}), d.hooks())
		_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) {
			pass(3 * time.Second)
			bang()
			return 0, nil
		})
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.Equal(t, 1, c.Stats().Abandoned)
		pass(2*time.Second + 1)
		d.mu.Lock()
		defer d.mu.Unlock()
		require.Len(t, d.panics, 1, "told although the hook before it panicked")
		requireOurPanic(t, d.panics[0])
		require.Equal(t, quill.Counts{Timeout: 1}, c.Stats().Total, "the call was over: its outcome stays")
		require.Equal(t, uint64(1), c.Stats().Panics)
		requireNothingHeld(t, c)
	})
}

func TestPanicThroughTwoPoolsKeepsTheFirstStack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		inner := newTestCircuit(t, quill.Settings{})
		outer := quill.NewCircuit("outer", quill.WithRegistry(quill.NewRegistry()))
		value, _ := catch(func() {
			_, _ = quill.Do(t.Context(), outer, func(ctx context.Context) (int, error) {
				return quill.Do(ctx, inner, func(context.Context) (int, error) { bang(); return 0, nil })
			})
		})
		requireOurPanic(t, value)
		require.Equal(t, uint64(1), inner.Stats().Total.Failure)
		require.Equal(t, uint64(1), outer.Stats().Total.Failure)
	})
}

func TestPanicErrorOfAValueThatIsNoErrorUnwrapsToNothing(t *testing.T) {
	require.NoError(t, (&quill.PanicError{Value: "text"}).Unwrap())
}

func TestContextThatPanicsIsNoCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		_, returned := catch(func() { _, _ = quill.Do(nil, c, func(context.Context) (int, error) { return 0, nil }) }) //nolint:staticcheck // a nil context is the point
		require.False(t, returned)
		require.Zero(t, c.Stats().Total.Total())
		require.Zero(t, d.len())
		requireNothingHeld(t, c)
	})
}
