package quill_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestConfigureIsAllOrNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		given := quill.Settings{Timeout: 2 * time.Second}
		c := newTestCircuit(t, given, d.hooks())
		before := c.Stats()
		err := c.Configure(quill.Settings{Timeout: 3 * time.Second, MaxConcurrent: -7, Probes: 1000})
		fields := map[string]bool{}
		for _, p := range problems(t, err) {
			fields[p.Field] = true
		}
		require.Equal(t, map[string]bool{"MaxConcurrent": true, "Probes": true}, fields)
		require.ErrorContains(t, err, `"dep"`)
		require.Equal(t, given, c.Settings())
		before.ConfigRejected++
		require.Equal(t, before, c.Stats())
		require.Empty(t, d.reasons())
	})
}

func TestConfigureKeepsStateAndCounts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		openUp(t, c)
		before := c.Stats()
		require.NoError(t, c.Configure(quill.Settings{Timeout: 300 * time.Millisecond, SleepWindow: time.Hour, MaxConcurrent: 3}))
		after := c.Stats()
		require.Equal(t, quill.Open, after.State)
		require.Equal(t, before.Health, after.Health)
		require.Equal(t, before.Window, after.Window)
		require.Equal(t, before.Total, after.Total)
		require.Equal(t, before.RetryAfter, after.RetryAfter, "the sleep window under way stays as it is")
		require.Equal(t, 300*time.Millisecond, after.Settings.Timeout)
		require.Equal(t, 3, after.Settings.MaxConcurrent)
		require.Equal(t, quill.Settings{Timeout: 300 * time.Millisecond, SleepWindow: time.Hour, MaxConcurrent: 3}, c.Settings())
		require.Len(t, d.reasons(), 1, "nothing moved, nothing is told")
		pass(5 * time.Second)
		_ = call(t, c, errSick)
		require.Equal(t, time.Hour, c.Stats().RetryAfter, "the next one is as configured")
	})
}

func TestConfigureOfTheWindowBeginsAFreshOneAndSaysSo(t *testing.T) {
	for name, s := range map[string]quill.Settings{
		"RollingWindow":  {RollingWindow: 20 * time.Second},
		"RollingBuckets": {RollingBuckets: 5},
		"RollingCalls":   {RollingCalls: 100},
	} {
		bubble(t, name, func(t *testing.T) {
			var d diary
			c := newTestCircuit(t, quill.Settings{}, d.hooks())
			calls(t, c, 19, errSick)
			require.NoError(t, c.Configure(s))
			require.Zero(t, c.Stats().Health)
			require.Zero(t, c.Stats().Window)
			require.Equal(t, uint64(19), c.Stats().Total.Failure, "totals stay")
			require.Equal(t, []string{"settings changed: the window begins afresh"}, d.reasons())
			require.Equal(t, d.reasons()[0], c.Stats().LastTransition.Reason)
			calls(t, c, 19, errSick)
			require.Equal(t, quill.Closed, c.State())
			calls(t, c, 1, errSick)
			require.Equal(t, quill.Open, c.State())
		})
	}
}

func TestConfigureBackToAWindowOfTimeJudgesByTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RollingCalls: 30, RequestVolumeThreshold: 30})
		calls(t, c, 29, errSick)
		require.NoError(t, c.Configure(quill.Settings{}))
		calls(t, c, 19, errSick)
		require.Equal(t, quill.Closed, c.State())
		calls(t, c, 1, nil)
		require.Equal(t, quill.Open, c.State())
	})
}

func TestConfigureOfThresholdsHoldsForTheNextResult(t *testing.T) {
	for name, s := range map[string]quill.Settings{
		"volume": {RequestVolumeThreshold: 5},
		"rate":   {ErrorPercentThreshold: 20},
	} {
		bubble(t, name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{})
			calls(t, c, 40, nil)
			calls(t, c, 19, errSick)
			if name == "volume" {
				c.Reset()
				calls(t, c, 5, errSick)
			}
			require.Equal(t, quill.Closed, c.State())
			require.NoError(t, c.Configure(s))
			require.Equal(t, quill.Closed, c.State(), "no result, no change")
			calls(t, c, 1, nil)
			require.Equal(t, quill.Open, c.State(), "also by a success")
		})
	}
}

