package window_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// compare holds what a ring shows at now against the model.
func compare(t require.TestingT, m *model, got *meters, now time.Duration) {
	require.Equal(t, m.sums(now), got.ring.Sums(now), "sums at %d", now)
	require.Equal(t, m.sums(now), got.beyond(got.ring.Edge(now)), "counted since the edge at %d", now)
	exec, whole := got.ring.Dists(now)
	n, inRun, inAll := m.took(now)
	require.Equal(t, n, exec.Count(), "durations at %d", now)
	require.Equal(t, n, whole.Count(), "durations at %d", now)
	require.Equal(t, inRun, uint64(exec.Sum()), "sum of durations at %d", now)
	require.Equal(t, inAll, uint64(whole.Sum()), "sum of durations at %d", now)
	require.Equal(t, m.totals, got.counters.Sums())
}

// beyond is what the counters have beyond the edge of a window, nothing if it has none.
func (m *meters) beyond(edge *window.Sums) (sums window.Sums) {
	if edge != nil {
		for kind := range sums {
			sums[kind] = m.counters.Total(kind) - edge[kind]
		}
	}
	return sums
}

// TestD2TheWindowAgreesWithAListOfTimestamps does at random what can be done to a window
// and holds it against a list of all events.
func TestD2TheWindowAgreesWithAListOfTimestamps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var (
			width   = time.Duration(rapid.Int64Range(1, 20).Draw(t, "width"))
			buckets = rapid.IntRange(1, 12).Draw(t, "buckets")
			length  = width * time.Duration(buckets)
			start   = time.Duration(rapid.Int64().Draw(t, "start"))
			m       = newModel(length, buckets, start)
			got     = newMeters(length, buckets, start)
			now     = start
		)
		// Steps around the sizes that matter, in both directions.
		steps := rapid.OneOf(
			rapid.Int64Range(0, int64(width)),
			rapid.SampledFrom([]int64{
				1, int64(width) - 1, int64(width), int64(width) + 1,
				int64(length) - 1, int64(length), int64(length) + 1, -1, -int64(width),
			}),
			rapid.Int64Range(-3*int64(length), 3*int64(length)),
		)
		step := func(t *rapid.T) time.Duration { return now + time.Duration(steps.Draw(t, "step")) }
		t.Repeat(map[string]func(*rapid.T){
			"time passes": func(t *rapid.T) { now = step(t) },
			"advance": func(t *rapid.T) {
				require.Equal(t, m.advance(now), got.ring.Advance(now), "moved")
			},
			"settle": func(t *rapid.T) {
				kind := rapid.IntRange(0, window.Kinds-1).Draw(t, "kind")
				took := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "took"))
				m.advance(now)
				m.add(kind, took)
				got.settle(now, kind, took)
			},
			"count only": func(*rapid.T) {
				m.advance(now)
				m.count(1)
				got.ring.Advance(now)
				got.counters.Add(1, window.NoSeat)
			},
			"record only": func(*rapid.T) {
				m.advance(now)
				m.record(time.Second, 2*time.Second)
				got.ring.Advance(now)
				got.times.RecordRun(time.Second, window.NoSeat)
				got.times.RecordWhole(2*time.Second, window.NoSeat)
			},
			"record once": func(t *rapid.T) {
				took := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "took"))
				m.advance(now)
				m.record(took, took)
				got.ring.Advance(now)
				got.times.Record(took, window.NoSeat)
			},
			"read elsewhere": func(t *rapid.T) { compare(t, m, got, step(t)) },
			"restart": func(*rapid.T) {
				m.restart(now)
				got.ring.Restart(now)
			},
			"rest": func(*rapid.T) {
				m.rest(now)
				got.ring.Rest(now)
			},
			"": func(t *rapid.T) { compare(t, m, got, now) },
		})
	})
}

// TestD2AgeDecidesButForOneBucket states the rule without buckets: what is at most W−bucket
// old is in the window, what is W old or older is not.
func TestD2AgeDecidesButForOneBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		buckets := rapid.IntRange(1, 20).Draw(t, "buckets")
		width := time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "width"))
		length := width * time.Duration(buckets)
		start := time.Duration(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "start"))
		at := start + time.Duration(rapid.Int64Range(0, 1<<45).Draw(t, "at"))
		age := time.Duration(rapid.Int64Range(0, 2*int64(length)).Draw(t, "age"))

		m := newMeters(length, buckets, start)
		m.settle(at, 0, 0)
		got := m.ring.Sums(at + age)[0]
		if age <= length-width {
			require.EqualValues(t, 1, got)
		}
		if age >= length {
			require.Zero(t, got)
		}
	})
}

// TestSumsSinceAgreesWithAListOfTimestamps takes the base at a random moment.
func TestSumsSinceAgreesWithAListOfTimestamps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, got := newModel(100, 10, 0), newMeters(100, 10, 0)
		var now time.Duration
		settle := func() {
			now += time.Duration(rapid.Int64Range(0, 15).Draw(t, "step"))
			kind := rapid.IntRange(0, 2).Draw(t, "kind")
			m.advance(now)
			m.add(kind, 0)
			got.settle(now, kind, 0)
		}
		for range rapid.IntRange(0, 30).Draw(t, "before") {
			settle()
		}
		base, counted := got.counters.Sums(), len(m.counts)
		for range rapid.IntRange(0, 30).Draw(t, "after") {
			settle()
		}
		now += time.Duration(rapid.Int64Range(0, 120).Draw(t, "step"))
		m.counts = m.counts[counted:]
		require.Equal(t, m.sums(now), got.ring.SumsSince(now, base))
	})
}

// FuzzWindowClock drives a window by an arbitrary clock: nine bytes are one operation and
// its time.
func FuzzWindowClock(f *testing.F) {
	op := func(code byte, times ...int64) []byte {
		var data []byte
		for _, at := range times {
			data = append(data, code)
			data = binary.LittleEndian.AppendUint64(data, uint64(at))
		}
		return data
	}
	f.Add(int64(10*time.Second), 10, int64(0), op(0, 0, 1, 2, int64(time.Second)))
	f.Add(int64(0), 0, int64(math.MaxInt64), op(0, math.MinInt64, math.MaxInt64, 0))
	f.Add(int64(-1), -1, int64(math.MinInt64), op(1, math.MaxInt64, 0, math.MaxInt64))
	f.Add(int64(math.MaxInt64), 1, int64(-1), append(op(0, 0, math.MaxInt64), op(2, -5, 5)...))
	f.Add(int64(1), 100, int64(0), op(3, 1, 0, -1, math.MaxInt64, math.MinInt64))
	f.Fuzz(func(t *testing.T, length int64, buckets int, start int64, data []byte) {
		m := newModel(time.Duration(length), min(max(buckets, 1), 1000), time.Duration(start))
		got := newMeters(time.Duration(length), buckets, time.Duration(start))
		const most = 64
		for range most {
			if len(data) < 9 {
				break
			}
			code, now := data[0], time.Duration(binary.LittleEndian.Uint64(data[1:]))
			data = data[9:]
			switch code % 4 {
			case 0:
				m.advance(now)
				m.add(int(code)%window.Kinds, time.Duration(code))
				got.settle(now, int(code)%window.Kinds, time.Duration(code))
			case 1:
				require.Equal(t, m.advance(now), got.ring.Advance(now))
			case 2:
				m.restart(now)
				got.ring.Restart(now)
			case 3:
				m.rest(now)
				got.ring.Rest(now)
			}
			compare(t, m, got, now)
		}
	})
}
