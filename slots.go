package quill

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// slots is one atomic word: how many are taken, how many there are, whether somebody waits,
// and whether free ones are lent out. While nobody waits, taking and giving back a slot is
// one operation on it; the queue is under Bulkhead.mu, and its flag is written under it.
//
// Where several processors change the word at the same time, free slots are lent to stripes, one
// for each processor: see loans. In the word a lent slot counts as taken, so the limit holds.
// That no slot is free is decided by the word alone, when none is lent.
type slots struct {
	mu      sync.Mutex // held to lend and to call in; taken after Bulkhead.mu
	mayLend bool

	loans atomic.Pointer[loans] // nil: there are none
	word  atomic.Uint64
}

const (
	takenMask  = 1<<31 - 1
	waiting    = 1 << 31
	limitShift = 32
	limitMask  = 1<<31 - 1
	lending    = 1 << 63
)

// takeAtOnce takes a slot in the plain case: one is free, no call waits, nothing is lent, and
// nobody else writes the word at this moment. If it took none, take goes on. It is small enough
// to be inlined.
func (s *slots) takeAtOnce() bool {
	explore.Read("slots")
	w := s.word.Load()
	if w&(lending|waiting) != 0 || w&takenMask >= w>>limitShift {
		return false
	}
	explore.Write("slots")
	return s.word.CompareAndSwap(w, w+1)
}

// take takes a slot if one is free. While calls wait it takes none, unless patient: the slot is
// then for one of them. As to seat see [window.Seat].
func (s *slots) take(patient bool, seat uint32) bool {
	for {
		explore.Read("slots")
		w := s.word.Load()
		if w&lending != 0 && s.takeLent(seat) {
			return true
		}
		switch {
		case w&takenMask < w>>limitShift&limitMask:
			if w&waiting != 0 && !patient {
				return false
			}
		case w&lending == 0:
			return false
		default:
			s.callIn()
			continue
		}
		explore.Write("slots")
		if s.word.CompareAndSwap(w, w+1) {
			return true
		}
		if explore.On && w&lending == 0 { // else there were other points since
			explore.Retry(2)
		}
	}
}

// giveBack frees a slot and reports whether somebody waits for one.
func (s *slots) giveBack(seat uint32) bool {
	return (!s.lends() || !s.giveLent(seat)) && s.giveToWord()
}

// lends reports whether there are stripes that may take a slot.
func (s *slots) lends() bool {
	explore.Read("loans")
	return s.loans.Load() != nil
}

// giveToWord is giveBack where no stripe took the slot.
func (s *slots) giveToWord() bool {
	explore.Write("slots")
	return s.word.Add(^uint64(0))&waiting != 0
}

// taken is how many are taken by calls. If slots are lent and calls come and go it is not
// what it was at one moment, but never below 0 and never above the limit that held for them.
func (s *slots) taken() int {
	if w := s.word.Load(); w&lending == 0 {
		return int(w & takenMask)
	}
	s.lock()
	defer s.mu.Unlock()
	explore.Read("slots")
	n := s.word.Load() & takenMask
	return int(n - min(n, s.lentLocked()))
}

func (s *slots) limit() int {
	if n := s.word.Load() >> limitShift & limitMask; n < math.MaxInt32 {
		return int(n)
	}
	return Unlimited
}

// setLimit sets how many there are, and whether free ones may be lent.
func (s *slots) setLimit(n int, mayLend bool) {
	if n == Unlimited {
		n = math.MaxInt32
	}
	s.lock()
	defer s.mu.Unlock()
	s.mayLend = mayLend
	s.callInLocked() // it was lent by what the limit was
	for {
		explore.Read("slots")
		w := s.word.Load()
		explore.Write("slots")
		if s.word.CompareAndSwap(w, w&(1<<limitShift-1)|uint64(n)<<limitShift) {
			return
		}
		explore.Retry(2)
	}
}

// setWaiting says whether somebody waits. While somebody does, nothing is lent.
func (s *slots) setWaiting(on bool) {
	explore.Write("slots")
	if !on {
		s.word.And(^uint64(waiting))
	} else if s.word.Or(waiting)&lending != 0 {
		s.callIn()
	}
}

func (s *slots) lock() {
	explore.Lock("slots.mu", &s.mu)
	s.mu.Lock()
}
