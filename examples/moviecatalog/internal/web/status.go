package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
)

// Marks for [Said], beside those of package api.
var (
	ErrGateway = errors.New("bad gateway") // another service answered wrongly
	ErrBusy    = errors.New("busy")        // another service wants to be left alone for now
)

// BusyError is an [ErrBusy] with the other service's own word on when to come back.
type BusyError struct {
	Cause      error
	RetryAfter time.Duration // 0 = it has said nothing
}

func (e *BusyError) Error() string   { return e.Cause.Error() }
func (e *BusyError) Unwrap() []error { return []error{ErrBusy, e.Cause} }

// Said gives err words that are fit for the asker. [errors.Is] sees err as before.
func Said(err error, words string) error { return said{err, words} }

type said struct {
	err   error
	words string
}

func (s said) Error() string { return s.words }
func (s said) Unwrap() error { return s.err }

// causeOf is what the log is told of err: all that lies under the words for the asker.
func causeOf(err error) string {
	if s, ok := errors.AsType[said](err); ok {
		err = s.err
	}
	return strings.ReplaceAll(err.Error(), "\n", ": ") // as errors.Join puts them
}

// Fault is an error as the asker gets to see it.
type Fault struct {
	Status     int
	Message    string
	RetryAfter time.Duration // when it may be worth asking again; 0 = not known
}

// Judge finds the status for err:
//
//	400  the id cannot be one
//	404  there is no such user or movie
//	502  another service answered wrongly or cannot be reached
//	503  a guard refused the call at once: the circuit is open, or its places are taken
//	504  another service did not answer in time
func Judge(err error) Fault {
	if _, ok := errors.AsType[said](err); ok || errors.Is(err, api.ErrNotFound) || errors.Is(err, api.ErrBadID) {
		return judgeWords(err)
	}
	if e, ok := errors.AsType[*quill.Error](err); ok {
		return judgeGuard(e)
	}
	if isTimeout(err) {
		return Fault{Status: http.StatusGatewayTimeout, Message: "another service did not answer in time"}
	}
	return Fault{Status: http.StatusBadGateway, Message: "another service answered wrongly or cannot be reached"}
}

// isTimeout also finds the timeouts of connections and of http.Client.
func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// judgeWords judges an error that is fit for the asker as it is.
func judgeWords(err error) Fault {
	words := err.Error()
	if s, ok := errors.AsType[said](err); ok {
		words = s.words
	}
	switch {
	case errors.Is(err, api.ErrBadID):
		return Fault{Status: http.StatusBadRequest, Message: words}
	case errors.Is(err, api.ErrNotFound):
		return Fault{Status: http.StatusNotFound, Message: words}
	case errors.Is(err, ErrBusy):
		wait := time.Second
		if e, ok := errors.AsType[*BusyError](err); ok && e.RetryAfter > 0 {
			wait = e.RetryAfter
		}
		return Fault{http.StatusServiceUnavailable, words, wait}
	default:
		return Fault{Status: http.StatusBadGateway, Message: words}
	}
}

// judgeGuard judges what quill made of a call. The asker is told which dependency it was
// (the name of the command) but not what it said.
func judgeGuard(e *quill.Error) Fault {
	switch {
	case e.Outcome == quill.ShortCircuited:
		return Fault{http.StatusServiceUnavailable, e.Command + " is out of order: its circuit is open", max(e.RetryAfter, time.Second)}
	case e.Outcome == quill.Rejected:
		return Fault{http.StatusServiceUnavailable, e.Command + " is busy: all its places are taken", time.Second}
	case e.Outcome == quill.Timeout, isTimeout(e.Cause):
		return Fault{Status: http.StatusGatewayTimeout, Message: e.Command + " did not answer in time"}
	default:
		return Fault{Status: http.StatusBadGateway, Message: e.Command + " answered wrongly or cannot be reached"}
	}
}
