package window

import (
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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
		h.Record(time.Millisecond, NoSeat)
		h.Record(time.Millisecond+time.Microsecond, NoSeat)
		require.Equal(t, 1, parts())
	}
	h.Record(time.Second, NoSeat)
	require.Equal(t, 2, parts())
}

func TestCallsThatAreRecordedOnceAreInBothDistributions(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10*time.Second, 10, 0, &c, &times)
	times.Record(time.Millisecond, NoSeat)
	require.Nil(t, times.apart.Load(), "made for calls of which the two times differ")
	run, whole := times.Snapshot()
	require.Equal(t, run, whole)
	require.EqualValues(t, 1, run.Count())

	r.Advance(5 * time.Second)
	times.Record(2*time.Millisecond, NoSeat)
	times.RecordRun(3*time.Millisecond, NoSeat)
	times.RecordWhole(4*time.Second, NoSeat)
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
		c.Add(0, NoSeat)
		calls, now := 0, time.Duration(0)
		var last *mark
		r.read(0, func(from *mark) {
			calls++
			last = from
			if calls <= min(moves, 3) { // the fourth call holds the lock
				now += 10
				require.True(t, r.Advance(now))
				c.Add(0, NoSeat)
			}
		})
		require.Equal(t, min(moves, 3)+1, calls, "%d moves", moves)
		require.Same(t, &r.view.Load().marks[0], last, "%d moves", moves)
	}
}

func TestAnIdleRingKeepsOneMark(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10, 10, 0, &c, &times)
	kept := func() []mark { return r.view.Load().marks }
	require.Same(t, &onlyNothing[0], &kept()[0])
	r.Advance(1000)
	require.Same(t, &onlyNothing[0], &kept()[0], "a mark is allocated for traffic only")

	for now := time.Duration(1001); now < 1100; now++ {
		r.Advance(now)
		c.Add(0, NoSeat)
		times.RecordRun(time.Second, NoSeat)
		marks := kept()
		require.LessOrEqual(t, len(marks), 10)
		for i := 1; i < len(marks); i++ {
			newer, older := marks[i-1], marks[i]
			require.GreaterOrEqual(t, newer.sums()[0], older.sums()[0])
			newerTimes, olderTimes := newer.times(), older.times()
			require.GreaterOrEqual(t, newerTimes.runs.Count(), olderTimes.runs.Count())
		}
	}
	require.Len(t, kept(), 10)
	r.Advance(1105)
	require.Len(t, kept(), 10, "five are newly made, and are one and the same")
	require.Equal(t, kept()[0], kept()[4])
	r.Advance(1115)
	require.Len(t, kept(), 1)

	// What changes in one of the four makes a new mark.
	for i, change := range []func(){
		func() { c.Add(1, NoSeat) },
		func() { times.RecordRun(0, NoSeat) },
		func() { times.RecordWhole(0, NoSeat) },
		func() { times.Record(0, NoSeat) },
	} {
		was := kept()[0]
		r.Advance(time.Duration(1200 + 100*i))
		require.Equal(t, was, kept()[0], "nothing changed")
		change()
		r.Advance(time.Duration(1250 + 100*i))
		require.NotEqual(t, was, kept()[0], "change %d", i)
	}
	require.Equal(t, c.Sums(), kept()[0].sums())
}

func TestAMarkSaysAllThatTheTotalsSay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c Counters
		var times Times
		require.Equal(t, nothing, newMark(&c, &times, nothing))
		number := rapid.OneOf(rapid.Uint64Range(0, 300), rapid.Uint64Range(0, ofCount))
		last := nothing
		t.Repeat(map[string]func(*rapid.T){
			"count": func(t *rapid.T) {
				c.first[rapid.IntRange(0, Kinds-1).Draw(t, "kind")].Store(number.Draw(t, "n"))
			},
			"record": func(t *rapid.T) {
				record := rapid.SampledFrom([]func(time.Duration, uint32){times.Record, times.RecordRun, times.RecordWhole}).Draw(t, "how")
				record(time.Duration(rapid.Int64Min(0).Draw(t, "took")), NoSeat)
			},
			"record very many": func(t *rapid.T) {
				took := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "took"))
				times.Record(took, NoSeat)
				times.shared.moved = &moved{sum: rapid.Uint64().Draw(t, "sum")}
				times.shared.moved.bins[binOf(took)] = number.Draw(t, "n")
			},
			"": func(t *rapid.T) {
				m := newMark(&c, &times, last)
				require.Equal(t, c.Sums(), m.sums())
				require.Equal(t, times.snapshot(), m.times())
				last = m
			},
		})
	})
}

