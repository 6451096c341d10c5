package window

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests look inside, for what cannot be brought about from outside: contention at a
// chosen moment, counts after years of traffic, and what is kept when nothing happens.

func TestEveryDurationFallsIntoTheBinThatBoundsIt(t *testing.T) {
	require.Zero(t, binOf(0))
	require.Equal(t, overflow, binOf(math.MaxInt64))
	for bin := range numBins - 1 {
		require.Equal(t, bin, binOf(upperBound(bin)))
		require.Equal(t, bin+1, binOf(upperBound(bin)+1))
		require.Equal(t, bin, binOf(middle(bin)))
		require.Less(t, upperBound(bin), upperBound(bin+1))
	}
}

func TestStripesFollowTheProcessors(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(was)
	for procs, want := range map[int]int{1: 4, 2: 8, 3: 16, 4: 16, 5: 32, 16: 64, 100: 64} {
		runtime.GOMAXPROCS(procs)
		require.Equal(t, want, Stripes(maxStripes), "%d processors", procs)
		require.Equal(t, min(want, maxBlocks), Stripes(maxBlocks), "%d processors", procs)
	}
}

func TestAGoroutineKeepsItsPlace(t *testing.T) {
	for n := 1; n <= maxStripes; n *= 2 {
		at := Place(n)
		require.GreaterOrEqual(t, at, 0)
		require.Less(t, at, n)
		for range 100 {
			require.Equal(t, at, Place(n))
		}
	}
}

func TestGoroutinesSpreadOverAllPlaces(t *testing.T) {
	const n, goroutines = 8, 256
	var at [n]atomic.Int32
	var wg sync.WaitGroup
	all := make(chan struct{}) // none ends before all have begun: each has its own stack
	for i := range goroutines {
		wg.Go(func() {
			at[Place(n)].Add(1)
			if i < goroutines-1 {
				<-all
			} else {
				close(all)
			}
		})
	}
	wg.Wait()
	for i := range at {
		require.NotZero(t, at[i].Load(), "nobody is at %d", i)
	}
}

func TestOthersAreTooOftenWhereEachOfSomeLooksSeesThem(t *testing.T) {
	var w watch
	saw := func(others bool) bool { return w.tooOften(others, 4) }
	for range 3 {
		require.False(t, saw(true), "too few to tell")
	}
	require.False(t, saw(false))
	for range 3 {
		require.False(t, saw(true), "not in a row")
	}
	require.True(t, saw(true))
	require.True(t, saw(true), "and it goes on")
	require.False(t, saw(false))
	require.False(t, saw(true), "a new row")
}

// whileCounting calls f while another goroutine adds to what it is given, up to 100,000 times
// until f says so: on one processor the other must come to its turn meanwhile.
func whileCounting(n *atomic.Uint64, f func() bool) (done bool) {
	var others sync.WaitGroup
	over := make(chan struct{})
	others.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				n.Add(1)
			}
		}
	})
	for tries := 0; !done && tries < 100_000; tries++ {
		done = f()
	}
	close(over)
	others.Wait()
	return done
}

func TestALookSeesWhatOthersCount(t *testing.T) {
	var n atomic.Uint64
	require.False(t, grows(n.Load), "nobody counts")
	require.True(t, whileCounting(&n, func() bool { return grows(n.Load) }))
}

func TestOneEventInLookEveryLooks(t *testing.T) {
	var c Counters
	for n := range uint64(2 * LookEvery) {
		got := c.AddInPlace(3)
		require.Equal(t, n+1, got)
		c.busy.inRow.Store(1)
		if got%LookEvery == 0 {
			busy, shared := c.AddSlowly(3, got)
			require.False(t, busy || shared)
			require.Zero(t, c.busy.inRow.Load(), "a look that saw nobody")
		}
	}
	require.Equal(t, Sums{3: 2 * LookEvery}, c.Sums(), "a look does not count once more")

	spreadNow(&c)
	looks, beyond := 0, 0
	for range looksPerTotal * LookEvery {
		c.busy.inRow.Store(1)
		c.shared.inRow.Store(1)
		require.Zero(t, c.AddInPlace(3))
		busy, shared := c.AddSlowly(3, 0)
		require.False(t, busy || shared)
		looks += 1 - int(c.shared.inRow.Load())
		beyond += 1 - int(c.busy.inRow.Load())
	}
	require.Equal(t, looksPerTotal, looks, "so it is after they were spread")
	require.Equal(t, 1, beyond, "beyond its stripe looks one in some")
	require.Equal(t, Sums{3: (2 + looksPerTotal) * LookEvery}, c.Sums())
}

