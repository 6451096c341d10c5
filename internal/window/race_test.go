package window_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// These tests use real goroutines, and say most when run with -race.

const crowd = 64

// together runs f on many goroutines that start at the same moment, and waits for them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

func TestCountersLoseNothing(t *testing.T) {
	const each = 2000
	var c window.Counters
	together(crowd, func(i int) {
		before := c.Sums()
		for range each {
			c.Add(i%window.Kinds, window.NoSeat)
		}
		after := c.Sums()
		for kind := range after {
			if after[kind] < before[kind] {
				t.Errorf("kind %d went back from %d to %d", kind, before[kind], after[kind])
			}
		}
		if n := after[i%window.Kinds] - before[i%window.Kinds]; n < each {
			t.Errorf("saw %d of its own %d events", n, each)
		}
	})
	for kind, n := range c.Sums() {
		require.EqualValues(t, each*crowd/window.Kinds, n, "kind %d", kind)
	}
}

func TestHistogramLosesNothing(t *testing.T) {
	const each = 1000
	for range 10 { // the first record, which allocates, is the delicate one
		var h window.Histogram
		together(crowd, func(i int) {
			for range each {
				h.Record(time.Duration(i)*time.Millisecond, window.NoSeat)
			}
			if n := h.Snapshot().Count(); n < each {
				t.Errorf("saw %d durations, fewer than its own %d", n, each)
			}
		})
		d := h.Snapshot()
		require.EqualValues(t, crowd*each, d.Count())
		require.Equal(t, each*crowd*(crowd-1)/2*time.Millisecond, d.Sum())
	}
}

// TestB21IdleGapThenABurst also is D3 and D5: whoever comes first after a gap moves the
// ring, and nobody's event may fall on the wrong side of that.
func TestB21IdleGapThenABurst(t *testing.T) {
	const gaps = 300
	m := newMeters(10*time.Second, 10, 0)
	var now time.Duration
	for gap := range time.Duration(gaps) {
		now += 10*time.Second + gap*time.Second // at least a window, so all before is gone
		var moved atomic.Int64
		together(crowd, func(i int) {
			if i < 2 {
				m.ring.Rest(now)
			}
			if m.ring.Advance(now) {
				moved.Add(1)
			}
			m.settle(now, i%window.Kinds, time.Millisecond)
			if m.ring.Sums(now)[i%window.Kinds] == 0 {
				t.Error("an event was not seen by the one who added it")
			}
		})
		require.EqualValues(t, 1, moved.Load())
		for kind, n := range m.ring.Sums(now) {
			require.EqualValues(t, crowd/window.Kinds, n, "gap %d, kind %d", gap, kind)
		}
		exec, whole := m.ring.Dists(now)
		require.EqualValues(t, crowd, exec.Count())
		require.EqualValues(t, crowd, whole.Count())
	}
	for _, n := range m.counters.Sums() {
		require.EqualValues(t, gaps*crowd/window.Kinds, n)
	}
}

// TestD3ABoundaryIsCrossedOnce is the burst again with goroutines that spin, so that they
// arrive within nanoseconds of each other, and very often.
func TestD3ABoundaryIsCrossedOnce(t *testing.T) {
	const workers, gaps = 2, 20_000
	m := newMeters(10, 2, 0)
	var arrived, moved atomic.Int64
	together(workers, func(kind int) {
		for gap := range int64(gaps) {
			now := time.Duration(gap+1) * 10
			arrived.Add(1)
			for arrived.Load() < (2*gap+1)*workers {
				runtime.Gosched()
			}
			if m.ring.Advance(now) {
				moved.Add(1)
			}
			m.counters.Add(kind, window.NoSeat)
			m.times.RecordRun(0, window.NoSeat)
			if n := m.ring.Sums(now)[kind]; n != 1 {
				t.Errorf("gap %d: %d events of its own in the window, not 1", gap, n)
			}
			arrived.Add(1)
			for arrived.Load() < (2*gap+2)*workers {
				runtime.Gosched()
			}
		}
	})
	require.EqualValues(t, gaps, moved.Load())
	require.Equal(t, window.Sums{gaps, gaps}, m.counters.Sums())
	require.EqualValues(t, workers*gaps, m.execution().Count())
}

// TestEventsThatMeetAreBothCounted lets two goroutines arrive at one counter at a time, again
// and again: on a counter that is fresh now and then, as one that has spread keeps them apart.
func TestEventsThatMeetAreBothCounted(t *testing.T) {
	const workers, meetings, fresh = 2, 5000, 20
	counters := make([]window.Counters, meetings/fresh)
	var arrived atomic.Int64
	together(workers, func(int) {
		for meeting := range int64(meetings) {
			arrived.Add(1)
			for looks := 1; arrived.Load() < (meeting+1)*workers; looks++ {
				if looks%1000 == 0 { // or both would take turns on one processor
					runtime.Gosched()
				}
			}
			counters[meeting/fresh].Add(7, window.NoSeat)
		}
	})
	for i := range counters {
		require.Equal(t, window.Sums{7: workers * fresh}, counters[i].Sums())
	}
}

