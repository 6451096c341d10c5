package quill

import (
	"math"
	"time"
)

// breaker decides, for one circuit, who may call: a pure machine that owns no clock, lock
// or goroutine and does no I/O. The circuit's gate guards it and tells it the time.
//
//	state      event                                      next       what happens
//	---------  -----------------------------------------  ---------  --------------------------------------
//	Closed     a result; volume and a rate are reached    Open       a sleep window begins
//	Closed     a result otherwise                         Closed     -
//	Open       a call before the sleep window is over     Open       refused
//	Open       a call at its end or later                 HalfOpen   the call is the first probe
//	HalfOpen   a call, a probe's place is free            HalfOpen   the call is a probe, with a lease
//	HalfOpen   a call, no place is free                   HalfOpen   refused
//	HalfOpen   a lease runs out                           HalfOpen   the place is free; the late result is
//	                                                                 dropped
//	HalfOpen   a probe succeeds, too few so far           HalfOpen   its place stays used
//	HalfOpen   a probe succeeds, the last one needed      Closed     the window begins afresh; the success
//	                                                                 is the first call in it
//	HalfOpen   a probe fails, times out, or was slow      Open       a new sleep window, longer if it may
//	                                                                 grow
//	HalfOpen   a probe is cancelled, refused by the       HalfOpen   its place is free
//	           bulkhead, or times out in its queue
//	HalfOpen   a probe is ignored                         HalfOpen   its place is free; after ten in a row:
//	                                                                 Closed
//	any        the result of an earlier epoch             the same   counted as a call, dropped as evidence
//	any        Reset                                      Closed     the window begins afresh
//	Open       TakeBack                                   Closed     the window stays: for settings that
//	                                                                 were wrong
//
// Each change of state begins a new epoch. A call carries the epoch that admitted it, and
// its result counts in that epoch only (Hystrix lets a call that began before the circuit
// opened close it again: Netflix/Hystrix#1350).
type breaker struct {
	state State
	epoch uint64

	openUntil time.Duration // Open: when the first probe may go
	slept     time.Duration // Open: how long this sleep window is
	reopened  int           // how many half-open episodes failed in a row

	probes    []probe // HalfOpen: those that are out
	lastProbe uint64  // the number of the youngest probe ever
	succeeded int     // HalfOpen: probes that succeeded
	ignored   int     // HalfOpen: probes ignored in a row
}

// ignoredProbesToClose is how many probes in a row must end as Ignored to close the
// circuit: each says that the dependency answered, and only the request was wrong.
// Without it a client that sends nothing but bad requests stays half-open for ever
// (Netflix/Hystrix#674).
const ignoredProbesToClose = 10

// probe is a place in a half-open circuit, held until settled or until its lease is over.
type probe struct {
	number uint64
	until  time.Duration
}

// token is what an admitted call carries. Tokens with epoch 0 belong to no epoch: their
// results move nothing (the breaker was overridden when the call was admitted).
type token struct {
	epoch uint64
	probe uint64 // the probe's number; 0 if the call is none
}

// rules are the numbers that the machine goes by.
type rules struct {
	volume       uint64
	errorPercent float64
	slowPercent  float64 // 0: slowness does not matter
	sleep        time.Duration
	maxSleep     time.Duration // 0: the sleep window does not grow
	jitter       float64       // share of the sleep window, 0 to 1
	probes       int
	lease        time.Duration
}

// resultClass is what the result of an admitted call tells the breaker.
type resultClass uint8

const (
	good    resultClass = iota // the dependency answered well and in time
	bad                        // it did not
	ignored                    // it answered, the request was wrong
	nothing                    // cancelled, or refused further inside
)

func classOf(o Outcome, slow bool) resultClass {
	switch o {
	case Success:
		if slow {
			return bad
		}
		return good
	case Failure, Timeout:
		return bad
	case Ignored:
		return ignored
	case Rejected, ShortCircuited, Canceled:
	}
	return nothing
}

// change says what moved.
type change struct {
	from, to State
	why      cause
}

type cause uint8

const (
	unmoved cause = iota
	tooManyErrors
	tooManySlow
	sleepOver
	probesSucceeded
	probesIgnored
	probeFailed
	resetByHand
	takenBack // as if it had not opened: its evidence stays
)

func newBreaker() breaker { return breaker{epoch: 1} }

// enter is the one place where the state changes.
func (b *breaker) enter(to State, why cause) change {
	c := change{b.state, to, why}
	b.state = to
	b.epoch++
	b.probes = b.probes[:0]
	b.succeeded, b.ignored = 0, 0
	return c
}

func (b *breaker) open(now time.Duration, r *rules, why cause, random float64, hint time.Duration) change {
	b.slept = r.sleepFor(b.reopened, random, hint)
	b.openUntil = addSaturating(now, b.slept)
	return b.enter(Open, why)
}

func (b *breaker) close(why cause) change {
	b.reopened = 0
	return b.enter(Closed, why)
}

