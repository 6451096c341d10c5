package quill

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// seat draws where a caller sits.
func seat(r *rapid.T) uint32 { return rapid.Uint32Range(1, 16).Draw(r, "seat") }

// Slots are two numbers and a flag, whatever is lent, however often, and wherever it lies.
func TestA01SlotsAgreeWithTheirModelWhateverIsLent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit, taken, waits := rapid.IntRange(1, 40).Draw(r, "limit"), 0, false
		var s slots
		s.setLimit(limit, true)
		r.Repeat(map[string]func(*rapid.T){
			"": func(r *rapid.T) {
				require.Equal(r, taken, s.taken())
				require.Equal(r, limit, s.limit())
				require.Equal(r, s.word.Load()&lending != 0, s.loans.Load() != nil)
				require.False(r, waits && s.loans.Load() != nil, "lent while somebody waits")
			},
			"take": func(r *rapid.T) {
				patient := rapid.Bool().Draw(r, "patient")
				got := s.take(patient, seat(r))
				require.Equal(r, taken < limit && (patient || !waits), got)
				if got {
					taken++
				}
			},
			"give back": func(r *rapid.T) {
				if taken == 0 {
					r.Skip("none is taken")
				}
				require.Equal(r, waits, s.giveBack(seat(r)))
				taken--
			},
			"lend":    func(r *rapid.T) { s.lendNow(uint64(rapid.IntRange(1, 40).Draw(r, "most"))) },
			"call in": func(*rapid.T) { s.callIn() },
			"set limit": func(r *rapid.T) {
				limit = rapid.SampledFrom([]int{1, 2, 5, 30, Unlimited}).Draw(r, "limit")
				s.setLimit(limit, true)
				if limit == Unlimited {
					limit = 1000
					s.setLimit(limit, true)
				}
			},
			"wait": func(r *rapid.T) {
				waits = rapid.Bool().Draw(r, "waits")
				s.setWaiting(waits)
			},
		})
	})
}

// What is lent is found by whoever needs it, so a bulkhead can be used up to its last slot.
func TestA05TheLastSlotIsFoundWhateverIsLent(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		limit := rapid.IntRange(1, 100).Draw(r, "limit")
		b := newBulkhead("dep", Settings{Isolation: Semaphore, MaxConcurrent: limit})
		b.slots.lendNow(uint64(limit))
		acquire := func() bool {
			_, ok := b.acquire(seat(r))
			return ok
		}
		for range rapid.IntRange(0, 50).Draw(r, "calls") {
			require.True(r, acquire())
			b.release(seat(r))
		}
		for n := range limit {
			require.True(r, acquire(), "slot %d of %d", n+1, limit)
		}
		require.False(r, acquire())
		require.Equal(r, limit, b.Stats().InFlight)
	})
}

func TestSlotsAreLentAsLongAsSeveralProcessorsTakeThem(t *testing.T) {
	var s slots
	s.setLimit(10, true)
	s.lend()
	lent := s.loans.Load()
	require.LessOrEqual(t, len(*lent), 8, "all but two of the slots")
	s.lend()
	require.Same(t, lent, s.loans.Load(), "once is enough")
	s.callIn()
	require.False(t, s.lends())
	s.lend()
	require.True(t, s.lends())
}

func TestLentIsHalfOfTheSlotsOrAsManyAsThereAreStripes(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // 8 stripes
	for limit, want := range map[uint64]uint64{3: 0, 4: 2, 5: 3, 9: 7, 10: 8, 12: 8, 16: 8, 20: 10, 1000: 500} {
		require.Equal(t, want, toLend(limit<<limitShift), "of %d", limit)
		require.Equal(t, want, toLend(limit<<limitShift|limit/4), "of %d, of which a quarter is taken", limit)
		require.Zero(t, toLend(limit<<limitShift|(limit/4+1)), "of %d, of which more is taken", limit)
	}
}

// What a stripe has and has room for does not touch the word.
func TestACallTakesASlotWhereOneWasGivenBackAndNoMoreThanThat(t *testing.T) {
	var s slots
	s.setLimit(4, true)
	s.lendNow(1) // to one stripe
	taken := func() uint64 { return s.word.Load() & takenMask }

	require.True(t, s.take(false, window.NoSeat))
	require.Equal(t, uint64(1), taken(), "the stripe begins with none")
	s.giveBack(window.NoSeat)
	require.Equal(t, uint64(1), taken(), "to the stripe")
	require.True(t, s.take(false, window.NoSeat))
	require.Equal(t, uint64(1), taken(), "from the stripe")

	require.True(t, s.take(false, window.NoSeat))
	require.Equal(t, uint64(2), taken())
	s.giveBack(window.NoSeat)
	require.Equal(t, uint64(2), taken(), "to the stripe")
	s.giveBack(window.NoSeat)
	require.Equal(t, uint64(1), taken(), "the stripe has room for one")
	require.Equal(t, 0, s.taken())
}

