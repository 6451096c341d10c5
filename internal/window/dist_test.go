package window_test

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// The bounds of the bins, and the error that they allow.
const (
	shortest = 256 * time.Nanosecond
	longest  = time.Duration(1 << 37)
	relative = 0.0625
)

func record(durations ...time.Duration) window.Dist {
	var h window.Histogram
	for _, d := range durations {
		h.Record(d, window.NoSeat)
	}
	return h.Snapshot()
}

// requireNear checks a percentile against the duration that it stands for.
func requireNear(t require.TestingT, want, got time.Duration) {
	switch {
	case want <= shortest:
		require.InDelta(t, want, got, float64(shortest/2))
	case want > longest:
		require.Equal(t, longest, got)
	default:
		require.InDelta(t, want, got, relative*float64(want))
	}
}

func TestD8AnEmptyDistributionIsAllZero(t *testing.T) {
	var h window.Histogram
	for _, d := range []window.Dist{{}, h.Snapshot(), record().Sub(record(1)), record(1).Sub(record(1))} {
		require.Zero(t, d.Count())
		require.Zero(t, d.Sum())
		require.Zero(t, d.Mean())
		for _, p := range []float64{math.NaN(), math.Inf(-1), -1, 0, 50, 100, 101, math.Inf(1)} {
			require.Zero(t, d.Percentile(p))
		}
		require.Empty(t, maps.Collect(d.Buckets()))
	}
}

func TestD8OneSampleIsEveryPercentile(t *testing.T) {
	for _, sample := range []time.Duration{
		math.MinInt64, -1, 0, 1, shortest - 1, shortest, shortest + 1, 300, time.Microsecond,
		time.Millisecond, time.Second, time.Minute, longest, longest + 1, time.Hour, math.MaxInt64,
	} {
		d := record(sample)
		require.EqualValues(t, 1, d.Count())
		for _, p := range []float64{math.Inf(-1), -1, 0, 1e-300, 50, 99.999, 100, 101, math.Inf(1)} {
			requireNear(t, max(sample, 0), d.Percentile(p))
		}
		require.Zero(t, d.Percentile(math.NaN()))
	}
}

func TestD8PercentilesByRank(t *testing.T) {
	// The duration of rank r is r bins up, so the bin that is answered tells the rank.
	upTo := func(n int) []time.Duration {
		durations := make([]time.Duration, n)
		for i := range durations {
			durations[i] = time.Duration(1000 * math.Pow(1.15, float64(i)))
		}
		return durations
	}
	tests := map[string]struct {
		n    int
		p    float64
		rank int
	}{
		"below zero":                    {10, -5, 1},
		"zero":                          {10, 0, 1},
		"a little above zero":           {10, 1e-9, 1},
		"exactly one of ten":            {10, 10, 1},
		"a little more":                 {10, 10.001, 2},
		"the median of an even number":  {10, 50, 5},
		"the median of an odd number":   {11, 50, 6},
		"7 per cent of 100":             {100, 7, 7},
		"14 per cent of 100":            {100, 14, 14},
		"28 per cent of 100":            {100, 28, 28},
		"29 per cent of 100":            {100, 29, 29},
		"57 per cent of 100":            {100, 57, 57},
		"57.5 per cent of 100":          {100, 57.5, 58},
		"99 per cent of 100":            {100, 99, 99},
		"three nines of 100":            {100, 99.9, 100},
		"the longest":                   {100, 100, 100},
		"above the longest":             {100, 1e300, 100},
		"33.3 per cent of 10 round up":  {10, 33.3, 4},
		"the whole of one":              {1, 100, 1},
		"one in a thousand of a few":    {3, 0.1, 1},
		"three nines need all of seven": {7, 99.9, 7},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			durations := upTo(tt.n)
			requireNear(t, durations[tt.rank-1], record(durations...).Percentile(tt.p))
		})
	}
}

func TestD8ThreeNinesAreNotTakenForNinetyNine(t *testing.T) {
	var h window.Histogram
	for range 9980 {
		h.Record(time.Millisecond, window.NoSeat)
	}
	for range 20 {
		h.Record(time.Second, window.NoSeat)
	}
	d := h.Snapshot()
	requireNear(t, time.Millisecond, d.Percentile(99))
	requireNear(t, time.Millisecond, d.Percentile(99.8))
	requireNear(t, time.Second, d.Percentile(99.9))
	requireNear(t, time.Second, d.Percentile(99.95))
}

func TestD8ARankThatIsWholeIsNotRoundedUp(t *testing.T) {
	// In floating point 64.4 × 250 / 100 is a little more than 161.
	durations := slices.Concat(
		slices.Repeat([]time.Duration{time.Millisecond}, 161),
		slices.Repeat([]time.Duration{time.Second}, 250-161),
	)
	d := record(durations...)
	requireNear(t, time.Millisecond, d.Percentile(64.4))
	requireNear(t, time.Second, d.Percentile(64.5))
}

func TestSumAndMean(t *testing.T) {
	d := record(time.Second, 2*time.Second, 6*time.Second)
	require.EqualValues(t, 3, d.Count())
	require.Equal(t, 9*time.Second, d.Sum())
	require.Equal(t, 3*time.Second, d.Mean())
	require.Zero(t, record(-time.Hour).Sum(), "a negative duration is none")
}

