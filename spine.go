package quill

import (
	"context"
	"time"
)

// runContext is the caller's context with the command's own deadline, if that is the
// earlier one.
func (f *flight) runContext() (ctx context.Context, end context.CancelFunc) {
	if !f.own {
		return f.caller, nil
	}
	d := &deadlineContext{Context: f.caller, born: &f.circuit.born, deadline: f.deadline}
	return d, d.end
}

// land gives everything back after a run on the caller's goroutine. It runs deferred: a
// panic or Goexit of run passes through it untouched, and counts as a failure.
func (f *flight) land(end context.CancelFunc) {
	c := f.circuit
	c.giveBack()
	if end != nil {
		end()
	}
	if !f.settled {
		c.meters.panics.Add(1)
		f.settle(Failure, ErrUnwound, c.now())
	}
}

// flyPooled runs t's work on a worker and waits for it, no longer than the deadline and
// the caller's context allow. It reports whether the work is over: if it is not, t and
// what it works on belong to the worker.
func (f *flight) flyPooled(t *task) (over bool) {
	c := f.circuit
	ctx, end := f.runContext()
	if end != nil {
		defer end()
	}
	t.ctx = ctx
	deadline := noDeadline
	if f.own { // the caller's own comes with its context, and with its cause
		deadline = int64(f.deadline)
	}
	t.begin(deadline)
	c.bulkhead.start(t)
	if how := t.await(f.caller.Done()); how != finished {
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
		f.settleRun(ctx, t.err, now)
	}
	return true
}

// endedBy is the end of the caller's context if that is what ended the wait: a deadline
// that came first is not undone by a cancel after it.
func (f *flight) endedBy(how int64) error {
	err := f.caller.Err()
	if how == expired && err != context.DeadlineExceeded { //nolint:errorlint // Err returns it bare
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
		f.settle(Success, nil, now)
		return
	}
	ended := ctx.Err()
	switch {
	case late:
		f.settleLost(ended, now)
	case ended != nil:
		f.settleLost(ended, now)
	default:
		f.settleError(err, now)
	}
}

// settleError settles a call whose run failed in time. The classifier is the user's: if it
// panics, that counts as the failure it was asked about.
func (f *flight) settleError(err error, now time.Duration) {
	verdict := CountFailure
	if err == ErrUnwound { //nolint:errorlint // given by End as it is
		f.circuit.meters.panics.Add(1)
	} else if ignoredMark(err) {
		verdict = CountIgnored
	} else if classify := f.circuit.classifier; classify != nil {
		defer func() {
			if !f.settled {
				f.circuit.meters.panics.Add(1)
				f.settle(Failure, err, now)
			}
		}()
		verdict = classify(err)
	}
	switch verdict {
	case CountIgnored:
		f.settle(Ignored, err, now)
	case CountSuccess:
		f.settle(Success, err, now)
	case CountFailure:
		f.settle(Failure, err, now)
	default:
		f.settle(Failure, err, now)
	}
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
func (c *Circuit) conclude(ctx context.Context, f *flight, a *answered) {
	if !f.settled {
		return // its context panicked before it was a call
	}
	now := f.ended
	if len(c.hooks) > 0 || f.started && (a.step != "" || a.steps != nil) {
		now = c.now() // a fallback took its time too
	}
	if f.started {
		c.whole.Record(now - f.began)
	}
	if len(c.hooks) > 0 {
		c.tell(ctx, f.event(now, a), c.hooks)
	}
}

// tell calls the hooks one after the other, also those after one that panics.
func (c *Circuit) tell(ctx context.Context, e CallEvent, hooks []Hooks) {
	if len(hooks) == 0 {
		return
	}
	defer c.tell(ctx, e, hooks[1:])
	if hooks[0].OnCall == nil {
		return
	}
	returned := false
	defer func() {
		if !returned {
			c.meters.hookPanics.Add(1)
		}
	}()
	hooks[0].OnCall(ctx, e)
	returned = true
}

// orphanPanic takes a panic that has no caller to go to: its work was abandoned.
func (c *Circuit) orphanPanic(p *PanicError) {
	c.meters.panics.Add(1)
	c.tellPanic(p)
}

// hookPanic takes a panic of OnTransition, nil if it ended its goroutine.
func (c *Circuit) hookPanic(p *PanicError) {
	c.meters.hookPanics.Add(1)
	if p != nil {
		c.tellPanic(p)
	}
}

func (c *Circuit) tellPanic(p *PanicError) {
	for i := range c.hooks {
		if f := c.hooks[i].OnPanic; f != nil {
			func() {
				defer func() { _ = recover() }() // there is nobody left to tell
				f(p)
			}()
		}
	}
}

// answered is how the fallback chain of a call went.
type answered struct {
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
