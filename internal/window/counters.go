package window

import "sync/atomic"

// Kinds is the number of counters in a [Counters].
const Kinds = 16

// Sums is one number for each kind. As what [Counters.Sums] returns these are totals since
// creation; as what [Ring.Sums] returns, those of the window.
type Sums [Kinds]uint64

// since returns what was added after earlier. It never goes below zero.
func (s Sums) since(earlier *Sums) Sums {
	for kind, before := range earlier {
		s[kind] -= min(s[kind], before)
	}
	return s
}

// Counters counts events of [Kinds] kinds. The counts only grow. The zero value is ready
// to use; a Counters must not be copied after first use. All methods are safe for
// concurrent use and take no lock.
//
// As long as processors do not get in each other's way it is a single stripe in place (some
// 300 bytes). When they do (see watch), it spreads over several stripes, each on cache lines of
// its own (BenchmarkCountersAdd).
type Counters struct {
	spread atomic.Pointer[[]stripe]
	busy   watch
	shared watch // of a stripe that several processors write
	// The padding keeps the neighbors in the caller's struct off the lines written here.
	_     [48]byte
	first stripe
	_     [64]byte
}

// maxStripes bounds what a contended counter takes: 8 KiB.
const maxStripes = 64

// stripe is 128 bytes: two cache lines, or one where lines come in pairs.
type stripe [Kinds]atomic.Uint64

// Add counts one event of the given kind. A kind that is not in 0 to Kinds-1 panics.
func (c *Counters) Add(kind int) {
	if n := c.AddInPlace(kind); n%LookEvery == 0 {
		c.AddSlowly(kind, n)
	}
}

// AddInPlace is the first half of Add: where the counters are not spread it counts, and returns
// how many there are. If that is a multiple of [LookEvery], or 0 because it did not count, call
// [Counters.AddSlowly] with it. It is small enough to be inlined, for those to whom a call of a
// function matters.
func (c *Counters) AddInPlace(kind int) uint64 {
	if c.spread.Load() != nil {
		return 0
	}
	return c.first[kind].Add(1)
}

// AddSlowly is the second half of Add, and of [Counters.AddIf] with how many there are then. It
// reports whether several processors were seen to count at once, this time and the last times:
// then the counters are spread, and it is time to spread what else is written for each event.
// It also reports whether several were seen to do so at this stripe: then goroutines should be
// given others by [Reseat].
func (c *Counters) AddSlowly(kind int, n uint64) (busy, shared bool) {
	at := &c.first[kind]
	if n == 0 {
		s := *c.spread.Load()
		at = &s[Place(len(s))][kind]
		n = at.Add(1)
	}
	if n%LookEvery != 0 {
		return false, false
	}
	return c.looked(c.look(kind, at))
}

// look looks for a moment whether others count events of that kind, and whether they do it here.
func (c *Counters) look(kind int, at *atomic.Uint64) (others, here bool) {
	total, n := c.Total(kind), at.Load()
	for range loadsOfLook {
		at.Load()
	}
	return c.Total(kind) != total, at.Load() != n
}

// AddSerially is Add for callers that hold a common lock: it does not look whether others write
// the counter. It is as safe as Add without the lock.
func (c *Counters) AddSerially(kind int) { c.first[kind].Add(1) }

// Total returns the total of one kind since creation.
func (c *Counters) Total(kind int) uint64 {
	total := c.first[kind].Load()
	if kind == Guarded {
		total &= ofCount
	}
	if s := c.spread.Load(); s != nil {
		total += beyondFirst(*s, kind)
	}
	return total
}

// beyondFirst is the total of one kind in the stripes beside the first: a function of its own so
// that Total can be inlined.
func beyondFirst(spread []stripe, kind int) (total uint64) {
	for i := range spread {
		total += spread[i][kind].Load()
	}
	return total
}

// Sums returns the totals since creation.
func (c *Counters) Sums() Sums {
	var sums Sums
	for kind := range sums {
		sums[kind] = c.first[kind].Load()
	}
	sums[Guarded] &= ofCount
	s := c.spread.Load()
	if s == nil {
		return sums
	}
	for i := range *s {
		for kind := range sums {
			sums[kind] += (*s)[i][kind].Load()
		}
	}
	return sums
}

// looked is AddSlowly after a look. Once the counters are spread the first stripe keeps what it
// has and is written no more, but by those who were on their way to it.
func (c *Counters) looked(others, here bool) (busy, shared bool) {
	busy = c.busy.tooOften(others, looksToSpread)
	if c.spread.Load() != nil {
		return busy, c.shared.tooOften(here, looksToReseat)
	}
	if busy {
		s := make([]stripe, Stripes(maxStripes))
		c.spread.CompareAndSwap(nil, &s) // or another was first, which is as good
	}
	return busy, false
}