func TestCallsUnderWayKeepTheirSettings(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, Timeout: 10 * time.Second})
		start := time.Now()
		f := quill.Go(t.Context(), c, func(ctx context.Context) (int, error) { return 0, obedient(ctx) })
		pass(time.Second)
		require.NoError(t, c.Configure(quill.Settings{Isolation: isolation, Timeout: 2 * time.Second}))
		_, err := quill.Do(t.Context(), c, func(ctx context.Context) (int, error) { return 0, obedient(ctx) })
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.Equal(t, 3*time.Second, time.Since(start))
		_, err = f.Wait(t.Context())
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestIsolationCanChangeWhileCallsRun(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 2})
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(time.Millisecond); return 1, nil })
		pass(1)
		require.NoError(t, c.Configure(quill.Settings{Isolation: quill.Semaphore, MaxConcurrent: 2}))
		require.Equal(t, quill.Semaphore, c.Bulkhead().Isolation())
		require.Equal(t, 1, c.Stats().InFlight)
		require.NoError(t, call(t, c, nil))
		_, err := f.Wait(t.Context())
		require.NoError(t, err)
		requireNothingHeld(t, c)
	})
}

func TestManyConfigureAtOnceWhileCallsRun(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{MaxConcurrent: 100})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 50 {
				s := quill.Settings{
					Isolation: quill.Isolation(n % 2), MaxConcurrent: 100 + n, Timeout: time.Duration(i+1) * time.Second,
					RollingBuckets: 5 + n%3, RollingCalls: n % 2 * 50, Probes: 1 + n%4,
				}
				_ = c.Configure(s)
			}
		})
		wg.Go(func() {
			for range 200 {
				_ = call(t, c, nil)
				_ = c.Stats()
			}
		})
	}
	wg.Wait()
	require.Equal(t, uint64(800), c.Stats().Total.Success)
	requireNothingHeld(t, c)
}

func TestReset(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		for _, rolling := range []int{0, 20} {
			var d diary
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, RollingCalls: rolling, MaxConcurrent: 100}, d.hooks())
			k, err := c.Begin(t.Context())
			require.NoError(t, err)
			openUp(t, c)
			c.Reset()
			s := c.Stats()
			require.Equal(t, quill.Closed, s.State)
			require.Zero(t, s.Health)
			require.Zero(t, s.Window)
			require.Equal(t, uint64(20), s.Total.Failure)
			require.Equal(t, "closed: reset by hand", s.LastTransition.Reason)
			require.Equal(t, quill.Open, s.LastTransition.From)
			_, _ = k.End(errSick)
			require.Zero(t, c.Stats().Health, "a call from before is no evidence")
			calls(t, c, 19, errSick)
			require.Equal(t, quill.Closed, c.State())
			require.Len(t, d.reasons(), 2)
		}
	})
}

func TestResetLeavesAnOverrideInForce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		require.NoError(t, c.Override(quill.ForceOpen, 0, ""))
		c.Reset()
		require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
	})
}

func TestNothingHoldsTheWindowAndTheCandidateOfEarlierSettings(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{RollingCalls: 100_000}, quill.WithShadow(quill.Settings{RollingCalls: 100_000}))
	last, candidate := c.WeakLast(), c.WeakShadow()
	c.EndShadow()
	require.NoError(t, c.Configure(quill.Settings{}))
	for range 5 {
		runtime.GC()
	}
	require.Nil(t, last.Value())
	require.Nil(t, candidate.Value())
	runtime.KeepAlive(c)
}
