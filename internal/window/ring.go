package window

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// Ring is the rolling window over one [Counters] and one [Times]: which part of their
// totals belongs to the last so many seconds. The window is cut into buckets; an event
// leaves it together with its bucket, so it is visible for the window's length less at most
// one bucket, and for no longer than the window.
//
// All methods are safe for concurrent use. Advance takes a lock when a boundary has
// passed, once a bucket; reading takes none but that of the histograms, and, in the rare
// case that boundaries pass faster than it can read, the ring's.
type Ring struct {
	counters *Counters
	times    *Times
	buckets  uint64
	width    time.Duration // of a bucket

	next atomic.Int64 // the end of the current bucket, as a time.Duration
	view atomic.Pointer[view]
	// first is the first view, in place.
	first view

	// mu is held to replace view. next is written after view: who reads a next that lies
	// ahead may rely on the marks up to it being taken.
	mu sync.Mutex
}

// view is the state of a ring at a bucket boundary. It is never changed, only replaced.
type view struct {
	start time.Duration // of the current bucket
	// marks are the totals at the start of the current bucket, of the one before it, and so
	// on. Where they end, the last one holds for all buckets before: an idle ring has one. A
	// ring at rest has none: all that was counted is older than its window.
	marks []mark
	// edge are the counters at the start of the window, as long as the current bucket lasts.
	// Whoever asks first unpacks them.
	edge atomic.Pointer[Sums]
}

// onlyNothing is the list of marks of all rings that never counted anything.
var onlyNothing = []mark{nothing}

// maxBuckets bounds the work of an Advance whatever the caller asks for.
const maxBuckets = 1000

// NewRing returns a window over c and t that starts empty at now: what was counted before is
// not in it. A bucket lasts window/buckets, rounded down to a nanosecond
// but at least one. A number of buckets below 1 is 1, one above 1000 is 1000.
func NewRing(window time.Duration, buckets int, now time.Duration, c *Counters, t *Times) *Ring {
	buckets = min(max(buckets, 1), maxBuckets)
	r := &Ring{
		counters: c,
		times:    t,
		buckets:  uint64(buckets),
		width:    max(window/time.Duration(buckets), 1),
	}
	r.first.start, r.first.marks = now, alone(r.markLocked(nothing))
	r.view.Store(&r.first)
	r.next.Store(int64(r.end(&r.first)))
	return r
}

// Advance tells the ring the time and reports whether a bucket boundary had passed. Call it
// before each event is added: events are filed under the latest bucket that it was told of.
// It costs one load and a compare unless a boundary has passed, and work for one round of
// buckets at most, however much time did.
func (r *Ring) Advance(now time.Duration) (moved bool) {
	explore.Read("ring.next")
	return int64(now) >= r.next.Load() && r.advance(now)
}

// Sums returns the counts of the window that ends at now. It changes nothing.
func (r *Ring) Sums(now time.Duration) Sums {
	var sums Sums
	r.read(now, func(from *mark) {
		sums = since(from, r.counters.Sums(), Sums{})
	})
	return sums
}

// Edge returns what the counters held at the start of the window that ends at now, or nil if
// nothing can be in it. It is for callers that need a few kinds only: they compare [Ring.Until]
// before and after they read the counters, and read again if it has changed.
func (r *Ring) Edge(now time.Duration) *Sums {
	explore.Read("ring.view")
	v := r.view.Load()
	current := r.isCurrent(v, now)
	if edge := v.edge.Load(); current && edge != nil {
		return edge
	}
	from := r.from(v, now)
	if from == nil {
		return nil
	}
	sums := from.sums()
	if current {
		v.edge.Store(&sums)
	}
	return &sums
}

// Until is the end of the current bucket: it changes when the ring moves.
func (r *Ring) Until() time.Duration {
	explore.Read("ring.next")
	return time.Duration(r.next.Load())
}

// SumsOf is [Ring.Sums] for totals that the caller has just read, so that several figures are of
// one moment, and without what base holds: what the counters held when the count begins, if that
// is later than the window's start.
func (r *Ring) SumsOf(now time.Duration, total, base Sums) Sums {
	var sums Sums
	r.read(now, func(from *mark) {
		sums = since(from, total, base)
	})
	return sums
}

// since is what total has beyond both from and base; nothing if from is nil.
func since(from *mark, total, base Sums) Sums {
	if from == nil {
		return Sums{}
	}
	for kind, before := range from.sums() {
		base[kind] = max(base[kind], before)
	}
	return total.since(&base)
}

// Dists returns the durations of the window that ends at now: the times in run, and the
// whole times. It changes nothing.
func (r *Ring) Dists(now time.Duration) (run, whole Dist) {
	r.read(now, func(from *mark) {
		run, whole = Dist{}, Dist{}
		if from == nil {
			return
		}
		before, latest := from.times(), r.times.snapshot()
		s := latest.since(&before)
		run, whole = s.run(), s.whole()
	})
	return run, whole
}

