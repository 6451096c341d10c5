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

// These tests look inside at what happens where several processors count at once, which cannot be
// brought about at a chosen moment from outside.

// spreads is a kind that is counted in stripes.
const spreads = 4

func TestStripesFollowTheProcessors(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(was)
	for procs, want := range map[int]int{1: 4, 2: 8, 3: 16, 4: 16, 5: 32, 16: 64, 100: 64} {
		runtime.GOMAXPROCS(procs)
		require.Equal(t, want, Stripes(maxStripes), "%d processors", procs)
		require.Equal(t, min(want, maxBlocks), Stripes(maxBlocks), "%d processors", procs)
	}
}

func TestAProcessorKeepsItsSeat(t *testing.T) {
	if raceDetector {
		t.Skip("with it a sync.Pool forgets some of what it is given")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	was := Seat()
	require.NotEqualValues(t, NoSeat, was)
	for range 100 {
		require.Equal(t, was, Seat())
		on := make(chan uint32)
		go func() { on <- Seat() }()
		require.Equal(t, was, <-on, "of another goroutine that runs there")
	}
	require.Zero(t, testing.AllocsPerRun(1000, func() { Seat() }))
	runtime.GC()
	require.Equal(t, was, Seat(), "the collector takes it only from who is idle")
}

func TestProcessorsHaveSeatsOfTheirOwn(t *testing.T) {
	if raceDetector {
		t.Skip("with it a sync.Pool forgets some of what it is given")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	var seats [2]atomic.Uint32
	both := func(i int) bool { // both are here at once, so on two processors
		seats[i].Store(Seat())
		for range 1_000_000 {
			if seats[1-i].Load() != NoSeat {
				return true
			}
		}
		return false
	}
	for range 1000 {
		seats[0].Store(NoSeat)
		seats[1].Store(NoSeat)
		var wg sync.WaitGroup
		wg.Go(func() { both(1) })
		met := both(0)
		wg.Wait()
		if met && Place(seats[0].Load(), Stripes(maxStripes)) != Place(seats[1].Load(), Stripes(maxStripes)) {
			return
		}
	}
	t.Error("they always had the same one")
}

func TestASeatIsOneOfSoManyPlaces(t *testing.T) {
	for n := 1; n <= maxStripes; n *= 2 {
		var at [maxStripes]int
		for seat := range uint32(4 * maxStripes) {
			if seat != NoSeat {
				at[Place(seat, n)]++
			}
		}
		for i, seats := range at {
			require.Equal(t, i < n, seats > 0, "%d of %d", i, n)
		}
		require.Less(t, Place(math.MaxUint32, n), n)
		require.Less(t, Place(NoSeat, n), n, "who has none asks for one")
	}
}

func TestTokensHaveSeatsInTheOrderTheyCome(t *testing.T) {
	tokens := make([]token, maxStripes)
	for range 3 { // deals
		var taken [maxStripes]bool
		for i := range tokens {
			seat := tokens[i].number()
			require.NotEqualValues(t, NoSeat, seat)
			require.Equal(t, tokens[0].number()+uint32(i), seat, "the next one")
			at := Place(seat, maxStripes)
			require.False(t, taken[at], "a stripe for each of as many as there are")
			taken[at] = true
		}
		for range 10 {
			for i := range tokens {
				require.Equal(t, tokens[0].number()+uint32(i), tokens[i].number(), "it keeps it as long as the deal lasts")
			}
		}
		last := tokens[0].number()
		deal()
		require.NotEqual(t, last, tokens[0].number(), "another one")
	}
}

// The counter goes round after four billion numbers: there is one that means no seat.
func TestATokenGetsASeatThoughTheNumbersGoRound(t *testing.T) {
	defer seating.Store(seating.Load())
	seating.Store(1<<32 - 2)
	var before, at, after token
	require.Equal(t, uint32(math.MaxUint32), before.number())
	require.EqualValues(t, NoSeat, at.number())
	require.EqualValues(t, 1, at.number(), "so it asks again")
	require.EqualValues(t, 2, after.number())
	require.EqualValues(t, 3, before.number(), "a new deal has begun")
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

func TestALookSeesWhatOthersCount(t *testing.T) {
	var n atomic.Uint64
	require.False(t, grows(n.Load), "nobody counts")

	over := make(chan struct{})
	var others sync.WaitGroup
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
	defer others.Wait()
	defer close(over)
	for range 20_000_000 { // looks: seconds; on one processor the other must come to its turn meanwhile
		if grows(n.Load) {
			return
		}
	}
	t.Error("no look saw it")
}

// meanwhile has f happen in each look.
func meanwhile(t *testing.T, f func()) {
	t.Helper()
	was := Moment
	t.Cleanup(func() { Moment = was })
	Moment = f
}

func TestOneEventInLookEveryLooks(t *testing.T) {
	var c Counters
	for n := range uint64(2 * LookEvery) {
		got := c.AddInPlace(spreads)
		require.Equal(t, n+1, got)
		c.busy.inRow.Store(1)
		if got%LookEvery == 0 {
			busy, shared := c.AddSlowly(spreads, got, NoSeat)
			require.False(t, busy || shared)
			require.Zero(t, c.busy.inRow.Load(), "a look that saw nobody")
		}
	}
	require.Equal(t, Sums{spreads: 2 * LookEvery}, c.Sums(), "a look does not count once more")

	spreadNow(&c)
	looks, beyond := 0, 0
	for range looksPerTotal * LookEvery {
		c.busy.inRow.Store(1)
		c.shared.inRow.Store(1)
		require.Zero(t, c.AddInPlace(spreads))
		busy, shared := c.AddSlowly(spreads, 0, 2)
		require.False(t, busy || shared)
		looks += 1 - int(c.shared.inRow.Load())
		beyond += 1 - int(c.busy.inRow.Load())
	}
	require.Equal(t, looksPerTotal, looks, "so it is after they were spread")
	require.Equal(t, 1, beyond, "beyond its stripe looks one in some")
	require.Equal(t, Sums{spreads: (2 + looksPerTotal) * LookEvery}, c.Sums())
}

func TestWhatComesBesideIsCountedInItsPlaceAndDoesNotLook(t *testing.T) {
	var c Counters
	meanwhile(t, func() { t.Error("a look") })
	for range LookEvery {
		c.AddBeside(spreads, NoSeat)
	}
	require.EqualValues(t, LookEvery, c.first[spreads].Load())
	c.Spread()
	for range LookEvery {
		c.AddBeside(spreads, 2)
	}
	require.EqualValues(t, LookEvery, (*c.spread.Load())[2][spreads].Load())
	require.Equal(t, Sums{spreads: 2 * LookEvery}, c.Sums())
}

func TestThatProcessorsShareAStripeIsToldOnceThereAreSeveral(t *testing.T) {
	for name, test := range map[string]struct {
		stripes, from, here int
		shared              bool
	}{
		"the same stripe": {8, 3, 3, true},
		"another one":     {8, 4, 3, false},
		"the next of many, another in a histogram":      {64, 5, 4, false},
		"another of many, the same in a histogram":      {64, 5 + maxBlocks, 5, true},
		"the first of many":                             {64, maxBlocks, 0, true},
		"the same of many":                              {64, 63, 63, true},
		"the last of those that are the same elsewhere": {64, 4, 4 + 3*maxBlocks, true},
	} {
		t.Run(name, func(t *testing.T) {
			var c Counters
			s := make([]stripe, test.stripes)
			c.spread.Store(&s)
			meanwhile(t, func() { s[test.from][spreads].Add(1) })
			shared := false
			for range looksToReseat {
				require.False(t, shared, "too few to tell")
				_, shared = c.lookAt(s, spreads, test.here, LookEvery)
			}
			require.Equal(t, test.shared, shared)
		})
	}

	t.Run("the failures, which are never spread", func(t *testing.T) {
		var c Counters
		c.Spread()
		meanwhile(t, func() { c.first[Guarded].Add(1) })
		for range 2 * looksToReseat {
			_, shared := c.AddSlowly(Guarded, LookEvery, NoSeat)
			require.False(t, shared)
		}
	})
}

func TestALookTellsThatCountersAreBusy(t *testing.T) {
	for name, kind := range map[string]int{"in place": spreads, "the failures": Guarded} {
		t.Run(name, func(t *testing.T) {
			var c Counters
			meanwhile(t, func() { c.first[kind].Add(1) })
			for n := range 2 * looksToSpread {
				require.Equal(t, n >= looksToSpread, c.spread.Load() != nil)
				busy, _ := c.AddSlowly(kind, LookEvery, NoSeat)
				require.Equal(t, n >= looksToSpread-1, busy, "look %d", n+1)
			}
		})
	}
	t.Run("by Add", func(t *testing.T) {
		var c Counters
		meanwhile(t, func() { c.first[spreads].Add(1) })
		for n := range looksToSpread {
			c.first[spreads].Store(LookEvery - 2)
			busy, _ := c.Add(spreads, NoSeat)
			require.False(t, busy, "it does not look")
			busy, _ = c.Add(spreads, NoSeat)
			require.Equal(t, n == looksToSpread-1, busy, "look %d", n+1)
		}
	})
	t.Run("spread", func(t *testing.T) {
		var c Counters
		c.Spread()
		s := *c.spread.Load()
		meanwhile(t, func() { s[3][spreads].Add(1) })
		for range looksPerTotal - 1 {
			busy, _ := c.lookAt(s, spreads, 2, LookEvery)
			require.False(t, busy, "it does not look there")
		}
		for n := range 2 * looksToSpread {
			busy, _ := c.lookAt(s, spreads, 2, looksPerTotal*LookEvery)
			require.Equal(t, n >= looksToSpread-1, busy, "look %d", n+1)
		}
	})
}

func TestSeatsAreDealtNoMoreOftenThanGoroutinesTakeTurns(t *testing.T) {
	defer seating.Store(seating.Load())
	defer reseated.Store(reseated.Load())
	was := seating.Load()
	moved := func() bool {
		defer func() { was = seating.Load() }()
		return seating.Load()>>32 != was>>32
	}
	now := time.Duration(reseated.Load()) + mayReseat
	for range 100 {
		Reseat(now)
		require.True(t, moved())
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
		c.Add(spreads, NoSeat)
	}
	require.True(t, spreadNow(&c))
	spread := c.spread.Load()
	require.NotNil(t, spread)
	require.Len(t, *spread, Stripes(maxStripes))
	for range 1000 {
		c.Add(spreads, NoSeat)
	}
	busy, shared := c.AddSlowly(spreads, LookEvery, NoSeat)
	require.False(t, busy || shared, "one who came late has counted already")
	require.True(t, spreadNow(&c), "so that others know it, too")
	require.Same(t, spread, c.spread.Load(), "once is enough")
	require.Equal(t, Sums{spreads: 1100}, c.Sums())
	require.EqualValues(t, 100, c.first[spreads].Load(), "the first stripe rests")
}

func TestTheSerialKindsStayInOnePlaceWhoeverCountsThem(t *testing.T) {
	for kind := range Kinds {
		var c Counters
		count := func() {
			c.Add(kind, NoSeat)
			c.AddSerially(kind)
			if n := c.AddInPlace(kind); n == 0 {
				c.AddSlowly(kind, n, NoSeat)
			}
		}
		count()
		c.Spread()
		count()
		require.EqualValues(t, 6, c.Total(kind), "kind %d", kind)
		require.Equal(t, uint64(6), c.Sums()[kind], "kind %d", kind)
		if serial(kind) {
			require.Zero(t, sumOf(*c.spread.Load(), kind), "kind %d", kind)
		} else {
			require.EqualValues(t, 2, sumOf(*c.spread.Load(), kind), "kind %d", kind)
		}
	}
}

func TestAHistogramThatIsSpreadLosesNothing(t *testing.T) {
	var h Histogram
	for range 100 {
		h.Record(time.Second, NoSeat)
	}
	h.Spread()
	spread := h.spread.Load()
	require.Len(t, *spread, Stripes(maxBlocks))
	late := binOf(time.Second) // one who came late: it goes where it was headed
	h.recordSlowly(h.first.bin(late), late, time.Second)
	h.Spread()
	require.Same(t, spread, h.spread.Load(), "once is enough")
	for range 1000 {
		h.Record(time.Millisecond, NoSeat)
	}
	d := h.Snapshot()
	require.EqualValues(t, 1101, d.Count())
	require.Equal(t, 102*time.Second, d.Sum())
	count, sum := h.first.bin(late).load()
	require.EqualValues(t, 101, count, "the first block rests")
	require.EqualValues(t, 101*time.Second, sum)
}

func TestFullBinsOfASpreadHistogramAreMoved(t *testing.T) {
	var h Histogram
	h.Record(time.Second, 1)
	h.Spread()
	require.NotNil(t, h.spread.Load())
	for n := range uint64(2000) {
		h.Record(time.Second, 1)
		requireHeld(t, &h, n+2, time.Second)
	}
	require.NotNil(t, h.moved)
}

func TestTimesThatAreSpreadLoseNothing(t *testing.T) {
	var m Times
	record := func() {
		m.Record(time.Millisecond, NoSeat)
		m.RecordRun(time.Second, NoSeat)
		m.RecordWhole(time.Minute, NoSeat)
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
