package window

// Guarded is the kind that [Counters.AddIf] counts. It is counted in one place however many
// processors there are, by AddIf and [Counters.AddSerially] only.
const Guarded = 1

// The word of the guarded kind has the count in its low 48 bits and above them how often the
// kind was shut or opened: an odd number while it is shut. At a million events a second the
// count overflows after nine years.
const (
	turn    = 1 << 48
	ofCount = turn - 1
)

// Look returns what to pass to [Counters.AddIf], and whether the guarded kind is open.
func (c *Counters) Look() (seen uint64, open bool) {
	seen = c.first[Guarded].Load()
	return seen, seen&turn == 0
}

// AddIf counts one event of the guarded kind, unless another one was counted, or the kind was
// shut, since the [Counters.Look] that returned seen. It reports whether it counted; there are
// seen+1 of them then, see [Counters.AddSlowly].
func (c *Counters) AddIf(seen uint64) bool { return c.first[Guarded].CompareAndSwap(seen, seen+1) }

// Shut makes [Counters.AddIf] fail until [Counters.Open], also for callers that have looked
// already. Shut and Open are called under one lock.
func (c *Counters) Shut() { c.first[Guarded].Add(turn) }

// Open lets [Counters.AddIf] count again, for callers that look from now on.
func (c *Counters) Open() { c.first[Guarded].Add(turn) }
