package quill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Sentinel errors, for [errors.Is]. A call never returns one bare: it comes inside an
// [*Error] that names the circuit.
var (
	// ErrOpen says that the breaker refused the call: the circuit is open, forced open,
	// or half-open with all its probes out. Run was not called.
	ErrOpen = errors.New("circuit open")

	// ErrFull says that the bulkhead refused the call: all slots and all waiting places
	// were taken. Run was not called.
	ErrFull = errors.New("bulkhead full")

	// ErrTimeout says that the command's own Timeout passed first. It is also the cause
	// ([context.Cause]) with which run's context is cancelled. An error that matches it
	// matches [context.DeadlineExceeded] as well; the deadline of the caller's own
	// context matches only the latter.
	ErrTimeout error = timeoutError{}

	// ErrFallbackFull says that a fallback step was not tried because MaxConcurrentFallbacks
	// chains of the circuit were under way already. (A chain takes one place for all its
	// steps.)
	ErrFallbackFull = errors.New("fallback limit reached")

	// ErrNoAnswer is what a [Store] returns when it has no answer for a request.
	ErrNoAnswer = errors.New("no stored answer")

	// ErrUnwound says that run panicked, or ended by Goexit, on its caller's own goroutine.
	// Only hooks see it: the caller gets the panic or Goexit itself. For work between
	// [Circuit.Begin] and End that may panic, defer an End(ErrUnwound): the call is then a
	// [Failure] that Stats.Panics counts.
	ErrUnwound = errors.New("run panicked or ended by runtime.Goexit")

	// ErrGoexit says that run ended its goroutine with [runtime.Goexit] (as t.FailNow
	// does) on a goroutine of the library, so that there is neither a result nor a panic.
	ErrGoexit = errors.New("run ended by runtime.Goexit")
)

type timeoutError struct{}

func (timeoutError) Error() string        { return "timeout" }
func (timeoutError) Timeout() bool        { return true }
func (timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Error is what a call returns when quill itself ended it, or when its fallbacks failed
// too. An error of run with no fallback to try is not wrapped: it reaches the caller
// untouched. Error unwraps to Cause and to the error of every step, so that [errors.Is]
// and [errors.As] find all of them.
type Error struct {
	// Command is the name of the circuit.
	Command string

	// Outcome is how the call ended, before any fallback.
	Outcome Outcome

	// State is the breaker's state when the call was refused or settled.
	State State

	// RetryAfter says, for a refused call, how long until the breaker admits the next
	// probe, as it stood when the call was refused. Zero where that is not known: a full
	// bulkhead, a circuit forced open without a time to live, a probe now under way.
	RetryAfter time.Duration

	// Cause is run's error, or one of the sentinels, or why the caller's context ended. It
	// is never nil in an Error that a call returned.
	Cause error

	// Detail is one more fact about a refusal in words, such as the reason an operator
	// gave for forcing the circuit open. It may be empty.
	Detail string

	// Steps holds the fallback steps that were tried, in order, each with its error.
	// Empty if the command has no fallback or none was due.
	Steps []StepError
}

// StepError is a fallback step and why it gave no answer.
type StepError struct {
	Step string
	Err  error
}

// Error names the circuit, what happened, and each fallback step's own error.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("quill: ")
	b.WriteString(e.Command)
	b.WriteString(": ")
	if e.Cause != nil {
		b.WriteString(e.Cause.Error())
	} else { // not made by a call
		b.WriteString(e.Outcome.String())
	}
	if e.Detail != "" {
		b.WriteString(" (")
		b.WriteString(e.Detail)
		b.WriteString(")")
	}
	if e.RetryAfter > 0 {
		b.WriteString(", retry after ")
		b.WriteString(e.RetryAfter.Round(time.Millisecond).String())
	}
	for _, s := range e.Steps {
		b.WriteString("; fallback ")
		b.WriteString(s.Step)
		b.WriteString(": ")
		if s.Err != nil {
			b.WriteString(s.Err.Error())
		}
	}
	return b.String()
}

// Unwrap returns the cause and then the error of each fallback step.
func (e *Error) Unwrap() []error {
	errs := make([]error, 0, 1+len(e.Steps))
	errs = append(errs, e.Cause) // nil in the zero Error, which package errors skips
	for _, s := range e.Steps {
		errs = append(errs, s.Err)
	}
	return errs
}

// Timeout reports whether the call ended by a deadline, as net.Error's method does.
func (e *Error) Timeout() bool { return e.Outcome == Timeout }

// textOf is err's text, also if its own method panics.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("an error of type %T whose Error method panics", err)
		}
	}()
	return err.Error()
}

// PanicError carries a panic from a goroutine of the library to the caller that waits for
// it: the caller panics with a *PanicError whose Stack is that of the original panic. On
// the caller's own goroutine (Semaphore isolation, fallbacks) a panic flows on untouched. A call by
// [Go] has no such goroutine: whoever waits gets a *PanicError. [Hooks].OnPanic gets one where no
// caller is sure to.
type PanicError struct {
	Command string // the circuit's name
	Value   any    // what was panicked with
	Stack   []byte // where, as runtime/debug.Stack gives it
}

// Error prints the value and the original stack.
func (e *PanicError) Error() string {
	return "quill: " + e.Command + ": panic: " + fmt.Sprint(e.Value) + "\n\n" + string(e.Stack)
}

// Unwrap returns the value if it is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
