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
// 300 bytes). When they do, it spreads over several stripes, each on cache lines of its own
// (BenchmarkCountersAdd).
type Counters struct {
	spread atomic.Pointer[[]stripe]
	clash  clashes
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
	if !c.AddInPlace(kind) {
		c.AddContended(kind)
	}
}

// AddInPlace is Add where nobody else writes the counter at this moment and the counters are
// not spread. It reports false if that is not so: then call [Counters.AddContended]. It is
// small enough to be inlined, for those to whom a call of a function matters.
func (c *Counters) AddInPlace(kind int) bool {
	n := &c.first[kind]
	// Not Add: a failed exchange is the only cheap sign of contention.
	old := n.Load()
	return c.spread.Load() == nil && n.CompareAndSwap(old, old+1)
}

// AddContended is Add for an event that [Counters.AddInPlace] did not count.
func (c *Counters) AddContended(kind int) {
	if s := c.spread.Load(); s != nil {
		(*s)[Place(len(*s))][kind].Add(1)
		return
	}
	c.contended(kind)
}

// AddSerially is Add for callers that hold a common lock: it does not look for contention. It is
// as safe as Add without the lock.
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

// contended counts one event that met another, and spreads the counters if too many do.
// After that the first stripe keeps what it has and is written no more.
func (c *Counters) contended(kind int) {
	c.first[kind].Add(1)
	if !c.clash.tooMany(c.all) {
		return
	}
	s := make([]stripe, Stripes(maxStripes))
	c.spread.CompareAndSwap(nil, &s) // or another was first, which is as good
}

func (c *Counters) all() uint64 {
	var total uint64
	for _, n := range c.Sums() {
		total += n
	}
	return total
}
