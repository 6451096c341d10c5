// Package window keeps what a circuit knows about its recent calls: how many ended in
// which way ([Counters]), how long they took ([Histogram]), and how much of both belongs
// to the last so many seconds ([Ring]) or to the last n calls ([Last]).
//
// # How a window works here
//
// Counters and histograms are cumulative: they only grow and are never reset. A window is
// a difference. When time passes a bucket boundary, whoever sees it first writes down the
// totals (a mark), and what the window holds is the totals of now less those of the mark
// at its far end:
//
//	marks   0 ──────── 120 ──────── 155 ──────── 155 ──────── 190 ─── now: 197
//	                    └─────────── the window: 197−120 = 77 ───────────┘
//
// So nothing is ever cleared, no event can land in a bucket that is just being cleared, a
// writer needs no lock, and the totals since creation come for free. It is tempting to
// keep one counter a bucket instead; then each roll must clear what others may be writing.
//
// A ring moves when an event comes. Where none comes any more it keeps its marks, until
// somebody who reads it calls [Ring.Rest].
//
// # Time
//
// There is no clock here. Every method takes the time as a duration on the caller's
// monotonic clock. Any value will do: negative, standing still, centuries ahead. Time
// never runs backwards: a now that is earlier than the ring's current bucket is taken as
// being in that bucket. At a boundary the later bucket begins (≥).
//
// # What is exact
//
// Each event is counted exactly once, in the bucket that is current when it is added,
// and no window is negative. Each single counter is linearizable. Reads of several
// counters, and of counters and histograms, that overlap with writers may see one event in
// one of them and not yet in the other; once the writers rest they agree.
package window
