package window

import (
	"sync"
	"sync/atomic"
	"time"
)

// NoSeat is the seat of who has none yet: whoever needs one then asks for it, where it is used.
const NoSeat = 0

// Place is the stripe, of n that [Stripes] said, of who has that seat.
func Place(seat uint32, n int) int {
	if seat == NoSeat {
		seat = Seat()
	}
	return int(seat) & (n - 1)
}

// Seat returns a number that says which stripes to write: mostly the same one on the same processor,
// so that the stripe is still in its cache, and another one on each processor that is busy. Go does
// not reveal on which processor a goroutine runs. But a [sync.Pool] keeps for each one what was put
// into it there last; so a token with the number is fetched from one and put back at once. To
// fetch it takes longer than all else that is done at a stripe, so a call does it once, and only where
// it finds that something is spread. Any number is correct: it only tells who meets whom.
//
// Two busy processors may have one stripe all the same: where tokens were made since others were
// lost to the collector, or while others were with goroutines that had to pause just then. See
// [Reseat].
func Seat() uint32 {
	t := tokens.Get().(*token) //nolint:forcetypeassert // nothing else is put into it
	seat := t.number()
	tokens.Put(t)
	return seat
}

var tokens = sync.Pool{New: func() any { return new(token) }}

// token belongs to who has fetched it, until it is put back. It is a cache line, or what lies beside it
// might be written by others.
type token struct {
	deal, seat uint32
	_          [56]byte
}

// number is the token's number in the present deal: the next one, if it has none there yet.
func (t *token) number() uint32 {
	if t.seat == NoSeat || t.deal != uint32(seating.Load()>>32) {
		next := seating.Add(1)
		t.deal, t.seat = uint32(next>>32), uint32(next) //nolint:gosec // the two halves
	}
	return t.seat
}

// seating is how many deals there were, in its upper half, and in its lower half how many numbers were
// dealt. Who fetches a token reads it, so it has its line for itself.
var seating struct {
	_ [64]byte
	atomic.Uint64
	_ [64]byte
}

// reseated is when Reseat last changed it.
var reseated atomic.Int64

// mayReseat is how soon after another time there may be a new deal again: about as long as Go lets a
// goroutine run.
const mayReseat = 10 * time.Millisecond

// Reseat begins a new deal, unless it did so just now: each token gets another number when it is
// fetched next. Numbers follow each other as tokens are fetched, so those of as many processors
// as there are stripes are at stripes of their own, however it was before. The time is that since
// the process began.
func Reseat(now time.Duration) {
	was := reseated.Load()
	if now-time.Duration(was) >= mayReseat && reseated.CompareAndSwap(was, int64(now)) {
		deal()
	}
}

func deal() { seating.Add(1 << 32) }
