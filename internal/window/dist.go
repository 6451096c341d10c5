package window

import (
	"iter"
	"math"
	"time"
)

// Dist is a distribution of durations, taken at one moment: all of them since creation, or
// those of a window. It is a value: it never changes, copies are independent, and any number
// of goroutines may read it. The zero Dist is empty.
type Dist struct {
	// bins are those from the first to the last that holds anything. They are shared by
	// copies and therefore never written.
	bins  []uint64
	first int // the bin of bins[0]

	count uint64
	sum   uint64 // nanoseconds; wraps round, as in moved
}

// newDist keeps what is needed of bins, of which the first is number from.
func newDist(bins []uint64, from int, sum uint64) Dist {
	bins, first := withoutZeros(bins)
	if len(bins) == 0 {
		return Dist{}
	}
	d := Dist{bins: append([]uint64(nil), bins...), first: from + first, sum: sum}
	for _, n := range bins {
		d.count += n
	}
	return d
}

// withoutZeros returns bins without the zeros at either end, and which is then the first.
func withoutZeros(bins []uint64) (used []uint64, first int) {
	last := len(bins)
	for last > 0 && bins[last-1] == 0 {
		last--
	}
	for first < last && bins[first] == 0 {
		first++
	}
	return bins[first:last], first
}

// Count returns how many durations there are.
func (d Dist) Count() uint64 { return d.count }

// Sum returns the sum of the durations, at most that of the longest [time.Duration].
func (d Dist) Sum() time.Duration { return duration(d.sum) }

// Mean returns the mean of the durations, 0 if there are none.
func (d Dist) Mean() time.Duration {
	if d.count == 0 {
		return 0
	}
	return duration(d.sum / d.count)
}

// Percentile returns a duration that p per cent of the durations do not exceed: 50 for the
// median, 99.9 for three nines. The answer is off by at most 6.25 per cent of the true one
// (the smallest of the durations that at least p per cent of them do not exceed), or by at
// most 128ns where that is below 256ns. Durations above 137s count as 137s.
//
// A p below 0 is 0, the shortest duration; a p above 100 is 100, the longest. An empty
// distribution has only the percentile 0, and a p that is not a number gives 0 too.
func (d Dist) Percentile(p float64) time.Duration {
	if d.count == 0 || math.IsNaN(p) {
		return 0
	}
	i, rank := 0, d.rank(p)
	for seen := d.bins[0]; seen < rank; seen += d.bins[i] {
		i++
	}
	return middle(d.first + i)
}

// rank returns which of the sorted durations is the percentile p: from 1 to the count.
func (d Dist) rank(p float64) uint64 {
	if p >= 100 {
		return d.count
	}
	at := max(p, 0) * float64(d.count) / 100
	// What should be whole may come out a little above. The factor also keeps the rank below
	// the count where a float64 cannot tell two counts apart.
	return max(uint64(math.Ceil(at*(1-0x1p-50))), 1)
}

// Sub returns what was recorded after earlier, an earlier snapshot of the same histogram. No
// count goes below zero, whatever earlier is.
func (d Dist) Sub(earlier Dist) Dist {
	if earlier.count == 0 {
		return d
	}
	var bins [numBins]uint64
	for i, n := range d.bins {
		bin := d.first + i
		bins[bin] = n - min(n, earlier.at(bin))
	}
	sum := int64(d.sum - earlier.sum)               //nolint:gosec // right even if the sum has wrapped round in between
	return newDist(bins[:], 0, uint64(max(sum, 0))) // below 0: earlier was not earlier
}

// plus is the distribution of the durations of both.
func (d Dist) plus(other Dist) Dist {
	if other.count == 0 {
		return d
	}
	if d.count == 0 {
		return other
	}
	var bins [numBins]uint64
	for i, n := range d.bins {
		bins[d.first+i] = n
	}
	for i, n := range other.bins {
		bins[other.first+i] += n
	}
	return newDist(bins[:], 0, d.sum+other.sum)
}

// Buckets returns the bins that hold anything, in ascending order: the longest duration that
// falls into the bin, and how many did. The counts are not cumulative. The last bin, for all
// above 137s, has the longest [time.Duration] as its bound.
func (d Dist) Buckets() iter.Seq2[time.Duration, uint64] {
	return func(yield func(time.Duration, uint64) bool) {
		for i, n := range d.bins {
			if n != 0 && !yield(upperBound(d.first+i), n) {
				return
			}
		}
	}
}

// at returns the count of a bin.
func (d Dist) at(bin int) uint64 {
	if i := bin - d.first; i >= 0 && i < len(d.bins) {
		return d.bins[i]
	}
	return 0
}

// duration converts nanoseconds, up to the longest duration.
func duration(ns uint64) time.Duration {
	return time.Duration(min(ns, math.MaxInt64))
}
