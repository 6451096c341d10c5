package quill

import (
	"context"
	"math"
	"time"
)

// Report counts the result of work that did not come through the circuit, such as that of a
// health check or of a connection that another library guards. took is how long the work
// ran (less than 0 is 0). A nil err is a [Success]; marks by [Ignore] and [RetryAfter] are
// understood, the classifier is asked, and hooks are told, with ctx, whose end does not
// matter. Report takes no slot, does not block and is never refused.
//
// The result is judged like that of a call that was admitted just now: it can open a closed
// circuit. A circuit that is open or half-open counts it and is not moved by it, since only
// its own probes tell that the dependency is well again.
func (c *Circuit) Report(ctx context.Context, err error, took time.Duration) Outcome {
	now := c.now()
	e := &execution{circuit: c, caller: context.WithoutCancel(ctx), cfg: c.config.Load(), started: true}
	e.began = now - max(0, took)
	e.ran = e.began
	e.admission = c.admissionOfReport(now)
	defer func() {
		e.caller = ctx // whom the hooks are told about
		e.conclude()
	}()
	e.settleResult(e.caller, err, now)
	return e.outcome
}

// Judge judges what the window holds by the settings in force, as the next result would: a
// closed circuit that reaches a threshold opens. It is for settings that were changed with
// [Circuit.Configure], which leaves that to the next result. Judge counts nothing, does not
// block and moves no circuit that is open, half-open or disabled.
func (c *Circuit) Judge() {
	now := c.now()
	c.advanceWindow(now)
	c.lockGate()
	defer c.unlockGate()
	if c.overrideLocked(now).kind != Disabled && c.gate.machine.state == Closed {
		c.evaluateLocked(now, 0)
	}
}

// TakeBack takes an opening back: an open circuit closes and keeps its window, as if it had
// not opened. Results of calls under way no longer count as evidence. It is for an opening
// by settings that were wrong and have been changed with [Circuit.Configure]; by settings
// that the window still reaches, the next result opens the circuit again. After a repair
// use [Circuit.Reset], which begins a fresh window. TakeBack does not block and moves no
// circuit that is closed or half-open.
func (c *Circuit) TakeBack() {
	now := c.now()
	c.advanceWindow(now)
	c.lockGate()
	defer c.unlockGate()
	if c.gate.machine.state == Open {
		c.movedLocked(now, c.gate.machine.takeBackOpening(), "")
	}
}

// admissionOfReport is the admission of a result that needed none. It moves nothing. While the
// breaker is not closed the result gets an epoch that never comes.
func (c *Circuit) admissionOfReport(now time.Duration) admission {
	g := &c.gate
	c.lockGate()
	defer c.unlockGate()
	a := admission{state: g.machine.state, ok: true}
	switch over := c.overrideLocked(now).kind; {
	case a.state != Closed:
		a.token.epoch = math.MaxUint64
	case over == NoOverride, over == ForceClosed:
		a.token.epoch = g.machine.epoch
	}
	return a
}
