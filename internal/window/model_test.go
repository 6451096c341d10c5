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
	events  []event       // since the last restart
	totals  window.Sums
}

type event struct {
	at   time.Duration
	kind int
	took time.Duration
}

func newModel(length time.Duration, buckets int, now time.Duration) *model {
	m := &model{
		width:   max(length/time.Duration(buckets), 1),
		buckets: uint64(buckets),
	}
	m.restart(now)
	return m
}

func (m *model) restart(now time.Duration) {
	m.origin, m.told, m.events = now, now, nil
}

// advance tells the time and says whether a boundary has passed.
func (m *model) advance(now time.Duration) (moved bool) {
	before := m.bucket(m.told)
	m.told = max(m.told, now)
	return m.bucket(m.told) > before
}

func (m *model) add(kind int, took time.Duration) {
	m.events = append(m.events, event{m.told, kind, took})
	m.totals[kind]++
}

// bucket numbers the buckets from the origin. Unsigned arithmetic, because two durations
// can be further apart than a duration can say.
func (m *model) bucket(t time.Duration) uint64 {
	return (uint64(t) - uint64(m.origin)) / uint64(m.width)
}

// visible says whether an event is in the window that ends at now.
func (m *model) visible(e event, now time.Duration) bool {
	return m.bucket(max(now, m.told))-m.bucket(e.at) < m.buckets
}

func (m *model) window(now time.Duration) (sums window.Sums, took []time.Duration) {
	for _, e := range m.events {
		if m.visible(e, now) {
			sums[e.kind]++
			took = append(took, e.took)
		}
	}
	return sums, took
}

// meters are a ring and what it rolls over.
type meters struct {
	counters    window.Counters
	exec, whole window.Histogram
	ring        *window.Ring
}

func newMeters(length time.Duration, buckets int, now time.Duration) *meters {
	m := &meters{}
	m.ring = window.NewRing(length, buckets, now, &m.counters, &m.exec, &m.whole)
	return m
}

// settle does what a circuit does when a call ends.
func (m *meters) settle(now time.Duration, kind int, took time.Duration) {
	m.ring.Advance(now)
	m.counters.Add(kind)
	m.exec.Record(took)
	m.whole.Record(2 * took)
}
