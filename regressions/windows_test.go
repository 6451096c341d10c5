package regressions_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestB19LowVolume
//
// S: a circuit that has been idle for ten minutes.
// T: one call fails: 100 per cent; then 18 more do.
// C: it stays closed, because 19 calls of a volume of 20 prove nothing; the 20th opens it.
// Who wants to open earlier sets RequestVolumeThreshold.
//
// Source: opossum#232; Hystrix#1729; resilience4j#966, #2382.
func TestB19LowVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{})
		require.NoError(t, call(c, ok))
		time.Sleep(10 * time.Minute)
		for i := range 19 {
			_ = call(c, down)
			require.Equal(t, quill.Closed, c.State(), "after %d failures", i+1)
		}
		require.EqualValues(t, 100, c.Stats().Health.ErrorPercent)
		_ = call(c, down)
		require.Equal(t, quill.Open, c.State())

		early := newCircuit(t, quill.Settings{RequestVolumeThreshold: 5})
		for range 5 {
			require.Equal(t, quill.Closed, early.State())
			_ = call(early, down)
		}
		require.Equal(t, quill.Open, early.State())
	})
}

// TestB20WindowEdge
//
// S: 10,000 calls succeed over nine seconds.
// T: 900 fail in the tenth, at any phase of the window's buckets.
// C: the rate is about 9 per cent, not 90.
//
// Source: gobreaker#21; jupiter-brain#12; unkey#6568.
func TestB20WindowEdge(t *testing.T) {
	for phase := time.Duration(0); phase < 12*time.Second; phase += 1300 * time.Millisecond {
		t.Run(fmt.Sprint("phase ", phase), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCircuit(t, quill.Settings{Isolation: quill.Semaphore, ErrorPercentThreshold: 12})
				time.Sleep(phase)
				for range 10_000 {
					_ = call(c, ok)
					time.Sleep(9 * time.Second / 10_000)
				}
				for range 900 {
					_ = call(c, down)
					time.Sleep(time.Second / 900)
				}
				require.Equal(t, quill.Closed, c.State())
				require.InDelta(t, 9, c.Stats().Health.ErrorPercent, 1)
			})
		})
	}
}

// TestB21IdleGapThenBurst (real time and virtual)
//
// S: a full window, then nothing for longer than the window.
// T: 64 goroutines record at the same instant.
// C: exactly 64 calls are in the window, and none of the old ones: a bucket is cleared
// before it is used.
//
// Source: circuit da534a6; axonhub#1567; sentinel-golang#327, #521.
func TestB21IdleGapThenBurst(t *testing.T) {
	const window, burst = time.Second, 64
	settings := quill.Settings{
		Isolation: quill.Semaphore, MaxConcurrent: quill.Unlimited, RollingWindow: window,
		RequestVolumeThreshold: 1_000_000,
	}
	// play goes on until so many bursts were over within half a window.
	play := func(t *testing.T, c *quill.Circuit, rounds int, idle func()) {
		t.Helper()
		onTime := 0
		for round := 0; onTime < rounds; round++ {
			if round == 8*rounds {
				t.Skipf("of %d bursts %d were over within half a window: this machine is too slow now to tell what is in it", round, onTime)
			}
			idle()
			require.Zero(t, c.Stats().Window.Total())
			began := time.Now()
			together(burst, func(i int) {
				if i%2 == 0 {
					_ = call(c, ok)
				} else {
					_ = call(c, down)
				}
			})
			s := c.Stats()
			if time.Since(began) > window/2 {
				continue // this machine is too slow now: they may have left the window
			}
			onTime++
			require.EqualValues(t, burst/2, s.Window.Success, "round %d", round)
			require.EqualValues(t, burst/2, s.Window.Failure, "round %d", round)
			require.Equal(t, quill.Health{Requests: burst, Errors: burst / 2, ErrorPercent: 50}, s.Health)
			require.EqualValues(t, burst, s.Execution.Count())
			require.EqualValues(t, (round+1)*burst, s.Total.Total())
		}
	}
	t.Run("virtual", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			play(t, newCircuit(t, settings), 200, func() { time.Sleep(window) })
		})
	})
	t.Run("real", func(t *testing.T) {
		c := newCircuit(t, settings)
		rounds := 0
		play(t, c, 2, func() {
			if rounds++; rounds > 1 {
				<-time.After(window)
			}
		})
	})
}

