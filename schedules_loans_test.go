//go:build explore

package quill

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// newLendingCrowd is a crowd at a bulkhead whose free slots are lent from the start, one to each
// stripe. At each call any of the stripes may be at hand.
func newLendingCrowd(s *explore.Scenario, limit, queue, stripes int) *crowd {
	c := newCrowd(s, limit, queue)
	c.stripes = stripes
	var known []*loans
	inForce := func() uint64 {
		l := c.b.slots.loans.Load()
		if l == nil {
			return 0
		}
		if !slices.Contains(known, l) {
			known = append(known, l)
		}
		return 1 + uint64(slices.Index(known, l))
	}
	s.Always(func() error { inForce(); return nil }) // so that Values do not depend on when they are asked for
	s.Value("loans", inForce)
	s.Value("slots.mu", inForce) // under which it is read, too
	for i := range stripes {
		s.Value(explore.At("stripe", i), func() uint64 {
			h := uint64(0)
			for _, l := range known {
				h = explore.Hash(h, (*l)[i].word.Load())
			}
			return h
		})
	}
	s.Value("place", func() uint64 { return 0 })
	c.lend()
	return c
}

func (c *crowd) lend() { c.b.slots.lendNow(uint64(c.stripes)) }

// goLend lends in the middle of things.
func (c *crowd) goLend() {
	c.s.Go("lender", c.lend)
}

// goCallIn calls in as one who finds no slot does.
func (c *crowd) goCallIn() {
	c.s.Go("caller in", c.b.slots.callIn)
}

func TestA01NoMoreRunThanTheLimitWhileSlotsAreLentInEverySchedule(t *testing.T) {
	for _, limit := range []int{1, 2} {
		everySchedule(t, fmt.Sprintf("3 callers, limit %d", limit), func(s *explore.Scenario) {
			c := newLendingCrowd(s, limit, 0, 1)
			for _, name := range []string{"a", "b", "c"} {
				c.goCall(name, 1)
			}
			s.Finally(func() error {
				if c.ran+c.rejected != 3 || c.ran < limit {
					return fmt.Errorf("%d ran, %d were rejected", c.ran, c.rejected)
				}
				return nil
			})
		})
	}
	everySchedule(t, "2 stripes, and a lender", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 1, 0, 2)
		c.goCall("a", 1)
		c.goCall("b", 1)
		c.goLend()
	})
}

func TestA05CallersWithinTheLimitAreNeverRejectedWhileSlotsAreLentInEverySchedule(t *testing.T) {
	never := func(s *explore.Scenario, c *crowd) {
		s.Always(func() error {
			if c.rejected > 0 {
				return fmt.Errorf("rejected with a slot free")
			}
			return nil
		})
	}
	everySchedule(t, "3 of 3", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 3, 0, 1)
		never(s, c)
		for _, name := range []string{"a", "b", "c"} {
			c.goCall(name, 1)
		}
	})
	everySchedule(t, "2 of 2, 2 stripes", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 2, 0, 2)
		never(s, c)
		c.goCall("a", 2)
		c.goCall("b", 1)
	})
	everySchedule(t, "1 of 1, and one who calls in, and a lender", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 1, 0, 2)
		never(s, c)
		c.goCall("a", 2)
		c.goCallIn()
		c.goLend()
	})
}

func TestA02WaitersAreWokenWhileSlotsAreLentInEverySchedule(t *testing.T) {
	everySchedule(t, "2 callers, 2 stripes", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 1, 2, 2)
		c.allRun(2)
		c.goCall("a", 1)
		c.goCall("b", 1)
	})
	everySchedule(t, "2 callers, and a lender", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 1, 2, 1)
		c.allRun(2)
		c.goCall("a", 1)
		c.goCall("b", 1)
		c.goLend()
	})
	everySchedule(t, "one leaves", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 1, 2, 1)
		ctx, cancel := context.WithCancel(context.Background())
		c.goCall("holder", 1)
		s.Go("waiter", func() { c.call(ctx) })
		s.Go("canceler", func() {
			explore.Write("granted")
			c.canceled = true
			cancel()
		})
		c.goLend()
	})
}

func TestA02ThreeWaitersAreWokenWhileSlotsAreLentInSchedulesWithinStops(t *testing.T) {
	schedulesWithin(t, 4, "3 callers", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 1, 2, 1)
		c.allRun(3)
		for _, name := range []string{"a", "b", "c"} {
			c.goCall(name, 1)
		}
	})
}

// allRun says that nobody stays in the queue, which would be a deadlock, and none is rejected.
func (c *crowd) allRun(callers int) {
	c.s.Finally(func() error {
		if c.ran != callers {
			return fmt.Errorf("%d ran, %d were rejected", c.ran, c.rejected)
		}
		return nil
	})
}

func TestA04AResizeHoldsWhileSlotsAreLentInEverySchedule(t *testing.T) {
	for name, limits := range map[string][]int{"grows": {1, 2}, "shrinks": {2, 1}} {
		everySchedule(t, name, func(s *explore.Scenario) {
			c := newLendingCrowd(s, limits[0], 2, 1)
			c.limit = 2
			inForce := limits[0]
			s.Value("settings", func() uint64 { return uint64(inForce) })
			caller := func() {
				explore.Read("settings")
				lowered := inForce == 1 && limits[1] == 1
				w, ok := c.b.acquire(window.NoSeat)
				if ok && w == nil && lowered && c.alive >= 1 {
					s.Failf("admitted beside another after the limit was lowered to 1")
				}
				if !ok || w != nil && !c.b.await(nil, w, 0) {
					s.Failf("refused with a place in the queue")
				}
				c.alive++
				explore.Read("work")
				c.alive--
				c.ran++
				c.b.release(window.NoSeat)
			}
			s.Go("a", caller)
			s.Go("b", caller)
			s.Go("resizer", func() {
				c.resize(limits[1], 2)
				explore.Write("settings")
				inForce = limits[1]
			})
		})
	}
}

func TestA08SlotsTakenAreReadWithinBoundsWhileSlotsAreLentInEverySchedule(t *testing.T) {
	everySchedule(t, "a reader", func(s *explore.Scenario) {
		c := newLendingCrowd(s, 2, 0, 2)
		c.goCall("a", 1)
		c.goCall("b", 1)
		s.Go("reader", func() {
			if n := c.b.slots.taken(); n < 0 || n > 2 {
				s.Failf("%d taken", n)
			}
		})
	})
}
