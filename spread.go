package quill

import (
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// count counts a result that moves nothing.
func (c *Circuit) count(o Outcome) {
	busy, shared := c.counters.Add(int(o))
	c.spread(o, busy, shared)
}

// countSlowly is the second half of count for those who have its first half in place:
// Counters.AddInPlace returned n.
func (c *Circuit) countSlowly(o Outcome, n uint64) {
	busy, shared := c.counters.AddSlowly(int(o), n)
	c.spread(o, busy, shared)
}

// spread is called with what the counters noticed. Where several processors call at once, what each
// call writes is spread, so that they do not wait for each other's cache lines. (A refused call
// writes no more than the counter.)
func (c *Circuit) spread(o Outcome, busy, shared bool) {
	if busy && o != ShortCircuited {
		c.times.Spread()
		c.bulkhead.slots.lend()
	}
	if shared {
		window.Reseat(time.Since(processStart))
	}
}
