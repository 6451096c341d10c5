package window

// Guarded is the kind that [Counters.AddIf] counts. It is counted in one place however many
// processors there are, by AddIf and [Counters.AddSerially] only.
const Guarded = 1

// The word of the guarded kind is its count and, above that, how often it was shut or opened:
// while it is shut that is odd. At a million events a second the count lasts nine years.
const (
	turn    = 1 << 48
	ofCount = turn - 1
)

// Look returns what [Counters.AddIf] wants to be told, or reports that the guarded kind is shut.
func (c *Counters) Look() (seen uint64, open bool) {
	seen = c.first[Guarded].Load()
	return seen, seen&turn == 0
}

// AddIf counts one event of the guarded kind if since that [Counters.Look] nobody has counted
// one or shut it, and reports whether it did.
func (c *Counters) AddIf(seen uint64) bool { return c.first[Guarded].CompareAndSwap(seen, seen+1) }

// Shut keeps [Counters.AddIf] from counting, also who has looked already, until
// [Counters.Open]. Both are for one at a time, under a lock.
func (c *Counters) Shut() { c.first[Guarded].Add(turn) }

// Open lets [Counters.AddIf] count again, for those who look from now on.
func (c *Counters) Open() { c.first[Guarded].Add(turn) }
