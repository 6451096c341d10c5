package window_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

const (
	second = time.Second
	never  = time.Duration(math.MinInt64)
	ever   = time.Duration(math.MaxInt64)
)

func TestD2AnEventIsVisibleForTheWindowLessAtMostOneBucket(t *testing.T) {
	const length, buckets = 10 * second, 10
	tests := map[string]struct {
		start, at   time.Duration
		last, first time.Duration // last moment in the window, first moment out of it
	}{
		"first in its bucket":       {0, 3 * second, 13*second - 1, 13 * second},
		"last in its bucket":        {0, 4*second - 1, 13*second - 1, 13 * second},
		"in the middle":             {0, 3500 * time.Millisecond, 13*second - 1, 13 * second},
		"at the start":              {0, 0, 10*second - 1, 10 * second},
		"created at an odd time":    {777, 777 + second/2, 777 + 10*second - 1, 777 + 10*second},
		"created below zero":        {-5 * second, -second, 9*second - 1, 9 * second},
		"at a time before creation": {5 * second, -5 * second, 15*second - 1, 15 * second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMeters(length, buckets, tt.start)
			m.settle(tt.at, 3, time.Millisecond)
			for _, now := range []time.Duration{never, tt.start, tt.at, tt.last} {
				require.Equal(t, window.Sums{3: 1}, m.ring.Sums(now), "at %v", now)
				exec, whole := m.ring.Dists(now)
				require.EqualValues(t, 1, exec.Count(), "at %v", now)
				require.Equal(t, 2*exec.Sum(), whole.Sum(), "at %v", now)
			}
			for _, now := range []time.Duration{tt.first, tt.first + 1, ever} {
				require.Zero(t, m.ring.Sums(now), "at %v", now)
				exec, whole := m.ring.Dists(now)
				require.Zero(t, exec, "at %v", now)
				require.Zero(t, whole, "at %v", now)
			}
		})
	}
}

func TestD2AnEventLeavesOnceWhileTrafficGoesOn(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	for now := range time.Duration(100) {
		m.settle(now*second, 0, time.Microsecond)
		require.Equal(t, min(uint64(now)+1, 10), m.ring.Sums(now * second)[0], "second %d", now)
	}
	require.EqualValues(t, 100, m.counters.Sums()[0])
}

func TestD4WhatIsDerivedFromTheWindowExpiresWithIt(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	for range 5 {
		m.settle(0, 1, time.Second)
	}
	m.settle(9*second, 0, time.Millisecond)
	exec, _ := m.ring.Dists(9 * second)
	require.InEpsilon(t, time.Second, exec.Percentile(50), 0.0625)
	exec, _ = m.ring.Dists(10 * second)
	require.InEpsilon(t, time.Millisecond, exec.Percentile(100), 0.0625,
		"the slow calls are no longer in the window")
	require.Equal(t, window.Sums{0: 1}, m.ring.Sums(10*second))
}

func TestD5IdleForAYearThenOneEvent(t *testing.T) {
	const year = 365 * 24 * time.Hour
	m := newMeters(100*time.Millisecond, 100, 0)
	for i := range time.Duration(200) {
		m.settle(i*time.Millisecond, 0, time.Second)
	}
	require.Zero(t, m.ring.Sums(year))
	require.True(t, m.ring.Advance(year))
	require.False(t, m.ring.Advance(year), "told before")
	m.settle(year, 0, time.Millisecond)
	require.Equal(t, window.Sums{0: 1}, m.ring.Sums(year))
	exec, _ := m.ring.Dists(year)
	require.EqualValues(t, 1, exec.Count())
	require.Equal(t, time.Millisecond, exec.Sum())
	require.EqualValues(t, 201, m.counters.Sums()[0])
}