func TestThatGoroutinesShareAStripeIsToldOnceThereAreSeveral(t *testing.T) {
	for name, test := range map[string]struct {
		stripes, from, here int
		shared              bool
	}{
		"the same stripe": {8, 3, 3, true},
		"another one":     {8, 4, 3, false},
		"the next of many, the same in a histogram":     {64, 5, 4, true},
		"the next of many, another in a histogram":      {64, 8, 7, false},
		"the same of many":                              {64, 63, 63, true},
		"the last of those that are the same elsewhere": {64, 4, 7, true},
	} {
		t.Run(name, func(t *testing.T) {
			var c Counters
			s := make([]stripe, test.stripes)
			c.spread.Store(&s)
			told := whileCounting(&s[test.from][3], func() bool {
				_, shared := c.lookAt(s, 3, test.here, LookEvery)
				return shared
			})
			require.Equal(t, test.shared, told)
		})
	}

	t.Run("the failures, which are never spread", func(t *testing.T) {
		var c Counters
		spreadNow(&c)
		require.False(t, whileCounting(&c.first[Guarded], func() bool {
			_, shared := c.AddSlowly(Guarded, LookEvery)
			return shared
		}))
	})
}

func TestGoroutinesAreReseatedNoMoreOftenThanTheyTakeTurns(t *testing.T) {
	defer seating.Store(seating.Load())
	defer reseated.Store(reseated.Load())
	was := seating.Load()
	moved := func() bool {
		defer func() { was = seating.Load() }()
		return seating.Load() != was
	}
	now := time.Duration(reseated.Load()) + mayReseat
	for range 100 {
		Reseat(now)
		require.True(t, moved())
		require.Equal(t, uint32(1), (golden^seating.Load())%2, "or stripes would never be used")
		Reseat(now + mayReseat - 1)
		require.False(t, moved(), "it was just now")
		now += mayReseat
	}
}

// spreadNow is what looks bring about that see others count.
func spreadNow(c *Counters) (busy bool) {
	for range looksToSpread {
		busy = c.looked(true)
	}
	return busy
}

func TestAContendedCounterSpreadsAndLosesNothing(t *testing.T) {
	var c Counters
	for range 100 {
		c.Add(3)
	}
	require.True(t, spreadNow(&c))
	spread := c.spread.Load()
	require.NotNil(t, spread)
	require.Len(t, *spread, Stripes(maxStripes))
	for range 1000 {
		c.Add(3)
	}
	busy, shared := c.AddSlowly(3, LookEvery)
	require.False(t, busy || shared, "one who came late has counted already")
	require.True(t, spreadNow(&c), "so that others know it, too")
	require.Same(t, spread, c.spread.Load(), "once is enough")
	require.Equal(t, Sums{3: 1100}, c.Sums())
	require.EqualValues(t, 100, c.first[3].Load(), "the first stripe rests")
}

func TestAHistogramThatIsSpreadLosesNothing(t *testing.T) {
	var h Histogram
	for range 100 {
		h.Record(time.Second)
	}
	h.Spread()
	spread := h.spread.Load()
	require.Len(t, *spread, Stripes(maxBlocks))
	late := binOf(time.Second) // one who came late: it goes where it was headed
	h.recordSlowly(h.first.bin(late), late, time.Second)
	h.Spread()
	require.Same(t, spread, h.spread.Load(), "once is enough")
	for range 1000 {
		h.Record(time.Millisecond)
	}
	d := h.Snapshot()
	require.EqualValues(t, 1101, d.Count())
	require.Equal(t, 102*time.Second, d.Sum())
	count, sum := h.first.bin(late).load()
	require.EqualValues(t, 101, count, "the first block rests")
	require.EqualValues(t, 101*time.Second, sum)
}

