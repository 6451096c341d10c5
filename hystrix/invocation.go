package hystrix

import (
	"context"
	"errors"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// invocation is one command on its way through its circuit, and the context that quill sees:
// its caller's, but without the deadline, which in hystrix-go is no error of the dependency
// (see veil).
type invocation struct {
	context.Context //nolint:containedctx // it is one

	circuit  *CircuitBreaker
	run      runFuncC
	fallback fallbackFuncC
	borrowed bool // whether the goroutine is the caller's: the fallback then has one of its own
	began    time.Time

	// Written by the worker, which the caller may have left.
	unveiled atomic.Bool           // the command's own deadline comes before the caller's
	busy     atomic.Int64          // how many commands of the circuit ran when this one began
	runErr   atomic.Pointer[error] // what run returned

	// Written by the caller.
	outcome     quill.Outcome
	execute     time.Duration
	cause       error // why there was no success
	asked       bool  // the fallback
	answered    bool  // by the fallback
	fallbackErr error
}

func newInvocation(ctx context.Context, name string, run runFuncC, fallback fallbackFuncC) *invocation {
	return &invocation{
		Context: ctx, circuit: circuitOf(name), run: run, fallback: fallback, began: time.Now(),
	}
}

// do takes the invocation through its circuit. The circuit's hook tells it the outcome.
func (in *invocation) do() error {
	c := in.circuit
	c.adopt()
	c.dropStaleProbe()
	defer func() { _ = c.record(in.result()) }() // also when run or the fallback panics
	command := c.plain
	if in.fallback != nil {
		command = c.guarded
	}
	_, err := command.Do(in, in)
	in.settle(err)
	if in.cause == nil {
		return nil
	}
	if in.fallback != nil && !in.asked && !ignoredByRun(in.outcome, in.cause) {
		in.askFallback() // quill asks none for a caller who is gone
	}
	switch {
	case in.answered:
		return nil
	case in.asked:
		return newFallbackError(in.cause, in.fallbackErr)
	}
	return in.cause
}

// settle finds out why there was no success, unless the fallback was told already.
func (in *invocation) settle(err error) {
	switch {
	case in.cause != nil:
	case in.outcome == quill.Success:
	case in.outcome == quill.Failure, in.outcome == quill.Ignored:
		in.cause = err
	default:
		in.cause = in.causeOf(in.outcome)
	}
}

// causeOf is hystrix-go's error for a command that quill ended.
func (in *invocation) causeOf(o quill.Outcome) error {
	switch o {
	case quill.Rejected:
		return ErrMaxConcurrency
	case quill.ShortCircuited:
		return ErrCircuitOpen
	case quill.Canceled:
		return in.Context.Err()
	case quill.Success, quill.Failure, quill.Timeout, quill.Ignored:
	}
	return ErrTimeout
}

// ignoredByRun reports whether run said that its caller is at fault (quill.Ignore), which
// calls for no fallback.
func ignoredByRun(o quill.Outcome, cause error) bool {
	return o == quill.Ignored && kindOf(cause) == failure
}

// work is what the circuit guards.
func work(ctx context.Context, in *invocation) (none struct{}, err error) {
	c := in.circuit
	in.busy.Store(c.active.Add(1))
	defer c.active.Add(-1)
	if c.seen() != quill.Closed {
		c.observe() // this is a probe: say so before it runs
	}
	err = in.run(in.forRun(ctx))
	if err != nil {
		in.runErr.Store(&err)
	}
	return none, err
}

// fallBack is the one fallback step of a command.
func fallBack(_ context.Context, in *invocation, cause error) (none struct{}, err error) {
	in.cause = cause
	if e, ok := cause.(*quill.Error); ok && !in.returnedByRun(e) { //nolint:errorlint // quill's own, bare
		if in.cause = in.causeOf(e.Outcome); e.Outcome == quill.Failure {
			in.cause = e // run ended its goroutine
		}
	}
	in.askFallback()
	return none, in.fallbackErr
}

// returnedByRun reports whether e is what run returned, and not of this circuit's making.
func (in *invocation) returnedByRun(e *quill.Error) bool {
	p := in.runErr.Load()
	if p == nil {
		return false
	}
	of, ok := (*p).(*quill.Error) //nolint:errorlint // the very same
	return ok && of == e
}

func (in *invocation) askFallback() {
	in.asked = true
	if in.borrowed {
		in.fallbackErr = elsewhere(in.circuit.Name, func() error { return in.fallback(in.Context, in.cause) })
	} else {
		in.fallbackErr = in.fallback(in.Context, in.cause)
	}
	in.answered = in.fallbackErr == nil
}

// errGoexit is the error of a fallback that ended its goroutine.
var errGoexit = errors.New("the fallback ended by runtime.Goexit")

// elsewhere calls f on a goroutine of its own and waits for it. A panic comes back.
func elsewhere(name string, f func() error) error {
	err := errGoexit
	var panicked *quill.PanicError
	done := make(chan struct{})
	go func() {
		defer close(done)
		returned := false
		defer func() {
			if returned {
				return
			}
			if value := recover(); value != nil {
				panicked = &quill.PanicError{Command: name, Value: value, Stack: debug.Stack()}
			}
		}()
		err = f()
		returned = true
	}()
	<-done
	if panicked != nil {
		panic(panicked)
	}
	return err
}

// result is the invocation as its circuit counts it.
func (in *invocation) result() result {
	r := result{total: time.Since(in.began), busy: in.busy.Load()}
	switch in.outcome {
	case quill.Success, quill.Failure, quill.Ignored:
		r.run = in.execute
	case quill.Timeout, quill.Rejected, quill.ShortCircuited, quill.Canceled:
	}
	switch {
	case in.outcome == quill.Success:
		r.kind = success
	case ignoredByRun(in.outcome, in.cause):
		r.kind = other
	case in.cause == nil:
		r.kind = failure // run panicked
	default:
		r.kind = kindOf(in.cause)
	}
	r.fallback = in.asked
	r.answered = in.answered
	return r
}