// TestB22ReadsOnAnIdleWindow
//
// S: five failures, and three more half a window later.
// T: nobody calls any more; somebody reads, one window after the first and four after all.
// C: first the old ones are gone, then the window is empty; the totals stay.
//
// Source: gobreaker, failsafe-go (reproduced).
func TestB22ReadsOnAnIdleWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{})
		for range 5 {
			_ = call(c, func(context.Context) error { time.Sleep(time.Millisecond); return errDown })
		}
		require.EqualValues(t, 5, c.Stats().Window.Failure)
		time.Sleep(5 * time.Second)
		for range 3 {
			_ = call(c, down)
		}
		require.EqualValues(t, 8, c.Stats().Window.Failure)
		time.Sleep(5 * time.Second)
		require.EqualValues(t, 3, c.Stats().Window.Failure)
		require.EqualValues(t, 3, c.Stats().Health.Errors)
		require.EqualValues(t, 3, c.Stats().Execution.Count())
		time.Sleep(40 * time.Second)
		s := c.Stats()
		require.Zero(t, s.Window)
		require.Zero(t, s.Health)
		require.Zero(t, s.Execution.Count())
		require.Zero(t, s.Whole.Count())
		require.EqualValues(t, 8, s.Total.Failure)
		require.EqualValues(t, 8, s.TotalExecution.Count())
	})
}

// TestB23ThresholdBoundary
//
// S: a threshold in per cent.
// T: exactly as many failures; and one fewer.
// C: at the threshold the circuit opens, below it does not; a threshold may have a
// fraction.
//
// Source: resilience4j#6, #139; circuit da534a6, addec5c; Hystrix#1576.
func TestB23ThresholdBoundary(t *testing.T) {
	for _, x := range []struct {
		percent       float64
		calls, enough int
	}{
		{50, 20, 10},
		{50, 21, 11},
		{57, 100, 57},
		{29, 100, 29},
		{58, 50, 29},
		{0.1, 1000, 1},
		{0.3, 1000, 3},
		{0.7, 1000, 7},
		{1.1, 1000, 11},
		{99.9, 1000, 999},
		{0.01, 10_000, 1},
		{33.3, 1000, 333},
		{100, 30, 30},
		{66.6, 3, 2},
	} {
		t.Run(fmt.Sprintf("%g per cent of %d", x.percent, x.calls), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for errs, want := range map[int]quill.State{x.enough - 1: quill.Closed, x.enough: quill.Open} {
					c := newCircuit(t, quill.Settings{
						Isolation: quill.Semaphore, ErrorPercentThreshold: x.percent, RequestVolumeThreshold: x.calls,
					})
					for i := range x.calls {
						if i < errs {
							_ = call(c, down)
						} else {
							require.NoError(t, call(c, ok))
						}
					}
					require.Equal(t, want, c.State(), "%d of %d", errs, x.calls)
				}
			})
		})
	}
}

// TestB24Clock
//
// S: a circuit that is open, half-open, or closed with a full window.
// T: time leaps, as after a suspend: an hour, a day, fifty years.
// C: an open circuit is due and no more, a lease is over, the window is empty, and no
// count is below zero. (That a step of the wall clock changes nothing cannot be played:
// TestDecisionsUseTheMonotonicClock reads the source for it.)
//
// Source: circuit addec5c; gobreaker#109; awaitility#107; hystrix-go, failsafe-go (by
// their sources: the wall clock decides).
func TestB24Clock(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, leap := range []time.Duration{time.Hour, 24 * time.Hour, 50 * year} {
		t.Run(leap.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCircuit(t, quill.Settings{SleepWindow: sleepWindow, Timeout: quill.NoTimeout})
				for range 100 {
					require.NoError(t, call(c, ok))
				}
				time.Sleep(leap)
				require.Zero(t, c.Stats().Window)
				trip(t, c) // 20 failures are enough: the successes are long past
				require.Equal(t, sleepWindow, c.Stats().RetryAfter)
				time.Sleep(leap)
				require.Zero(t, c.Stats().RetryAfter)
				late := begin(t, c)
				requireRefused(t, c)
				time.Sleep(leap)
				requireProbeAdmitted(t, c)
				late.End(errDown)
				require.Equal(t, quill.Closed, c.State())
				require.Equal(t, quill.Health{Requests: 1}, c.Stats().Health)
			})
		})
	}
}

