//go:build explore

package quill

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// idlePool is a pool of some idle workers whose goroutines never run.
func idlePool(s *explore.Scenario, workers int, used bool) *Bulkhead {
	b := newBulkhead("dep", Settings{MaxConcurrent: 10})
	for range workers {
		w := b.pool.addLocked()
		w.used = used
		b.pool.put(w)
		s.Value(explore.At("below", int(w.number)), func() uint64 { return uint64(w.below.Load()) })
		s.Value(explore.At("state", int(w.number)), w.hash)
	}
	b.pool.watchLocked(b)
	s.Still("places")
	s.Still("loans")
	s.Still("ring.next")
	s.Still("ring.view")
	s.Value("idle", b.pool.top.Load)
	s.Value("watched", func() uint64 {
		if b.pool.watched.Load() {
			return 1
		}
		return 0
	})
	s.Finally(func() error {
		if b.pool.reaper != nil {
			b.pool.reaper.Stop()
		}
		return nil
	})
	return b
}

// hash is what the holder of a worker can read of it.
func (w *worker) hash() uint64 {
	h := uint64(w.state.Load())
	if w.used {
		h += 4
	}
	return h
}

// idleNow are the numbers of the idle workers, from the top.
func idleNow(b *Bulkhead) (numbers []uint32) {
	for n := uint32(b.pool.top.Load() & numberMask); n != 0 && len(numbers) < 9; { // or they lie in a circle
		w := (*b.pool.all.Load())[n-1]
		if w.state.Load()&busy == 0 {
			numbers = append(numbers, n)
		}
		n = w.below.Load()
	}
	return numbers
}

// TestWhoHasASlotFindsAWorkerForHimselfInEverySchedule: callers who had a worker before, the
// same one or each another, and some who had none, with as many workers as slots.
func TestWhoHasASlotFindsAWorkerForHimselfInEverySchedule(t *testing.T) {
	for _, last := range [][]int{{0, 0}, {1, 1}, {2, 2}, {2, 1}, {0, 0, 0}, {1, 1, 1}, {2, 2, 2}, {2, 2, 1}, {2, 1, 0}} {
		everySchedule(t, fmt.Sprintf("2 workers, had before %v", last), func(s *explore.Scenario) {
			lentOnce(s, 2, last)
		})
	}
	everySchedule(t, "3 workers, had none before", func(s *explore.Scenario) {
		lentOnce(s, 3, []int{0, 0, 0})
	})
}

// lentOnce has callers take a slot and a worker and give both back: twice, or once if they
// are three. last are the numbers of the workers that they had before, 0 for none.
func lentOnce(s *explore.Scenario, workers int, last []int) {
	b := idlePool(s, workers, true)
	b.slots.setLimit(workers, false)
	s.Value("slots", b.slots.word.Load)
	held := map[*worker]bool{}
	for i, number := range last {
		var w *worker
		if number > 0 {
			w = (*b.pool.all.Load())[number-1]
		}
		s.Go(fmt.Sprint(i), func() {
			for range 4 - len(last) {
				if !b.slots.take(false, window.NoSeat) {
					continue
				}
				if w == nil || !w.takeAgain() {
					w = b.pool.take()
				}
				if w == nil {
					s.Failf("none found, with a worker for each slot")
					return
				}
				if held[w] {
					s.Failf("worker %d is held by two", w.number)
				}
				held[w] = true
				explore.Read("held")
				delete(held, w)
				b.pool.put(w)
				b.slots.giveBack(window.NoSeat)
			}
		})
	}
	s.Finally(func() error {
		left := idleNow(b)
		slices.Sort(left)
		if !slices.Equal(left, []uint32{1, 2, 3}[:workers]) {
			return fmt.Errorf("idle are %v", left)
		}
		return nil
	})
}

func TestNoWorkerIsIdleWithoutTheReaperInEverySchedule(t *testing.T) {
	for _, again := range []bool{false, true} {
		everySchedule(t, fmt.Sprintf("taken again %t", again), func(s *explore.Scenario) {
			b := idlePool(s, 1, true)
			w := (*b.pool.all.Load())[0]
			s.Go("reaper", func() {
				b.reap()
				explore.Here(1)
				b.reap()
			})
			s.Go("caller", func() {
				for range 2 {
					if again {
						if !w.takeAgain() {
							return // the reaper has it
						}
					} else if w = b.pool.take(); w == nil {
						return
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
