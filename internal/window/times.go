package window

import (
	"sync/atomic"
	"time"
)

// Times are two distributions: how long calls were in run, and how long they took in all.
// For most calls both are the same, since they neither waited before run nor asked anybody
// after it; such a call is recorded once, in what the two distributions share. The zero
// value is ready to use; a Times must not be copied after first use. All methods are safe
// for concurrent use; as to locks see [Histogram].
type Times struct {
	shared Histogram
	apart  atomic.Pointer[apart] // made when it is first needed
}

// apart is for calls of which the two times differ.
type apart struct{ run, whole Histogram }

// Record counts a call that was in run all the time. As to seat see
// [Histogram.Record].
func (t *Times) Record(d time.Duration, seat uint32) { t.shared.Record(d, seat) }

// RecordRun counts the time in run of a call of which [Times.RecordWhole] counts the whole
// time later, never earlier.
func (t *Times) RecordRun(d time.Duration, seat uint32) { t.differing().run.Record(d, seat) }

// RecordWhole counts the whole time of a call.
func (t *Times) RecordWhole(d time.Duration, seat uint32) { t.differing().whole.Record(d, seat) }

func (t *Times) differing() *apart {
	if a := t.apart.Load(); a != nil {
		return a
	}
	t.apart.CompareAndSwap(nil, new(apart))
	return t.apart.Load()
}

// Spread gives each processor words of its own to write, where several record at once: see
// [Histogram.Spread].
func (t *Times) Spread() {
	t.shared.Spread()
	if a := t.apart.Load(); a != nil {
		a.run.Spread()
		a.whole.Spread()
	}
}

// Snapshot returns the distributions of all calls since creation.
func (t *Times) Snapshot() (run, whole Dist) {
	s := t.snapshot()
	return s.run(), s.whole()
}

// snapshot is what a Times holds at one moment.
type snapshot struct{ shared, runs, wholes Dist }

// snapshot is what t holds now.
//
// The time in run of a call is recorded before its whole time: read the other way round,
// there is never more of the second than of the first.
func (t *Times) snapshot() (s snapshot) {
	a := t.apart.Load()
	if a != nil {
		s.wholes = a.whole.snapshot()
	}
	s.shared = t.shared.snapshot()
	if a != nil {
		s.runs = a.run.snapshot()
	}
	return s
}

func (s *snapshot) run() Dist   { return s.shared.plus(s.runs) }
func (s *snapshot) whole() Dist { return s.shared.plus(s.wholes) }

// since is what was recorded after earlier.
func (s *snapshot) since(earlier *snapshot) *snapshot {
	return &snapshot{s.shared.Sub(earlier.shared), s.runs.Sub(earlier.runs), s.wholes.Sub(earlier.wholes)}
}
