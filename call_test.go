package quill_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestCallHoldsItsSlotUntilEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1, Timeout: quill.NoTimeout})
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		pass(time.Hour)
		require.Equal(t, 1, c.Stats().InFlight)
		require.ErrorIs(t, call(t, c, nil), quill.ErrFull)
		o, err := k.End(nil)
		require.NoError(t, err)
		require.Equal(t, quill.Success, o)
		require.Equal(t, time.Hour, c.Stats().TotalExecution.Sum())
		requireNothingHeld(t, c)
		require.NoError(t, call(t, c, nil))
	})
}

func TestOnlyTheFirstEndCounts(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		o, err := k.End(errSick)
		require.Equal(t, errSick, err)
		require.Equal(t, quill.Failure, o)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				o, err := k.End(nil)
				require.Equal(t, errSick, err)
				require.Equal(t, quill.Failure, o)
			})
		}
		wg.Wait()
		require.Equal(t, quill.Counts{Failure: 1}, c.Stats().Total)
		require.Equal(t, 1, d.len())
		requireNothingHeld(t, c)
	})
}

func TestContextOfACallEndsAtTheDeadlineAndByEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		require.NoError(t, k.Context().Err())
		<-k.Context().Done()
		require.Equal(t, quill.ErrTimeout, context.Cause(k.Context()))
		o, err := k.End(nil)
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.Equal(t, quill.Timeout, o)

		short, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		for name, ctx := range map[string]context.Context{"own": t.Context(), "caller's": short} {
			k, err = c.Begin(ctx)
			require.NoError(t, err)
			o, err = k.End(nil)
			require.NoError(t, err)
			require.Equal(t, quill.Success, o, name)
			require.Equal(t, context.Canceled, k.Context().Err(), name)
		}
	})
}

func TestContextOfACallWithoutATimeoutEndsByEndToo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Timeout: quill.NoTimeout})
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		_, bounded := k.Context().Deadline()
		require.False(t, bounded)
		_, _ = k.End(nil)
		require.Equal(t, context.Canceled, k.Context().Err())
	})
}

func TestBeginWaitsInTheQueue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, QueueSize: 1}, d.hooks())
		fullFor(300*time.Millisecond)(t, c)
		start := time.Now()
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		require.Equal(t, 300*time.Millisecond, time.Since(start))
		at, _ := k.Context().Deadline()
		require.Equal(t, 700*time.Millisecond, time.Until(at), "the wait counts against the timeout")
		pass(100 * time.Millisecond)
		_, err = k.End(nil)
		require.NoError(t, err)
		e := d.last(t)
		require.Equal(t, 300*time.Millisecond, e.Wait)
		require.Equal(t, 100*time.Millisecond, e.Execute)
		require.Equal(t, 400*time.Millisecond, e.Total)
	})
}

func TestRefusedBeginHasNothingToEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		openUp(t, c)
		k, err := c.Begin(t.Context())
		require.Nil(t, k)
		require.ErrorIs(t, err, quill.ErrOpen)
		require.Equal(t, quill.ShortCircuited, d.last(t).Outcome)
		require.Zero(t, d.last(t).Execute)
		requireNothingHeld(t, c)
	})
}

func TestWorkThatUnwindsBetweenBeginAndEndIsAFailure(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{}, quill.WithClassifier(func(error) quill.Verdict {
			t.Error("the classifier is asked about errors of the work")
			return quill.CountIgnored
		}))
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		o, err := k.End(quill.ErrUnwound)
		require.Equal(t, quill.Failure, o)
		require.ErrorIs(t, err, quill.ErrUnwound)
		require.Equal(t, uint64(1), c.Stats().Panics)
		require.Equal(t, uint64(1), c.Stats().Health.Errors)
		requireNothingHeld(t, c)
	})
}

func TestAHookMayEndItsOwnCall(t *testing.T) {
	var k *quill.Call
	var told int
	c := newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) {
		told++
		o, err := k.End(errSick)
		require.Equal(t, quill.Success, o, "only the first End counts")
		require.NoError(t, err)
	}}))
	k, err := c.Begin(t.Context())
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = k.End(nil)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		require.FailNow(t, "End waits for itself")
	}
	require.Equal(t, 1, told)
}