// admit asks for a call to be let through.
func (b *breaker) admit(now time.Duration, r *rules) (t token, c change, ok bool) {
	if b.state == Open {
		if now < b.openUntil {
			return token{}, c, false
		}
		c = b.enter(HalfOpen, sleepOver)
	}
	if b.state == HalfOpen {
		if b.succeeded < r.probes {
			t, ok = b.admitProbe(now, r)
			return t, c, ok
		}
		c = b.close(probesSucceeded) // Probes was lowered meanwhile
	}
	return token{epoch: b.epoch}, c, true
}

func (b *breaker) admitProbe(now time.Duration, r *rules) (token, bool) {
	out := b.probes[:0]
	for _, p := range b.probes {
		if now < p.until {
			out = append(out, p)
		}
	}
	b.probes = out
	if b.succeeded+len(b.probes) >= r.probes {
		return token{}, false
	}
	b.lastProbe++
	b.probes = append(b.probes, probe{b.lastProbe, addSaturating(now, r.lease)})
	return token{b.epoch, b.lastProbe}, true
}

// judge holds the window against the thresholds after a result of the present epoch.
func (b *breaker) judge(now time.Duration, r *rules, n tally, random float64, hint time.Duration) change {
	if b.state != Closed {
		return change{}
	}
	if why := r.verdict(n); why != unmoved {
		return b.open(now, r, why, random, hint)
	}
	return change{}
}

// settleProbe takes the result of a probe. It reports false if the result is of an
// earlier epoch, or of a probe whose lease ran out.
func (b *breaker) settleProbe(
	now time.Duration, r *rules, t token, e resultClass, random float64, hint time.Duration,
) (change, bool) {
	if b.state != HalfOpen || t.epoch != b.epoch || !b.releaseProbe(now, t.probe) {
		return change{}, false
	}
	if e != ignored && e != nothing {
		b.ignored = 0
	}
	switch e {
	case bad:
		b.reopened++
		return b.open(now, r, probeFailed, random, hint), true
	case good:
		b.succeeded++
		if b.succeeded >= r.probes {
			return b.close(probesSucceeded), true
		}
	case ignored:
		b.ignored++
		if b.ignored >= ignoredProbesToClose {
			return b.close(probesIgnored), true
		}
	case nothing:
	}
	return change{}, true
}

// releaseProbe frees the place of a probe. It reports false if the lease was over.
func (b *breaker) releaseProbe(now time.Duration, number uint64) bool {
	for i, p := range b.probes {
		if p.number == number {
			b.probes = append(b.probes[:i], b.probes[i+1:]...)
			return now < p.until
		}
	}
	return false
}

// reset closes the circuit whatever it was.
func (b *breaker) reset() change { return b.close(resetByHand) }

// takeBackOpening closes the circuit as if it had not opened.
func (b *breaker) takeBackOpening() change { return b.close(takenBack) }

// retryAfter is how long until a probe may go; 0 if one may, or if nobody can tell.
func (b *breaker) retryAfter(now time.Duration) time.Duration {
	if b.state == Open {
		return max(0, b.openUntil-now)
	}
	return 0
}

// verdict holds n against the thresholds.
func (r *rules) verdict(n tally) cause {
	switch {
	case n.requests < r.volume:
		return unmoved
	case reaches(n.errors, n.requests, r.errorPercent):
		return tooManyErrors
	case r.slowPercent > 0 && reaches(n.slow, n.requests, r.slowPercent):
		return tooManySlow
	}
	return unmoved
}

// watchful reports whether a success could open the circuit: it completes the volume that
// errors before it did not reach. (With the volume complete, one more success only
// lowers the rates; when an old bucket expires the next result is judged anyway: see watch.)
func watchful(r *rules, n tally) bool {
	return n.requests < r.volume && (n.errors > 0 || n.slow > 0)
}

// reaches reports whether part is at least percent of whole. It avoids division, so that
// exactly 50 per cent is 50 per cent and 99 of 199 is less, as Hystrix has it; the hair's
// breadth forgives thresholds such as 0.07 that binary fractions only approach.
func reaches(part, whole uint64, percent float64) bool {
	const hair = 1e-12
	return part > 0 && float64(part)*100 >= percent*float64(whole)*(1-hair)
}

// sleepFor is the length of the sleep window after so many failed half-open episodes.
func (r *rules) sleepFor(reopened int, random float64, hint time.Duration) time.Duration {
	d, limit := r.sleep, r.maxSleep
	if limit == 0 {
		limit = max(r.sleep, MaxRetryAfter)
	} else {
		for range reopened {
			if d == limit {
				break
			}
			d = min(addSaturating(d, d), limit)
		}
	}
	d = max(d, min(hint, limit))
	return addSaturating(d, time.Duration(min(float64(d)*r.jitter*random, math.MaxInt64/2)))
}

// addSaturating adds a duration that is not negative, up to the end of time.
func addSaturating(a, b time.Duration) time.Duration {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// probesOut is how many probes hold a place whose lease is not over.
func (b *breaker) probesOut(now time.Duration) int {
	n := 0
	for _, p := range b.probes {
		if now < p.until {
			n++
		}
	}
	return n
}
