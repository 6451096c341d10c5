package quill

import "time"

// Ignore marks err as the caller's own fault (Hystrix's bad request): run returns
// Ignore(err) to say that the dependency is well and the request was wrong. The call ends
// as [Ignored]: it is not in the window, moves no breaker and runs no fallback. The caller
// gets the marked error, in which [errors.Is] finds err. A command whose run calls this one
// and returns its error ends as Ignored as well, so that a user's bad request does not open
// the circuits above. Ignore(nil) is nil.
func Ignore(err error) error {
	if err == nil {
		return nil
	}
	return &ignoredError{err}
}

type ignoredError struct{ err error }

func (e *ignoredError) Error() string { return e.err.Error() }
func (e *ignoredError) Unwrap() error { return e.err }

// RetryAfter attaches to err how long the dependency asked to be left alone (HTTP's
// Retry-After). It is a hint: if this failure opens the circuit, the sleep window lasts
// at least that long, but never longer than MaxSleepWindow (or, where that is not set,
// [MaxRetryAfter]). The caller gets the marked error, in which [errors.Is] finds err.
// RetryAfter returns nil for a nil err, and err itself for a delay of 0 or less.
func RetryAfter(err error, delay time.Duration) error {
	if err == nil || delay <= 0 {
		return err
	}
	return &retryAfterError{err, delay}
}

// MaxRetryAfter is the longest sleep window that a [RetryAfter] hint can ask of a circuit without a
// MaxSleepWindow; a longer SleepWindow stays as it is.
const MaxRetryAfter = 5 * time.Minute

type retryAfterError struct {
	err   error
	delay time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// marks are what [Ignore] and [RetryAfter] said of an error.
type marks struct {
	ignored bool
	hint    time.Duration
}

// marksOf looks for marks anywhere in err, but not inside an [*Error]: how another command
// ended says nothing about this one. An error whose own methods panic (a nil pointer, most
// often) has none. Most errors wrap nothing, and are seen at once to have none.
func marksOf(err error) marks {
	switch err.(type) { //nolint:errorlint // marksWithin unwraps
	case *ignoredError, *retryAfterError, interface{ Unwrap() error }, interface{ Unwrap() []error }:
		return marksWithin(err)
	}
	return marks{}
}

func marksWithin(err error) (m marks) {
	defer func() {
		if recover() != nil {
			m = marks{}
		}
	}()
	visit(err, func(e error) bool {
		switch e := e.(type) { //nolint:errorlint // visit unwraps
		case *ignoredError:
			m.ignored = true
		case *retryAfterError:
			if m.hint == 0 {
				m.hint = e.delay
			}
		}
		return false
	})
	return m
}

// visit calls f on err and on what it wraps, depth first, until f returns true.
func visit(err error, f func(error) bool) bool {
	for err != nil {
		if f(err) {
			return true
		}
		switch e := err.(type) { //nolint:errorlint // this is the unwrapping
		case *Error:
			return false
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				if visit(inner, f) {
					return true
				}
			}
			return false
		default:
			return false
		}
	}
	return false
}
