package quill

import (
	"context"
	"time"
)

// conclude ends the whole call, fallback included: it records the latency and calls the
// hooks. It runs deferred, so that this happens for a call that panics as well. For a plain
// success Do has done all of it.
func (e *execution) conclude() {
	if !e.concluded {
		e.concludeFully()
	}
}

func (e *execution) concludeFully() {
	if e.running || e.started && !e.settled {
		defer e.concludeSettled() // also if a redaction ends the goroutine
		e.unwind()
		return
	}
	if !e.settled { // the caller's context panicked
		if e.admission.token == (token{}) {
			return // before the breaker was asked
		}
		e.settle(Canceled, context.Canceled, e.circuit.now())
	}
	e.concludeSettled()
}

func (e *execution) concludeSettled() {
	if e.unjudged { // a redaction, or a method of the error, ended the goroutine
		e.judge(false, nil)
		e.tellShadow(nil)
	}
	e.endContext() // unless that is done: a Pool's call panicked
	c := e.circuit
	if e.outcome != Success {
		e.countUnanswered()
	}
	now := e.ended
	if e.asked {
		now = c.now() // the fallback took time as well
		if e.started {
			c.times.RecordWhole(now-e.began, e.seat)
		}
	} else if e.started {
		if e.ran == e.began {
			c.times.Record(e.ended-e.began, e.seat)
		} else {
			e.recordQueued()
		}
	}
	if e.cfg.tellsCalls {
		e.notifyHooks(now)
	}
}

// recordQueued records a call that waited for its slot, where no fallback or store was called.
func (e *execution) recordQueued() {
	e.circuit.times.RecordRun(e.ended-e.ran, e.seat)
	e.circuit.times.RecordWhole(e.ended-e.began, e.seat)
}

// notifyHooks is a function of its own so that calls without hooks do not pay for the event,
// which is large, on their stack.
//
//go:noinline
func (e *execution) notifyHooks(now time.Duration) {
	e.circuit.callHooks(e.caller, e.event(now), *e.cfg.hooks)
}

func (e *execution) event(now time.Duration) CallEvent {
	event := CallEvent{
		Command: e.circuit.name, Outcome: e.outcome, Err: e.err,
		State: e.admission.state, Probe: e.admission.token.probe != 0, Late: e.stale,
		Wait: e.ran - e.began, Total: now - e.began,
		Steps: e.failed, Age: e.age,
	}
	if e.answered != nil {
		event.Step = e.answered.name
	}
	if e.started {
		event.Execute = e.ended - e.ran
	}
	return event
}

// beginFallback is called before the first fallback step or store: their time is part of the
// whole time of the call, but not of its time in run, which is recorded here.
func (e *execution) beginFallback() {
	if e.asked {
		return
	}
	e.asked = true
	if e.started {
		e.circuit.times.RecordRun(e.ended-e.ran, e.seat)
	}
}
