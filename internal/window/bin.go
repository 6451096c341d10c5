package window

import (
	"sync/atomic"
	"time"
)

// bin is one word: its low 24 bits are how many durations fell into the bin, the bits above are
// their sum. So recording a duration is one operation, and no reader sees half of it. When either
// part is half full, after eight million durations or a sum of nine minutes, the bin is emptied
// into Histogram.moved, under the lock that readers take as well (see [Histogram.move]).
type bin struct{ word atomic.Uint64 }

const (
	sumShift = 24
	ofBin    = 1<<sumShift - 1
	halfFull = 1<<63 | 1<<(sumShift-1)
	// A sum that is less than half full takes what is shorter than this.
	tooLong = time.Duration(1 << (63 - sumShift))
)

// add adds a duration, which is not negative, unless somebody else wrote the bin just now or
// the duration does not fit.
func (b *bin) add(d time.Duration) bool {
	old := b.word.Load()
	return old&halfFull == 0 && d < tooLong && b.word.CompareAndSwap(old, old+uint64(d)<<sumShift+1) //nolint:gosec // not negative
}

// fits reports whether there is room for d.
func (b *bin) fits(d time.Duration) bool { return b.word.Load()&halfFull == 0 && d < tooLong }

func (b *bin) load() (count, sum uint64) {
	word := b.word.Load()
	return word & ofBin, word >> sumShift
}

// moved is what full bins held.
type moved struct {
	bins [numBins]uint64
	sum  uint64 // nanoseconds; wraps round, after 584 years spent in calls: differences stay right
}

// move takes what bin i holds, and d, to where there is room for it.
func (h *Histogram) move(n *bin, i int, d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.moved == nil {
		h.moved = new(moved)
	}
	word := n.word.Swap(0)
	h.moved.bins[i] += word&ofBin + 1
	h.moved.sum += word>>sumShift + uint64(min(d, maxRecorded)) //nolint:gosec // not negative
}

// sum adds all to t. Nothing is moved meanwhile, so that nothing is missed or seen twice.
func (h *Histogram) sum(t *tally) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.add(&h.first)
	if s := h.spread.Load(); s != nil {
		for _, b := range *s {
			t.add(b)
		}
	}
	if h.moved != nil {
		t.addMoved(h.moved)
	}
}

func (t *tally) addMoved(m *moved) {
	for i, n := range m.bins {
		t.bins[i] += n
	}
	t.sum += m.sum
}
