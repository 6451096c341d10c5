package quill

import (
	"context"
	"math"
	"time"
)

// Report counts the result of work that did not go through the circuit, such as a health
// check, or a call on a connection that another library manages. took is how long the work
// ran (less than 0 is 0). A nil err is a [Success]; marks by [Ignore] and [RetryAfter], the
// classifier and hooks work as for a call. Hooks get ctx; whether it has ended does not
// matter. Report takes no slot, does not block and is never refused.
//
// The result is judged like that of a call that was admitted just now: it can open a closed
// circuit. A circuit that is open or half-open counts it and is not moved by it, since only
// its own probes decide whether the dependency has recovered.
func (c *Circuit) Report(ctx context.Context, err error, took time.Duration) Outcome {
	now := c.now()
	e := &execution{circuit: c, caller: context.WithoutCancel(ctx), cfg: c.config.Load(), started: true, handedOn: true}
	e.began = now - max(0, took)
	e.ran = e.began
	e.admission = c.admissionOfReport(now)
	defer func() {
		e.caller = ctx // the context that hooks get
		e.conclude()
	}()
	e.settleResult(e.caller, err, now)
	return e.outcome
}

// Judge judges what the window holds by the settings in force, as the next result would: a
// closed circuit that reaches a threshold opens. Use it after [Circuit.Configure], which leaves
// the judgement to the next result. Judge counts nothing, does not block, and does nothing to a
// circuit that is open, half-open or disabled.
func (c *Circuit) Judge() {
	now := c.now()
	c.advanceWindow(now)
	c.lockGate()
	defer c.unlockGate()
	if c.overrideLocked(now).kind != Disabled && c.gate.machine.state == Closed {
		c.evaluateLocked(now, 0)
	}
}

// TakeBack undoes an opening: an open circuit closes and keeps its window, as if it had not
// opened. Results of calls under way no longer count as evidence. Use it if the circuit opened
// because of wrong settings, after [Circuit.Configure] has corrected them; if the window still
// reaches a threshold, the next result opens the circuit again. After the dependency was
// repaired use [Circuit.Reset], which begins a fresh window. TakeBack does not block and does
// nothing to a circuit that is closed or half-open.
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
