package window

import (
	"math/bits"
	"runtime"
	"sync/atomic"
)

// clashes counts how often one processor got in another's way, to decide whether a counter
// is contended enough to be worth more memory. Any busy counter meets a clash now and then,
// and a process may have 100,000 counters: what is judged is the share of the events.
type clashes struct {
	seen atomic.Uint64
}

const (
	minClashes     = 16   // fewer are chance
	eventsPerClash = 8192 // each stands for hundreds of events that waited for the line
	stripesPerProc = 4    // with fewer, goroutines too often share one
)

// tooMany counts one clash and reports whether there were too many for so many events.
func (c *clashes) tooMany(events func() uint64) bool {
	seen := c.seen.Add(1)
	return seen >= minClashes && seen >= events()/eventsPerClash
}

// Stripes returns over how many stripes to spread: four for each processor that Go may use,
// rounded up to a power of two, and not more than limit, itself a power of two.
func Stripes(limit int) int {
	n := stripesPerProc * runtime.GOMAXPROCS(0)
	return min(1<<bits.Len(uint(n-1)), limit)
}
