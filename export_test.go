package quill

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// DrawSeed is drawSeed for tests outside of this package.
func DrawSeed(t *testing.T) uint64 {
	t.Helper()
	return drawSeed(t)
}

// DismissWorkers ends the idle workers of b and waits until they have left. Outside a bubble
// a pool keeps them warm for a while, which a test that looks for leaked goroutines must not
// wait for.
func (b *Bulkhead) DismissWorkers() {
	dismissed, gone := b.dismiss()
	if dismissed == 0 {
		return
	}
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); runtime.Gosched() {
		b.mu.Lock()
		left := b.pool.all.Load() == nil || len(b.pool.vacant) >= gone+dismissed
		b.mu.Unlock()
		if left {
			return
		}
	}
}

// dismiss tells the idle workers to end: how many, and how many had ended before.
func (b *Bulkhead) dismiss() (dismissed, gone int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	gone = len(b.pool.vacant)
	if b.pool.all.Load() != nil { // else take would wait for ever for a pool that went wrong
		dismissed = b.pool.dismissLocked()
	}
	return dismissed, gone
}

// IdleWorkers is how many workers wait for a task.
func (b *Bulkhead) IdleWorkers() int { return len(b.idleWorkers()) }

// TakeSlot takes a slot, past all circuits, and returns how to give it back.
func (b *Bulkhead) TakeSlot() (free func()) {
	if _, ok := b.acquire(window.NoSeat); !ok {
		panic("the bulkhead is full")
	}
	return func() { b.release(window.NoSeat) }
}

// MostPending is how many notifications of a circuit may wait.
const MostPending = mostPending

// ShadowInFlight is how many slots the candidate beside the settings in force has taken.
func (c *Circuit) ShadowInFlight() int {
	if s := c.config.Load().shadow; s != nil {
		return s.twin.bulkhead.slots.taken()
	}
	return 0
}

// WeakShadow points to the candidate's circuit, and does not hold it.
func (c *Circuit) WeakShadow() weak.Pointer[Circuit] {
	return weak.Make(c.config.Load().shadow.twin)
}

// WeakLast points to what holds the last RollingCalls calls, and does not hold it.
func (c *Circuit) WeakLast() weak.Pointer[window.Last] { return weak.Make(c.config.Load().last) }
