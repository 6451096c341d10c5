package regressions_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/lastgood"
)

// TestB40OneAnswer (virtual time and real)
//
// S: a command with a fallback.
// T: run succeeds or fails at the instant of the timeout, just before or just after: 100,000
// calls.
// C: each call has one answer, run's or one fallback's; the outcome that is counted and told
// is the one that the caller got; and a fallback never runs after a success.
//
// Source: hystrix-go#29, #42, #43; circuit 4333a6a.
func TestB40OneAnswer(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		s.Timeout = 10 * time.Millisecond
		rounds := 250 // twice: 100,000 calls
		if raceDetector {
			rounds = 25
		}
		answerAroundTimeout(t, s, rounds, func(i int) time.Duration {
			return s.Timeout + time.Duration(i%5-3)
		})
		time.Sleep(time.Second) // the last to be late
	})
	t.Run("real", func(t *testing.T) {
		s := quill.Settings{Timeout: 5 * time.Millisecond}
		answerAroundTimeout(t, s, 10, func(i int) time.Duration {
			return s.Timeout * time.Duration(i%9) / 4
		})
	})
}

// answerAroundTimeout makes rounds of 200 calls that take so long, and proves that each
// got one answer.
func answerAroundTimeout(t *testing.T, s quill.Settings, rounds int, takes func(i int) time.Duration) {
	t.Helper()
	const callers = 200
	s.MaxConcurrent, s.MaxConcurrentFallbacks = quill.Unlimited, quill.Unlimited
	s.RequestVolumeThreshold = 1_000_000_000
	var told, got [3]atomic.Int64 // by outcome
	c := newCircuit(t, s, quill.WithHooks(quill.Hooks{OnCall: func(_ context.Context, e quill.CallEvent) {
		told[e.Outcome].Add(1)
	}}))
	var asked atomic.Int64
	get := quill.Bind(c, func(_ context.Context, i int) (string, error) {
		time.Sleep(takes(i))
		if i%2 == 0 {
			return "run", nil
		}
		return "", errDown
	}).Fallback("second", func(context.Context, int, error) (string, error) {
		asked.Add(1)
		return "fallback", nil
	})
	for range rounds {
		together(callers, func(i int) {
			a, err := get.Answer(context.Background(), i)
			fits := err == nil &&
				(a.Outcome == quill.Success && a.Value == "run" && a.Step == "" && i%2 == 0 ||
					a.Outcome == quill.Failure && a.Value == "fallback" && i%2 == 1 ||
					a.Outcome == quill.Timeout && a.Value == "fallback" && errors.Is(a.Cause, quill.ErrTimeout))
			if !fits {
				t.Errorf("%+v, %v", a, err)
			}
			got[a.Outcome].Add(1)
		})
	}
	stats := c.Stats()
	require.EqualValues(t, rounds*callers, stats.Total.Total())
	for _, o := range []quill.Outcome{quill.Success, quill.Failure, quill.Timeout} {
		require.Positive(t, told[o].Load(), "%s: nothing was proved", o)
		require.EqualValues(t, stats.Total.Of(o), told[o].Load(), o)
		require.EqualValues(t, stats.Total.Of(o), got[o].Load(), o)
	}
	require.EqualValues(t, stats.Total.Total()-stats.Total.Success, asked.Load())
	require.EqualValues(t, asked.Load(), stats.Fallbacks[0].Answered)
}

// TestB41FallbackSaturation
//
// S: the dependency is down; 3,000 calls a second; the fallback takes 50ms, and ten may run.
// T: one second of that; then a fallback that does not return; then a fallback that fails.
// C: never more than ten run. One that is not tried is told as such, counted once and not as
// failed; the cause shows all the same. OrElse answers whatever the limit. FallbackTimeout
// ends what hangs. The cause is never hidden by the fallback's own error.
//
// Source: Hystrix#685, #687, #796, #1230, #1313, #1357, #2019.
func TestB41FallbackSaturation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{
			Isolation: quill.Semaphore, MaxConcurrent: quill.Unlimited, RequestVolumeThreshold: 1_000_000,
		})
		var running, most, refused, answered atomic.Int64
		get := quill.Bind(c, func(context.Context, int) (string, error) { return "", errDown }).
			Fallback("slow", func(context.Context, int, error) (string, error) {
				n := running.Add(1)
				defer running.Add(-1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(50 * time.Millisecond)
				return "slow", nil
			})
		safe := get.OrElse("default")
		const calls = 3000
		for i := range calls {
			go func() {
				_, err := get.Do(context.Background(), i)
				switch {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, quill.ErrFallbackFull) && errors.Is(err, errDown):
					refused.Add(1)
				default:
					t.Errorf("%v", err)
				}
				if v, err := safe.Do(context.Background(), i); err != nil || v != "slow" && v != "default" {
					t.Errorf("%q, %v", v, err)
				}
			}()
			time.Sleep(time.Second / calls)
		}
		time.Sleep(time.Second)
		stats := c.Stats()
		require.EqualValues(t, 10, most.Load())
		require.EqualValues(t, calls, answered.Load()+refused.Load())
		require.Positive(t, refused.Load())
		require.Equal(t, "slow", stats.Fallbacks[0].Step)
		require.EqualValues(t, 2*calls, stats.Fallbacks[0].Answered+stats.Fallbacks[0].Rejected)
		require.Zero(t, stats.Fallbacks[0].Failed)
		require.Zero(t, stats.FallbacksInFlight)
		require.EqualValues(t, 2*calls, stats.Total.Failure)
		require.Zero(t, stats.Total.Rejected, "the bulkhead was never full")
	})
	synctest.Test(t, func(t *testing.T) {
		errSecond := errors.New("the second is down as well")
		c := newCircuit(t, quill.Settings{FallbackTimeout: time.Second})
		get := quill.Bind(c, func(context.Context, int) (string, error) { return "", errDown }).
			Fallback("hangs", func(ctx context.Context, _ int, cause error) (string, error) {
				require.ErrorIs(t, cause, errDown)
				<-ctx.Done()
				return "", ctx.Err()
			}).
			Fallback("fails", func(context.Context, int, error) (string, error) { return "", errSecond })
		began := time.Now()
		_, err := get.Do(t.Context(), 1)
		require.Equal(t, time.Second, time.Since(began))
		require.ErrorIs(t, err, errDown)
		require.ErrorIs(t, err, errSecond)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		whole, is := errors.AsType[*quill.Error](err)
		require.True(t, is)
		require.Equal(t, errDown, whole.Cause)
		require.Len(t, whole.Steps, 2)
	})
}

