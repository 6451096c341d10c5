package quill_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestOnCallTellsHowTheCallWent(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
		_, err := quill.Bind(c, func(context.Context, string) (string, error) {
			pass(300 * time.Millisecond)
			return "", quill.RetryAfter(errSick, time.Minute)
		}).Fallback("first", func(context.Context, string, error) (string, error) {
			pass(200 * time.Millisecond)
			return "", errSpare
		}).Fallback("second", answers("x")).Do(t.Context(), "550")
		require.NoError(t, err)
		require.Equal(t, quill.CallEvent{
			Command: "dep", Outcome: quill.Failure, Err: quill.RetryAfter(errSick, time.Minute),
			Execute: 300 * time.Millisecond, Total: 500 * time.Millisecond,
			Step: "second", Steps: []quill.StepError{{Step: "first", Err: errSpare}},
		}, d.last(t))
	})
}

func TestHooksSeeEverythingSettledAndMayUseTheCircuit(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var c *quill.Circuit
		depth := 0
		c = newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1}, quill.WithHooks(quill.Hooks{
			OnCall: func(ctx context.Context, e quill.CallEvent) {
				require.Zero(t, c.Stats().InFlight)
				require.Equal(t, uint64(1), c.Stats().Total.Of(e.Outcome))
				if depth++; depth == 1 {
					_, err := quill.Do(ctx, c, func(context.Context) (int, error) { return 0, errSick })
					require.Equal(t, errSick, err, "the only slot is free again")
				}
			},
			OnTransition: func(quill.Transition) {
				_ = c.Stats()
				c.Reset()
				_ = c.Configure(quill.Settings{Isolation: isolation})
				_ = c.Override(quill.NoOverride, 0, "")
			},
		}))
		require.NoError(t, call(t, c, nil))
		require.Equal(t, 2, depth)
	})
}

func TestHooksOfATransitionMayUseTheCircuit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var c *quill.Circuit
		var seen []quill.State
		c = newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{OnTransition: func(e quill.Transition) {
			seen = append(seen, c.State())
			if e.To == quill.Open {
				c.Reset()
				_ = call(t, c, nil)
			}
		}}))
		calls(t, c, 20, errSick)
		synctest.Wait()
		require.Equal(t, []quill.State{quill.Open, quill.Closed}, seen)
	})
}

func TestSlowOnTransitionDelaysNoCall(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var told []string
		c := newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{OnTransition: func(e quill.Transition) {
			pass(time.Minute)
			told = append(told, e.Reason)
		}}))
		start := time.Now()
		openUp(t, c)
		for range 10 {
			c.Reset()
			_ = call(t, c, nil)
		}
		require.Zero(t, time.Since(start))
		pass(time.Hour)
		synctest.Wait()
		require.Len(t, told, 11)
		require.Contains(t, told[0], "opened for 5s")
	})
}

func TestNotificationsBeyondTheQueueAreDroppedAndCountedButNeverTheLast(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		block := make(chan struct{})
		var told []quill.Override
		c := newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{OnTransition: func(e quill.Transition) {
			<-block
			told = append(told, e.Override)
		}}))
		overrides := []quill.Override{quill.ForceOpen, quill.ForceClosed}
		require.NoError(t, c.Override(quill.Disabled, 0, "the one being told"))
		synctest.Wait()
		for n := range quill.MostPending + 50 {
			require.NoError(t, c.Override(overrides[n%2], 0, ""))
		}
		require.NoError(t, c.Override(quill.Disabled, 0, "the last one"))
		require.Equal(t, uint64(51), c.Stats().NotificationsDropped)
		close(block)
		synctest.Wait()
		require.Len(t, told, 1+quill.MostPending)
		require.Equal(t, quill.Disabled, told[quill.MostPending])
		for n := range quill.MostPending - 1 {
			require.Equal(t, overrides[n%2], told[1+n], "in order")
		}
	})
}

func TestOnTransitionThatPanicsOrExitsLosesOneCallOnly(t *testing.T) {
	for name, end := range map[string]func(){"panic": bang, "goexit": runtime.Goexit} {
		bubble(t, name, func(t *testing.T) {
			var d diary
			c := newTestCircuit(t, quill.Settings{},
				quill.WithHooks(quill.Hooks{}),
				quill.WithHooks(quill.Hooks{OnTransition: func(quill.Transition) { end() }}), d.hooks())
			openUp(t, c)
			c.Reset()
			require.Len(t, d.reasons(), 2, "the next hook and the next notification are as they were")
			require.Equal(t, uint64(2), c.Stats().HookPanics)
			require.NoError(t, call(t, c, nil))
			require.Equal(t, name == "panic", len(d.panics) == 2)
			for _, p := range d.panics {
				requireOurPanic(t, p)
			}
		})
	}
}

func TestTransitionsAreToldOnceInOrderAndAlternate(t *testing.T) {
	var mu sync.Mutex
	var told []quill.Transition
	c := newTestCircuit(t, quill.Settings{ // real goroutines, real time
		Isolation: quill.Semaphore, MaxConcurrent: quill.Unlimited, SleepWindow: time.Millisecond, RequestVolumeThreshold: 3, ErrorPercentThreshold: 10,
	}, quill.WithHooks(quill.Hooks{OnTransition: func(e quill.Transition) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, e)
	}}))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				var err error
				if (n/100+g)%3 == 0 {
					err = errSick
				}
				_ = call(t, c, err)
			}
		})
	}
	wg.Wait()
	last := c.Stats().LastTransition
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(told) > 0 && told[len(told)-1] == last
	}, 5*time.Second, time.Millisecond)
	at := quill.Closed
	for _, e := range told {
		require.Equal(t, at, e.From, "each begins where the last one ended")
		require.NotEqual(t, e.From, e.To)
		require.False(t, e.From == quill.Closed && e.To == quill.HalfOpen)
		require.False(t, e.From == quill.Open && e.To == quill.Closed)
		at = e.To
	}
}

func TestWithoutHooksNothingIsDelivered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) {}}))
		const times = 100
		more := 0
		for n := range times {
			synctest.Wait() // until none delivers any more
			before := runtime.NumGoroutine()
			require.NoError(t, c.Override(quill.Override(n%2), 0, ""))
			if runtime.NumGoroutine() > before {
				more++
			}
		}
		require.Less(t, more, times/2, "now and then there may be one of the runtime's own")
		require.Zero(t, c.Stats().NotificationsDropped)
	})
}