func TestD7StrangeClocks(t *testing.T) {
	const length, buckets = 10 * second, 10
	tests := map[string]struct {
		start time.Duration
		times []time.Duration
		want  uint64 // in the window at the last of times
	}{
		"stands still":                {0, []time.Duration{5, 5, 5, 5}, 4},
		"one bucket a step":           {0, []time.Duration{0, second, 2 * second}, 3},
		"one window a step":           {0, []time.Duration{0, 10 * second, 20 * second}, 1},
		"a window less a nanosecond":  {0, []time.Duration{0, 10*second - 1}, 2},
		"runs backwards":              {0, []time.Duration{9 * second, 5 * second, 0}, 3},
		"below zero":                  {-1 << 40, []time.Duration{-1 << 40, 1 - 1<<40}, 2},
		"300 years at once":           {0, []time.Duration{0, ever, ever}, 2},
		"600 years at once":           {never, []time.Duration{never, ever, ever}, 2},
		"300 years and back":          {0, []time.Duration{0, ever, 0, second}, 3},
		"created at the end of time":  {ever, []time.Duration{ever, ever, 0}, 3},
		"created a little before it":  {ever - 5, []time.Duration{0, ever, ever}, 3},
		"created at its beginning":    {never, []time.Duration{never, never}, 2},
		"from its beginning, a while": {never, []time.Duration{never, never + second}, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMeters(length, buckets, tt.start)
			for _, now := range tt.times {
				m.settle(now, 0, time.Millisecond)
			}
			last := tt.times[len(tt.times)-1]
			require.Equal(t, tt.want, m.ring.Sums(last)[0])
			exec, whole := m.ring.Dists(last)
			require.Equal(t, tt.want, exec.Count())
			require.Equal(t, tt.want, whole.Count())
			require.EqualValues(t, len(tt.times), m.counters.Sums()[0])
		})
	}
}

func TestOddWindowsAreMadeUsable(t *testing.T) {
	tests := map[string]struct {
		length  time.Duration
		buckets int
		gone    time.Duration // when an event at 0 has left
	}{
		"no window":              {0, 10, 10},
		"a negative one":         {-second, 10, 10},
		"less than its buckets":  {5, 10, 10},
		"no buckets":             {second, 0, second},
		"negative buckets":       {second, -7, second},
		"one bucket":             {second, 1, second},
		"very many buckets":      {second, math.MaxInt, second},
		"not a multiple of them": {100, 7, 98},
		"for ever":               {ever, 1, ever},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newMeters(tt.length, tt.buckets, 0)
			m.settle(0, 0, 0)
			require.Equal(t, window.Sums{0: 1}, m.ring.Sums(tt.gone-1))
			require.Zero(t, m.ring.Sums(tt.gone))
			m.settle(tt.gone, 1, 0)
			require.Equal(t, window.Sums{1: 1}, m.ring.Sums(tt.gone))
		})
	}
}

func TestAWindowStartsEmpty(t *testing.T) {
	m := newMeters(second, 10, 0)
	m.settle(0, 0, time.Millisecond)
	m.settle(0, 1, time.Millisecond)
	later := window.NewRing(second, 10, 1, &m.counters, &m.times)
	require.Zero(t, later.Sums(1))
	exec, whole := later.Dists(1)
	require.Zero(t, exec)
	require.Zero(t, whole)

	m.settle(2, 1, time.Hour)
	require.Equal(t, window.Sums{1: 1}, later.Sums(2))
	exec, _ = later.Dists(2)
	require.Equal(t, time.Hour, exec.Sum())
	require.Equal(t, window.Sums{0: 1, 1: 2}, m.ring.Sums(2), "the other ring has it all")
}

func TestRestartForgetsTheWindowAndKeepsTheTotals(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	m.settle(0, 0, time.Millisecond)
	m.settle(5*second, 0, time.Millisecond)
	m.ring.Restart(5*second + 1)
	require.Zero(t, m.ring.Sums(5*second+1))
	exec, whole := m.ring.Dists(5*second + 1)
	require.Zero(t, exec)
	require.Zero(t, whole)
	require.Equal(t, window.Sums{0: 2}, m.counters.Sums())
	require.EqualValues(t, 2, m.execution().Count())

	require.False(t, m.ring.Advance(6*second), "the buckets begin anew")
	require.True(t, m.ring.Advance(6*second+1))
	m.settle(6*second+1, 0, time.Millisecond)
	require.Equal(t, window.Sums{0: 1}, m.ring.Sums(16*second))
	require.Zero(t, m.ring.Sums(16*second+1))
}

func TestRestartHealsAClockThatWasFarAhead(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	m.settle(ever, 0, 0)
	m.ring.Restart(second)
	m.settle(2*second, 0, 0)
	require.Equal(t, window.Sums{0: 1}, m.ring.Sums(2*second))
	require.Zero(t, m.ring.Sums(12*second))
}