// TestB44RejectionsAsEvidence
//
// S: the bulkhead is full for ten seconds; the dependency is well.
// T: callers keep coming.
// C: with IgnoreRejected the breaker stays closed; by default it opens, as Hystrix does.
//
// Source: resilience4j#989, #1656, #1657.
func TestB44RejectionsAsEvidence(t *testing.T) {
	for ignore, want := range map[bool]quill.State{true: quill.Closed, false: quill.Open} {
		t.Run(fmt.Sprint("IgnoreRejected ", ignore), func(t *testing.T) {
			eachIsolation(t, func(t *testing.T, s quill.Settings) {
				s.MaxConcurrent, s.IgnoreRejected, s.SleepWindow, s.Timeout = 1, ignore, time.Minute, quill.NoTimeout
				c := newCircuit(t, s)
				holder := begin(t, c)
				for range 100 {
					require.Error(t, call(c, ok))
					time.Sleep(100 * time.Millisecond)
				}
				require.Equal(t, want, c.State())
				require.Equal(t, ignore, c.Stats().Total.ShortCircuited == 0)
				if ignore {
					require.EqualValues(t, 100, c.Stats().Total.Rejected)
					require.Zero(t, c.Stats().Health, "seen, and no evidence")
					holder.End(nil)
					require.NoError(t, call(c, ok))
				}
			})
		})
	}
}

// TestB49LastAnswers
//
// S: the store of last answers. (A request cache is not built; what spoils one would spoil
// this too.)
// T: (a) run fails, panics, is ignored, or a fallback answers; (b) the request has no scope:
// its key is ""; (c) 100,000 different requests.
// C: (a) only answers of run are kept; (b) nothing is kept or served; (c) the size is
// bounded. An answer that is served says that it is stale, and how old it is.
//
// Source: Hystrix#95, #320, #995, #1093; opossum#30, #877, #896; dataloader#86.
func TestB49LastAnswers(t *testing.T) {
	type scope struct{}
	key := func(ctx context.Context, id string) string {
		who, scoped := ctx.Value(scope{}).(string)
		if !scoped {
			return ""
		}
		return lastgood.Key(who, id)
	}
	synctest.Test(t, func(t *testing.T) {
		store := lastgood.NewKeyed[string, string](lastgood.Settings{MaxEntries: 100}, key)
		how := "well"
		get := quill.Bind(newCircuit(t, quill.Settings{RequestVolumeThreshold: 1_000_000_000}),
			func(_ context.Context, id string) (string, error) {
				switch how {
				case "down":
					return "half an answer", errDown
				case "wrong":
					return "half an answer", quill.Ignore(errRequest)
				case "panic":
					panic("out of luck")
				}
				return "answer to " + id, nil
			}).FallbackLast(store).OrElse("default")
		ctx := context.WithValue(t.Context(), scope{}, "Ada")
		for _, how = range []string{"down", "wrong", "panic"} { // (a)
			_, _ = caught(func() { _, _ = get.Do(ctx, "1") })
			require.Zero(t, store.Len(), how)
		}
		how = "well"
		v, err := get.Do(ctx, "1")
		require.NoError(t, err)
		require.Equal(t, "answer to 1", v)
		time.Sleep(time.Minute)
		how = "down"
		a, err := get.Answer(ctx, "1")
		require.NoError(t, err)
		require.Equal(t, "answer to 1", a.Value)
		require.True(t, a.Stale)
		require.Equal(t, time.Minute, a.Age)
		require.ErrorIs(t, a.Cause, errDown)

		for _, other := range []context.Context{t.Context(), context.WithValue(t.Context(), scope{}, "Bob")} { // (b)
			how = "down"
			v, err = get.Do(other, "1")
			require.NoError(t, err)
			require.Equal(t, "default", v)
		}
		how = "well"
		_, err = get.Do(t.Context(), "2")
		require.NoError(t, err)
		require.Equal(t, 1, store.Len())

		requests := 100_000 // (c)
		if raceDetector {
			requests = 10_000
		}
		for range requests {
			require.NoError(t, store.Save(ctx, fmt.Sprint(rand.Uint64()), "answer"))
		}
		require.LessOrEqual(t, store.Len(), 100)
	})
}
