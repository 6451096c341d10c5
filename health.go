package quill

import (
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// Kinds of counters beyond the outcomes. Results that are no evidence, because they came too
// late or because IgnoreRejected is set, are counted apart: that of outcome o, one of Success
// to Rejected, under kindApart+o. So the evidence of a window is the sum of four counters, as they are.
const kindApart = numOutcomes

// Failures are what the counters guard: see countFailure.
var _ = [1]struct{}{}[int(Failure)-window.Guarded]

// What else is counted.
const (
	kindSlow = kindApart + int(Rejected) + 1 + iota
	kindNoFallback
	kindFallbackFailed
	kindFallbackFull

	// kindAnsweredOpen is a call that an open circuit refused and that the value of an OrElse answered,
	// which is all there was to do: a ShortCircuited, and an answer of the step "default". While load is
	// shed these are all calls, so they are counted once.
	kindAnsweredOpen
)

// What is counted under the lock, or is a failure, is counted in one place: so each judgement reads
// one word for it, however many processors there are.
var _ = [1]struct{}{}[window.Serial^(1<<Failure|1<<Timeout|1<<Rejected|0xf<<kindApart|1<<kindSlow)]

// countLocked counts a result. It is under the lock so that a result is counted in the
// epoch in which it is judged.
func (c *Circuit) countLocked(cfg *config, o Outcome, slow, stale bool) {
	explore.Put("counters")
	if o > Rejected {
		c.counters.AddSerially(int(o))
		return
	}
	if stale || o == Rejected && cfg.IgnoreRejected {
		c.counters.AddSerially(kindApart + int(o))
		return
	}
	c.counters.AddSerially(int(o))
	if slow {
		c.counters.AddSerially(kindSlow)
	}
	if cfg.last != nil {
		cfg.last.Add(lastMask(o, slow))
	}
}

// lastMask is how the last n calls remember one: bit 0 for an error, bit 1 if it was slow, bit 2 if
// it was rejected.
func lastMask(o Outcome, slow bool) (mask uint8) {
	if o != Success {
		mask |= 1
	}
	if slow {
		mask |= 2
	}
	if o == Rejected {
		mask |= 4
	}
	return mask
}

// healthLocked is the evidence as it stands: the calls of the window, none from before
// the circuit last closed. Whoever asks for it has a command at rest let go of its window.
func (c *Circuit) healthLocked(now time.Duration) Health {
	c.config.Load().ring.Rest(now)
	return c.evidenceLocked(now).health()
}

// tally is how many results a judgement has to go by. It is handed on by value, in registers.
type tally struct{ requests, errors, rejected, slow uint64 }

func (n tally) health() Health { return newHealth(n.requests, n.errors, n.rejected, n.slow) }

// evidenceLocked is healthLocked for a judgement.
func (c *Circuit) evidenceLocked(now time.Duration) tally {
	cfg := c.config.Load()
	if cfg.last != nil {
		return lastTally(cfg.last)
	}
	return c.evidenceIn(cfg.ring, now)
}

// evidenceIn is the evidence in a ring. Each failure asks for it: it reads five of the
// counters, of which only the successes may be in several places, and takes no lock.
func (c *Circuit) evidenceIn(ring *window.Ring, now time.Duration) tally {
	explore.Read("gate.base")
	base := c.gate.base.Load()
	for {
		until := ring.Until()
		edge := ring.Edge(now)
		explore.Read("counters")
		n := c.evidenceSince(edge, base)
		if ring.Until() == until {
			return n
		}
	}
}

// evidenceSince is what came after edge, nil for nothing, and after base.
func (c *Circuit) evidenceSince(edge, base *window.Sums) tally {
	if edge == nil {
		return tally{}
	}
	since := func(kind int) uint64 {
		total := c.counters.Total(kind)
		return total - min(total, max(edge[kind], base[kind]))
	}
	rejected := since(int(Rejected))
	errs := since(int(Failure)) + since(int(Timeout)) + rejected
	return tally{since(int(Success)) + errs, errs, rejected, since(kindSlow)}
}

func lastTally(last *window.Last) tally {
	calls, byBit := last.Counts()
	return tally{uint64(calls), uint64(byBit[0]), uint64(byBit[2]), uint64(byBit[1])} //nolint:gosec // never negative
}

// healthOfLocked is healthLocked for totals that were just read.
func (c *Circuit) healthOfLocked(now time.Duration, total window.Sums) Health {
	cfg := c.config.Load()
	cfg.ring.Rest(now)
	if cfg.last != nil {
		return lastTally(cfg.last).health()
	}
	s := cfg.ring.SumsOf(now, total, *c.gate.base.Load())
	errs := s[Failure] + s[Timeout] + s[Rejected]
	return newHealth(s[Success]+errs, errs, s[Rejected], s[kindSlow])
}
