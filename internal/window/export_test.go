package window

import "time"

// Snapshot returns the distribution of all durations since creation.
func (h *Histogram) Snapshot() Dist { return h.snapshot() }

// SumsSince is [Ring.Sums] without what base, an earlier [Counters.Sums], holds already.
func (r *Ring) SumsSince(now time.Duration, base Sums) Sums {
	var sums Sums
	r.read(now, func(from *mark) { sums = since(from, r.counters.Sums(), base) })
	return sums
}
