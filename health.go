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
)

// countLocked counts a result. It is under the lock so that a result is counted in the
// epoch in which it is judged.
func (c *Circuit) countLocked(cfg *config, o Outcome, slow, stale bool) {
	if explore.On {
		explore.Put("counters")
	}
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
		cfg.last.Add(lastMask(o != Success, slow))
	}
}

// lastMask is how the last n calls remember one: bit 0 for an error, bit 1 if it was slow.
func lastMask(isError, slow bool) (mask uint8) {
	if isError {
		mask |= 1
	}
	if slow {
		mask |= 2
	}
	return mask
}

// healthLocked is the evidence as it stands: the calls of the window, none from before
// the circuit last closed.
func (c *Circuit) healthLocked(now time.Duration) Health {
	h := c.evidenceLocked(now)
	return newHealth(h.Requests, h.Errors, h.Slow)
}

// evidenceLocked is healthLocked without percentages, which no judgement needs.
func (c *Circuit) evidenceLocked(now time.Duration) Health {
	cfg := c.config.Load()
	if cfg.last != nil {
		return lastHealth(cfg.last)
	}
	return c.evidenceIn(cfg.ring, now)
}

// evidenceIn is the evidence in a ring. Each failure asks for it: it reads five of the
// counters, and takes no lock.
func (c *Circuit) evidenceIn(ring *window.Ring, now time.Duration) Health {
	if explore.On {
		explore.Read("gate.base")
	}
	base := c.gate.base.Load()
	if explore.On {
		explore.Read("counters")
	}
	for {
		until := ring.Until()
		h := c.evidenceSince(ring.Edge(now), base)
		if ring.Until() == until {
			return h
		}
	}
}

// evidenceSince is what came after edge, nil for nothing, and after base.
func (c *Circuit) evidenceSince(edge, base *window.Sums) Health {
	if edge == nil {
		return Health{}
	}
	since := func(kind int) uint64 {
		total := c.counters.Total(kind)
		return total - min(total, max(edge[kind], base[kind]))
	}
	errs := since(int(Failure)) + since(int(Timeout)) + since(int(Rejected))
	return Health{Requests: since(int(Success)) + errs, Errors: errs, Slow: since(kindSlow)}
}

func lastHealth(last *window.Last) Health {
	calls, byBit := last.Counts()
	return Health{Requests: uint64(calls), Errors: uint64(byBit[0]), Slow: uint64(byBit[1])} //nolint:gosec // never negative
}

// healthOfLocked is healthLocked for totals that were just read.
func (c *Circuit) healthOfLocked(now time.Duration, total window.Sums) Health {
	cfg := c.config.Load()
	var h Health
	if cfg.last != nil {
		h = lastHealth(cfg.last)
	} else {
		s := cfg.ring.SumsOf(now, total, *c.gate.base.Load())
		h.Errors = s[Failure] + s[Timeout] + s[Rejected]
		h.Requests, h.Slow = s[Success]+h.Errors, s[kindSlow]
	}
	return newHealth(h.Requests, h.Errors, h.Slow)
}
