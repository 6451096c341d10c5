package window

import (
	"math"
	"math/bits"
	"sync/atomic"
	"time"
)

// The bins are log-linear: each octave from 2^firstOctave to 2^lastOctave nanoseconds is cut
// into 8 bins of the same width. One bin before them takes what is shorter, one after them
// what is longer. A bin holds what is greater than its lower bound and up to its upper
// bound, which is the convention of Prometheus.
const (
	binsPerOctave = 1 << binBits
	binBits       = 3
	firstOctave   = 8  // 2^8 ns = 256ns
	lastOctave    = 37 // 2^37 ns = 137.438953472s
	numBins       = (lastOctave-firstOctave)*binsPerOctave + 2
	underflow     = 0
	overflow      = numBins - 1

	// maxRecorded is the longest duration that the sum believes, about 13 days. A clock
	// that jumps by centuries must not use up the sum for good.
	maxRecorded = time.Duration(1 << 50)

	// maxBlocks bounds what a contended histogram takes: 32 KiB.
	maxBlocks = 16
)

// Histogram counts durations in fixed bins, eight an octave from 256ns to 137s, and adds
// them up. The counts only grow. The zero value is ready to use; a Histogram must not be
// copied after first use. All methods are safe for concurrent use and take no lock.
//
// It takes its storage (2 KiB) with the first duration, and as [Counters] does it spreads
// over several such blocks, up to 16, when processors get in each other's way.
type Histogram struct {
	blocks atomic.Pointer[[]*block]
	clash  clashes
}

// block is one stripe of a histogram. It is allocated on its own, which puts it on cache
// lines of its own.
type block struct {
	// sum is in nanoseconds and may wrap round, after 584 years spent in calls. Differences
	// stay right.
	sum  atomic.Uint64
	bins [numBins]atomic.Uint64
}

// Record counts one duration. A negative one counts as 0. The sum takes what is longer than
// 2^50 nanoseconds, about 13 days, as that long. Record allocates at its first use and when
// it first meets contention, at no other time.
func (h *Histogram) Record(d time.Duration) {
	d = min(max(d, 0), maxRecorded)
	blocks := h.blocks.Load()
	if blocks == nil {
		blocks = h.replace(nil, []*block{new(block)})
	}
	if n := len(*blocks); n != 1 {
		b := (*blocks)[pick(n)]
		b.bins[binOf(d)].Add(1)
		b.sum.Add(uint64(d))
		return
	}
	b := (*blocks)[0]
	b.bins[binOf(d)].Add(1)
	// Not Add: a failed exchange is the only cheap sign of contention.
	if old := b.sum.Load(); !b.sum.CompareAndSwap(old, old+uint64(d)) {
		b.sum.Add(uint64(d))
		h.contended(blocks)
	}
}

// Snapshot returns the distribution of all durations since creation: the zero Dist if there
// is none.
func (h *Histogram) Snapshot() Dist {
	return h.snapshotAfter(Dist{})
}

// snapshotAfter is Snapshot for one who has an earlier snapshot of h: it returns that very
// one, and allocates nothing, if nothing was recorded since.
func (h *Histogram) snapshotAfter(earlier Dist) Dist {
	blocks := h.blocks.Load()
	if blocks == nil {
		return Dist{}
	}
	var bins [numBins]uint64
	var count, sum uint64
	for _, b := range *blocks {
		for i := range bins {
			n := b.bins[i].Load()
			bins[i] += n
			count += n
		}
		sum += b.sum.Load()
	}
	if count == earlier.count && sum == earlier.sum {
		return earlier // bins only grow: the same count means the same bins
	}
	return newDist(&bins, sum)
}

// contended goes from the single block to several, keeping the one there is, if too many
// durations met another.
func (h *Histogram) contended(single *[]*block) {
	if !h.clash.tooMany((*single)[0].total) {
		return
	}
	blocks := make([]*block, stripes(maxBlocks))
	blocks[0] = (*single)[0]
	for i := 1; i < len(blocks); i++ {
		blocks[i] = new(block)
	}
	h.replace(single, blocks)
}

// replace puts blocks in the place of old, unless somebody else was first, and returns what
// is there now. There are at most two replacements: one block for none, several for one.
func (h *Histogram) replace(old *[]*block, blocks []*block) *[]*block {
	if h.blocks.CompareAndSwap(old, &blocks) {
		return &blocks
	}
	return h.blocks.Load()
}

func (b *block) total() uint64 {
	var total uint64
	for i := range b.bins {
		total += b.bins[i].Load()
	}
	return total
}

// binOf returns the bin of a duration that is not negative.
func binOf(d time.Duration) int {
	v := uint64(max(d, 1)) - 1 // so that an upper bound falls into the bin that it bounds
	octave := bits.Len64(v) - 1
	if octave < firstOctave {
		return underflow
	}
	if octave >= lastOctave {
		return overflow
	}
	part := int(v >> (octave - binBits) % binsPerOctave)
	return 1 + (octave-firstOctave)*binsPerOctave + part
}

// upperBound returns the longest duration that falls into a bin.
func upperBound(bin int) time.Duration {
	switch bin {
	case underflow:
		return 1 << firstOctave
	case overflow:
		return math.MaxInt64
	}
	octave, part := (bin-1)/binsPerOctave+firstOctave, (bin-1)%binsPerOctave
	return time.Duration(binsPerOctave+part+1) << (octave - binBits)
}

// middle returns the duration that stands for a bin: half way between its bounds, and the
// lower bound of the last bin, which has no upper one.
func middle(bin int) time.Duration {
	switch bin {
	case underflow:
		return upperBound(underflow) / 2
	case overflow:
		return upperBound(overflow - 1)
	}
	lower := upperBound(bin - 1)
	return lower + (upperBound(bin)-lower)/2
}
