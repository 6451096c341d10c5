//go:build explore

package quill

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// The tests of this file and its neighbors play small scenarios in every schedule there
// is: see package explore.

// aloneIn is the test that has waited to be alone last.
var aloneIn string

// alone waits until no goroutine is left of tests that were before in the same process: each
// that comes by one of the points would pass for the one whose turn it is. It also lets go of
// what timers that are still set would look at, which is kept for another call.
func alone(t *testing.T) {
	t.Helper()
	name, _, _ := strings.Cut(t.Name(), "/")
	if name == aloneIn {
		return
	}
	for range 3 { // sync.Pool keeps what it has through two
		runtime.GC()
	}
	require.NoError(t, noGoroutineLeft())
	aloneIn = name
}

func everySchedule(t *testing.T, name string, setup func(*explore.Scenario)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { playAll(t, setup) })
}

// playAll plays every schedule. With QUILL_THOROUGH set in the environment, as `make
// reliability` does, it does so backwards too, to see that no two states were taken for one: each
// of the large scenarios, which are the small ones with more callers, with a chance of one in
// four, drawn by QUILL_SEED.
func playAll(t *testing.T, setup func(*explore.Scenario)) {
	t.Helper()
	alone(t)
	r := explore.Run(setup)
	t.Log(r)
	require.NoError(t, r.Err)
	if os.Getenv("QUILL_THOROUGH") == "" {
		return
	}
	const large = 20_000
	if r.States < large || rand.New(rand.NewPCG(drawSeed(t), nameHash(t))).IntN(4) == 0 { //nolint:gosec // no secret
		require.Equal(t, r.Schedules, explore.RunBackwards(setup).Schedules, "a Value leaves something out")
	}
}

// nameHash is a number made of a test's name.
func nameHash(t *testing.T) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name())) // never fails
	return h.Sum64()
}

// schedulesWithin plays those schedules in which no more than so many times one is stopped that
// could have gone on. They are not all there are, and the tests' names say so.
func schedulesWithin(t *testing.T, preemptions int, name string, setup func(*explore.Scenario)) {
	t.Helper()
	t.Run(fmt.Sprintf("%s, %d stops", name, preemptions), func(t *testing.T) {
		alone(t)
		r := explore.RunWithin(preemptions, setup)
		t.Log(r)
		require.NoError(t, r.Err)
	})
}

// crowd is what the callers of a bulkhead do, as the test counts it.
type crowd struct {
	s                                  *explore.Scenario
	b                                  *Bulkhead
	canceled                           bool
	limit, stripes                     int
	alive, ran, rejected, leftTheQueue int
}

func newCrowd(s *explore.Scenario, limit, queue int) *crowd {
	c := &crowd{s: s, limit: limit, b: newBulkhead("dep", Settings{MaxConcurrent: limit, QueueSize: queue, Isolation: Semaphore})}
	s.Always(func() error {
		if c.alive > c.limit {
			return fmt.Errorf("%d run at once, %d may", c.alive, c.limit)
		}
		return nil
	})
	taken := 0
	s.Always(func() error { // a limit that was lowered holds for each that is admitted after it
		before := taken
		taken = int(c.b.slots.word.Load() & takenMask)
		if limit := c.b.slots.limit(); taken > before && taken > limit {
			return fmt.Errorf("one was admitted as number %d of %d", taken, limit)
		}
		return nil
	})
	s.Finally(c.nothingLeft)
	c.values()
	return c
}

// values tells the explorer what the bulkhead and the test hold.
func (c *crowd) values() {
	s := c.s
	s.Value("slots", c.b.slots.word.Load)
	s.Still("loans")
	s.Value("queueSize", func() uint64 { return uint64(c.b.queueSize.Load()) })
	s.Value("bulkhead.mu", func() uint64 {
		h := uint64(c.b.queue.length)
		for w := c.b.queue.first; w != nil; w = w.next {
			h = explore.Hash(h, s.Owner(w))
		}
		return h
	})
	s.Value("granted", func() uint64 { // to whom is in the queue's value
		if c.canceled {
			return 1
		}
		return 0
	})
	s.Value("work", func() uint64 {
		return explore.Hash(uint64(c.ran), uint64(c.rejected), uint64(c.leftTheQueue))
	})
}

func (c *crowd) nothingLeft() error {
	c.b.slots.callIn()
	w, q := c.b.slots.word.Load(), c.b.queue
	if w&takenMask != 0 || w&waiting != 0 || q.length != 0 || q.first != nil || q.last != nil {
		return fmt.Errorf("left behind: %d slots, waiting=%t, %d in the queue", w&takenMask, w&waiting != 0, q.length)
	}
	return nil
}

// call goes through the bulkhead once.
func (c *crowd) call(ctx context.Context) {
	w, ok := c.b.acquire(window.NoSeat)
	if !ok {
		c.rejected++
		return
	}
	if w != nil && !c.b.await(ctx.Done(), w, 0) {
		c.leftTheQueue++
		return
	}
	c.alive++
	explore.Read("work")
	c.alive--
	c.ran++
	c.b.release(window.NoSeat)
}

