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

func shadowOf(t *testing.T, c *quill.Circuit) quill.Shadow {
	t.Helper()
	s, ok := c.Shadow()
	require.True(t, ok)
	return s
}

func TestShadowRefusesNothingAndTellsWhatItWouldHave(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1000},
			quill.WithShadow(quill.Settings{RequestVolumeThreshold: 4, SleepWindow: time.Second}))
		calls(t, c, 4, errSick)
		s := shadowOf(t, c)
		require.Equal(t, quill.Open, s.State)
		require.Equal(t, quill.Closed, c.State(), "the circuit itself is as it was")
		require.Equal(t, quill.Health{Requests: 4, Errors: 4, ErrorPercent: 100}, s.Health)

		calls(t, c, 3, errSick)
		require.NoError(t, call(t, c, nil), "nothing is refused")
		require.NoError(t, call(t, c, nil))
		s = shadowOf(t, c)
		require.Equal(t, uint64(9), s.Calls)
		require.Equal(t, uint64(5), s.ShortCircuited)
		require.Equal(t, uint64(3), s.RefusedFailed)
		require.Equal(t, uint64(2), s.RefusedSucceeded)
		require.Equal(t, quill.Health{Requests: 4, Errors: 4, ErrorPercent: 100}, s.Health, "what it refuses is no evidence")

		pass(time.Second)
		require.NoError(t, call(t, c, nil), "the probe")
		s = shadowOf(t, c)
		require.Equal(t, quill.Closed, s.State)
		require.Equal(t, uint64(5), s.ShortCircuited)
		require.Equal(t, []quill.State{quill.Open, quill.HalfOpen, quill.Closed}, movesOf(s.Explanation))
		require.Empty(t, c.Explain().Transitions)
	})
}

func TestAShadowHearsOfEverySuccess(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, quill.WithShadow(quill.Settings{}))
		calls(t, c, 20, nil) // most are not among the slowest, and of interest to nobody else
		s := shadowOf(t, c)
		require.Equal(t, quill.Counts{Success: 20}, s.Explanation.Window)
		require.Equal(t, quill.Health{Requests: 20}, s.Health)
	})
}

func TestShadowCountsWhatItsBulkheadWouldReject(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.PassThrough(), quill.WithShadow(quill.Settings{MaxConcurrent: 1, QueueSize: 1}))
		begun := make([]*quill.Call, 4)
		for i := range begun {
			var err error
			begun[i], err = c.Begin(t.Context())
			require.NoError(t, err)
		}
		_, _ = begun[3].End(errSick)
		_, _ = begun[2].End(nil)
		_, _ = begun[1].End(nil)
		require.NoError(t, call(t, c, nil), "a slot is free again")
		_, _ = begun[0].End(nil)
		s := shadowOf(t, c)
		require.Equal(t, uint64(5), s.Calls)
		require.Equal(t, uint64(2), s.Rejected)
		require.Equal(t, uint64(1), s.RefusedFailed)
		require.Equal(t, uint64(1), s.RefusedSucceeded)
		require.Equal(t, uint64(2), s.Health.Errors, "rejections count as errors")
		require.Equal(t, uint64(5), s.Health.Requests)
		require.Equal(t, 1, s.Settings.MaxConcurrent)
		require.Equal(t, 1, s.Settings.QueueSize)
	})
}