func TestAClockThatJumpsByCenturiesDoesNotUseUpTheSum(t *testing.T) {
	var h window.Histogram
	h.Record(math.MaxInt64, window.NoSeat)
	before := h.Snapshot()
	require.Equal(t, time.Duration(1<<50), before.Sum())
	h.Record(time.Second, window.NoSeat)
	require.Equal(t, time.Second, h.Snapshot().Sub(before).Sum())
}

func TestBucketsAreTheBinsThatHoldSomething(t *testing.T) {
	d := record(0, 1, 256, 257, 288, 289, time.Millisecond, longest, longest+1, math.MaxInt64)
	var bounds []time.Duration
	var counts []uint64
	for bound, n := range d.Buckets() {
		bounds, counts = append(bounds, bound), append(counts, n)
	}
	require.Equal(t, []time.Duration{256, 288, 320, 1048576, longest, math.MaxInt64}, bounds)
	require.Equal(t, []uint64{3, 2, 1, 1, 1, 2}, counts)
	for bound := range d.Buckets() {
		require.EqualValues(t, 256, bound)
		break
	}
}

func TestABinEndsAtItsBoundInclusive(t *testing.T) {
	for bound := range record(everyBin()...).Buckets() {
		if bound == math.MaxInt64 {
			continue
		}
		for d, want := range map[time.Duration]bool{bound - 1: true, bound: true, bound + 1: false} {
			_, in := maps.Collect(record(d).Buckets())[bound]
			require.Equal(t, want, in, "%d in the bin up to %d", d, bound)
		}
	}
}

// everyBin returns a duration for each bin.
func everyBin() []time.Duration {
	durations := []time.Duration{1}
	for octave := shortest; octave < longest; octave *= 2 {
		for part := range time.Duration(8) {
			durations = append(durations, octave+octave/8*part+1)
		}
	}
	return append(durations, longest+1)
}

func TestThereAreEightBinsAnOctave(t *testing.T) {
	bounds := slices.Sorted(maps.Keys(maps.Collect(record(everyBin()...).Buckets())))
	require.Len(t, bounds, 29*8+2)
	for i := 1; i < len(bounds)-1; i++ {
		width := float64(bounds[i] - bounds[i-1])
		require.LessOrEqual(t, width/float64(bounds[i-1]), 2*relative)
	}
}

func TestADistIsAValue(t *testing.T) {
	var h window.Histogram
	h.Record(time.Second, window.NoSeat)
	before := h.Snapshot()
	copied := before
	h.Record(time.Second, window.NoSeat)
	require.EqualValues(t, 1, before.Count())
	diff := h.Snapshot().Sub(before)
	require.EqualValues(t, 1, diff.Count())
	require.Equal(t, copied, before)
	require.Equal(t, maps.Collect(before.Buckets()), maps.Collect(diff.Buckets()))
}

func TestD1SubNeverGoesBelowZero(t *testing.T) {
	small, large := record(time.Second), record(time.Second, time.Second, time.Minute)
	require.Equal(t, window.Dist{}, small.Sub(large))
	mixed := record(time.Millisecond).Sub(large)
	require.EqualValues(t, 1, mixed.Count())
	require.Zero(t, mixed.Sum(), "no sum rather than a nonsensical one")
	requireNear(t, time.Millisecond, mixed.Percentile(50))
	require.Equal(t, large, large.Sub(window.Dist{}))
}

func TestSubIsWhatWasRecordedInBetween(t *testing.T) {
	durations := rapid.SliceOf(rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "duration"))
	}))
	rapid.Check(t, func(t *rapid.T) {
		before, after := durations.Draw(t, "before"), durations.Draw(t, "after")
		var h window.Histogram
		for _, d := range before {
			h.Record(d, window.NoSeat)
		}
		earlier := h.Snapshot()
		for _, d := range after {
			h.Record(d, window.NoSeat)
		}
		require.Equal(t, record(after...), h.Snapshot().Sub(earlier))
	})
}

// FuzzPercentile holds percentiles against an exact sort. Each two bytes are one duration:
// the first its magnitude, the second its mantissa.
func FuzzPercentile(f *testing.F) {
	f.Add(50.0, []byte{10, 1, 20, 2, 30, 3, 40, 255})
	f.Add(math.NaN(), []byte{1, 1})
	f.Add(99.9, []byte{})
	f.Add(-0.5, []byte{63, 255, 0, 0})
	f.Add(math.Inf(1), binary.LittleEndian.AppendUint64(nil, 0x25_00_24_ff_08_00_07_ff))
	f.Add(1e-320, []byte{37, 0, 37, 1, 8, 0, 8, 1})
	f.Fuzz(func(t *testing.T, p float64, data []byte) {
		var durations []time.Duration
		for ; len(data) >= 2 && len(durations) < 500; data = data[2:] {
			magnitude := 1 << (data[0] % 63)
			durations = append(durations, time.Duration(magnitude+magnitude/256*int(data[1])))
		}
		got := record(durations...).Percentile(p)
		if len(durations) == 0 || math.IsNaN(p) {
			require.Zero(t, got)
			return
		}
		slices.Sort(durations)
		requireNear(t, exact(durations, p), got)
	})
}

// exact returns the smallest of the sorted durations that at least p per cent of them do not
// exceed, by counting. A share that misses p by rounding alone is taken as p.
func exact(sorted []time.Duration, p float64) time.Duration {
	for i, d := range sorted {
		share := 100 * float64(i+1) / float64(len(sorted))
		if share >= p || share >= 100 || p-share < 1e-12*p {
			return d
		}
	}
	panic("not reached: all of them do not exceed the last")
}