// TestB25Overflow
//
// S: the longest sleep window there is, which doubles with each failed probe, with jitter,
// and a dependency that asks for ever more patience.
// T: 200 probes fail; the clock is far ahead.
// C: the sleep window stays within its limit and is never negative.
//
// Source: sentinel-golang#422, #429; Polly#1522, #1868, #2164; failsafe-go#23; circuit
// da534a6. (Retries are not built; `make test-32bit` is the other half.)
func TestB25Overflow(t *testing.T) {
	const day = 24 * time.Hour
	play := func(name string, s quill.Settings, least, most time.Duration, fail error) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s.RequestVolumeThreshold = 1
				c := newCircuit(t, s)
				for range 200 {
					require.ErrorIs(t, call(c, func(context.Context) error { return fail }), errDown)
					require.Equal(t, quill.Open, c.State())
					wait := c.Stats().RetryAfter
					require.GreaterOrEqual(t, wait, least)
					require.LessOrEqual(t, wait, most)
					time.Sleep(wait)
				}
				time.Sleep(100 * 365 * day)
				requireProbeAdmitted(t, c)
			})
		})
	}
	play("doubled", quill.Settings{SleepWindow: time.Second, MaxSleepWindow: day}, time.Second, day, errDown)
	play("longest", quill.Settings{SleepWindow: day, MaxSleepWindow: day, SleepWindowJitter: 100}, day, 2*day, errDown)
	play("asked for", quill.Settings{SleepWindow: time.Second}, quill.MaxRetryAfter, quill.MaxRetryAfter,
		quill.RetryAfter(errDown, math.MaxInt64))
	play("asked for, limited", quill.Settings{SleepWindow: time.Second, MaxSleepWindow: time.Minute},
		time.Minute, time.Minute, quill.RetryAfter(errDown, math.MaxInt64))
	play("asked for less than nothing", quill.Settings{SleepWindow: time.Second}, time.Second, time.Second,
		quill.RetryAfter(errDown, math.MinInt64))
}

// TestB26Percentiles
//
// S: latencies of a window, of an empty one, of an expired one.
// T: percentiles of any number, NaN and the infinities included; hostile settings.
// C: a defined value, no panic, nothing of calls that have left the window.
//
// Source: Hystrix#799, #804, #1407; circuit 4333a6a.
func TestB26Percentiles(t *testing.T) {
	hostile := []float64{math.NaN(), math.Inf(-1), math.Inf(1), -1, 0, 1e-300, 50, 99.99, 100, 101, math.MaxFloat64}
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{})
		empty := c.Stats()
		for _, p := range hostile {
			require.Zero(t, empty.Execution.Percentile(p))
			require.Zero(t, quill.Latency{}.Percentile(p))
		}
		require.Zero(t, empty.Execution.Mean())
		require.Zero(t, empty.Health.ErrorPercent)

		take := func(d time.Duration) {
			require.NoError(t, call(c, func(context.Context) error { time.Sleep(d); return nil }))
		}
		for i := range 100 {
			take(time.Duration(i+1) * time.Millisecond)
		}
		l := c.Stats().Execution
		for _, p := range hostile {
			require.GreaterOrEqual(t, l.Percentile(p), time.Duration(0))
			require.LessOrEqual(t, l.Percentile(p), 107*time.Millisecond)
		}
		require.Zero(t, l.Percentile(math.NaN()))
		require.Equal(t, l.Percentile(0), l.Percentile(-5))
		require.Equal(t, l.Percentile(100), l.Percentile(math.Inf(1)))
		require.InEpsilon(t, 50*time.Millisecond, l.Percentile(50), 0.0626)
		require.InEpsilon(t, 100*time.Millisecond, l.Percentile(100), 0.0626)

		time.Sleep(10 * time.Second)
		take(time.Millisecond)
		l = c.Stats().Execution
		require.EqualValues(t, 1, l.Count())
		require.InEpsilon(t, time.Millisecond, l.Percentile(100), 0.0626, "of expired calls nothing is left")
	})
	for _, text := range []string{
		"", "null", "[]", "{", `{"timeout":"NaN"}`, `{"errorPercentThreshold":1e999}`,
		`{"errorPercentThreshold":"NaN"}`, `{"rollingBuckets":-1}`, `{"rollingBuckets":1e30}`,
		`{"rollingWindow":"9999999999h"}`, `{"timeout":{}}`, "\x00", `{"timeout":"1s","timeout":"2s"}`,
	} {
		_, err := quill.ParseSettings([]byte(text))
		require.Error(t, err, "%q", text)
	}
}
