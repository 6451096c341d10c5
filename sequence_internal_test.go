package quill

import (
	"slices"
	"time"
)

// breakerSequence is the breaker as its documentation tells it, for one operation after
// another: what porcupine tries orders with. It has nothing of the machine that it is there
// to judge (breaker, rules, evidence): lists stand where the machine has sums, and a state is
// never changed, but a changed copy is made of it.
type breakerSequence struct { //nolint:recvcheck // after works on a copy, which is the point
	of linearizedCase

	state   State
	epoch   uint64
	until   time.Duration   // Open: of the sleep window
	out     []sequenceProbe // HalfOpen
	good    int             // HalfOpen: probes that succeeded
	ignored int             // HalfOpen: probes ignored in a row
	number  uint64          // of the youngest probe
	results []Outcome       // evidence since the circuit closed: the window never ends here
}

// sequenceProbe is a probe that has not ended.
type sequenceProbe struct {
	number uint64
	until  time.Duration // of its lease
}

func newBreakerSequence(l linearizedCase) breakerSequence { return breakerSequence{of: l, epoch: 1} }

// move is each change of state.
func (s *breakerSequence) move(to State, now time.Duration) {
	s.state, s.out, s.good, s.ignored = to, nil, 0, 0
	s.epoch++
	switch to {
	case Closed:
		s.results = nil
	case Open:
		s.until = now + sequenceSleep
	case HalfOpen:
	}
}

// asked is a call that wants to be let through.
func (s *breakerSequence) asked(now time.Duration) (t token, ok bool) {
	if s.state == Open {
		if now < s.until {
			return token{}, false
		}
		s.move(HalfOpen, now)
	}
	if s.state == Closed {
		return token{epoch: s.epoch}, true
	}
	var out []sequenceProbe
	for _, p := range s.out {
		if now < p.until {
			out = append(out, p)
		}
	}
	if s.out = out; len(out) > 0 { // one probe is let through at a time, and one success is enough
		return token{}, false
	}
	s.number++
	s.out = []sequenceProbe{{s.number, now + sequenceLease}}
	return token{s.epoch, s.number}, true
}

// probed is the end of a probe. It reports whether it is too late.
func (s *breakerSequence) probed(now time.Duration, t token, o Outcome) (late bool) {
	i := slices.IndexFunc(s.out, func(p sequenceProbe) bool { return p.number == t.probe })
	if i < 0 || t.epoch != s.epoch {
		return true
	}
	lease := s.out[i].until
	s.out = slices.Delete(slices.Clone(s.out), i, i+1)
	if now >= lease {
		return true
	}
	switch o {
	case Success:
		s.move(Closed, now)
		s.record(o)
	case Failure:
		s.record(o)
		s.move(Open, now)
	case Ignored:
		if s.ignored++; s.ignored == 10 {
			s.move(Closed, now)
		}
	case Timeout, Rejected, ShortCircuited, Canceled:
	}
	return false
}

func (s *breakerSequence) record(o Outcome) {
	s.results = append(slices.Clone(s.results), o)
}

// ended is the end of a call that a closed circuit let through. It reports whether it is of
// the past.
func (s *breakerSequence) ended(now time.Duration, t token, o Outcome) (late bool) {
	if o != Success && o != Failure {
		return false // it says nothing, so nobody asks of when it is
	}
	if t.epoch != s.epoch {
		return true
	}
	s.record(o)
	failures := 0
	for _, o := range s.results {
		if o == Failure {
			failures++
		}
	}
	if s.state == Closed && failures > 0 && len(s.results) >= s.of.volume &&
		100*float64(failures)/float64(len(s.results)) >= s.of.percent {
		s.move(Open, now)
	}
	return false
}

// after returns what an operation makes of the state, and what who makes it sees.
func (s breakerSequence) after(op breakerOp) (breakerSequence, breakerSaw) {
	var saw breakerSaw
	switch {
	case op.looks:
		saw.state = s.state
	case !op.settles:
		saw.token, saw.ok = s.asked(op.now)
	case op.token.probe != 0:
		saw.late = s.probed(op.now, op.token, op.outcome)
	default:
		saw.late = s.ended(op.now, op.token, op.outcome)
	}
	return s, saw
}
