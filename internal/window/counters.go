package window

import (
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
)

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
// As long as nobody contends for it, it is a single stripe in place (some 300 bytes). The
// first time that two processors get in each other's way it spreads over as many stripes as
// there are processors, each on cache lines of its own (BenchmarkCountersAdd).
type Counters struct {
	spread atomic.Pointer[[]stripe]
	// The padding keeps the neighbours in the caller's struct off the lines written here.
	_     [56]byte
	first stripe
	_     [64]byte
}

// stripe is 128 bytes: two cache lines, or one where lines come in pairs.
type stripe [Kinds]atomic.Uint64

// Add counts one event of the given kind. A kind that is not in 0 to Kinds-1 panics.
func (c *Counters) Add(kind int) {
	if s := c.spread.Load(); s != nil {
		(*s)[pick(len(*s))][kind].Add(1)
		return
	}
	n := &c.first[kind]
	// Not Add: a failed exchange is the only cheap sign of contention.
	if old := n.Load(); !n.CompareAndSwap(old, old+1) {
		c.contended(kind)
	}
}

// Sums returns the totals since creation.
func (c *Counters) Sums() Sums {
	var sums Sums
	for kind := range sums {
		sums[kind] = c.first[kind].Load()
	}
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

// contended spreads the counters over several stripes and counts one event there. The
// first stripe keeps what it has and is written no more.
func (c *Counters) contended(kind int) {
	s := make([]stripe, stripes())
	if !c.spread.CompareAndSwap(nil, &s) {
		s = *c.spread.Load()
	}
	s[pick(len(s))][kind].Add(1)
}

// maxStripes bounds what a contended counter takes.
const maxStripes = 64

// stripes returns over how many stripes to spread: the number of processors that Go may
// use, rounded up to a power of two, from 2 to maxStripes.
func stripes() int {
	procs := min(max(runtime.GOMAXPROCS(0), 2), maxStripes)
	return 1 << bits.Len(uint(procs-1))
}

// pick returns one of n stripes, n being a power of two. Go does not tell on which
// processor a goroutine runs, so it is a random one: two processors meet on one in n.
func pick(n int) uint32 {
	return rand.Uint32() & uint32(n-1) //nolint:gosec // neither secret nor negative
}
