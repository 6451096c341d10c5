package quill_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestHerdAtAHalfOpenCircuitSendsTheProbesOnly(t *testing.T) {
	for _, probes := range []int{1, 3} {
		onBoth(t, func(t *testing.T, isolation quill.Isolation) {
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, Probes: probes, MaxConcurrent: 200})
			openUp(t, c)
			pass(5 * time.Second)
			var wg sync.WaitGroup
			for range 200 {
				wg.Go(func() {
					_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { pass(time.Millisecond); return 0, nil })
				})
			}
			synctest.Wait()
			require.Equal(t, probes, c.Stats().InFlight)
			require.Equal(t, probes, c.Stats().Probes)
			wg.Wait()
			require.Equal(t, quill.Closed, c.State())
			require.Equal(t, uint64(200-probes), c.Stats().Total.ShortCircuited)
			requireNothingHeld(t, c)
		})
	}
}

func TestProbeThatIsRefusedInsideGivesItsPlaceBack(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1})
		openUp(t, c)
		pass(5 * time.Second)
		free := c.Bulkhead().TakeSlot()
		for range 3 {
			require.ErrorIs(t, call(t, c, nil), quill.ErrFull)
			require.Zero(t, c.Stats().Probes)
		}
		free()
		require.NoError(t, call(t, c, nil))
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestProbeThatTimesOutIsJudgedBeforeItsLeaseEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		// The lease is as long as the timeout: at the deadline both end, and a crowd waits.
		s := quill.Settings{Isolation: isolation, Timeout: 5 * time.Second, SleepWindow: 5 * time.Second}
		require.Equal(t, s.Timeout, s.WithDefaults().ProbeLease)
		c := newTestCircuit(t, s)
		openUp(t, c)
		for range 20 {
			pass(5 * time.Second)
			go func() {
				_, _ = quill.Do(t.Context(), c, func(ctx context.Context) (int, error) { return 0, obedient(ctx) })
			}()
			pass(5 * time.Second)
			for range 10 {
				_ = call(t, c, errSick)
			}
			synctest.Wait()
			require.Equal(t, quill.Open, c.State(), "the probe timed out")
			require.Zero(t, c.Stats().LateResults)
		}
	})
}

func TestProbeThatHangsLosesItsLease(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Timeout: quill.NoTimeout, ProbeLease: 30 * time.Second})
		openUp(t, c)
		pass(5 * time.Second)
		hanging, err := c.Begin(t.Context())
		require.NoError(t, err)
		pass(30*time.Second - 1)
		require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
		pass(1)
		require.Zero(t, c.Stats().Probes)
		_, _ = hanging.End(errSick)
		require.Equal(t, quill.HalfOpen, c.State(), "its result comes too late")
		require.Equal(t, uint64(1), c.Stats().LateResults)
		require.NoError(t, call(t, c, nil))
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestIgnoredProbesCloseAfterTenInARow(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		openUp(t, c)
		pass(5 * time.Second)
		calls(t, c, 9, quill.Ignore(errMine))
		require.Equal(t, quill.HalfOpen, c.State())
		calls(t, c, 1, quill.Ignore(errMine))
		require.Equal(t, quill.Closed, c.State())
		require.Equal(t, "closed: 10 probes in a row were the callers' own fault, so the dependency answers", d.reasons()[2])
	})
}

func TestProbeThatNeverLeftTheQueueGivesItsPlaceBack(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		shared := quill.NewBulkhead("shared", quill.BulkheadSettings{MaxConcurrent: 1, QueueSize: 1})
		c := newTestCircuit(t, quill.Settings{}, quill.WithBulkhead(shared))
		openUp(t, c)
		pass(5 * time.Second)
		other, err := newTestCircuit(t, quill.Settings{Timeout: quill.NoTimeout}, quill.WithBulkhead(shared)).Begin(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, call(t, c, nil), quill.ErrTimeout, "its own timeout passed in the queue")
		require.Equal(t, quill.HalfOpen, c.State(), "the dependency was not asked")
		require.Zero(t, c.Stats().Probes)
		_, _ = other.End(nil)
		require.NoError(t, call(t, c, nil))
		require.Equal(t, quill.Closed, c.State())
	})
}