// TestContentionLosesNothing goes on until the storage has spread, if there is contention
// at all, and a while longer.
func TestContentionLosesNothing(t *testing.T) {
	const workers, each = 2, 1_000_000 // more than a busy machine gives one of them at a time
	var c window.Counters
	var h window.Histogram
	together(workers, func(int) {
		for range each {
			c.Add(7, window.NoSeat)
			h.Record(time.Second, window.NoSeat)
		}
	})
	require.Equal(t, window.Sums{7: workers * each}, c.Sums())
	require.EqualValues(t, workers*each, h.Snapshot().Count())
	require.Equal(t, workers*each*time.Second, h.Snapshot().Sum())
}

// TestD3NoIncrementIsLostWhenRolling lets the clock tick once an event, so that the ring
// rolls all the time, while readers look on.
func TestD3NoIncrementIsLostWhenRolling(t *testing.T) {
	const (
		each    = 1000
		width   = 50
		buckets = 10
	)
	m := newMeters(width*buckets, buckets, 0)
	all := window.NewRing(1<<40, 1, 0, &m.counters, &m.times)
	var clock atomic.Int64
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				requireSane(t, m, time.Duration(clock.Load()))
			}
		})
	}
	together(crowd, func(int) {
		for range each {
			m.settle(time.Duration(clock.Add(1)), 0, time.Millisecond)
		}
	})
	done.Store(true)
	readers.Wait()

	now := time.Duration(clock.Load())
	require.EqualValues(t, crowd*each, m.counters.Sums()[0])
	require.EqualValues(t, crowd*each, all.Sums(now)[0])
	exec, whole := all.Dists(now)
	require.EqualValues(t, crowd*each, exec.Count())
	require.Equal(t, 2*crowd*each*time.Millisecond, whole.Sum())

	// Each tick is one event, so it is known how many must be there. Beyond them each
	// goroutine may have had one under way when the oldest bucket began.
	want := uint64(now%width) + 1 + (buckets-1)*width
	got := m.ring.Sums(now)[0]
	require.GreaterOrEqual(t, got, want)
	require.LessOrEqual(t, got, want+crowd)
}

// requireSane reads all there is and holds it to what is true at any time.
func requireSane(t *testing.T, m *meters, now time.Duration) {
	t.Helper()
	base := m.counters.Sums()
	sums := m.ring.Sums(now)
	since := m.ring.SumsSince(now, base)
	exec, whole := m.ring.Dists(now)
	total := m.counters.Sums()
	for kind := range total {
		if total[kind] < base[kind] || sums[kind] > total[kind] || since[kind] > total[kind]-base[kind] {
			t.Errorf("kind %d: totals %d then %d, window %d, since base %d",
				kind, base[kind], total[kind], sums[kind], since[kind])
		}
	}
	if all := m.execution().Count(); exec.Count() > all {
		t.Errorf("%d durations in the window, %d in all", exec.Count(), all)
	}
	if all := m.whole().Count(); whole.Count() > all {
		t.Errorf("%d durations in the window, %d in all", whole.Count(), all)
	}
}

func TestRestartsAmongTrafficKeepTheTotals(t *testing.T) {
	const each = 500
	m := newMeters(100, 10, 0)
	var clock atomic.Int64
	together(crowd, func(i int) {
		for n := range each {
			now := time.Duration(clock.Add(1))
			if i == 0 && n%10 == 0 {
				m.ring.Restart(now)
			}
			m.settle(now, 1, 0)
			requireSane(t, m, now)
		}
	})
	require.EqualValues(t, crowd*each, m.counters.Sums()[1])
	m.ring.Restart(time.Duration(clock.Load()))
	require.Zero(t, m.ring.Sums(time.Duration(clock.Load())))
}

// TestD6TheWindowIsTheTotalOnceTheWritersRest compares all that can be read, at moments at
// which nobody writes.
func TestD6TheWindowIsTheTotalOnceTheWritersRest(t *testing.T) {
	m := newMeters(time.Hour, 60, 0)
	for minute := range time.Duration(59) {
		together(8, func(i int) { m.settle(minute*time.Minute, i, time.Duration(i)) })
		now := minute * time.Minute
		total := m.counters.Sums()
		require.Equal(t, total, m.ring.Sums(now))
		var sum uint64
		for _, n := range total {
			sum += n
		}
		exec, whole := m.ring.Dists(now)
		require.Equal(t, sum, exec.Count())
		require.Equal(t, m.execution(), exec)
		require.Equal(t, m.whole(), whole)
	}
}