func TestShadowCountsWhatItsTimeoutWouldCut(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.PassThrough(),
			quill.WithShadow(quill.Settings{Timeout: 100 * time.Millisecond, SlowCallDuration: 50 * time.Millisecond}))
		require.NoError(t, callFor(c, 99*time.Millisecond, nil))
		require.NoError(t, callFor(c, 100*time.Millisecond, nil))
		require.Error(t, callFor(c, time.Second, errSick))
		require.ErrorIs(t, callFor(c, time.Second, quill.Ignore(errMine)), errMine)
		require.ErrorIs(t, callFor(c, 99*time.Millisecond, quill.Ignore(errMine)), errMine)
		for _, patience := range []time.Duration{99 * time.Millisecond, 100 * time.Millisecond} {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(patience, cancel)
			require.ErrorIs(t, doUntil(ctx, c), context.Canceled)
		}
		s := shadowOf(t, c)
		require.Equal(t, uint64(4), s.TimedOut)
		require.Equal(t, uint64(1), s.TimedOutSucceeded)
		require.Equal(t, quill.Counts{Success: 1, Timeout: 4, Ignored: 1, Canceled: 1}, s.Explanation.Window)
		require.Equal(t, quill.Counts{Success: 2, Failure: 1, Ignored: 2, Canceled: 2}, c.Stats().Window)
		require.Equal(t, quill.Health{Requests: 5, Errors: 4, ErrorPercent: 80, Slow: 5, SlowPercent: 100}, s.Health)
	})
}

func TestACallAsLongAsTheThresholdIsSlowForAShadowToo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.PassThrough(), quill.WithShadow(quill.Settings{SlowCallDuration: 50 * time.Millisecond}))
		require.NoError(t, callFor(c, 50*time.Millisecond-1, nil))
		require.NoError(t, callFor(c, 50*time.Millisecond, nil))
		require.Equal(t, quill.Health{Requests: 2, Slow: 1, SlowPercent: 50}, shadowOf(t, c).Health)
	})
}

func TestShadowSeesOnlyCallsThatRan(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{}, quill.WithShadow(quill.Settings{RequestVolumeThreshold: 1000}))
		openUp(t, c)
		calls(t, c, 30, errSick)
		require.Equal(t, uint64(20), shadowOf(t, c).Calls)
		require.Equal(t, quill.Open, c.State())
		require.Equal(t, quill.Closed, shadowOf(t, c).State)
	})
}

func TestShadowIsSetReplacedAndEnded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		_, ok := c.Shadow()
		require.False(t, ok)
		require.NoError(t, c.SetShadow(quill.Settings{RequestVolumeThreshold: 1}))
		require.Equal(t, time.Now(), shadowOf(t, c).Since)
		_ = call(t, c, errSick)
		require.Equal(t, quill.Open, shadowOf(t, c).State)

		require.NoError(t, c.Configure(quill.Settings{RollingWindow: time.Second}))
		require.Equal(t, quill.Open, shadowOf(t, c).State, "Configure leaves it alone")

		err := c.SetShadow(quill.Settings{Probes: 1000})
		require.ErrorContains(t, err, "Probes")
		require.ErrorContains(t, err, `"dep"`)
		require.Equal(t, 1, shadowOf(t, c).Settings.RequestVolumeThreshold, "nothing changed")

		pass(time.Second)
		require.NoError(t, c.SetShadow(quill.Settings{}))
		require.Equal(t, quill.Shadow{}.Calls, shadowOf(t, c).Calls)
		require.Equal(t, quill.Closed, shadowOf(t, c).State)
		c.EndShadow()
		_, ok = c.Shadow()
		require.False(t, ok)
		require.NoError(t, call(t, c, nil))
	})
}

func TestACallThatBeganBeforeAShadowIsNotSeenByIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.PassThrough())
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.SetShadow(quill.Settings{MaxConcurrent: 1}))
		require.NoError(t, call(t, c, nil))
		_, _ = k.End(nil)
		s := shadowOf(t, c)
		require.Equal(t, uint64(1), s.Calls)
		require.Equal(t, uint64(0), s.Rejected)
	})
}

func TestPanicsAreFailuresForAShadow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.PassThrough(), quill.WithShadow(quill.Settings{MaxConcurrent: 1}))
		for range 2 {
			require.Panics(t, func() {
				_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { panic("boom") })
			})
		}
		s := shadowOf(t, c)
		require.Equal(t, uint64(2), s.Health.Errors)
		require.Zero(t, s.Rejected, "its slot is free again")
	})
}

