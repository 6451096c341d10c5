package quill

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// gate guards a circuit's breaker: its lock, its override, and the one atomic word that
// lets calls pass a closed circuit without the lock.
type gate struct {
	// word is the epoch, shifted, the state, and flags. It is written under mu only.
	word atomic.Uint64
	// openUntil is when an open circuit lets a probe through. It is written before the
	// word that says so.
	openUntil atomic.Int64
	// why is the reason of the last change of state, forced that of who forced the circuit open.
	// They are written before the word, too.
	why, forced atomic.Pointer[string]
	// base is what the counters held when the circuit closed.
	base atomic.Pointer[window.Sums]
	_    [24]byte // keeps what every call reads off the cache line of what some calls write

	mu       sync.Mutex
	machine  breaker
	override override
	history  []Evidence // the last transitions
}

const (
	passes     = 1 << 0 // closed, and nothing says otherwise
	watches    = 1 << 1 // even a success may open the circuit: see watchful
	refuses    = 1 << 2 // open until openUntil, and nothing overrides it; or forced
	isForced   = 1 << 3 // forced open, for good
	isFree     = 1 << 4 // calls pass whatever the breaker says, for good, and their results move nothing
	stateShift = 5
	epochShift = 7
)

// stateIn is the breaker's state as the word has it.
func stateIn(word uint64) State { return State(word >> stateShift & 3) }

// lockGate takes the gate's lock. While it is held, failures are counted only under it: see
// countFailure.
func (c *Circuit) lockGate() {
	explore.Lock("gate.mu", &c.gate.mu)
	c.gate.mu.Lock()
	explore.Put("counters")
	c.counters.Shut()
}

func (c *Circuit) unlockGate() {
	explore.Put("counters")
	c.counters.Open()
	c.gate.mu.Unlock()
}

// override is what an operator put over the breaker.
type override struct {
	kind   Override
	reason string
	why    *string       // for the errors of refused calls
	until  time.Duration // 0: until it is changed
}

func (o *override) inForce(now time.Duration) bool {
	return o.kind != NoOverride && (o.until == 0 || now < o.until)
}

// admission is the gate's answer to a call.
type admission struct {
	token      token
	state      State
	ok         bool
	retryAfter time.Duration // of a refusal
	why        *string       // of a refusal; nil: there is none
}

// detail says why the call was refused, if it was.
func (a *admission) detail() string {
	if a.why == nil {
		return ""
	}
	return *a.why
}

// publishLocked writes the word anew after anything it is made of has changed.
func (c *Circuit) publishLocked(watch bool) {
	g := &c.gate
	ends := g.override.kind != NoOverride && g.override.until != 0
	word := g.machine.epoch<<epochShift | uint64(g.machine.state)<<stateShift
	if !ends {
		word |= c.publishFlagsLocked()
	}
	if watch || ends { // a result must see its end, too
		word |= watches
	}
	explore.Put("gate.word")
	g.word.Store(word)
}

// publishFlagsLocked is what the word says of a circuit that is not overridden, or overridden for good. It
// writes what is read with it. (While an override has an end, all ask under the lock whether it is over.)
func (c *Circuit) publishFlagsLocked() uint64 {
	g := &c.gate
	o := c.overrideBySettings()
	if g.override.kind != NoOverride {
		o = g.override
	}
	switch {
	case o.kind == ForceOpen:
		explore.Put("gate.forced")
		g.forced.Store(o.why)
		return refuses | isForced
	case o.kind == Disabled, o.kind == ForceClosed && g.machine.state != Closed:
		return isFree
	case g.machine.state == Closed:
		return passes
	case g.machine.state == HalfOpen:
		return 0
	}
	explore.Put("gate.openUntil")
	g.openUntil.Store(int64(g.machine.openUntil))
	return refuses
}

// passing reports whether the circuit is closed, with no override that says otherwise, and its epoch.
func (c *Circuit) passing() (epoch uint64, ok bool) {
	explore.Read("gate.word")
	word := c.gate.word.Load()
	return word >> epochShift, word&passes != 0
}

// refusing reports whether the circuit is open, or forced open for good.
func (c *Circuit) refusing() (word uint64, ok bool) {
	explore.Read("gate.word")
	word = c.gate.word.Load()
	return word, word&refuses != 0
}

