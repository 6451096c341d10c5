package quill_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// These tests look at the breaker where it is at work: in a circuit, on what its window holds.

func TestC02VolumeAndRateOpenAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		calls(t, c, 10, nil)
		calls(t, c, 9, errSick)
		require.Equal(t, quill.Closed, c.State(), "19 calls are too few")
		calls(t, c, 1, errSick)
		require.Equal(t, quill.Open, c.State(), "10 of 20, by the very call")
		require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
	})
}

func TestC02NineteenFailuresOfNineteenStayClosed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		calls(t, c, 19, errSick)
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestSuccessThatCompletesTheVolumeOpens(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		calls(t, c, 19, errSick)
		require.NoError(t, call(t, c, nil))
		require.Equal(t, quill.Open, c.State(), "19 of 20 failed, whatever the last one did")

		d := newTestCircuit(t, quill.Settings{})
		calls(t, d, 10, errSick)
		calls(t, d, 9, nil)
		require.Equal(t, quill.Closed, d.State())
		calls(t, d, 1, nil)
		require.Equal(t, quill.Open, d.State(), "10 of 20")
	})
}

func TestThresholdsAreExact(t *testing.T) {
	for _, tc := range []struct {
		name        string
		percent     float64
		calls, errs int
		want        quill.State
	}{
		{"99 of 199 are not half", 50, 199, 99, quill.Closed},
		{"100 of 200 are", 50, 200, 100, quill.Open},
		{"57 of 100 reach 57", 57, 100, 57, quill.Open},
		{"56 of 100 do not", 57, 100, 56, quill.Closed},
		{"6 of 10,000 do not reach 0.07", 0.07, 10_000, 6, quill.Closed},
		{"7 of 10,000 do", 0.07, 10_000, 7, quill.Open},
		{"999 of 1,000 do not reach 100", 100, 1000, 999, quill.Closed},
		{"1,000 of 1,000 do", 100, 1000, 1000, quill.Open},
	} {
		bubble(t, tc.name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{
				Isolation: quill.Semaphore, ErrorPercentThreshold: tc.percent, RequestVolumeThreshold: tc.calls,
			})
			calls(t, c, tc.calls-tc.errs, nil)
			calls(t, c, tc.errs, errSick)
			require.Equal(t, tc.want, c.State())
			h := c.Stats().Health
			require.Equal(t, uint64(tc.calls), h.Requests)
			require.Equal(t, tc.want == quill.Open, h.ErrorPercent >= tc.percent, "what is shown agrees: %v", h)
		})
	}
}

func TestOldSuccessesExpireAndTheNextResultIsJudged(t *testing.T) {
	for name, next := range map[string]error{"a success": nil, "a failure": errSick} {
		bubble(t, name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{})
			calls(t, c, 100, nil)
			pass(5 * time.Second)
			calls(t, c, 60, errSick)
			require.Equal(t, quill.Closed, c.State(), "60 of 160")
			pass(5 * time.Second)
			require.Equal(t, quill.Closed, c.State(), "reading moves nothing")
			require.Equal(t, quill.Health{Requests: 60, Errors: 60, ErrorPercent: 100}, c.Stats().Health)
			_ = call(t, c, next)
			require.Equal(t, quill.Open, c.State(), "60 of 61")
		})
	}
}

func TestCallThatSaysNothingDoesNotHideThatSuccessesExpired(t *testing.T) {
	for name, silent := range map[string]func(t *testing.T, c *quill.Circuit){
		"ignored": func(t *testing.T, c *quill.Circuit) { _ = call(t, c, quill.Ignore(errMine)) },
		"canceled": func(t *testing.T, c *quill.Circuit) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, _ = c.Begin(ctx)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{})
			calls(t, c, 100, nil)
			pass(5 * time.Second)
			calls(t, c, 60, errSick)
			pass(5 * time.Second)
			silent(t, c)
			require.Equal(t, quill.Closed, c.State())
			require.NoError(t, call(t, c, nil))
			require.Equal(t, quill.Open, c.State(), "60 of 61, seen by the first result that says something")
		})
	}
}