func TestSumsSinceStartsAtTheLaterOfTheTwo(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	m.settle(0, 0, 0)
	m.settle(0, 1, 0)
	early := m.counters.Sums()
	m.settle(5*second, 0, 0)
	late := m.counters.Sums()
	m.settle(6*second, 0, 0)

	require.Equal(t, window.Sums{0: 3, 1: 1}, m.ring.SumsSince(6*second, window.Sums{}))
	require.Equal(t, window.Sums{0: 2}, m.ring.SumsSince(6*second, early))
	require.Equal(t, window.Sums{0: 1}, m.ring.SumsSince(6*second, late))
	require.Zero(t, m.ring.SumsSince(6*second, m.counters.Sums()))
	require.Equal(t, window.Sums{0: 1}, m.ring.SumsSince(15*second, early),
		"the window's start is the later one")
	require.Zero(t, m.ring.SumsSince(16*second, early))
	for _, now := range []time.Duration{0, 6 * second, 15 * second, 16 * second, ever} {
		require.Equal(t, m.ring.Sums(now), m.ring.SumsSince(now, window.Sums{}))
	}
}

func TestD1NoWindowIsNegativeWhateverTheBase(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	m.settle(0, 0, 0)
	foreign := window.Sums{0: math.MaxUint64, 1: 5}
	require.Zero(t, m.ring.SumsSince(0, foreign))
	m.settle(0, 2, 0)
	require.Equal(t, window.Sums{2: 1}, m.ring.SumsSince(0, foreign), "each kind by itself")
}

func TestReadingChangesNothing(t *testing.T) {
	reading, silent := newMeters(second, 4, 0), newMeters(second, 4, 0)
	for i := range 50 {
		at := time.Duration(i) * 90 * time.Millisecond
		for _, ahead := range []time.Duration{0, second / 4, second, ever - at} {
			first := reading.ring.Sums(at + ahead)
			require.Equal(t, first, reading.ring.Sums(at+ahead))
			reading.ring.SumsSince(at+ahead, window.Sums{})
			reading.ring.Dists(at + ahead)
		}
		reading.settle(at, i%3, time.Duration(i))
		silent.settle(at, i%3, time.Duration(i))
		require.Equal(t, silent.ring.Sums(at), reading.ring.Sums(at))
	}
}

func TestB19LowVolumeLeavesOneFailureInTheWindow(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	for range 100 {
		m.settle(0, 0, 0)
	}
	m.settle(10*time.Minute, 1, 0)
	require.Equal(t, window.Sums{1: 1}, m.ring.Sums(10*time.Minute),
		"one request, so the volume threshold has the say")
}

func TestB20TheRateAtTheWindowsEdgeDoesNotDependOnThePhase(t *testing.T) {
	for phase := range time.Duration(20) {
		start := phase * 50 * time.Millisecond
		m := newMeters(10*second, 10, 0)
		for i := range time.Duration(9000) {
			m.settle(start+i*time.Millisecond, 0, 0)
		}
		for i := range time.Duration(900) {
			m.settle(start+9*second+i*time.Millisecond, 1, 0)
		}
		got := m.ring.Sums(start + 9900*time.Millisecond)
		// Those that have left are one bucket at most: 1,000 of the good ones.
		require.GreaterOrEqual(t, got[0], uint64(8000), "phase %v", start)
		require.EqualValues(t, 900, got[1], "phase %v", start)
		rate := float64(got[1]) / float64(got[0]+got[1])
		require.InDelta(t, 0.095, rate, 0.007, "phase %v", start)
	}
}

func TestB22ReadsOnAnIdleWindowAreZero(t *testing.T) {
	m := newMeters(10*second, 10, 0)
	for range 5 {
		m.settle(0, 1, time.Second)
	}
	require.Zero(t, m.ring.Sums(40*second))
	require.Zero(t, m.ring.SumsSince(40*second, window.Sums{}))
	exec, whole := m.ring.Dists(40 * second)
	require.Zero(t, exec.Percentile(99))
	require.Zero(t, whole.Mean())
	require.EqualValues(t, 5, m.ring.Sums(0)[1], "and an earlier moment can still be asked for")
}