// refuse counts a call that a circuit refuses, whose word refusing returned, and that a value answers,
// where that is all there is to do: no hook is called, no bucket of the window has ended, the sleep window
// has not, and the caller is there. Otherwise it reports false and has done nothing: admit and settle decide.
func (c *Circuit) refuse(ctx context.Context, word uint64) bool {
	explore.Read("granted") // as settleResult does, for the caller's context
	cfg := c.current()
	if cfg.tellsCalls || ctx.Err() != nil {
		return false
	}
	now := c.now()
	explore.Read("gate.openUntil")
	if word&isForced == 0 && now >= time.Duration(c.gate.openUntil.Load()) || now >= cfg.ring.Until() {
		return false
	}
	explore.Put("counters")
	if n := c.counters.AddInPlace(kindAnsweredOpen); n%window.LookEvery == 0 {
		c.countSlowly(kindAnsweredOpen, n, window.NoSeat)
	}
	return true
}

// admit asks the breaker to let a call through. A closed circuit costs one load, an open
// one two: neither takes the lock, nor does one that is overridden for good.
func (c *Circuit) admit(now time.Duration, cfg *config) admission {
	if epoch, ok := c.passing(); ok {
		return admission{token: token{epoch: epoch}, state: Closed, ok: true}
	}
	explore.Read("gate.word")
	switch word := c.gate.word.Load(); {
	case word&isFree != 0:
		return admission{state: stateIn(word), ok: true}
	case word&isForced != 0:
		explore.Read("gate.forced")
		return admission{state: stateIn(word), why: c.gate.forced.Load()}
	case word&refuses != 0:
		explore.Read("gate.openUntil")
		if until := time.Duration(c.gate.openUntil.Load()); now < until {
			explore.Read("gate.why")
			return admission{state: Open, retryAfter: until - now, why: c.gate.why.Load()}
		}
	}
	return c.admitSlowly(now, cfg)
}

func (c *Circuit) admitSlowly(now time.Duration, cfg *config) admission {
	g := &c.gate
	c.lockGate()
	defer c.unlockGate()
	switch o := c.overrideLocked(now); o.kind {
	case ForceOpen:
		return admission{state: g.machine.state, why: o.why, retryAfter: max(0, o.until-now)}
	case ForceClosed, Disabled:
		a := admission{state: g.machine.state, ok: true}
		if o.kind == ForceClosed && a.state == Closed {
			a.token.epoch = g.machine.epoch
		}
		return a
	case NoOverride:
	}
	t, moved, ok := g.machine.admit(now, &cfg.rules)
	c.movedLocked(now, moved, "")
	a := admission{token: t, state: g.machine.state, ok: ok}
	if !ok {
		a.retryAfter, a.why = g.machine.retryAfter(now), g.why.Load()
	}
	return a
}

// inForceLocked is the kind of the override in force; it changes nothing.
func (c *Circuit) inForceLocked(now time.Duration) Override {
	if c.gate.override.inForce(now) {
		return c.gate.override.kind
	}
	return c.config.Load().Override
}

// overrideLocked is the override in force. One whose time has passed is removed.
func (c *Circuit) overrideLocked(now time.Duration) override {
	g := &c.gate
	if g.override.inForce(now) {
		return g.override
	}
	if g.override.kind != NoOverride {
		if g.override.kind == Disabled {
			c.forgetLocked(c.config.Load())
		}
		g.override = override{}
		c.publishLocked(true)
		c.announceLocked(now, g.machine.state, c.healthLocked(now), "the override's time is over")
	}
	return c.overrideBySettings()
}

func (c *Circuit) overrideBySettings() override {
	return override{kind: c.config.Load().Override, why: &forcedBySettings}
}

var forcedBySettings = "forced open by its settings"

// movedLocked does what a change of state brings, if m is one.
func (c *Circuit) movedLocked(now time.Duration, m change, detail string) {
	if m.why != unmoved {
		c.movedOnLocked(now, m, c.healthLocked(now), detail)
	}
}

// movedOnLocked does what a change of state brings: a new epoch for all to see, a fresh
// window when the circuit closed, a notification with h, on which it was decided.
func (c *Circuit) movedOnLocked(now time.Duration, m change, h Health, detail string) {
	cfg := c.config.Load()
	fresh := m.to == Closed && m.why != takenBack
	if fresh {
		c.forgetLocked(cfg)
	}
	reason := reasonFor(m, cfg, &c.gate.machine, &h, detail)
	explore.Put("gate.why")
	c.gate.why.Store(&reason)
	// After an opening was taken back, the window may be one result short of opening.
	c.publishLocked(m.why == takenBack)
	c.announceLocked(now, m.from, h, reason)
	if fresh {
		c.samples.forgetErrors() // they belong to the evidence that was reset
	}
}

// forgetLocked begins the evidence afresh: the circuit closed, or what it saw while its
// breaker was disabled is over. The statistics go on.
func (c *Circuit) forgetLocked(cfg *config) {
	explore.Read("counters")
	sums := c.counters.Sums()
	explore.Put("gate.base")
	c.gate.base.Store(&sums)
	if cfg.last != nil {
		cfg.last.Clear()
	}
}
