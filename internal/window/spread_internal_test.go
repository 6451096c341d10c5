package window

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// These tests look inside at what happens where several processors count at once, which cannot be
// brought about at a chosen moment from outside.

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
			meanwhile(t, func() { s[test.from][3].Add(1) })
			shared := false
			for range looksToReseat {
				require.False(t, shared, "too few to tell")
				_, shared = c.lookAt(s, 3, test.here, LookEvery)
			}
			require.Equal(t, test.shared, shared)
		})
	}

	t.Run("the failures, which are never spread", func(t *testing.T) {
		var c Counters
		c.Spread()
		meanwhile(t, func() { c.first[Guarded].Add(1) })
		for range 2 * looksToReseat {
			_, shared := c.AddSlowly(Guarded, LookEvery)
			require.False(t, shared)
		}
	})
}

func TestALookTellsThatCountersAreBusy(t *testing.T) {
	for name, kind := range map[string]int{"in place": 3, "the failures": Guarded} {
		t.Run(name, func(t *testing.T) {
			var c Counters
			meanwhile(t, func() { c.first[kind].Add(1) })
			for n := range 2 * looksToSpread {
				require.Equal(t, n >= looksToSpread, c.spread.Load() != nil)
				busy, _ := c.AddSlowly(kind, LookEvery)
				require.Equal(t, n >= looksToSpread-1, busy, "look %d", n+1)
			}
		})
	}
	t.Run("by Add", func(t *testing.T) {
		var c Counters
		meanwhile(t, func() { c.first[3].Add(1) })
		for n := range looksToSpread {
			c.first[3].Store(LookEvery - 2)
			busy, _ := c.Add(3)
			require.False(t, busy, "it does not look")
			busy, _ = c.Add(3)
			require.Equal(t, n == looksToSpread-1, busy, "look %d", n+1)
		}
	})
	t.Run("spread", func(t *testing.T) {
		var c Counters
		c.Spread()
		s := *c.spread.Load()
		meanwhile(t, func() { s[3][3].Add(1) })
		for range looksPerTotal - 1 {
			busy, _ := c.lookAt(s, 3, 2, LookEvery)
			require.False(t, busy, "it does not look there")
		}
		for n := range 2 * looksToSpread {
			busy, _ := c.lookAt(s, 3, 2, looksPerTotal*LookEvery)
			require.Equal(t, n >= looksToSpread-1, busy, "look %d", n+1)
		}
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
