package hystrix

import (
	"context"
	"fmt"
)

// CircuitError is the error of a command that did not get its answer from run. It is
// comparable: err == ErrTimeout holds, and so does errors.Is.
type CircuitError struct {
	Message string
}

// Error returns "hystrix: " and the message.
func (e CircuitError) Error() string { return "hystrix: " + e.Message }

var (
	// ErrMaxConcurrency says that MaxConcurrentRequests commands of the name were running.
	ErrMaxConcurrency = CircuitError{Message: "max concurrency"}
	// ErrCircuitOpen says that the circuit was open.
	ErrCircuitOpen = CircuitError{Message: "circuit open"}
	// ErrTimeout says that run took longer than Timeout.
	ErrTimeout = CircuitError{Message: "timeout"}
)

// fallbackError says that run failed and its fallback failed too. Its text is that of
// hystrix-go, which hid both errors.
type fallbackError struct {
	text          string
	run, fallback error
}

func newFallbackError(run, fallback error) error {
	return &fallbackError{
		text: fmt.Sprintf("fallback failed with '%v'. run error was '%v'", fallback, run),
		run:  run, fallback: fallback,
	}
}

func (e *fallbackError) Error() string   { return e.text }
func (e *fallbackError) Unwrap() []error { return []error{e.run, e.fallback} }

// kind is how a command ended, as hystrix-go sees it.
type kind uint8

const (
	success kind = iota
	failure
	rejected
	shortCircuit
	timeout
	contextCanceled
	contextDeadlineExceeded
	other // an event that hystrix-go does not know: an attempt and nothing else
)

// events are the names of the kinds.
var events = map[string]kind{
	"success": success, "failure": failure, "rejected": rejected,
	"short-circuit": shortCircuit, "timeout": timeout,
	"context_canceled": contextCanceled, "context_deadline_exceeded": contextDeadlineExceeded,
}

// kindOf is the kind of an error that a command ended with, whoever made it: a run that
// calls another command and returns its error counts as that one did.
func kindOf(err error) kind {
	//nolint:errorlint // the very same, as in hystrix-go: what is wrapped is a failure
	switch err {
	case nil:
		return success
	case ErrCircuitOpen:
		return shortCircuit
	case ErrMaxConcurrency:
		return rejected
	case ErrTimeout:
		return timeout
	case context.Canceled:
		return contextCanceled
	case context.DeadlineExceeded:
		return contextDeadlineExceeded
	}
	return failure
}