func TestAMarkOfFewCallsIsShort(t *testing.T) {
	var c Counters
	var times Times
	for n := range 60 {
		c.Add(0, NoSeat)
		times.Record(time.Duration(1+n*37%100)*time.Millisecond, NoSeat)
	}
	m := newMark(&c, &times, nothing)
	require.LessOrEqual(t, len(m), 70)
	require.Zero(t, testing.AllocsPerRun(100, func() { newMark(&c, &times, m) }), "that nothing changed takes no memory")
	c.Add(0, NoSeat)
	require.NotEqual(t, m, newMark(&c, &times, m))
}

func TestARingAtRestKeepsNoMarks(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10, 10, 0, &c, &times)
	first := r.view.Load()
	r.Rest(1000)
	require.Same(t, first, r.view.Load(), "it has nothing to let go of")

	var now time.Duration
	settle := func() {
		r.Advance(now)
		c.Add(0, NoSeat)
		times.Record(time.Second, NoSeat)
	}
	for range 30 {
		now++
		settle()
	}
	full := r.view.Load()
	require.Len(t, full.marks, 10)
	for _, at := range []time.Duration{0, now, now + 9} {
		r.Rest(at)
		require.Same(t, full, r.view.Load(), "a call is in the window yet")
	}
	next := r.Until()
	for range 2 {
		now += 10
		r.Rest(now)
		require.Empty(t, r.view.Load().marks)
		require.Equal(t, next, r.Until(), "it was not told the time")
		require.Nil(t, r.Edge(now))
		require.Nil(t, r.Edge(0), "nor is there an earlier moment")
		require.Zero(t, r.Sums(now))
	}
	require.True(t, r.Advance(now), "and says that it moved")
	require.Len(t, r.view.Load().marks, 1)
	settle()
	now++
	settle()
	require.Equal(t, Sums{0: 2}, r.Sums(now))
	run, _ := r.Dists(now)
	require.EqualValues(t, 2, run.Count())
	require.Equal(t, Sums{0: 32}, c.Sums())
	r.Rest(now + 10)
	require.Empty(t, r.view.Load().marks)
	r.Restart(now)
	settle()
	require.Equal(t, Sums{0: 1}, r.Sums(now), "from a rest, a restart leads on as well")
}

func TestAPauseThatReachesTheFarEndOfTheWindowIsOneMark(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10, 10, 0, &c, &times)
	now := time.Duration(0)
	step := func(d time.Duration) (marks int) {
		now += d
		r.Advance(now)
		c.Add(0, NoSeat)
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

func TestD9CountsBeyond32Bits(t *testing.T) {
	var c Counters
	var times Times
	r := NewRing(10*time.Second, 10, 0, &c, &times)
	const many = 1<<32 + 10
	times.RecordRun(time.Second, NoSeat)
	run := &times.apart.Load().run
	run.moved = &moved{}
	run.moved.bins[binOf(time.Second)] = math.MaxUint32 - 1

	c.first[0].Store(math.MaxUint32)
	c.Add(0, NoSeat)
	times.RecordRun(time.Second, NoSeat)
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
	c.Add(1, NoSeat)
	r.Advance(10 * time.Second)
	require.Equal(t, Sums{1: 1}, r.Sums(10*time.Second), "a small window after large totals")
}

func TestD9PercentilesOfHugeCounts(t *testing.T) {
	var h Histogram
	h.Record(time.Millisecond, NoSeat)
	h.Record(time.Second, NoSeat)
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
	h.Record(0, NoSeat)
	h.moved = &moved{sum: math.MaxUint64 - 10}
	before := h.Snapshot()
	require.Equal(t, time.Duration(math.MaxInt64), before.Sum(), "the longest there is")
	require.Equal(t, time.Duration(math.MaxInt64), before.Mean())
	h.Record(time.Second, NoSeat)
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
				h.Record(test.took, NoSeat)
			}
			if test.n == full {
				word.Store(uint64(test.took)*full<<sumShift + full)
			}
			require.Nil(t, h.moved, "not yet")
			requireHeld(t, &h, test.n, test.took)
			h.Record(test.took, NoSeat)
			require.Zero(t, word.Load())
			requireHeld(t, &h, test.n+1, test.took)
			h.Record(test.took, NoSeat)
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

// TestReadersMissNothingOfABinThatIsMoved has every third duration move a bin.
func TestReadersMissNothingOfABinThatIsMoved(t *testing.T) {
	const writers, each = 2, 3000
	var h Histogram
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for n := range each {
				h.Record(tooLong/2, NoSeat)
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
