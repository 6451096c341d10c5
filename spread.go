package quill

import (
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// count counts an event that moves nothing: one for each call.
func (c *Circuit) count(kind int, seat uint32) {
	busy, shared := c.counters.Add(kind, seat)
	c.spread(kind, busy, shared)
}

// countSlowly is the second half of count for those who have its first half in place:
// Counters.AddInPlace returned n.
func (c *Circuit) countSlowly(kind int, n uint64, seat uint32) {
	busy, shared := c.counters.AddSlowly(kind, n, seat)
	c.spread(kind, busy, shared)
}

// spread is called with what the counters noticed. Where several processors call at once, what each
// call writes is spread, so that they do not wait for each other's cache lines. (A refusal writes no
// more than the counter.)
func (c *Circuit) spread(kind int, busy, shared bool) {
	if busy && kind != int(ShortCircuited) && kind != kindAnsweredOpen {
		c.times.Spread()
		c.bulkhead.slots.lend()
	}
	if shared {
		window.Reseat(time.Since(processStart))
	}
}