func TestSlotsAreNotLentWhereTheyAreFewOrInUse(t *testing.T) {
	for name, test := range map[string]struct {
		limit, taken   int
		mayLend, waits bool
		lent           bool
	}{
		"a quarter in use": {limit: 8, taken: 2, mayLend: true, lent: true},
		"more":             {limit: 8, taken: 3, mayLend: true},
		"too few":          {limit: 3, mayLend: true},
		"just enough":      {limit: 4, mayLend: true, lent: true},
		"no limit":         {limit: Unlimited, taken: 1000, mayLend: true, lent: true},
		"somebody waits":   {limit: 8, mayLend: true, waits: true},
		"a pool":           {limit: 8},
	} {
		t.Run(name, func(t *testing.T) {
			var s slots
			s.setLimit(test.limit, test.mayLend)
			for range test.taken {
				require.True(t, s.take(false, window.NoSeat))
			}
			s.setWaiting(test.waits)
			s.lend()
			require.Equal(t, test.lent, s.loans.Load() != nil)
			require.Equal(t, test.taken, s.taken())
			require.Equal(t, test.limit, s.limit())
		})
	}
}

func TestNothingIsLentWhileMoreAreTakenThanTheLimit(t *testing.T) {
	var s slots
	s.setLimit(5, true)
	for range 3 {
		require.True(t, s.take(false, window.NoSeat))
	}
	s.setLimit(2, true)
	s.lendNow(2)
	require.Nil(t, s.loans.Load())
	s.giveBack(window.NoSeat)
	require.False(t, s.take(false, window.NoSeat), "2 of 2 are taken")
	s.lendNow(2)
	require.NotNil(t, s.loans.Load(), "no more than the limit")
	s.giveBack(window.NoSeat)
	require.True(t, s.take(false, window.NoSeat))
	require.False(t, s.take(false, window.NoSeat), "2 of 2 are taken")
}

func TestLoansAreNoMoreThanWasAskedFor(t *testing.T) {
	was := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(was)
	for _, procs := range []int{1, 2, 64} {
		runtime.GOMAXPROCS(procs)
		for _, most := range []uint64{1, 2, 3, 5, 50, 1000, 1 << 30} {
			room := uint64(0)
			l := newLoans(most)
			for i := range l {
				room += l[i].word.Load() / oneRoom
			}
			require.LessOrEqual(t, room, most)
			require.Positive(t, room)
			require.Zero(t, len(l)&(len(l)-1), "a power of two")
		}
	}
}

// Callers at all stripes, beside one who lends without end, never are more than the limit. Each
// comes to its turn, and nothing is left behind.
func TestA01NeverMoreThanTheLimitWhileSlotsAreLentAndCalledIn(t *testing.T) {
	const limit, callers, calls = 4, 8, 3000
	b := newBulkhead("dep", Settings{Isolation: Semaphore, MaxConcurrent: limit, QueueSize: callers})
	var inside atomic.Int64
	over := make(chan struct{})
	var others, all sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
				b.slots.lendNow(limit)
				n := b.Stats().InFlight
				assert.True(t, n >= 0 && n <= limit, "%d in flight", n)
				runtime.Gosched()
			}
		}
	})
	for seat := range uint32(callers) {
		all.Go(func() {
			for n := range calls {
				w, ok := b.acquire(seat + 1)
				if !assert.True(t, ok, "the queue has room") || w != nil && !assert.True(t, b.await(t.Context().Done(), w, 0)) {
					return
				}
				assert.LessOrEqual(t, inside.Add(1), int64(limit))
				if n%4 == 0 {
					runtime.Gosched()
				}
				inside.Add(-1)
				b.release(seat + 1)
			}
		})
	}
	all.Wait()
	close(over)
	others.Wait()
	b.slots.callIn()
	require.Equal(t, uint64(limit)<<limitShift, b.slots.word.Load(), "nothing is taken, lent or waited for")
	require.Zero(t, b.queue.length)
}
