package quill

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// A waiter may be granted a slot and then be held up until its deadline is over or its
// caller has left. The tests below hold it up by calling queue late.

func TestSlotGrantedBeforeAndSeenAfterTheDeadlineIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, w := grantedWaiter(t)
		time.Sleep(time.Second)
		e := execution{circuit: c, cfg: c.config.Load(), caller: t.Context(), timed: true, own: true, deadline: time.Second}
		require.False(t, e.waitForSlot(w, e.caller.Done()), "it must not run")
		require.Equal(t, Timeout, e.outcome)
		require.Equal(t, ErrTimeout, e.err)
		require.Zero(t, c.bulkhead.Stats().InFlight)
		require.Zero(t, c.Stats().Queued)
	})
}

func TestSlotGrantedToACallerWhoHasLeftIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 { // select takes either of the two that are ready
			c, w := grantedWaiter(t)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			e := execution{circuit: c, cfg: c.config.Load(), caller: ctx, timed: true, own: true, deadline: time.Hour}
			require.False(t, e.waitForSlot(w, e.caller.Done()))
			require.Equal(t, Canceled, e.outcome)
			require.Zero(t, c.bulkhead.Stats().InFlight)
		}
	})
}

func TestSlotOfOneWhoGaveUpGoesToTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			c, w := grantedWaiter(t)
			next, ok := c.bulkhead.acquire(window.NoSeat)
			require.True(t, ok)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			e := execution{circuit: c, cfg: c.config.Load(), caller: ctx}
			require.False(t, e.waitForSlot(w, e.caller.Done()))
			<-next.granted
			require.Equal(t, 1, c.bulkhead.Stats().InFlight)
			require.Zero(t, c.bulkhead.Stats().Queued)
		}
	})
}

func TestNewcomerDoesNotOvertakeAWaiterWhoseSlotIsBeingHandedOver(t *testing.T) {
	b := newBulkhead("dep", Settings{MaxConcurrent: 1, QueueSize: 2}.WithDefaults())
	_ = b.TakeSlot()
	first, _ := b.acquire(window.NoSeat)
	b.slots.giveBack(window.NoSeat) // as release does, before it gets as far as the queue
	newcomer, ok := b.acquire(window.NoSeat)
	require.True(t, ok)
	require.NotNil(t, newcomer, "it waits, although a slot was free")
	<-first.granted
	select {
	case <-newcomer.granted:
		t.Error("two hold the only slot")
	default:
	}
	b.release(window.NoSeat)
	<-newcomer.granted
}

// grantedWaiter returns a waiter that has been granted the only slot and does not know it.
func grantedWaiter(t *testing.T) (*Circuit, *waiter) {
	t.Helper()
	c := newCircuit("dep", &options{settings: Settings{MaxConcurrent: 1, QueueSize: 2}})
	free := c.bulkhead.TakeSlot()
	w, ok := c.bulkhead.acquire(window.NoSeat)
	require.True(t, ok)
	require.NotNil(t, w)
	free()
	<-w.granted
	return c, w
}
