package window_test

import (
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// model is what a window should hold, told as naively as possible: every event with the
// time at which it came.
type model struct {
	width   time.Duration
	buckets uint64
	origin  time.Duration // of the last restart
	told    time.Duration // the latest time that it was told since
	counts  []count       // since the last restart
	times   []duration    // likewise
	totals  window.Sums
	timed   int  // how many durations there are in all
	marked  bool // there was something at the last restart, or when a boundary passed last
	atRest  bool // since then, rest has forgotten all
}

type (
	count struct {
		at   time.Duration
		kind int
	}
	duration struct{ at, run, whole time.Duration }
)

func newModel(length time.Duration, buckets int, now time.Duration) *model {
	m := &model{
		width:   max(length/time.Duration(buckets), 1),
		buckets: uint64(buckets),
	}
	m.restart(now)
	return m
}

func (m *model) restart(now time.Duration) {
	m.origin, m.told, m.counts, m.times = now, now, nil, nil
	m.mark()
}

func (m *model) mark() {
	m.atRest, m.marked = false, m.timed > 0 || m.totals != window.Sums{}
}

// rest forgets all that is too old for the window that ends at now, if all is, unless it was never
// noted where a bucket ended. What comes before the next boundary is told is as old.
func (m *model) rest(now time.Duration) {
	if m.marked && m.bucket(max(now, m.told))-m.bucket(m.told) >= m.buckets {
		m.counts, m.times, m.atRest = nil, nil, true
	}
}

// advance tells the time and says whether a boundary has passed.
func (m *model) advance(now time.Duration) (moved bool) {
	before := m.bucket(m.told)
	m.told = max(m.told, now)
	if m.bucket(m.told) == before {
		return false
	}
	m.mark()
	return true
}

func (m *model) add(kind int, took time.Duration) {
	m.count(kind)
	m.record(took, 2*took)
}

func (m *model) count(kind int) {
	m.totals[kind]++
	if !m.atRest {
		m.counts = append(m.counts, count{m.told, kind})
	}
}

func (m *model) record(run, whole time.Duration) {
	m.timed++
	if !m.atRest {
		m.times = append(m.times, duration{m.told, run, whole})
	}
}

// bucket numbers the buckets from the origin. Unsigned arithmetic, because two durations
// can be further apart than a duration can say.
func (m *model) bucket(t time.Duration) uint64 {
	return (uint64(t) - uint64(m.origin)) / uint64(m.width)
}

// visible says whether what came at a time is in the window that ends at now.
func (m *model) visible(at, now time.Duration) bool {
	return m.bucket(max(now, m.told))-m.bucket(at) < m.buckets
}

// sums returns the counts of the window that ends at now.
func (m *model) sums(now time.Duration) (sums window.Sums) {
	for _, c := range m.counts {
		if m.visible(c.at, now) {
			sums[c.kind]++
		}
	}
	return sums
}

// took returns how many calls are in the window, and the sums of their times.
func (m *model) took(now time.Duration) (n, run, whole uint64) {
	for _, d := range m.times {
		if m.visible(d.at, now) {
			n++
			run += uint64(d.run)
			whole += uint64(d.whole)
		}
	}
	return n, run, whole
}

// meters are a ring and what it rolls over.
type meters struct {
	counters window.Counters
	times    window.Times
	ring     *window.Ring
}

func newMeters(length time.Duration, buckets int, now time.Duration) *meters {
	m := &meters{}
	m.ring = window.NewRing(length, buckets, now, &m.counters, &m.times)
	return m
}

// settle does what a circuit does when a call ends.
func (m *meters) settle(now time.Duration, kind int, took time.Duration) {
	m.ring.Advance(now)
	m.counters.Add(kind, window.NoSeat)
	m.times.RecordRun(took, window.NoSeat)
	m.times.RecordWhole(2*took, window.NoSeat)
}

// execution is all times in run since creation.
func (m *meters) execution() window.Dist {
	run, _ := m.times.Snapshot()
	return run
}

// whole is all whole times since creation.
func (m *meters) whole() window.Dist {
	_, whole := m.times.Snapshot()
	return whole
}