func TestTheFirstOfTwoWhoMakeAPartWins(t *testing.T) {
	var b block
	first := b.part(3)
	require.Same(t, first, b.part(3))
}

func TestAHistogramTakesStorageForWhatItHoldsOnly(t *testing.T) {
	var h Histogram
	parts := func() (n int) {
		for i := range h.first.parts {
			if h.first.parts[i].Load() != nil {
				n++
			}
		}
		return n
	}
	require.Zero(t, parts())
	for range 2 {
		h.Record(time.Millisecond)
		h.Record(time.Millisecond + time.Microsecond)
		require.Equal(t, 1, parts())
	}
	h.Record(time.Second)
	require.Equal(t, 2, parts())
}

func TestCallsThatAreRecordedOnceAreInBothDistributions(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10*time.Second, 10, 0, &c, &times)
	times.Record(time.Millisecond)
	require.Nil(t, times.apart.Load(), "made for calls of which the two times differ")
	run, whole := times.Snapshot()
	require.Equal(t, run, whole)
	require.EqualValues(t, 1, run.Count())

	r.Advance(5 * time.Second)
	times.Record(2 * time.Millisecond)
	times.RecordRun(3 * time.Millisecond)
	times.RecordWhole(4 * time.Second)
	for now, calls := range map[time.Duration]uint64{5 * time.Second: 3, 10 * time.Second: 2, 15 * time.Second: 0} {
		run, whole = r.Dists(now)
		require.Equal(t, calls, run.Count(), "at %v", now)
		require.Equal(t, calls, whole.Count(), "at %v", now)
	}
	run, whole = r.Dists(10 * time.Second)
	require.Equal(t, 5*time.Millisecond, run.Sum())
	require.Equal(t, 4*time.Second+2*time.Millisecond, whole.Sum())
	require.InEpsilon(t, 3*time.Millisecond, run.Percentile(100), 0.0625)
	require.InEpsilon(t, 2*time.Millisecond, whole.Percentile(50), 0.0625)
	require.InEpsilon(t, 4*time.Second, whole.Percentile(100), 0.0625)
}

func TestD7TheEndOfTimeIsABoundaryThatNeverPasses(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(math.MaxInt64, 1, 5, &c, &times)
	require.Equal(t, int64(math.MaxInt64), r.next.Load())
	require.False(t, r.Advance(math.MaxInt64))
}

// TestAReadSeesTotalsAndMarkOfOneBucket moves the ring while a reader is between the two.
func TestAReadSeesTotalsAndMarkOfOneBucket(t *testing.T) {
	for moves := range 5 {
		var c Counters
		var times Times
		r := NewRing(10, 1, 0, &c, &times)
		c.Add(0)
		calls, now := 0, time.Duration(0)
		var last *mark
		r.read(0, func(from *mark) {
			calls++
			last = from
			if calls <= min(moves, 3) { // the fourth call holds the lock
				now += 10
				require.True(t, r.Advance(now))
				c.Add(0)
			}
		})
		require.Equal(t, min(moves, 3)+1, calls, "%d moves", moves)
		require.Same(t, r.view.Load().marks[0], last, "%d moves", moves)
	}
}

