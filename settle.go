package quill

import (
	"context"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// settle ends the call: one outcome, counted once.
func (e *execution) settle(o Outcome, err error, now time.Duration) {
	c := e.circuit
	e.outcome, e.err, e.ended, e.settled = o, err, now, true
	slow := e.started && e.cfg.SlowCallDuration > 0 && now-e.ran >= e.cfg.SlowCallDuration
	if c.config.Load().ring.Advance(now) {
		c.windowAdvanced(now)
	}
	e.unjudged = true // until the user's code in what follows has returned
	if c.samples.wants(now, o, e.started, now-e.ran) {
		c.recordSample(now, o, e.started, now-e.ran, err)
	}
	e.judge(slow, err)
	e.unjudged = false
	e.tellShadow(err)
}

// tellShadow tells the candidate beside the settings in force how the call ended: once.
func (e *execution) tellShadow(err error) {
	if k := e.shadow; k != nil {
		e.shadow = nil
		k.settle(e.ended, e.outcome, e.ended-e.ran, err)
	}
}

// judge has the breaker judge how the call ended.
func (e *execution) judge(slow bool, err error) {
	c := e.circuit
	if c.judge(e.ended, e.admission.token, e.outcome, e.started, slow, err, e.seat) {
		e.stale = true
		c.meters.stale.Add(1)
	}
}

// settleSuccess settles a success. Most successes only add one to a counter; the few that do
// more go through settle.
func (e *execution) settleSuccess(now time.Duration) {
	if e.isPlain(now) && e.circuit.countSuccess(now, e.admission.token, e.seat) {
		e.ended, e.settled = now, true
		return
	}
	e.settle(Success, nil, now)
}

// isPlain reports whether a success that ends now is one of those that only add to a counter.
func (e *execution) isPlain(now time.Duration) bool {
	cfg, took := e.circuit.current(), now-e.ran
	return cfg == e.cfg && took < cfg.plainBelow && now < cfg.ring.Until() &&
		e.admission.token.probe == 0 && int64(took) <= e.circuit.samples.slowFloor.Load()
}

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

func (e *endedError) Error() string { return e.err.Error() + ": " + e.cause.Error() }

func (e *endedError) Unwrap() []error { return []error{e.err, e.cause} }

// fallbackDue reports whether the outcome calls for a fallback: not where the request was wrong
// or the caller has gone.
func (e *execution) fallbackDue() bool {
	switch e.outcome {
	case Failure, Rejected, ShortCircuited:
		return e.caller.Err() == nil
	case Timeout:
		return e.own && e.caller.Err() == nil
	case Success, Ignored, Canceled:
	}
	return false
}

// failure is the outcome of the call as an error: run's own, untouched, if run failed and no
// fallback was tried; an *Error otherwise; nil if there is none.
func (e *execution) failure(steps []StepError) error {
	if e.err == nil {
		return nil
	}
	switch e.outcome {
	case Success, Failure, Ignored:
		if len(steps) == 0 && e.err != ErrGoexit { //nolint:errorlint // only our own
			return e.err
		}
	case Timeout, Rejected, ShortCircuited, Canceled:
	}
	return &Error{
		Command: e.circuit.name, Outcome: e.outcome, State: e.admission.state,
		RetryAfter: e.admission.retryAfter, Detail: e.admission.detail(),
		Cause: e.err, Steps: steps,
	}
}
