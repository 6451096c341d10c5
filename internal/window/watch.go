package window

import "sync/atomic"

// watch finds out whether several processors count events at once: whether it is worth more
// memory to give each of them words of its own to write. One event in [LookEvery] looks for a
// moment whether others count meanwhile. The zero value is ready to use.
//
// That an exchange fails is no good sign of it: where two processors write a line in turns, each
// keeps it for as long as an exchange takes, so nearly every event waits for the line and hardly
// one in 10,000 fails. Nor is it to look at a word that goes up and down, such as that of a
// semaphore: the line comes over when the other has done both.
//
// Of two events that always come together, as that a call is refused and that nobody answers it, only
// one looks. If both did, at the same number, one processor would look at the first kind while the other,
// a moment later, looks at the second, and both would wait to see what the other counts.
type watch struct{ inRow atomic.Uint32 }

const (
	// LookEvery is how many events there are for one that looks. It is a power of two.
	LookEvery = 4096

	// A look takes as long as so many loads, about 0.6 microseconds. Where others count 10,000
	// events a second, one look in 170 sees one, so four in a row are no chance; where they count a
	// million, every other does.
	loadsOfLook   = 2048
	looksToSpread = 4 // in a row

	// Two busy processors that share a stripe see each other in every look. To give them other
	// stripes costs no memory, so two looks are enough.
	looksToReseat = 2

	// looksPerTotal is how many looks there are for one that looks beyond its stripe, once there
	// are several.
	looksPerTotal = 16
)

// grows looks at a count for a moment, and reports whether it grew.
func grows(count func() uint64) bool {
	before := count()
	Moment()
	return count() != before
}

// Moment is how long a look takes. Tests put something else in its place.
var Moment = func() {
	for range loadsOfLook {
		seating.Load() // or anything that is in this processor's cache
	}
}

// tooOften takes note of what a look saw, and reports whether that many in a row, it included,
// saw that others count.
func (w *watch) tooOften(others bool, looks uint32) bool {
	if !others {
		w.inRow.Store(0)
		return false
	}
	return w.inRow.Add(1) >= looks
}