// Rest lets go of the marks if nothing can be in the window that ends at now: a ring whose traffic
// has ended keeps them until somebody calls Rest, or the next event comes. It does not tell the
// time: the next Advance moves the ring, and says so, as if nobody had called Rest. But who
// asks for an earlier moment after it finds an empty window. It takes the lock only if there is
// something to let go of.
func (r *Ring) Rest(now time.Duration) {
	explore.Read("ring.view")
	if !r.outlived(r.view.Load(), now) {
		return
	}
	explore.Lock("ring.mu", &r.mu)
	r.mu.Lock()
	defer r.mu.Unlock()
	if v := r.view.Load(); r.outlived(v, now) {
		explore.Put("ring.view")
		r.view.Store(&view{start: v.start})
	}
}

// outlived reports whether v has marks that take memory, and are of no use at now.
func (r *Ring) outlived(v *view, now time.Duration) bool {
	return v.latest() != nothing && r.steps(v, now) >= r.buckets
}

// Restart empties the window: what was counted before is in it no more. The totals stay.
func (r *Ring) Restart(now time.Duration) {
	explore.Lock("ring.mu", &r.mu)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.setLocked(&view{start: now, marks: alone(r.markLocked(r.view.Load().latest()))})
}

// advance moves to the bucket of now, and reports whether that was a move: somebody else
// may have been first.
func (r *Ring) advance(now time.Duration) bool {
	explore.Lock("ring.mu", &r.mu)
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.view.Load()
	steps := r.steps(old, now)
	if steps == 0 {
		return false
	}
	// No event came between the boundaries that have passed unseen, so one mark serves for
	// all of them. What is added while it is taken falls on either side of it, but never on
	// both: the next mark, and each reading, starts from what this one has.
	m := r.markLocked(old.latest())
	r.setLocked(&view{
		start: old.start + time.Duration(steps)*r.width, //nolint:gosec // at most now
		marks: r.pushed(old.marks, m, min(steps, r.buckets)),
	})
	return true
}

// pushed returns marks with m put before them n times, at most one for each bucket. Marks at
// the end that equal the one before them are left out.
func (r *Ring) pushed(marks []mark, m mark, n uint64) []mark {
	marks = marks[:min(uint64(len(marks)), r.buckets-n)]
	for len(marks) > 1 && marks[len(marks)-1] == marks[len(marks)-2] {
		marks = marks[:len(marks)-1]
	}
	if len(marks) == 1 && marks[0] == m {
		marks = nil
	}
	if len(marks) == 0 {
		return alone(m)
	}
	all := make([]mark, n, n+uint64(len(marks)))
	for i := range all {
		all[i] = m
	}
	return append(all, marks...)
}

// alone is the list that holds m only.
func alone(m mark) []mark {
	if m == nothing {
		return onlyNothing
	}
	return []mark{m}
}

// latest is the mark at the start of the current bucket.
func (v *view) latest() mark {
	if len(v.marks) == 0 {
		return nothing
	}
	return v.marks[0]
}

// oldest is the mark at the start of the last so many buckets, nil if nothing can be in them.
func (v *view) oldest(buckets uint64) *mark {
	if len(v.marks) == 0 {
		return nil
	}
	return &v.marks[min(buckets, uint64(len(v.marks)))-1]
}

// read calls f with the mark at which the window that ends at now starts, nil if nothing can
// be in that window. It calls f again if the ring moved meanwhile, so that the last call saw
// totals and mark of one bucket.
func (r *Ring) read(now time.Duration, f func(from *mark)) {
	const tries = 3
	explore.Read("ring.view")
	v := r.view.Load()
	for range tries {
		explore.Read("counters")
		f(r.from(v, now))
		explore.Read("ring.view")
		latest := r.view.Load()
		if latest == v {
			return
		}
		v = latest
	}
	explore.Lock("ring.mu", &r.mu)
	r.mu.Lock()
	defer r.mu.Unlock()
	explore.Read("counters")
	f(r.from(r.view.Load(), now))
}

// from returns the mark at the start of the window that ends at now. If a whole window has
// passed since the current bucket began there is none: all events are older.
func (r *Ring) from(v *view, now time.Duration) *mark {
	if r.isCurrent(v, now) {
		return v.oldest(r.buckets)
	}
	steps := r.steps(v, now)
	if steps >= r.buckets {
		return nil
	}
	return v.oldest(r.buckets - steps)
}

// isCurrent reports whether now is in the current bucket of v, or earlier: whether there are no steps.
func (r *Ring) isCurrent(v *view, now time.Duration) bool {
	return uint64(max(now, v.start))-uint64(v.start) < uint64(r.width) //nolint:gosec // as in steps, without its division
}

// steps returns how many boundaries lie between the start of the current bucket and now.
func (r *Ring) steps(v *view, now time.Duration) uint64 {
	// Unsigned, the difference is right even where it is longer than a Duration can be.
	return (uint64(max(now, v.start)) - uint64(v.start)) / uint64(r.width) //nolint:gosec // on purpose
}

// setLocked puts a view in force.
func (r *Ring) setLocked(v *view) {
	explore.Put("ring.view")
	r.view.Store(v)
	explore.Put("ring.next")
	r.next.Store(int64(r.end(v)))
}

// end is when the current bucket of v ends.
func (r *Ring) end(v *view) time.Duration {
	end := v.start + r.width
	if end < v.start {
		return math.MaxInt64 // the end of time
	}
	return end
}

// markLocked returns the totals of now: latest itself if they have not changed since.
func (r *Ring) markLocked(latest mark) mark {
	explore.Read("counters")
	return newMark(r.counters, r.times, latest)
}