func TestAnIdleRingKeepsOneMark(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10, 10, 0, &c, &times)
	kept := func() []*mark { return r.view.Load().marks }
	require.Same(t, &nothing, kept()[0])
	r.Advance(1000)
	require.Same(t, &nothing, kept()[0], "a mark is allocated for traffic only")

	for now := time.Duration(1001); now < 1100; now++ {
		r.Advance(now)
		c.Add(0)
		times.RecordRun(time.Second)
		marks := kept()
		require.LessOrEqual(t, len(marks), 10)
		for i := 1; i < len(marks); i++ {
			newer, older := marks[i-1], marks[i]
			require.GreaterOrEqual(t, newer.sums[0], older.sums[0])
			require.GreaterOrEqual(t, newer.times.runs.Count(), older.times.runs.Count())
		}
	}
	require.Len(t, kept(), 10)
	r.Advance(1105)
	require.Len(t, kept(), 10, "five are newly made, and are one and the same")
	require.Same(t, kept()[0], kept()[4])
	r.Advance(1115)
	require.Len(t, kept(), 1)

	// What changes in one of the four makes a new mark.
	for i, change := range []func(){
		func() { c.Add(1) },
		func() { times.RecordRun(0) },
		func() { times.RecordWhole(0) },
		func() { times.Record(0) },
	} {
		was := kept()[0]
		change()
		r.Advance(time.Duration(1200 + 100*i))
		require.NotSame(t, was, kept()[0], "change %d", i)
	}
	require.Equal(t, c.Sums(), kept()[0].sums)
}

func TestAPauseThatReachesTheFarEndOfTheWindowIsOneMark(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10, 10, 0, &c, &times)
	now := time.Duration(0)
	step := func(d time.Duration) (marks int) {
		now += d
		r.Advance(now)
		c.Add(0)
		return len(r.view.Load().marks)
	}
	for i := range 20 {
		require.Equal(t, min(i+1, 10), step(1))
	}
	require.Equal(t, 10, step(5))
	for range 4 {
		require.Equal(t, 10, step(1))
	}
	for i := range 20 {
		require.Equal(t, min(6+i, 10), step(1), "the five marks of the pause say the same")
	}
}

func TestAnUnchangedHistogramIsNotCopied(t *testing.T) {
	var h Histogram
	require.Equal(t, Dist{}, h.snapshotAfter(Dist{}))
	h.Record(time.Second)
	first := h.Snapshot()
	require.Same(t, &first.bins[0], &h.snapshotAfter(first).bins[0])
	h.Record(0)
	require.EqualValues(t, 2, h.snapshotAfter(first).Count())
}

func TestD9CountsBeyond32Bits(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10*time.Second, 10, 0, &c, &times)
	const many = 1<<32 + 10
	times.RecordRun(time.Second)
	run := &times.apart.Load().run
	run.moved = &moved{}
	run.moved.bins[binOf(time.Second)] = math.MaxUint32 - 1

	c.first[0].Store(math.MaxUint32)
	c.Add(0)
	times.RecordRun(time.Second)
	sums := r.Sums(0)
	require.Equal(t, uint64(1<<32), sums[0])

	c.first[0].Store(many)
	c.first[1].Store(4294)
	sums = r.Sums(0)
	require.Equal(t, uint64(many), sums[0], "the ratio stays what it is")
	require.EqualValues(t, 4294, sums[1])

	d, _ := r.Dists(0)
	require.Equal(t, uint64(1<<32), d.Count())
	require.InEpsilon(t, time.Second, d.Percentile(50), 0.0625)

	r.Advance(time.Second)
	c.Add(1)
	r.Advance(10 * time.Second)
	require.Equal(t, Sums{1: 1}, r.Sums(10*time.Second), "a small window after large totals")
}

func TestD9PercentilesOfHugeCounts(t *testing.T) {
	var h Histogram
	h.Record(time.Millisecond)
	h.Record(time.Second)
	h.moved = &moved{}
	short, long := &h.moved.bins[binOf(time.Millisecond)], &h.moved.bins[binOf(time.Second)]
	*short, *long = 1<<63-2, 1<<63-1
	d := h.Snapshot()
	require.Equal(t, uint64(math.MaxUint64), d.Count())
	for p, want := range map[float64]time.Duration{
		0: time.Millisecond, 49: time.Millisecond, 51: time.Second, 100: time.Second,
	} {
		require.InEpsilon(t, want, d.Percentile(p), 0.0625, "percentile %v", p)
	}
	*short, *long = 1<<60, 0
	d = h.Snapshot()
	require.InEpsilon(t, time.Millisecond, d.Percentile(99.999), 0.0625)
	require.InEpsilon(t, time.Second, d.Percentile(100), 0.0625, "the longest, rare as it is")
}

