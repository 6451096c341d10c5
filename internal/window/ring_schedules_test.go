//go:build explore

package window

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

const second = time.Second

// boundary is a window whose next bucket begins while several callers come to its boundary.
type boundary struct {
	*Ring

	s       *explore.Scenario
	before  uint64 // events of the first bucket
	counted uint64 // events that have been counted since, by the test's own book
	now     time.Duration
}

// atBoundary makes a window of so many buckets of a second, with one event in the first, that is
// looked at so many seconds after its beginning.
func atBoundary(s *explore.Scenario, buckets int, later time.Duration) *boundary {
	b := &boundary{s: s, now: later * second}
	counters := new(Counters)
	counters.Add(0, NoSeat) // before its time: so the ring has a mark that it can let go of
	b.Ring = NewRing(time.Duration(buckets)*second, buckets, 0, counters, new(Times))
	b.counters.Add(0, NoSeat)
	if later < time.Duration(buckets) {
		b.before = 1
	}
	s.Value("ring.next", b.Next)
	s.Value("ring.view", b.View)
	s.Value("ring.mu", b.View)
	s.Value("counters", func() uint64 {
		sums := b.counters.Sums()
		return explore.Hash(sums[:]...)
	})
	s.Value("counted", func() uint64 { return b.counted })
	return b
}

// caller counts an event as the circuit does: it tells the time, then adds.
func (b *boundary) caller(name string) {
	b.s.Go(name, func() {
		b.Advance(b.now)
		explore.Write("counters")
		b.counters.Add(0, NoSeat)
		explore.Write("counted")
		b.counted++
	})
}

// reader asks for the window's count by read, which must see what was counted before it began,
// and no more than there is.
func (b *boundary) reader(name string, callers uint64, read func() uint64) {
	b.s.Go(name, func() {
		explore.Read("counted")
		least, most := b.before+b.counted, b.before+callers
		if n := read(); n < least || n > most {
			b.s.Failf("%s counts %d of %d to %d", name, n, least, most)
		}
	})
}

// bySums is how statistics read.
func (b *boundary) bySums() uint64 { return b.Sums(b.now)[0] }

// byEdge is how a failure is judged.
func (b *boundary) byEdge() uint64 {
	for {
		until := b.Until()
		edge := b.Edge(b.now)
		var n uint64
		if edge != nil {
			explore.Read("counters")
			n = b.counters.Total(0) - edge[0]
		}
		if b.Until() == until {
			return n
		}
	}
}

// resting lets go, like who reads statistics, of what is no more in the window.
func (b *boundary) resting(name string) {
	b.s.Go(name, func() { b.Rest(b.now) })
}

// TestD03NothingIsLostOrCountedTwiceAtABoundaryInEverySchedule: two callers and a reader come to a
// boundary at once. In a window of one bucket, and after a pause as long as the window, all that
// was before is out of it; in a window of two the first bucket is still in.
func TestD03NothingIsLostOrCountedTwiceAtABoundaryInEverySchedule(t *testing.T) {
	for _, c := range []struct {
		buckets int
		later   time.Duration
	}{{1, 1}, {2, 1}, {2, 2}, {2, 3}, {3, 2}} {
		for _, how := range []string{"by sums", "by edge"} {
			t.Run(fmt.Sprintf("%d buckets, %d s later, %s", c.buckets, c.later, how), func(t *testing.T) {
				setup := func(s *explore.Scenario) {
					b := atBoundary(s, c.buckets, c.later)
					b.caller("a")
					b.caller("b")
					b.resting("rester")
					read := b.bySums
					if how == "by edge" {
						read = b.byEdge
					}
					b.reader("reader", 2, read)
					s.Finally(func() error {
						if n := b.Sums(b.now)[0]; n != b.before+2 {
							return fmt.Errorf("%d events are in the window", n)
						}
						return nil
					})
				}
				r := explore.Run(setup)
				t.Log(r)
				require.NoError(t, r.Err)
				require.Equal(t, r.Schedules, explore.RunBackwards(setup).Schedules, "a Value leaves something out")
			})
		}
	}
}
