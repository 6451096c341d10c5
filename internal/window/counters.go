package window

import "sync/atomic"

// Kinds is the number of counters in a [Counters].
const Kinds = 16

// Serial are the kinds, a bit for each, that are counted in one place however many processors
// there are. Their callers count one after the other anyway, under a common lock or by
// [Counters.AddIf], so stripes would spare them nothing; and who reads them, as each judgement of
// a failure does, reads one word in place of up to 64. (What they are is checked where the kinds
// have names.)
const Serial = 0x7<<Guarded | 0x1f<<7

func serial(kind int) bool { return Serial>>uint(kind)&1 != 0 }

// Sums is one number for each kind. As what [Counters.Sums] returns these are totals since
// creation; as what [Ring.Sums] returns, those of the window.
type Sums [Kinds]uint64

// since returns what was added after earlier. It never goes below zero.
func (s Sums) since(earlier *Sums) Sums {
	for kind, before := range earlier {
		s[kind] -= min(s[kind], before)
	}
	return s
}

// Counters counts events of [Kinds] kinds. The counts only grow. The zero value is ready
// to use; a Counters must not be copied after first use. All methods are safe for
// concurrent use and take no lock.
//
// As long as processors do not get in each other's way it is a single stripe in place (208
// bytes). When they do (see watch), it spreads over several stripes, each on cache lines of
// its own (BenchmarkCountersAdd). The kinds of [Serial] stay in the first stripe, whoever counts
// them.
type Counters struct {
	spread atomic.Pointer[[]stripe]
	busy   watch
	shared watch // of a stripe that several processors write
	// The padding keeps what comes before in the caller's struct off the lines written here. Nothing
	// that is read often should come after.
	_     [64]byte
	first stripe
}

// maxStripes bounds what a counter takes that is spread: 8 KiB.
const maxStripes = 64

// stripe is 128 bytes: two cache lines, or one where lines come in pairs.
type stripe [Kinds]atomic.Uint64

// Add counts one event of the given kind, for one who has that seat or [NoSeat], and returns what
// [Counters.AddSlowly] does. A kind that is not in 0 to Kinds-1 panics.
func (c *Counters) Add(kind int, seat uint32) (busy, shared bool) {
	if n := c.AddInPlace(kind); n%LookEvery == 0 {
		return c.AddSlowly(kind, n, seat)
	}
	return false, false
}

// Seat is [Seat] where each processor has a stripe of its own to write, and [NoSeat] as long as
// whoever counts needs none.
func (c *Counters) Seat() uint32 {
	if c.spread.Load() == nil {
		return NoSeat
	}
	return Seat()
}

// AddInPlace is the first half of Add: where the counters are not spread it counts, and returns
// how many there are. If that is a multiple of [LookEvery], or 0 because it did not count, call
// [Counters.AddSlowly] with it. It is small enough to be inlined, for those to whom a call of a
// function matters.
func (c *Counters) AddInPlace(kind int) uint64 {
	if c.spread.Load() != nil {
		return 0
	}
	return c.first[kind].Add(1)
}

// AddSlowly is the second half of Add, and of [Counters.AddIf] with how many there are then, for
// one who has that seat or [NoSeat]. It reports whether several processors were seen to count at
// once, this time and the last times: then the counters are spread, and it is time to spread what
// else is written for each event.
// It also reports whether several were seen to do so at one of the stripes: then processors should
// be given others by [Reseat].
func (c *Counters) AddSlowly(kind int, n uint64, seat uint32) (busy, shared bool) {
	if n == 0 {
		return c.addSpread(*c.spread.Load(), kind, seat)
	}
	return c.looked(grows(func() uint64 { return c.Total(kind) })), false
}

// addSpread is Add where the counters are spread. A kind of Serial that comes here all the same
// goes where it is looked for.
func (c *Counters) addSpread(s []stripe, kind int, seat uint32) (busy, shared bool) {
	if serial(kind & 63) { // without the mask, which changes nothing, this is five instructions
		c.AddSerially(kind)
		return false, false
	}
	at := Place(seat, len(s))
	n := s[at][kind].Add(1)
	if n%LookEvery != 0 {
		return false, false
	}
	return c.lookAt(s, kind, at, n)
}

// lookAt is the look of one who counted event n at a stripe. To look at all stripes takes their
// lines from those who write them, so only one look in some does. What else is spread may have
// fewer stripes, so that seats which differ here may be one there: those that are equal in their low bits.
func (c *Counters) lookAt(s []stripe, kind, at int, n uint64) (busy, shared bool) {
	here := func() (total uint64) {
		for i := at % fewestStripes; i < len(s); i += fewestStripes {
			total += s[i][kind].Load()
		}
		return total
	}
	shared = c.shared.tooOften(grows(here), looksToReseat)
	busy = n%(LookEvery*looksPerTotal) == 0 && c.looked(grows(func() uint64 { return c.Total(kind) }))
	return busy, shared
}

// AddBeside is Add for an event that always comes with another one, which looks (see watch) or is
// counted under a common lock. The kind is none of Serial.
func (c *Counters) AddBeside(kind int, seat uint32) {
	if s := c.spread.Load(); s != nil {
		(*s)[Place(seat, len(*s))][kind].Add(1)
		return
	}
	c.first[kind].Add(1)
}

// AddSerially is Add for callers that hold a common lock: it does not look whether others write
// the counter. It is as safe as Add without the lock.
func (c *Counters) AddSerially(kind int) { c.first[kind].Add(1) }

// Total returns the total of one kind since creation.
func (c *Counters) Total(kind int) uint64 {
	total := c.first[kind].Load()
	if kind == Guarded {
		total &= ofCount
	}
	if s := c.spread.Load(); s != nil && !serial(kind) {
		total += sumOf(*s, kind)
	}
	return total
}

// sumOf is the total of one kind in stripes: a function of its own so that Total can be inlined.
func sumOf(stripes []stripe, kind int) (total uint64) {
	for i := range stripes {
		total += stripes[i][kind].Load()
	}
	return total
}

// Sums returns the totals since creation.
func (c *Counters) Sums() Sums {
	var sums Sums
	for kind := range sums {
		sums[kind] = c.first[kind].Load()
	}
	sums[Guarded] &= ofCount
	s := c.spread.Load()
	if s == nil {
		return sums
	}
	for i := range *s {
		for kind := range sums {
			sums[kind] += (*s)[i][kind].Load()
		}
	}
	return sums
}

// looked takes note of whether a look saw others count, and spreads the counters if it is time to.
func (c *Counters) looked(others bool) (busy bool) {
	busy = c.busy.tooOften(others, looksToSpread)
	if busy {
		c.Spread()
	}
	return busy
}

// Spread gives each processor a stripe of its own to write. After that the first stripe keeps what
// it has and is written no more, but by those who were on their way to it. To spread the counters
// again changes nothing.
func (c *Counters) Spread() {
	if c.spread.Load() == nil {
		s := make([]stripe, Stripes(maxStripes))
		c.spread.CompareAndSwap(nil, &s) // or another was first, which is as good
	}
}