func TestABadShadowIsRefusedWhereACircuitIsMade(t *testing.T) {
	r := quill.NewRegistry()
	_, err := r.Circuit("dep", quill.WithShadow(quill.Settings{QueueSize: -1}))
	require.ErrorContains(t, err, "QueueSize")
	_, err = r.Circuit("dep", quill.WithShadow(quill.Settings{}), quill.WithShadow(quill.Settings{}))
	require.ErrorContains(t, err, "two shadows")
	require.Zero(t, r.Len())
}

func movesOf(e quill.Explanation) []quill.State {
	states := make([]quill.State, len(e.Transitions))
	for i := range e.Transitions {
		states[i] = e.Transitions[i].To
	}
	return states
}

// doUntil makes one call that runs until its context ends.
func doUntil(ctx context.Context, c *quill.Circuit) error {
	_, err := quill.Do(ctx, c, func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	})
	return err
}

// A candidate is set, replaced and ended, and asked, while calls run and settings change. None
// of its slots is lost: it has as many as there are callers, and never rejects.
func TestShadowsChangeWhileCallsRun(t *testing.T) {
	const callers, each = 8, 500
	c := newTestCircuit(t, quill.PassThrough())
	candidate := quill.Settings{MaxConcurrent: callers, RequestVolumeThreshold: 3, SleepWindow: time.Millisecond, RollingCalls: 10}
	require.NoError(t, c.SetShadow(candidate))
	var calling, changing sync.WaitGroup
	done := make(chan struct{})
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			s, there := c.Shadow()
			if there && (s.Rejected > 0 || s.RefusedFailed+s.RefusedSucceeded > s.ShortCircuited || s.ShortCircuited > s.Calls) {
				t.Errorf("after %d changes: %+v", i, s)
				return
			}
			_ = c.Explain().String()
			switch i % 10 {
			case 3:
				_ = c.Configure(quill.Settings{Isolation: quill.Semaphore, MaxConcurrent: 100, Override: quill.Disabled, RollingCalls: i%3 + 1})
			case 6:
				c.EndShadow()
			case 7:
				_ = c.SetShadow(candidate)
			}
		}
	})
	for n := range callers {
		calling.Go(func() {
			for i := range each {
				_ = callAtOnce(c, (n+i)%3 == 0)
			}
		})
	}
	calling.Wait()
	close(done)
	changing.Wait()
	require.EqualValues(t, callers*each, c.Stats().Total.Total())
}

// callAtOnce makes a call that takes no time.
func callAtOnce(c *quill.Circuit, fails bool) error {
	_, err := quill.Do(context.Background(), c, func(context.Context) (int, error) {
		if fails {
			return 0, errSick
		}
		return 0, nil
	})
	return err
}

// What a shadow takes for a timeout it asks the redaction about, which is the user's: by then
// the call's worker is another call's.
func TestASlowRedactionForAShadowHoldsUpNoOtherCall(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	c := newTestCircuit(t, quill.Settings{Timeout: 10 * time.Second}, quill.WithRedact(func(error) string {
		close(asked)
		<-answer
		return ""
	}))
	const late = time.Millisecond
	command := quill.Bind(c, func(_ context.Context, d time.Duration) (int, error) {
		// Real time, since warm workers are not lent in a bubble.
		for began := time.Now(); d > 0 && time.Since(began) <= d; {
			runtime.Gosched()
		}
		return 7, nil
	})
	for range 3 {
		_, err := command.Do(t.Context(), 0)
		require.NoError(t, err)
	}
	require.NoError(t, c.SetShadow(quill.Settings{Timeout: late}))
	f := command.Go(t.Context(), late)
	<-asked
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	_, err := command.Do(ctx, 0)
	require.NoError(t, err)
	close(answer)
	_, err = f.Wait(t.Context())
	require.NoError(t, err)
}
