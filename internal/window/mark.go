package window

import "encoding/binary"

// mark is what the totals were at one moment. It is never changed. A ring keeps one for each bucket
// with traffic, so it is packed: first the kinds that are not zero, a bit for each, and their
// counts; then the three distributions of a snapshot, of each the number of its bins, the first of
// them, the sum, and what the bins hold. All are numbers as [binary.AppendUvarint] writes them,
// which are a byte as long as they are small, and zeros at the end are left out. So a command that
// was called 60 times, for 1 to 100 ms, has a mark of 70 bytes, where the numbers themselves
// would take 700. Equal totals make equal marks.
type mark string

// nothing is the mark of totals that are all zero.
const nothing mark = ""

// newMark is what c and t hold now: latest itself, if that says the same.
func newMark(c *Counters, t *Times, latest mark) mark {
	var enough [512]byte // for most: what is longer is built on the heap
	b := t.appendTo(c.Sums().appendTo(enough[:0]))
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	if string(b) == string(latest) {
		return latest
	}
	return mark(b)
}

func (s Sums) appendTo(b []byte) []byte {
	used := uint64(0)
	for kind, n := range s {
		if n != 0 {
			used |= 1 << kind
		}
	}
	b = binary.AppendUvarint(b, used)
	for _, n := range s {
		if n != 0 {
			b = binary.AppendUvarint(b, n)
		}
	}
	return b
}

// appendTo appends the distributions in the order in which they are read: see snapshot.
func (t *Times) appendTo(b []byte) []byte {
	a := t.apart.Load()
	if a == nil {
		return t.shared.appendTo(append(b, 0))
	}
	return a.run.appendTo(t.shared.appendTo(a.whole.appendTo(b)))
}

func (h *Histogram) appendTo(b []byte) []byte {
	if h.idle() {
		return append(b, 0)
	}
	var t tally
	h.sum(&t)
	return t.appendTo(b)
}

func (t *tally) appendTo(b []byte) []byte {
	bins, first := withoutZeros(t.bins[:])
	b = binary.AppendUvarint(b, uint64(len(bins)))
	if len(bins) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(first)) //nolint:gosec // never negative
	b = binary.AppendUvarint(b, t.sum)
	for _, n := range bins {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// sums unpacks the counters.
func (m mark) sums() Sums {
	_, sums := m.unpackSums()
	return sums
}

// times unpacks the distributions.
func (m mark) times() (s snapshot) {
	m, _ = m.unpackSums()
	m, s.wholes = m.unpackDist()
	m, s.shared = m.unpackDist()
	_, s.runs = m.unpackDist()
	return s
}

func (m mark) unpackSums() (rest mark, sums Sums) {
	m, used := m.next()
	for kind := range sums {
		if used>>kind&1 != 0 {
			m, sums[kind] = m.next()
		}
	}
	return m, sums
}

func (m mark) unpackDist() (rest mark, d Dist) {
	m, n := m.next()
	if n == 0 {
		return m, Dist{}
	}
	m, first := m.next()
	m, sum := m.next()
	d = Dist{bins: make([]uint64, n), first: int(first), sum: sum} //nolint:gosec // as it was packed
	for i := range d.bins {
		m, d.bins[i] = m.next()
		d.count += d.bins[i]
	}
	return m, d
}

// next takes the first number off m. Where m has ended there are zeros.
func (m mark) next() (rest mark, n uint64) {
	for i := range len(m) {
		n |= uint64(m[i]&0x7f) << (7 * i)
		if m[i] < 0x80 {
			return m[i+1:], n
		}
	}
	return m, n
}
