package quill

import (
	"context"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// flight is one call on its way through the circuit: admitted, run, settled.
type flight struct {
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
	outcome Outcome
	timed   bool
	own     bool // whether the deadline is the command's own and not the caller's
	started bool // run was called, or may be
	settled bool
	stale   bool
	aloft   bool // run is under way on the caller's goroutine, or did not return

	how answered
}

// take brings a call as far as a slot: breaker, then bulkhead. If it reports false the
// flight is settled.
func (f *flight) take(ctx context.Context, c *Circuit) bool {
	return f.enter(ctx, c, c.now()) && f.takeSlot()
}

// takeOff is take for a flight that is a call's already.
func (f *flight) takeOff() bool { return f.pass(f.circuit.now()) && f.takeSlot() }

// enter is pass for a flight that is not yet that of a call.
func (f *flight) enter(ctx context.Context, c *Circuit, now time.Duration) bool {
	f.circuit, f.caller, f.cfg = c, ctx, c.current()
	return f.pass(now)
}

// pass brings a call past the breaker. If it reports false the flight is settled.
func (f *flight) pass(now time.Duration) bool {
	c := f.circuit
	f.began, f.ran = now, now
	if f.caller.Err() != nil {
		f.admission.state = c.State()
		f.settle(Canceled, callerCause(f.caller), f.began)
		return false
	}
	if epoch, ok := c.passing(); ok {
		f.admission.token.epoch = epoch
	} else if f.admission = c.admit(f.began, f.cfg); !f.admission.ok {
		f.settle(ShortCircuited, ErrOpen, f.began)
		return false
	}
	if timeout := f.cfg.Timeout; timeout != NoTimeout {
		f.deadline, f.timed, f.own = now+timeout, true, true
	}
	if d, ok := f.caller.(*deadlineContext); ok {
		f.heed(d.deadline() - c.born) // a call in a call: it need not ask the clock
	} else if at, ok := f.caller.Deadline(); ok {
		f.heed(now + time.Until(at))
	}
	return true
}

// heed is told the caller's deadline, which ends the call if it is the earlier one; or if they
// are the same: a fallback would come too late.
func (f *flight) heed(callers time.Duration) {
	if !f.timed || callers <= f.deadline {
		f.deadline, f.timed, f.own = callers, true, false
	}
}

func (f *flight) takeSlot() bool {
	c := f.circuit
	if !c.bulkhead.slots.take(false) && !f.takeLater() {
		return false
	}
	f.hasSlot()
	return true
}

// hasSlot is where a call that has its slot begins to run.
func (f *flight) hasSlot() {
	if c := f.circuit; c.shared {
		c.meters.inFlight.Add(1)
	}
	f.started = true
	if f.cfg.shadow != nil {
		f.enterShadow()
	}
}

func (f *flight) enterShadow() { f.shadow = f.cfg.shadow.enter(f.ran) }

// takeLater is takeSlot where none was free at once.
func (f *flight) takeLater() bool {
	w, ok := f.circuit.bulkhead.acquire()
	if !ok {
		f.settle(Rejected, ErrFull, f.began)
		return false
	}
	return w == nil || f.queue(w)
}

// queue waits for a slot. A call whose deadline passes meanwhile never runs.
func (f *flight) queue(w *waiter) bool {
	c := f.circuit
	c.meters.queued.Add(1)
	var wait time.Duration
	if f.own {
		wait = max(1, f.deadline-f.began)
	}
	granted := c.bulkhead.await(f.caller, w, wait)
	c.meters.queued.Add(-1)
	f.ran = c.now()
	if granted && !f.late(f.ran) && f.caller.Err() == nil {
		return true
	}
	if granted {
		c.bulkhead.release()
	}
	f.settleLost(f.caller.Err(), f.ran)
	return false
}

func (f *flight) late(now time.Duration) bool { return f.timed && now >= f.deadline }

// settleLost settles a call that its deadline or its caller ended, whichever was first:
// ended is what the call's context says.
func (f *flight) settleLost(ended error, now time.Duration) {
	switch {
	case ended == context.Canceled: //nolint:errorlint // Err returns it bare
		f.settle(Canceled, callerCause(f.caller), now)
	case f.own:
		f.settle(Timeout, ErrTimeout, now)
	case ended != nil:
		f.settle(Timeout, callerCause(f.caller), now)
	default:
		f.settle(Timeout, context.DeadlineExceeded, now)
	}
}

// settle ends the call: one outcome, counted once.
func (f *flight) settle(o Outcome, err error, now time.Duration) {
	c := f.circuit
	f.outcome, f.err, f.ended, f.settled = o, err, now, true
	slow := f.started && f.cfg.SlowCallDuration > 0 && now-f.ran >= f.cfg.SlowCallDuration
	if c.config.Load().ring.Advance(now) {
		c.turned(now)
	}
	if c.witness.wants(now, o, f.started, now-f.ran) {
		c.saw(now, o, f.started, now-f.ran, err)
	}
	if c.judge(now, f.admission.token, o, f.started, slow, err) {
		f.stale = true
		c.meters.stale.Add(1)
	}
	if f.shadow != nil {
		f.shadow.settle(now, o, now-f.ran, err)
	}
}

// succeed settles a success. Of most of them nobody wants to know more than that they were
// one.
func (f *flight) succeed(now time.Duration) {
	c, cfg, took := f.circuit, f.circuit.current(), now-f.ran
	if f.shadow != nil || cfg.last != nil || f.admission.token.probe != 0 || c.witness.isSlow(true, took) ||
		f.cfg.SlowCallDuration > 0 && took >= f.cfg.SlowCallDuration || now >= cfg.ring.Until() ||
		!c.countSuccess(now, f.admission.token) {
		f.settle(Success, nil, now)
		return
	}
	f.ended, f.settled = now, true
}

// runContext is the caller's context with the command's own deadline, if that is the
// earlier one.
func (f *flight) runContext() context.Context {
	if !f.own {
		return f.caller
	}
	f.ctx = newDeadlineContext(f.caller, f.circuit.born+f.deadline)
	return f.ctx
}

// endContext ends the context that runContext made.
func (f *flight) endContext() {
	if f.ctx != nil {
		f.ctx.end(f.late(f.ended))
	}
}

// land settles a call whose run on the caller's goroutine returned err, and gives everything
// back.
func (f *flight) land(ctx context.Context, err error) {
	if now := f.circuit.now(); err == nil && !f.late(now) {
		f.succeed(now)
	} else {
		f.settleRun(ctx, err, now)
	}
	f.circuit.giveBack()
	f.aloft = false
	f.endContext()
}

// crash is land for a run that did not return: a panic or Goexit passes through untouched, and
// counts as a failure. Or its classifier did not, which has settled the call.
func (f *flight) crash() {
	c := f.circuit
	c.giveBack()
	if !f.settled {
		c.meters.panics.Add(1)
		f.settle(Failure, ErrUnwound, c.now())
	}
	f.endContext()
}

// flyPooled runs t's work on a worker and waits for it, no longer than the deadline and
// the caller's context allow. It reports whether the work is over: if it is not, t and
// what it works on belong to the worker.
func (f *flight) flyPooled(t *task) (over bool) {
	defer f.endContext()
	t.ctx = f.runContext()
	t.begin(f.ownDeadline())
	return f.landPooled(t, f.circuit.bulkhead.fly(t, f.caller.Done()))
}

// ownDeadline is when a timer must end the call: the caller's own deadline comes with its
// context, and with its cause.
func (f *flight) ownDeadline() int64 {
	if f.own {
		return int64(f.deadline)
	}
	return noDeadline
}

// landPooled is the second half of flyPooled.
func (f *flight) landPooled(t *task, how int64) (over bool) {
	c := f.circuit
	if how != finished {
		f.settleLost(f.endedBy(how), c.now())
		return false
	}
	if !t.kept {
		t.timer.Stop()
	}
	now := c.now()
	switch {
	case t.panicked != nil:
		c.meters.panics.Add(1)
		f.settle(Failure, t.panicked, now)
		panic(t.panicked)
	case t.goexit:
		c.meters.panics.Add(1)
		f.settle(Failure, ErrGoexit, now)
	default:
		f.settleRun(t.ctx, t.err, now)
	}
	return true
}

// endedBy is the end of the caller's context if that is what ended the wait: a deadline
// that came first is not undone by a cancel after it.
func (f *flight) endedBy(how int64) error {
	err := f.caller.Err()
	if how == expired && err != context.DeadlineExceeded {
		return nil
	}
	return err
}

// warm reports whether what the call uses may be kept for another: not in a bubble of
// testing/synctest, which nothing may leave (a circuit made outside reads negative times
// in one).
func (f *flight) warm() bool { return !f.circuit.cold && f.began >= 0 }

// settleRun settles a call whose run returned err. A result that came at its deadline or
// later is a Timeout whatever it is (Canceled, if the caller had cancelled before), so that
// the caller, the counters and the hooks agree; one that came in time, but after the caller
// cancelled, is a Success if it is one.
func (f *flight) settleRun(ctx context.Context, err error, now time.Duration) {
	late := f.late(now)
	if err == nil && !late {
		f.succeed(now)
		return
	}
	explore.Read("granted") // a caller that ends is told where he waits for a slot
	if late {
		f.settleLost(ctx.Err(), now)
	} else if ended := f.caller.Err(); ended != nil {
		f.settleLost(ended, now)
	} else {
		f.settleError(err, now)
	}
}

// settleError settles a call whose run failed in time.
func (f *flight) settleError(err error, now time.Duration) {
	verdict := CountFailure
	switch {
	case err == ErrUnwound: //nolint:errorlint // given by End as it is
		f.circuit.meters.panics.Add(1)
	case marksOf(err).ignored:
		verdict = CountIgnored
	case f.circuit.classifier != nil:
		verdict = f.classify(err, now)
	}
	switch verdict {
	case CountIgnored:
		f.settle(Ignored, err, now)
	case CountSuccess:
		f.settle(Success, err, now)
	default: // CountFailure, and what a classifier should not say
		f.settle(Failure, err, now)
	}
}

// classify asks the classifier, which is the user's: if it panics, that counts as the
// failure it was asked about.
func (f *flight) classify(err error, now time.Duration) Verdict {
	returned := false
	defer func() {
		if !returned {
			f.circuit.meters.panics.Add(1)
			f.settle(Failure, err, now)
		}
	}()
	verdict := f.circuit.classifier(err)
	returned = true
	return verdict
}

// callerCause is why the caller's context ended: its Err, and the cause if it has another.
func callerCause(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || cause == err { //nolint:errorlint // identity is meant
		return err
	}
	return &endedError{err, cause}
}

// endedError is the end of a caller's context with a cause of its own.
type endedError struct{ err, cause error }

func (e *endedError) Error() string   { return e.err.Error() + ": " + e.cause.Error() }
func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }

// conclude ends the whole call, fallback included: its latency, its hooks. It runs
// deferred, so that a call that panics is told as well.
func (f *flight) conclude() {
	if f.aloft {
		f.crash()
	}
	if !f.settled {
		return // its context panicked before it was a call
	}
	c := f.circuit
	if f.outcome != Success {
		c.countUnanswered(f.outcome, &f.how)
	}
	now := f.ended
	if f.how.asked {
		now = c.now() // which took its time too
		if f.started {
			c.times.RecordWhole(now - f.began)
		}
	} else if f.started {
		if f.ran == f.began {
			c.times.Record(f.ended - f.began)
		} else {
			f.recordApart()
		}
	}
	if c.hooks != nil {
		f.tell(now)
	}
}

// recordApart records a call that waited for its slot, and asked nobody else.
func (f *flight) recordApart() {
	f.circuit.times.RecordRun(f.ended - f.ran)
	f.circuit.times.RecordWhole(f.ended - f.began)
}

// tell keeps the event, which is large, off the stack of calls that nobody listens to.
//
//go:noinline
func (f *flight) tell(now time.Duration) {
	f.circuit.tell(f.caller, f.event(now, &f.how), f.circuit.hooks)
}

// asks says that somebody else is asked now, whose time is not the time in run.
func (f *flight) asks() {
	if f.how.asked {
		return
	}
	f.how.asked = true
	if f.started {
		f.circuit.times.RecordRun(f.ended - f.ran)
	}
}

// answered is how the fallback chain of a call went.
type answered struct {
	asked bool // somebody else was asked, who takes time: a fallback step, a store. See asks.
	step  string
	steps []StepError
	age   time.Duration
}

func (f *flight) event(now time.Duration, a *answered) CallEvent {
	e := CallEvent{
		Command: f.circuit.name, Outcome: f.outcome, Err: f.err,
		State: f.admission.state, Probe: f.admission.token.probe != 0, Late: f.stale,
		Wait: f.ran - f.began, Total: now - f.began,
		Step: a.step, Steps: a.steps, Age: a.age,
	}
	if f.started {
		e.Execute = f.ended - f.ran
	}
	return e
}
