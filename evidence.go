package quill

import (
	"slices"
	"time"
)

// mostTransitions is how many transitions a circuit keeps with their evidence.
const mostTransitions = 32

// announceLocked keeps a change of state or override for those who ask, and tells the hooks.
func (c *Circuit) announceLocked(now time.Duration, from State, h Health, reason string) {
	g := &c.gate
	t := Transition{
		Command: c.name, From: from, To: g.machine.state, Override: c.inForceLocked(now),
		Reason: reason, At: time.Now(), Health: h,
	}
	c.recordLocked(now, t)
	c.notifyLocked(t)
}

// lastLocked is the last transition, zero if there was none.
func (g *gate) lastLocked() Transition {
	if n := len(g.history); n > 0 {
		return g.history[n-1].Transition
	}
	return Transition{}
}

// recordLocked keeps a transition with its evidence.
func (c *Circuit) recordLocked(now time.Duration, t Transition) {
	cfg := c.config.Load()
	e := Evidence{
		Transition: t,
		Window:     countsOf(cfg.ring.Sums(now)),
		Rule:       cfg.describeTrip(),
		Settings:   c.settingsInForce(cfg),
		NextProbe:  c.nextProbeLocked(t.At, now),
	}
	e.Errors, e.Slowest = c.samplesInWindow(t.At, now, cfg)
	g := &c.gate
	if len(g.history) == mostTransitions {
		oldest := 0
		if moves(g.history[0]) && !slices.ContainsFunc(g.history[1:], moves) && !moves(e) {
			oldest = 1 // why the state is as it is outlasts any number of overrides
		}
		g.history = slices.Delete(g.history, oldest, oldest+1)
	}
	g.history = append(g.history, e)
}

// moves reports whether a transition changed the state.
func moves(e Evidence) bool { return e.From != e.To }

// nextProbeLocked is when an open circuit lets a probe through, zero if it is not open.
func (c *Circuit) nextProbeLocked(at time.Time, now time.Duration) time.Time {
	if c.gate.machine.state != Open {
		return time.Time{}
	}
	return at.Add(c.gate.machine.openUntil - now)
}

// settingsInForce are the settings with the limits of the bulkhead that is used. It takes
// none of its locks.
func (c *Circuit) settingsInForce(cfg *config) Settings {
	s, b := cfg.Settings, c.bulkhead
	s.MaxConcurrent, s.QueueSize = b.slots.limit(), int(b.queueSize.Load())
	s.Isolation = Semaphore
	if cfg.pooled {
		s.Isolation = Pool
	}
	return s
}