func TestD9TheSumOfDurationsMayWrapRound(t *testing.T) {
	var h Histogram
	h.Record(0)
	h.moved = &moved{sum: math.MaxUint64 - 10}
	before := h.Snapshot()
	require.Equal(t, time.Duration(math.MaxInt64), before.Sum(), "the longest there is")
	require.Equal(t, time.Duration(math.MaxInt64), before.Mean())
	h.Record(time.Second)
	require.Equal(t, time.Second, h.Snapshot().Sub(before).Sum(), "a window stays right")
}

func TestAFullBinIsMovedAndLosesNothing(t *testing.T) {
	const full = 1 << 23
	for name, test := range map[string]struct {
		took time.Duration
		n    uint64 // how many fit into a bin
	}{
		"by its count":            {100, full},
		"by its sum":              {time.Second, 550},
		"by one that is too long": {tooLong, 0},
		"by its last":             {tooLong - 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var h Histogram
			i := binOf(test.took)
			word := &h.first.bin(i).word
			for range min(test.n, 1000) {
				h.Record(test.took)
			}
			if test.n == full {
				word.Store(uint64(test.took)*full<<sumShift + full)
			}
			require.Nil(t, h.moved, "not yet")
			requireHeld(t, &h, test.n, test.took)
			h.Record(test.took)
			require.Zero(t, word.Load())
			requireHeld(t, &h, test.n+1, test.took)
			h.Record(test.took)
			requireHeld(t, &h, test.n+2, test.took)
		})
	}
}

// requireHeld asks for n durations of the same length, in all that can be read.
func requireHeld(t *testing.T, h *Histogram, n uint64, each time.Duration) {
	t.Helper()
	d := h.Snapshot()
	require.Equal(t, n, d.Count())
	require.Equal(t, each*time.Duration(n), d.Sum())
	require.Equal(t, n, d.at(binOf(each)))
}

func TestFullBinsOfASpreadHistogramAreMoved(t *testing.T) {
	var h Histogram
	h.Record(time.Second)
	h.Spread()
	require.NotNil(t, h.spread.Load())
	for n := range uint64(2000) {
		h.Record(time.Second)
		requireHeld(t, &h, n+2, time.Second)
	}
	require.NotNil(t, h.moved)
}

// TestReadersMissNothingOfABinThatIsMoved has every third duration move a bin.
func TestReadersMissNothingOfABinThatIsMoved(t *testing.T) {
	const writers, each = 2, 3000
	var h Histogram
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for n := range each {
				h.Record(tooLong / 2)
				if n%10 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	var last Dist
	for last.Count() < writers*each {
		d := h.Snapshot()
		if d.Count() < last.Count() || d.Sum() != time.Duration(d.Count())*(tooLong/2) {
			t.Fatalf("%d durations, %v in all, after %d", d.Count(), d.Sum(), last.Count())
		}
		last = d
	}
	all.Wait()
}

// bin returns bin i.
func (b *block) bin(i int) *bin { return &b.part(uint(i) / partBins)[i%partBins] }

func TestTimesThatAreSpreadLoseNothing(t *testing.T) {
	var m Times
	record := func() {
		m.Record(time.Millisecond)
		m.RecordRun(time.Second)
		m.RecordWhole(time.Minute)
	}
	m.Spread()
	require.Nil(t, m.apart.Load(), "nothing is made for it")
	record()
	m.Spread()
	for _, h := range []*Histogram{&m.shared, &m.apart.Load().run, &m.apart.Load().whole} {
		require.NotNil(t, h.spread.Load())
	}
	record()
	run, whole := m.Snapshot()
	require.Equal(t, 2*(time.Millisecond+time.Second), run.Sum())
	require.Equal(t, 2*(time.Millisecond+time.Minute), whole.Sum())
}
