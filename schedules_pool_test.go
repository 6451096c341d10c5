//go:build explore

package quill

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// idlePool is a pool of some idle workers whose goroutines never run.
func idlePool(s *explore.Scenario, workers int, used bool) *Bulkhead {
	b := newBulkhead("dep", Settings{MaxConcurrent: 10})
	for range workers {
		w := b.pool.addLocked()
		w.used = used
		b.pool.put(w)
		s.Value(w.belowName(), func() uint64 { return uint64(w.below.Load()) })
	}
	b.pool.watchLocked(b)
	s.Still("places")
	s.Still("loans")
	s.Value("idle", b.pool.top.Load)
	s.Value("watched", func() uint64 {
		if b.pool.watched.Load() {
			return 1
		}
		return 0
	})
	s.Finally(func() error {
		b.pool.reaper.Stop()
		return nil
	})
	return b
}

// idleNow are the numbers of the idle workers, from the top.
func idleNow(b *Bulkhead) (numbers []uint32) {
	for n := uint32(b.pool.top.Load() & numberMask); n != 0; n = (*b.pool.all.Load())[n-1].below.Load() {
		numbers = append(numbers, n)
	}
	return numbers
}

func TestAnIdleWorkerIsTakenByOneInEverySchedule(t *testing.T) {
	for _, callers := range []int{2, 3} {
		everySchedule(t, fmt.Sprintf("%d callers, 2 workers", callers), func(s *explore.Scenario) {
			b := idlePool(s, 2, true)
			held := map[*worker]bool{}
			for i := range callers {
				s.Go(fmt.Sprint(i), func() {
					for range 4 - callers { // twice, or once if they are three
						w := b.pool.take()
						if w == nil {
							if callers == 2 {
								s.Failf("none idle, with two workers for two callers")
							}
							continue
						}
						if held[w] {
							s.Failf("worker %d is held by two", w.number)
						}
						held[w] = true
						explore.Read("held")
						delete(held, w)
						b.pool.put(w)
					}
				})
			}
			s.Finally(func() error {
				left := idleNow(b)
				slices.Sort(left)
				if !slices.Equal(left, []uint32{1, 2}) {
					return fmt.Errorf("idle are %v", left)
				}
				return nil
			})
		})
	}
}

func TestNoWorkerIsIdleWithoutTheReaperInEverySchedule(t *testing.T) {
	for _, used := range []bool{false, true} {
		everySchedule(t, fmt.Sprintf("used %t", used), func(s *explore.Scenario) {
			b := idlePool(s, 1, used)
			s.Go("reaper", b.reap)
			s.Go("caller", func() {
				for range 2 {
					w := b.pool.take()
					if w == nil {
						return // the reaper has it
					}
					w.used = true
					b.park(w)
				}
			})
			s.Finally(func() error {
				if idle := idleNow(b); len(idle) > 0 && !b.pool.watched.Load() {
					return fmt.Errorf("idle are %v, watched %t", idle, b.pool.watched.Load())
				}
				return nil
			})
		})
	}
}