func TestErrorsExpireBucketByBucket(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		for range 10 {
			calls(t, c, 1, errSick)
			pass(time.Second)
		}
		for left := 9; left >= 0; left-- {
			require.Equal(t, uint64(left), c.Stats().Health.Errors)
			require.Equal(t, uint64(left), c.Stats().Window.Failure)
			pass(time.Second)
		}
		require.Equal(t, uint64(10), c.Stats().Total.Failure)
	})
}

func TestWindowIsFreshAfterTheCircuitCloses(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		for _, s := range []quill.Settings{
			{Isolation: isolation},
			{Isolation: isolation, RollingCalls: 20},
			{Isolation: isolation, RollingWindow: time.Hour},
		} {
			c := newTestCircuit(t, s)
			openUp(t, c)
			pass(5 * time.Second)
			require.NoError(t, call(t, c, nil))
			require.Equal(t, quill.Closed, c.State())
			require.Equal(t, quill.Health{Requests: 1}, c.Stats().Health, "the probe alone")
			calls(t, c, 18, errSick)
			require.Equal(t, quill.Closed, c.State(), "19 calls are too few, the old ones do not count")
			calls(t, c, 1, errSick)
			require.Equal(t, quill.Open, c.State())
			require.Equal(t, uint64(39), c.Stats().Total.Failure)
		}
	})
}

func TestRefusalsAndSilentCallsAreNoEvidence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		calls(t, c, 19, errSick)
		calls(t, c, 100, quill.Ignore(errMine))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 100 {
			_, _ = c.Begin(ctx)
		}
		require.Equal(t, quill.Closed, c.State())
		require.Equal(t, uint64(19), c.Stats().Health.Requests)
		calls(t, c, 1, errSick)
		calls(t, c, 1000, nil)
		require.Equal(t, uint64(1000), c.Stats().Total.ShortCircuited)
		require.Equal(t, uint64(20), c.Stats().Health.Requests)
	})
}

func TestRejectionsOpenUnlessSetOff(t *testing.T) {
	for _, off := range []bool{false, true} {
		bubble(t, map[bool]string{false: "default", true: "set off"}[off], func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, IgnoreRejected: off})
			full(t, c)
			calls(t, c, 20, nil)
			require.Equal(t, uint64(20), c.Stats().Total.Rejected)
			require.Equal(t, off, c.State() == quill.Closed)
		})
	}
}

func TestSlowSuccessesOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, SlowCallDuration: 200 * time.Millisecond}, d.hooks())
		slowly := func(took time.Duration) {
			_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { pass(took); return 0, nil })
			require.NoError(t, err)
		}
		for range 10 {
			slowly(200*time.Millisecond - 1)
		}
		for range 9 {
			slowly(200 * time.Millisecond)
		}
		require.Equal(t, uint64(9), c.Stats().Health.Slow)
		require.Equal(t, quill.Closed, c.State())
		slowly(200 * time.Millisecond)
		require.Equal(t, quill.Open, c.State())
		require.Equal(t, quill.Counts{Success: 20}, c.Stats().Total)
		require.Equal(t, []string{
			"opened for 5s: 10 of 20 calls took 200ms or longer (50 %, threshold 50 %) in the last 10s",
		}, d.reasons())

		pass(5 * time.Second)
		slowly(200 * time.Millisecond)
		require.Equal(t, quill.Open, c.State(), "a slow probe is no cure")
		require.Contains(t, d.reasons()[2], "opened again for 5s: a probe succeeded, but was slow")
		pass(5 * time.Second)
		slowly(time.Millisecond)
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestFastSuccessThatCompletesTheVolumeOpensForSlowOnes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{SlowCallDuration: 100 * time.Millisecond})
		for range 19 {
			_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { pass(100 * time.Millisecond); return 0, nil })
		}
		require.Equal(t, quill.Closed, c.State())
		require.NoError(t, call(t, c, nil))
		require.Equal(t, quill.Open, c.State())
	})
}

func TestSlowCallsOpenAlsoWhenTheVolumeIsLongReached(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{SlowCallDuration: time.Millisecond})
		calls(t, c, 100, nil)
		for slow := range uint64(100) {
			require.Equal(t, quill.Closed, c.State())
			require.Equal(t, slow, c.Stats().Health.Slow)
			_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { pass(time.Millisecond); return 0, nil })
			require.NoError(t, err)
		}
		require.Equal(t, quill.Open, c.State(), "100 of 200")
	})
}

