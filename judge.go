package quill

import (
	"math/rand/v2"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// judge takes the result of a call that was admitted with t and counts it; ran says whether
// run was called, and seat where to count it. It reports whether the result came too late to count
// as evidence.
func (c *Circuit) judge(now time.Duration, t token, o Outcome, ran, slow bool, err error, seat uint32) (stale bool) {
	cfg := c.current()
	if t.probe != 0 {
		return c.judgeProbe(now, t, o, ran, slow, err)
	}
	switch o {
	case ShortCircuited, Ignored, Canceled:
		c.count(int(o), seat)
		return false
	case Success:
		if !slow && cfg.last == nil && c.countSuccess(now, t, seat) {
			return false
		}
	case Failure:
		if !slow && c.countFailure(now, t) {
			return false
		}
	case Timeout, Rejected:
	}
	return c.judgeUnderLock(now, t, o, slow, hintOf(o, err))
}

// judgeUnderLock is judge for a result that may move the breaker.
func (c *Circuit) judgeUnderLock(now time.Duration, t token, o Outcome, slow bool, hint time.Duration) (stale bool) {
	c.lockGate()
	defer c.unlockGate()
	g, cfg := &c.gate, c.config.Load()
	over := cfg.Override
	if g.override.kind != NoOverride {
		over = c.overrideLocked(now).kind
	}
	stale = t.epoch != 0 && t.epoch != g.machine.epoch
	c.countLocked(cfg, o, slow, stale)
	switch {
	case stale || g.machine.state != Closed || over == Disabled:
		return stale
	case t.epoch == 0: // it moves nothing, but is evidence for the next result
		c.publishLocked(true)
		return false
	}
	c.evaluateLocked(now, hint)
	return false
}

// judgeProbe is judge for a probe. It reads err before it takes the lock, since err's methods
// are the user's code.
func (c *Circuit) judgeProbe(now time.Duration, t token, o Outcome, ran, slow bool, err error) (stale bool) {
	hint, detail := hintOf(o, err), c.probeDetail(o, slow, err)
	c.lockGate()
	defer c.unlockGate()
	if c.overrideLocked(now).kind == Disabled {
		ran = false // nobody judges: the place is free, and that is all
	}
	return c.judgeProbeLocked(now, t, o, ran, slow, hint, detail)
}

// hintOf is the hint of [RetryAfter], which only a failure has.
func hintOf(o Outcome, err error) time.Duration {
	if o != Failure {
		return 0
	}
	return marksOf(err).hint
}

// countSuccess counts a success without the lock, which is enough while no success can
// open the circuit. It reports false if that is not so, and then has counted nothing.
//
// An error that is judged at the same time may read the counters before this success is in
// them, and set the flag watches after this success has read the word. So countSuccess reads
// the word again after it has counted, and evaluateLocked reads the counters again after it
// has set the flag: one of the two sees what the other wrote.
//
// One inaccuracy is accepted: a success that is delayed between read and count until the
// circuit has opened, slept and closed counts as a success of the new window.
func (c *Circuit) countSuccess(now time.Duration, t token, seat uint32) bool {
	word, ok := c.lets(t)
	if ok {
		explore.Put("counters")
		if n := c.counters.AddInPlace(int(Success)); n%window.LookEvery == 0 { // count, in place
			c.countSlowly(int(Success), n, seat)
		}
		c.lookAgain(word, now, t)
	}
	return ok
}

// lets is the first half of countSuccess, lookAgain the second. They are functions of their own
// for execution.finish, which has them in place.
func (c *Circuit) lets(t token) (word uint64, ok bool) {
	explore.Read("gate.word")
	word = c.gate.word.Load()
	return word, word&^passes == t.epoch<<epochShift || movesNothing(word, t)
}

// movesNothing reports whether no result of a call admitted with t moves anything: the breaker was
// overridden when the call came, and is. (A success that counts itself just after the override's end
// moves nothing either: what it may complete, the next result finds, since watches is set.)
func movesNothing(word uint64, t token) bool { return word&isFree != 0 && t.epoch == 0 }

func (c *Circuit) lookAgain(word uint64, now time.Duration, t token) {
	explore.Read("gate.word")
	if c.gate.word.Load() != word {
		c.evaluate(now, t)
	}
}

// countFailure counts a failure without the lock, which is enough where it opens nothing. It
// reports false if it might, or changes what others must know, and then has counted nothing.
//
// It judges the evidence as it would be with this failure, and counts the failure only if
// since then no other failure was counted and the lock was not taken: under the lock all other
// errors are counted, and all is changed that a judgement depends on. So failures are counted
// and judged one after the other, in the right epoch, as they are under the lock.
//
// A success may be counted in between. If the volume is reached it only lowers the rates.
// Before that, a failure is counted here only if the flag watches is set, so that successes are
// judged under the lock; a success that read the word earlier reads it again: see
// countSuccess.
func (c *Circuit) countFailure(now time.Duration, t token) bool {
	for {
		explore.Read("counters")
		seen, open := c.counters.Look()
		if explore.On {
			explore.Holding("counters", func() bool {
				again, _ := c.counters.Look()
				return again == seen
			})
		}
		if !open || !c.harmless(now, t) {
			if explore.On {
				explore.Holding("counters", nil)
			}
			return false
		}
		explore.Write("counters")
		if c.counters.AddIf(seen) {
			if n := seen + 1; n%window.LookEvery == 0 {
				c.countSlowly(int(Failure), n, window.NoSeat)
			}
			return true
		}
	}
}

// harmless reports whether one failure more, of a call admitted with t, would move nothing.
func (c *Circuit) harmless(now time.Duration, t token) bool {
	explore.Read("gate.word")
	word := c.gate.word.Load()
	cfg := c.current()
	if cfg.last != nil {
		return false
	}
	if word&^watches != t.epoch<<epochShift|passes {
		return movesNothing(word, t)
	}
	n := c.evidenceIn(cfg.ring, now)
	n.requests++
	n.errors++
	return watchful(&cfg.rules, n) == (word&watches != 0) && cfg.rules.verdict(n) == unmoved
}

// evaluate judges the window as it is, after a success that has counted itself.
func (c *Circuit) evaluate(now time.Duration, t token) {
	c.lockGate()
	defer c.unlockGate()
	over := c.overrideLocked(now).kind // it may have been set since t was admitted
	if over != Disabled && t.epoch == c.gate.machine.epoch && c.gate.machine.state == Closed {
		c.evaluateLocked(now, 0)
	}
}

// evaluateLocked judges the window of a closed circuit. If successes must be judged from now
// on, it sets the flag watches first and then reads the counters again: see countSuccess. If
// the flag was set before, one read is enough.
func (c *Circuit) evaluateLocked(now, hint time.Duration) {
	g, cfg := &c.gate, c.config.Load()
	n := c.evidenceLocked(now)
	if watchful(&cfg.rules, n) {
		if g.watchingLocked() {
			return // and short of the volume, so nothing opens
		}
		c.publishLocked(true)
		n = c.evidenceLocked(now)
	}
	if cfg.rules.verdict(n) != unmoved {
		moved := g.machine.judge(now, &cfg.rules, n, rand.Float64(), hint) //nolint:gosec // jitter
		c.movedOnLocked(now, moved, n.health(), "")
		return
	}
	if g.watchingLocked() && !watchful(&cfg.rules, n) {
		c.publishLocked(false)
	}
}

// advanceWindow moves the window on to now, before a result is judged.
func (c *Circuit) advanceWindow(now time.Duration) {
	if c.config.Load().ring.Advance(now) {
		c.windowAdvanced(now)
	}
}

// windowAdvanced is called when a new bucket of the window has begun.
func (c *Circuit) windowAdvanced(now time.Duration) {
	c.watchSuccesses()
	c.samples.expire(now - c.config.Load().RollingWindow)
}

// watchingLocked reports whether successes must be judged: the flag watches of the word.
func (g *gate) watchingLocked() bool { return g.word.Load()&watches != 0 }

// watchSuccesses makes the next result be judged even if it is a success: old successes may
// have left the window.
func (c *Circuit) watchSuccesses() {
	c.lockGate()
	defer c.unlockGate()
	c.publishLocked(true)
}

func (c *Circuit) judgeProbeLocked(
	now time.Duration, t token, o Outcome, ran, slow bool, hint time.Duration, detail string,
) (stale bool) {
	cfg := c.config.Load()
	e := classOf(o, slow)
	if !ran {
		e = nothing // refused, or timed out in the queue: the dependency was not asked
	}
	moved, counts := c.gate.machine.settleProbe(
		now, &cfg.rules, t, e, rand.Float64(), hint) //nolint:gosec // jitter
	if moved.to == Closed {
		c.movedLocked(now, moved, "") // first, so that the success counts in the new window
		c.countLocked(cfg, o, slow, !counts)
	} else {
		c.countLocked(cfg, o, slow, !counts)
		c.movedLocked(now, moved, detail)
	}
	return !counts
}