func (c *crowd) goCall(name string, times int) {
	c.s.Go(name, func() {
		for n := range times {
			c.call(context.Background())
			explore.Here(n)
		}
	})
}

func TestA01NoMoreRunThanTheLimitInEverySchedule(t *testing.T) {
	for _, limit := range []int{1, 2} {
		everySchedule(t, fmt.Sprintf("limit %d", limit), func(s *explore.Scenario) {
			c := newCrowd(s, limit, 0)
			for _, name := range []string{"a", "b", "c"} {
				c.goCall(name, 2)
			}
			s.Finally(func() error {
				if c.ran+c.rejected != 6 || c.ran < limit {
					return fmt.Errorf("%d ran, %d were rejected", c.ran, c.rejected)
				}
				return nil
			})
		})
	}
}

func TestA05CallersWithinTheLimitAreNeverRejectedInEverySchedule(t *testing.T) {
	everySchedule(t, "3 of 3", func(s *explore.Scenario) {
		c := newCrowd(s, 3, 0)
		for _, name := range []string{"a", "b", "c"} {
			c.goCall(name, 2)
		}
		s.Always(func() error {
			if c.rejected > 0 {
				return fmt.Errorf("rejected with a slot free")
			}
			return nil
		})
	})
}

func TestA02NoMoreWaitThanTheQueueHoldsInEverySchedule(t *testing.T) {
	for _, queue := range []int{1, 2} {
		everySchedule(t, fmt.Sprintf("queue %d", queue), func(s *explore.Scenario) {
			c := newCrowd(s, 1, queue)
			for _, name := range []string{"a", "b", "c"} {
				c.goCall(name, 1)
			}
			s.Always(func() error {
				if c.b.queue.length > queue {
					return fmt.Errorf("%d wait, %d may", c.b.queue.length, queue)
				}
				return nil
			})
			s.Finally(func() error { // nobody stays in the queue: that would be a deadlock
				if c.ran+c.rejected != 3 || c.rejected > 2-queue {
					return fmt.Errorf("%d ran, %d were rejected", c.ran, c.rejected)
				}
				return nil
			})
		})
	}
}

// resizing sets the limits through the bulkhead, as Resize does.
func (c *crowd) resize(limit, queue int) {
	c.b.resize(Settings{Isolation: Semaphore, MaxConcurrent: limit, QueueSize: queue})
}

func TestA04AResizeForgetsNoWaiterAndAdmitsNoneTooManyInEverySchedule(t *testing.T) {
	for name, limits := range map[string][]int{"grows": {1, 2}, "shrinks": {2, 1}, "shrinks and grows": {2, 1, 2}} {
		everySchedule(t, name, func(s *explore.Scenario) {
			callers := []string{"a", "b", "c"}[:5-len(limits)]
			c := newCrowd(s, limits[0], 2)
			c.limit = 2 // the most it ever is
			for _, name := range callers {
				c.goCall(name, 1)
			}
			s.Go("resizer", func() {
				for n, limit := range limits[1:] {
					c.resize(limit, 2)
					explore.Here(n)
				}
			})
			s.Finally(func() error {
				if c.ran != len(callers) {
					return fmt.Errorf("%d ran, %d were rejected", c.ran, c.rejected)
				}
				return nil
			})
		})
	}
	everySchedule(t, "grows while all slots are held", func(s *explore.Scenario) {
		c := newCrowd(s, 1, 2)
		c.b.acquire(window.NoSeat) // until the end: only the resize can let the waiters go
		for _, name := range []string{"a", "b"} {
			c.goCall(name, 1)
		}
		s.Go("resizer", func() {
			explore.Until(func() bool { return c.b.queue.length == 2 })
			c.resize(2, 2)
			explore.Until(func() bool { return c.ran == 2 })
			c.b.release(window.NoSeat)
		})
	})
}

func TestA06GrantAndCancelHaveOneWinnerInEverySchedule(t *testing.T) {
	for _, behind := range []int{0, 1} {
		everySchedule(t, fmt.Sprintf("%d behind", behind), func(s *explore.Scenario) {
			c := newCrowd(s, 1, 2)
			ctx, cancel := context.WithCancel(context.Background())
			c.goCall("holder", 1)
			s.Go("waiter", func() { c.call(ctx) })
			for i := range behind {
				c.goCall(fmt.Sprintf("behind %d", i), 1)
			}
			s.Go("canceler", func() {
				explore.Write("granted")
				c.canceled = true
				cancel()
			})
			s.Finally(func() error {
				if c.rejected != 0 || c.leftTheQueue > 1 || c.ran+c.leftTheQueue != 2+behind {
					return fmt.Errorf("%d ran, %d left the queue, %d rejected", c.ran, c.leftTheQueue, c.rejected)
				}
				return nil
			})
		})
	}
}