func TestSlowCallsAmongTheLastOpen(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RollingCalls: 4, SlowCallDuration: 100 * time.Millisecond})
		for n := range 4 {
			require.Equal(t, quill.Closed, c.State())
			_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) {
				pass(time.Duration(n%2) * 100 * time.Millisecond)
				return 0, nil
			})
			require.NoError(t, err)
			pass(time.Hour)
		}
		require.Equal(t, quill.Open, c.State(), "two of the last four, though hours apart")
		require.Equal(t, quill.Health{Requests: 4, Slow: 2, SlowPercent: 50}, c.Stats().Health)
	})
}

func TestTimeInTheQueueDoesNotMakeACallSlow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, QueueSize: 1, SlowCallDuration: 100 * time.Millisecond})
		fullFor(500*time.Millisecond)(t, c)
		require.NoError(t, call(t, c, nil))
		s := c.Stats()
		require.Zero(t, s.Health.Slow)
		require.Zero(t, s.Execution.Sum())
		require.Equal(t, 500*time.Millisecond, s.Whole.Sum())
	})
}

func TestTheLastCallsDecideHoweverLongAgo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{RollingCalls: 10}, d.hooks())
		calls(t, c, 6, nil)
		calls(t, c, 4, errSick)
		require.Equal(t, quill.Closed, c.State())
		pass(24 * time.Hour)
		require.Equal(t, quill.Health{Requests: 10, Errors: 4, ErrorPercent: 40}, c.Stats().Health)
		require.Zero(t, c.Stats().Window.Total(), "statistics keep to the time")
		calls(t, c, 5, nil)
		require.Equal(t, quill.Closed, c.State())
		calls(t, c, 1, errSick)
		require.Equal(t, quill.Open, c.State(), "5 of the last 10")
		require.Equal(t, []string{
			"opened for 5s: 5 of 10 calls failed (50 %, threshold 50 %) in the last 10 calls",
		}, d.reasons())
	})
}

func TestTheLastCallsForgetTheOldest(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RollingCalls: 4})
		calls(t, c, 1, errSick)
		calls(t, c, 4, nil)
		require.Equal(t, quill.Health{Requests: 4}, c.Stats().Health)
		calls(t, c, 1, errSick)
		calls(t, c, 2, nil)
		calls(t, c, 1, errSick)
		require.Equal(t, quill.Open, c.State())
	})
}

func TestResultsOfAnEarlierEpochChangeNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, Timeout: quill.NoTimeout, MaxConcurrent: 100}, d.hooks())
		begin := func() *quill.Call {
			k, err := c.Begin(t.Context())
			require.NoError(t, err)
			return k
		}
		good, bad, later := begin(), begin(), begin()
		openUp(t, c)
		_, _ = good.End(nil)
		_, _ = bad.End(errSick)
		require.Equal(t, quill.Open, c.State())
		require.True(t, d.last(t).Late)
		require.Equal(t, uint64(2), c.Stats().LateResults)
		require.Equal(t, uint64(20), c.Stats().Health.Requests, "they are counted, but not as evidence")
		require.Equal(t, uint64(21), c.Stats().Window.Failure)
		pass(5 * time.Second)
		probe := begin()
		_, _ = later.End(nil)
		require.Equal(t, quill.HalfOpen, c.State())
		_, _ = probe.End(nil)
		require.True(t, d.last(t).Probe)
		require.False(t, d.last(t).Late)
		require.Equal(t, quill.Closed, c.State())
		require.Len(t, d.reasons(), 3)
	})
}

func TestHintOfTheFailureThatOpensLengthensTheSleepWindow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		calls(t, c, 19, errSick)
		calls(t, c, 1, quill.RetryAfter(errSick, time.Minute))
		err := asError(t, call(t, c, nil))
		require.Equal(t, time.Minute, err.RetryAfter)
		require.Equal(t, time.Minute, c.Stats().RetryAfter)
		require.Equal(t, "quill: dep: circuit open (opened for 1m0s: 20 of 20 calls failed "+
			"(100 %, threshold 50 %) in the last 10s), retry after 1m0s", err.Error())
		pass(time.Minute)
		require.Zero(t, c.Stats().RetryAfter)
		require.NoError(t, call(t, c, nil))
	})
}

