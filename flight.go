package quill

import (
	"context"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// execution is one call on its way through the circuit: admitted, run, settled.
type execution struct {
	circuit *Circuit
	cfg     *config
	caller  context.Context //nolint:containedctx // lives as long as the call

	admission admission
	deadline  time.Duration // if timed

	began time.Duration // when the call came
	ran   time.Duration // when it had its slot
	ended time.Duration // when it was settled

	err    error            // nil after Success, unless the classifier said so
	shadow *shadowCall      // nil: there is no candidate beside the settings in force
	ctx    *deadlineContext // run's context, unless that is the caller's

	// What is small is together: each call begins by clearing all of this.
	outcome  Outcome
	timed    bool
	own      bool // the deadline is the command's own, not that of the caller's context
	started  bool // the call has its slot: run is called, or was
	settled  bool
	stale    bool // the result came too late to count as evidence
	unjudged bool // settled, but what is the user's in taking note of it has not returned
	running  bool // run was called on the caller's goroutine and has not returned

	fallback answered
}

// init makes f the execution of a call of c, by the settings that are in force now.
func (e *execution) init(ctx context.Context, c *Circuit) {
	e.circuit, e.caller, e.cfg = c, ctx, c.current()
}

// admit asks the breaker, then the bulkhead. If it reports false the call is settled.
func (e *execution) admit() bool { return e.passBreaker(e.circuit.now()) && e.acquireSlot() }

// passBreaker asks the breaker and works out the deadline. If it reports false the call is
// settled.
func (e *execution) passBreaker(now time.Duration) bool {
	c := e.circuit
	e.began, e.ran = now, now
	if timeout := e.cfg.Timeout; timeout != NoTimeout {
		e.deadline, e.timed, e.own = now+timeout, true, true
	}
	if d, ok := e.caller.(*deadlineContext); ok {
		e.applyCallerDeadline(d.deadline() - c.born) // a nested call
	} else if at, ok := e.caller.Deadline(); ok {
		e.applyCallerDeadline(c.timeOf(at))
	}
	if e.caller.Err() != nil {
		e.admission.state = c.State()
		e.settle(Canceled, callerCause(e.caller), e.began)
		return false
	}
	if epoch, ok := c.passing(); ok {
		e.admission.token.epoch = epoch
	} else if e.admission = c.admit(e.began, e.cfg); !e.admission.ok {
		e.settle(ShortCircuited, ErrOpen, e.began)
		return false
	}
	return true
}

// applyCallerDeadline makes the deadline of the caller's context the one of the call if it is
// not later than the command's own. It wins a tie: a fallback would come too late anyway.
func (e *execution) applyCallerDeadline(callers time.Duration) {
	if !e.timed || callers <= e.deadline {
		e.deadline, e.timed, e.own = callers, true, false
	}
}

func (e *execution) acquireSlot() bool {
	c := e.circuit
	if !c.bulkhead.slots.take(false) && !e.acquireSlotSlowly() {
		return false
	}
	e.slotAcquired()
	return true
}

// slotAcquired marks the call as running: from here on it holds a slot.
func (e *execution) slotAcquired() {
	if c := e.circuit; c.shared {
		c.meters.inFlight.Add(1)
	}
	e.started = true
	if e.cfg.shadow != nil {
		e.enterShadow()
	}
}

func (e *execution) enterShadow() { e.shadow = e.cfg.shadow.enter(e.ran) }

// acquireSlotSlowly is acquireSlot where no slot was free at the first look: the call waits in
// the queue or is rejected.
func (e *execution) acquireSlotSlowly() bool {
	w, ok := e.circuit.bulkhead.acquire()
	if !ok {
		e.settle(Rejected, ErrFull, e.began)
		return false
	}
	return w == nil || e.waitForSlot(w)
}

// waitForSlot waits in the queue. A call whose deadline passes meanwhile never runs.
func (e *execution) waitForSlot(w *waiter) bool {
	c := e.circuit
	c.meters.queued.Add(1)
	var wait time.Duration
	if e.own {
		wait = max(1, e.deadline-e.began)
	}
	granted := c.bulkhead.await(e.caller, w, wait)
	c.meters.queued.Add(-1)
	e.ran = c.now()
	if granted && !e.late(e.ran) && e.caller.Err() == nil {
		return true
	}
	if granted {
		c.bulkhead.release()
	}
	e.settleInterrupted(e.caller.Err(), e.ran)
	return false
}

func (e *execution) late(now time.Duration) bool { return e.timed && now >= e.deadline }

// settleInterrupted settles a call that its deadline or the end of its caller's context ended,
// whichever came first. ended is the Err of the call's context.
func (e *execution) settleInterrupted(ended error, now time.Duration) {
	switch {
	case ended == context.Canceled: //nolint:errorlint // Err returns it bare
		e.settle(Canceled, callerCause(e.caller), now)
	case e.own:
		e.settle(Timeout, ErrTimeout, now)
	case ended != nil:
		e.settle(Timeout, callerCause(e.caller), now)
	default:
		e.settle(Timeout, context.DeadlineExceeded, now)
	}
}

// settle ends the call: one outcome, counted once.
func (e *execution) settle(o Outcome, err error, now time.Duration) {
	c := e.circuit
	e.outcome, e.err, e.ended, e.settled = o, err, now, true
	slow := e.started && e.cfg.SlowCallDuration > 0 && now-e.ran >= e.cfg.SlowCallDuration
	if c.config.Load().ring.Advance(now) {
		c.windowAdvanced(now)
	}
	if c.samples.wants(now, o, e.started, now-e.ran) {
		e.unjudged = true // until the user's code in this has returned
		c.recordSample(now, o, e.started, now-e.ran, err)
		e.unjudged = false
	}
	e.judge(slow, err)
	if e.shadow != nil {
		e.shadow.settle(now, o, now-e.ran, err)
	}
}

// judge has the breaker judge how the call ended.
func (e *execution) judge(slow bool, err error) {
	c := e.circuit
	if c.judge(e.ended, e.admission.token, e.outcome, e.started, slow, err) {
		e.stale = true
		c.meters.stale.Add(1)
	}
}

// settleSuccess settles a success. Most successes only add one to a counter; the few that do
// more go through settle.
func (e *execution) settleSuccess(now time.Duration) {
	c, cfg, took := e.circuit, e.circuit.current(), now-e.ran
	if e.shadow != nil || cfg.last != nil || e.admission.token.probe != 0 || c.samples.amongSlowest(true, took) ||
		e.cfg.SlowCallDuration > 0 && took >= e.cfg.SlowCallDuration || now >= cfg.ring.Until() ||
		!c.countSuccess(now, e.admission.token) {
		e.settle(Success, nil, now)
		return
	}
	e.ended, e.settled = now, true
}

// runContext is the caller's context with the command's own deadline, if that is the
// earlier one.
func (e *execution) runContext() context.Context {
	if !e.own {
		return e.caller
	}
	e.ctx = newDeadlineContext(e.caller, e.circuit.born+e.deadline)
	return e.ctx
}

// endContext ends the context that runContext made.
func (e *execution) endContext() {
	if e.ctx != nil {
		e.ctx.end(e.late(e.ended))
	}
}

// finish settles a call whose run, on the caller's goroutine, returned err, and releases what
// the call held.
func (e *execution) finish(ctx context.Context, err error) {
	if now := e.circuit.now(); err == nil && !e.late(now) {
		e.settleSuccess(now)
	} else {
		e.settleResult(ctx, err, now)
	}
	e.circuit.giveBack()
	e.running = false
	e.endContext()
}

// unwind is finish for a run that did not return. Its panic or Goexit goes on untouched; the
// call counts as a failure. If it was the classifier that panicked, the call is settled
// already. It is also for a Pool's call whose caller's context panicked.
func (e *execution) unwind() {
	c := e.circuit
	c.giveBack()
	if !e.settled {
		c.meters.panics.Add(1)
		e.settle(Failure, ErrUnwound, c.now())
	}
	e.endContext()
}

// runPooled runs t's work on a worker and waits for it, no longer than the deadline and the
// caller's context allow. It reports whether the work is over: if it is not, the worker still
// uses t and all that t refers to.
func (e *execution) runPooled(t *task) (over bool) {
	defer e.endContext()
	gaveUp := e.caller.Done() // the user's code: before the work is on its way
	t.ctx = e.runContext()
	t.begin(e.ownDeadline())
	return e.finishPooled(t, e.circuit.bulkhead.runAndWait(t, gaveUp))
}

// ownDeadline is when a timer must end the call: the caller's own deadline comes with its
// context, and with its cause.
func (e *execution) ownDeadline() int64 {
	if e.own {
		return int64(e.deadline)
	}
	return noDeadline
}

// finishPooled is the second half of runPooled: it settles the call by how the wait ended.
func (e *execution) finishPooled(t *task, how int64) (over bool) {
	c := e.circuit
	if how != finished {
		e.settleInterrupted(e.callerErr(how), c.now())
		return false
	}
	if !t.kept {
		t.timer.Stop()
	}
	now := c.now()
	switch {
	case t.panicked != nil:
		c.meters.panics.Add(1)
		e.settle(Failure, t.panicked, now)
		panic(t.panicked)
	case t.goexit:
		c.meters.panics.Add(1)
		e.settle(Failure, ErrGoexit, now)
	default:
		e.settleResult(t.ctx, t.err, now)
	}
	return true
}

// callerErr is the Err of the caller's context if that is what ended the wait, or nil: a
// cancel that comes after the deadline changes nothing.
func (e *execution) callerErr(how int64) error {
	err := e.caller.Err()
	if how == expired && err != context.DeadlineExceeded {
		return nil
	}
	return err
}

// warm reports whether what the call uses (task, worker) may be kept for another call. Not in a
// bubble of testing/synctest, since nothing may leave a bubble. (A circuit made outside reads
// negative times in one.)
func (e *execution) warm() bool { return !e.circuit.cold && e.began >= 0 }

// settleResult settles a call whose run returned err. A result that comes at the deadline or
// later is a Timeout, whatever it is (or Canceled, if the caller had cancelled before), so that
// caller, counters and hooks agree. A success that comes before the deadline stays a Success
// even if the caller has cancelled meanwhile.
func (e *execution) settleResult(ctx context.Context, err error, now time.Duration) {
	late := e.late(now)
	if err == nil && !late {
		e.settleSuccess(now)
		return
	}
	explore.Read("granted") // whether the caller cancelled is visible where a call waits for its slot
	if late {
		e.settleInterrupted(ctx.Err(), now)
	} else if ended := e.caller.Err(); ended != nil {
		e.settleInterrupted(ended, now)
	} else {
		e.settleError(err, now)
	}
}

// settleError settles a call whose run failed in time.
func (e *execution) settleError(err error, now time.Duration) {
	verdict := CountFailure
	switch {
	case err == ErrUnwound: //nolint:errorlint // given by End as it is
		e.circuit.meters.panics.Add(1)
	case marksOf(err).ignored:
		verdict = CountIgnored
	case e.circuit.classifier != nil:
		verdict = e.classify(err, now)
	}
	switch verdict {
	case CountIgnored:
		e.settle(Ignored, err, now)
	case CountSuccess:
		e.settle(Success, err, now)
	default: // CountFailure, and what a classifier should not say
		e.settle(Failure, err, now)
	}
}

// classify calls the user's classifier. If it panics, the call counts as a Failure, and the
// panic goes on.
func (e *execution) classify(err error, now time.Duration) Verdict {
	returned := false
	defer func() {
		if !returned {
			e.circuit.meters.panics.Add(1)
			e.settle(Failure, err, now)
		}
	}()
	verdict := e.circuit.classifier(err)
	returned = true
	return verdict
}

// callerCause is why the caller's context ended: its Err, and its Cause if that is another.
func callerCause(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || cause == err { //nolint:errorlint // identity is meant
		return err
	}
	return &endedError{err, cause}
}

// endedError is the end of a context that has a Cause of its own.
type endedError struct{ err, cause error }

func (e *endedError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }

// conclude ends the whole call, fallback included: it records the latency and calls the
// hooks. It runs deferred, so that this happens for a call that panics as well.
func (e *execution) conclude() {
	if e.running || e.started && !e.settled {
		e.unwind()
	}
	if !e.settled {
		return // the caller's context panicked before the call was admitted
	}
	if e.unjudged { // a redaction, or a method of the error, ended the goroutine
		e.judge(false, nil)
	}
	c := e.circuit
	if e.outcome != Success {
		c.countUnanswered(e.outcome, &e.fallback)
	}
	now := e.ended
	if e.fallback.asked {
		now = c.now() // the fallback took time as well
		if e.started {
			c.times.RecordWhole(now - e.began)
		}
	} else if e.started {
		if e.ran == e.began {
			c.times.Record(e.ended - e.began)
		} else {
			e.recordQueued()
		}
	}
	if c.hooks != nil {
		e.notifyHooks(now)
	}
}

// recordQueued records a call that waited for its slot, where no fallback or store was called.
func (e *execution) recordQueued() {
	e.circuit.times.RecordRun(e.ended - e.ran)
	e.circuit.times.RecordWhole(e.ended - e.began)
}

// notifyHooks is a function of its own so that calls without hooks do not pay for the event,
// which is large, on their stack.
//
//go:noinline
func (e *execution) notifyHooks(now time.Duration) {
	e.circuit.callHooks(e.caller, e.event(now, &e.fallback), e.circuit.hooks)
}

// beginFallback is called before the first fallback step or store: their time is part of the
// whole time of the call, but not of its time in run, which is recorded here.
func (e *execution) beginFallback() {
	if e.fallback.asked {
		return
	}
	e.fallback.asked = true
	if e.started {
		e.circuit.times.RecordRun(e.ended - e.ran)
	}
}

// answered is what the fallback chain of a call did.
type answered struct {
	asked bool // a fallback step or a store was called: see beginFallback
	step  string
	steps []StepError
	age   time.Duration
}

func (e *execution) event(now time.Duration, a *answered) CallEvent {
	event := CallEvent{
		Command: e.circuit.name, Outcome: e.outcome, Err: e.err,
		State: e.admission.state, Probe: e.admission.token.probe != 0, Late: e.stale,
		Wait: e.ran - e.began, Total: now - e.began,
		Step: a.step, Steps: a.steps, Age: a.age,
	}
	if e.started {
		event.Execute = e.ended - e.ran
	}
	return event
}
