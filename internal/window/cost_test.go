package window_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

func TestTheHotPathDoesNotAllocate(t *testing.T) {
	m := newMeters(10*time.Second, 10, 0)
	m.times.Record(time.Second, window.NoSeat)
	m.settle(0, 0, time.Millisecond) // takes what is taken at first use
	last := window.NewLast(10)
	for range 10 {
		last.Add(1)
	}
	base := m.counters.Sums()
	for name, f := range map[string]func(){
		"Counters.Add":   func() { m.counters.Add(1, window.NoSeat) },
		"Times.Record":   func() { m.times.Record(time.Second, window.NoSeat) },
		"Ring.Advance":   func() { m.ring.Advance(1) },
		"Ring.Edge":      func() { m.ring.Edge(1) },
		"Ring.Sums":      func() { m.ring.Sums(1) },
		"Ring.SumsSince": func() { m.ring.SumsSince(1, base) },
		"Last.Add":       func() { last.Add(3) },
		"Last.Counts":    func() { last.Counts() },
	} {
		require.Zero(t, testing.AllocsPerRun(1000, f), name)
	}
}

func TestRollingAllocatesAFewTimesABucketHoweverLongTheGap(t *testing.T) {
	for _, gap := range []time.Duration{time.Second, 10 * time.Second, 1000 * time.Hour} {
		m := newMeters(10*time.Second, 10, 0)
		now := time.Duration(0)
		roll := func() {
			now += gap
			m.settle(now, 0, time.Millisecond)
		}
		for range 20 {
			roll()
		}
		require.LessOrEqual(t, testing.AllocsPerRun(100, roll), 6.0, "gap %v", gap)
	}
}

func TestAnIdleWindowIsSmall(t *testing.T) {
	const n, limit = 2000, 1024
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	idle := make([]*meters, n)
	for i := range idle {
		idle[i] = newMeters(10*time.Second, 10, 0)
	}
	runtime.ReadMemStats(&after)
	size := (after.TotalAlloc - before.TotalAlloc) / n
	t.Logf("counters, times and a ring: %d bytes, %d allocations",
		size, (after.Mallocs-before.Mallocs)/n)
	require.Less(t, size, uint64(limit))
	runtime.KeepAlive(idle)
}
