package window

import (
	"math"
	"math/bits"
	"sync"
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

	// maxBlocks bounds what a spread histogram takes: 2 KiB, and as much again for each
	// two octaves.
	maxBlocks = 16
)

// Histogram counts durations in fixed bins, eight an octave from 256ns to 137s, and adds
// them up. The counts only grow. The zero value is ready to use; a Histogram must not be
// copied after first use. All methods are safe for concurrent use. Record takes no lock but
// when a bin is full: see bin.
//
// It takes storage as it needs it, 128 bytes for each two octaves that durations fall into. It is
// a single block until [Histogram.Spread] makes it several, up to 16, on cache lines of their own.
type Histogram struct {
	spread atomic.Pointer[[]*block]
	first  block

	mu    sync.Mutex // held to read, and to empty a bin that is full
	moved *moved     // nil: no bin was full yet
}

// block is one stripe of a histogram: two cache lines. Those of a spread histogram are
// allocated one by one, which puts each on lines of its own.
type block struct {
	parts [numParts]atomic.Pointer[part]
}

// part is 128 bytes, as a stripe is. A command's durations seldom need more than three.
type part [partBins]bin

const (
	partBins = 2 * binsPerOctave
	numParts = (numBins + partBins - 1) / partBins
)

// Record counts one duration. A negative one counts as 0. The sum takes what is longer than
// 2^50 nanoseconds, about 13 days, as that long. Record allocates when a duration is the
// first of its two octaves and when a bin is full for the first time, at no other time.
// It is done by one who has that seat, or [NoSeat].
func (h *Histogram) Record(d time.Duration, seat uint32) {
	d = max(d, 0)
	b := &h.first
	if spread := h.spread.Load(); spread != nil {
		b = (*spread)[Place(seat, len(*spread))]
	}
	i := uint(binOf(d)) // never negative: its parts are a shift and a mask
	p := b.parts[i/partBins].Load()
	if p == nil {
		p = b.part(i / partBins)
	}
	n := &p[i%partBins]
	if !n.add(d) {
		h.recordSlowly(n, int(i), d)
	}
}

// recordSlowly is Record where somebody else was first to write bin i, or it is full.
func (h *Histogram) recordSlowly(n *bin, i int, d time.Duration) {
	for !n.add(d) {
		if !n.fits(d) {
			h.move(n, i, d)
			return
		}
	}
}

// snapshot returns the distribution of all durations since creation: the zero Dist if there is
// none.
func (h *Histogram) snapshot() Dist {
	if h.idle() {
		return Dist{}
	}
	var t tally
	h.sum(&t)
	return t.dist()
}

// idle reports whether nothing was ever recorded, as far as the first block tells: false once the
// histogram is spread. A duration that is just being recorded may be missed.
func (h *Histogram) idle() bool {
	if h.spread.Load() != nil {
		return false
	}
	for i := range h.first.parts {
		if h.first.parts[i].Load() != nil {
			return false
		}
	}
	return true
}

// tally adds up the blocks of a histogram.
type tally struct {
	bins [numParts * partBins]uint64
	used uint32 // a bit for each part that holds anything
	sum  uint64
}

func (t *tally) add(b *block) {
	for i := range b.parts {
		p := b.parts[i].Load()
		if p == nil {
			continue
		}
		t.used |= 1 << i
		bins := t.bins[i*partBins : (i+1)*partBins]
		for j := range p {
			n, sum := p[j].load()
			bins[j] += n
			t.sum += sum
		}
	}
}

func (t *tally) dist() Dist {
	low, high := bits.TrailingZeros32(t.used), bits.Len32(t.used)
	if low >= high {
		return Dist{}
	}
	return newDist(t.bins[low*partBins:high*partBins], low*partBins, t.sum)
}

// Spread gives each processor a block of its own to write, for a histogram that several write at
// once. After that the first block keeps what it has and is written no more, but by those who were
// on their way to it. To spread it again changes nothing.
func (h *Histogram) Spread() {
	if h.spread.Load() != nil {
		return
	}
	blocks := make([]*block, Stripes(maxBlocks))
	for i := range blocks {
		blocks[i] = new(block)
	}
	h.spread.CompareAndSwap(nil, &blocks) // or another was first, which is as good
}

// part returns a part, and makes it if need be.
//
//go:noinline
func (b *block) part(i uint) *part {
	if p := new(part); b.parts[i].CompareAndSwap(nil, p) {
		return p
	}
	return b.parts[i].Load()
}

// binOf returns the bin of a duration that is not negative.
func binOf(d time.Duration) int {
	// Less one, so that an upper bound falls into the bin that it bounds. What is shorter than
	// the first octave is taken for the end of the one before it, what is longer than the last
	// one for the beginning of the one after it.
	v := uint64(min(max(d-1, 1<<firstOctave-1), 1<<lastOctave))
	octave := bits.Len64(v) - 1
	part := int(v >> ((octave - binBits) & 63) % binsPerOctave)
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
