package quill

import (
	"math/bits"
	"sync/atomic"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// loans are free slots that are lent to stripes. A caller takes a slot from the stripe of the
// processor it begins on and gives it back to that, so that processors seldom write the same cache
// line. A stripe begins with no slot, and keeps those that are given
// back to it until it is full.
//
// Why the limit is exact all the same:
//
//   - The word counts each slot once, from when a call takes it there until it comes back
//     there. In between it belongs to one call, or lies in one stripe; a compare-and-swap
//     of a stripe moves it from one to the other. So calls and stripes together never have
//     more than the limit, and no slot is lost. (Before the limit changes all is called in.)
//   - The word says lending from before the first stripe may have any until after the last
//     one was closed. So where it does not say so, all that it counts are held by calls. To
//     refuse a call, or to let it wait, is decided on a word that does not: whoever finds none
//     left in one that does calls in what is lent and looks again.
//   - A closed stripe has no slot and no room. One exchange closes it and returns the slots it
//     had: a caller that was about to change it fails, and goes to the word.
//   - While a call waits nothing is lent: loans are called in after the flag waiting is set,
//     and are lent only where it is not set. So whoever gives back at the word sees the flag,
//     and slots that went to a stripe before are found when the waiter looks a second time.
type loans []stripe

// stripe is a word on a cache line of its own. Its low half is the number of free slots in it,
// its high half how many more it has room for. A closed stripe is 0.
type stripe struct {
	word atomic.Uint64
	_    [56]byte
}

const (
	oneRoom  = 1 << 32
	freeMask = oneRoom - 1
	roomMask = 1<<64 - oneRoom

	mostStripes = 64
	mostRoom    = 1 << 10
)

// lend is called where several processors take slots at once, again and again as long as they
// do: free slots are lent, if any may be.
func (s *slots) lend() {
	if s.lends() {
		return
	}
	s.lock()
	defer s.mu.Unlock()
	if s.mayLend {
		s.lendLocked(toLend)
	}
}

// lendLocked begins to lend as much as most says for the word as it is; 0: not now. Never while
// more are taken than the limit, which was lowered: what comes back must not go out again.
func (s *slots) lendLocked(most func(w uint64) uint64) {
	for {
		explore.Read("slots")
		w := s.word.Load()
		n := most(w)
		if n == 0 || w&(lending|waiting) != 0 || w&takenMask > w>>limitShift&limitMask {
			return
		}
		explore.Write("slots")
		if s.word.CompareAndSwap(w, w|lending) {
			l := newLoans(n)
			explore.Write("loans")
			s.loans.Store(&l)
			return
		}
		explore.Retry(2)
	}
}

// toLend is half of the slots, if no more than a quarter are taken: so it is not over as soon
// as it has begun. Where that is too few for one in each stripe it is one in each, but
// never the last two.
func toLend(w uint64) uint64 {
	limit := w >> limitShift & limitMask
	if limit < 4 || w&takenMask > limit/4 {
		return 0
	}
	return max(limit/2, min(limit-2, uint64(window.Stripes(mostStripes)))) //nolint:gosec // positive
}

// newLoans are empty stripes with room for up to most slots, which are at least 2.
func newLoans(most uint64) loans {
	l := make(loans, window.Stripes(min(1<<(bits.Len64(most)-1), mostStripes)))
	room := min(most/uint64(len(l)), mostRoom)
	for i := range l {
		l[i].word.Store(room * oneRoom)
	}
	return l
}

// callIn takes back all that is lent.
func (s *slots) callIn() {
	s.lock()
	defer s.mu.Unlock()
	s.callInLocked()
}

func (s *slots) callInLocked() {
	l := s.loans.Load()
	if l == nil {
		return
	}
	explore.Write("loans")
	s.loans.Store(nil)
	back := uint64(0)
	for i := range *l {
		explore.WriteAt("stripe", i)
		back += (*l)[i].word.Swap(0) & freeMask
	}
	explore.Write("slots")
	s.word.Add(-(lending + back)) // the flag is set, and no less than back are taken
}

// lentLocked is how many lie in stripes.
func (s *slots) lentLocked() (n uint64) {
	if l := s.loans.Load(); l != nil {
		for i := range *l {
			explore.ReadAt("stripe", i)
			n += (*l)[i].word.Load() & freeMask
		}
	}
	return n
}

// takeLent takes a slot from the stripe of that seat, if it has one.
func (s *slots) takeLent(seat uint32) bool { return s.moveLent(seat, freeMask, oneRoom-1) }

// giveLent gives a slot to the stripe of that seat, if it has room.
func (s *slots) giveLent(seat uint32) bool { return s.moveLent(seat, roomMask, 1-oneRoom) }

// moveLent adds change to the stripe of that seat, unless the part of it that from masks is 0.
func (s *slots) moveLent(seat uint32, from uint64, change int64) bool {
	explore.Read("loans")
	l := s.loans.Load()
	if l == nil {
		return false
	}
	i := l.place(seat)
	word := &(*l)[i].word
	for {
		explore.ReadAt("stripe", i)
		w := word.Load()
		if w&from == 0 {
			return false
		}
		explore.WriteAt("stripe", i)
		if word.CompareAndSwap(w, w+uint64(change)) { //nolint:gosec // what is below 0 comes out right
			return true
		}
		explore.Retry(2)
	}
}

// place is the index of the stripe of that seat.
func (l loans) place(seat uint32) int {
	if explore.On {
		return explore.Any("place", len(l))
	}
	return window.Place(seat, len(l))
}