func TestSleepWindowGrowsAndIsJittered(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxSleepWindow: 12 * time.Second, SleepWindowJitter: 10})
		openUp(t, c)
		distinct := map[time.Duration]bool{}
		for _, want := range []time.Duration{5 * time.Second, 10 * time.Second, 12 * time.Second, 12 * time.Second} {
			left := c.Stats().RetryAfter
			require.GreaterOrEqual(t, left, want)
			require.LessOrEqual(t, left, want+want/10)
			distinct[left-want] = true
			pass(left)
			_ = call(t, c, errSick)
		}
		require.Greater(t, len(distinct), 1, "drawn anew each time")
	})
}

// TestAValueAnswersOnlyWhileTheCircuitIsOpen: with a value for a fallback an open circuit needs
// few steps to refuse a call, and no other circuit takes them.
func TestAValueAnswersOnlyWhileTheCircuitIsOpen(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		for _, listening := range []bool{false, true} {
			var d diary
			opts := []quill.Option{quill.Settings{Isolation: isolation}, quill.WithRegistry(quill.NewRegistry())}
			if listening {
				opts = append(opts, d.hooks())
			}
			command := quill.New("dep", func(context.Context, struct{}) (int, error) { return 1, nil }, opts...).OrElse(2)
			c := command.Circuit()
			answers := func(n, want int) {
				for range n {
					v, err := command.Do(t.Context(), struct{}{})
					require.NoError(t, err)
					require.Equal(t, want, v)
				}
			}
			answers(1, 1)
			openUp(t, c)
			refused, told := c.Stats().Total.ShortCircuited, len(d.calls)
			answers(3, 2)
			require.Equal(t, refused+3, c.Stats().Total.ShortCircuited)
			if listening {
				require.Len(t, d.calls, told+3)
			}
			require.NoError(t, c.Override(quill.ForceClosed, time.Second, "a test"))
			answers(3, 1)
			require.NoError(t, c.Override(quill.NoOverride, 0, "the test is over"))
			answers(3, 2)
			c.TakeBack()
			answers(1, 1) // its result opens the circuit again
		}
	})
}

// TestAValueAnswersUntilTheSleepWindowEndsAndIsCountedInItsBucket: to the nanosecond, and a
// caller who has left is none that was refused.
func TestAValueAnswersUntilTheSleepWindowEndsAndIsCountedInItsBucket(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		command := quill.New("dep", func(context.Context, struct{}) (int, error) { return 1, nil }, quill.WithRegistry(quill.NewRegistry()),
			quill.Settings{Isolation: isolation, SleepWindow: 20*time.Second + 500*time.Millisecond, RollingWindow: 10 * time.Second, RollingBuckets: 10}).OrElse(2)
		c := command.Circuit()
		t.Cleanup(c.Bulkhead().DismissWorkers)
		do := func(ctx context.Context) int {
			v, _ := command.Do(ctx, struct{}{})
			return v
		}
		openUp(t, c)
		left, leave := context.WithCancel(t.Context())
		leave()
		do(left)
		s := c.Stats()
		require.EqualValues(t, 1, s.Total.Canceled)
		require.Zero(t, s.Total.ShortCircuited)

		refused := func() uint64 { return c.Stats().Window.ShortCircuited }
		pass(time.Second) // a bucket begins
		require.Equal(t, 2, do(t.Context()))
		pass(10*time.Second - 1)
		require.EqualValues(t, 1, refused())
		pass(1)
		require.Zero(t, refused())

		pass(9*time.Second + 200*time.Millisecond)
		require.Equal(t, 2, do(t.Context()), "the bucket has begun")
		pass(300*time.Millisecond - 1)
		require.Equal(t, 2, do(t.Context()))
		require.EqualValues(t, 3, c.Stats().Total.ShortCircuited)
		pass(1)
		require.Equal(t, 1, do(t.Context()), "a probe")
		require.Equal(t, quill.Closed, c.State())
	})
}
