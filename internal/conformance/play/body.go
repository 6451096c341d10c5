package play

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// The errors of bodies. code is the word of the recordings for each.
type (
	userError        struct{ message string }
	badRequestError  struct{ message string }
	notWrappedError  struct{}
	unsupportedError struct{}
	javaError        struct{ class string } // panicked with: Go's nearest to a java.lang.Error
)

func (e *userError) Error() string        { return e.message }
func (e *badRequestError) Error() string  { return e.message }
func (e *notWrappedError) Error() string  { return "plain" }
func (e *unsupportedError) Error() string { return "unsupported" }
func (e *javaError) Error() string        { return e.class }

var errInterrupted = errors.New("interrupted")

// code returns the word of the recordings for a cause.
func (w *world) code(c *command, err error) string {
	if err == nil {
		return ""
	}
	w.mu.Lock()
	failure, nested := w.inner[err]
	w.mu.Unlock()
	if nested {
		return "command:" + failure
	}
	if bad, ok := errors.AsType[*badRequestError](err); ok {
		return "badRequest:" + bad.message // inside its mark
	}
	switch e := err.(type) { //nolint:errorlint // the error itself is meant, not what it wraps
	case *quill.Error:
		return w.code(c, e.Cause)
	case *userError:
		return "user:" + e.message
	case *notWrappedError:
		return "notWrapped:plain"
	case *unsupportedError:
		return "unsupported"
	case *javaError:
		return "javaError:" + e.class
	case *quill.PanicError:
		return w.code(c, e.Unwrap())
	}
	return c.sentinelCode(err)
}

// sentinelCode is code for the errors that are always the same.
func (c *command) sentinelCode(err error) string {
	switch {
	case errors.Is(err, errInterrupted):
		return "interrupted"
	case errors.Is(err, quill.ErrTimeout):
		return "timeout"
	case errors.Is(err, quill.ErrOpen):
		return "shortCircuited"
	case errors.Is(err, quill.ErrFull):
		return rejectedCode[c.props.Semaphore]
	}
	return err.Error()
}

var rejectedCode = map[bool]string{true: "semaphoreRejected", false: "poolRejected"}

// do does what b says on behalf of a call.
func (w *world) do(ctx context.Context, c *call, b *oracle.Body) (string, error) {
	switch b.Do {
	case "value":
		return either(b.Value, "ok"), nil
	case "fail":
		return "", &userError{either(b.Message, "boom")}
	case "badRequest":
		return "", quill.Ignore(&badRequestError{either(b.Message, "bad")})
	case "sleep":
		timer := time.NewTimer(time.Duration(b.MS) * time.Millisecond)
		defer timer.Stop()
		return w.await(ctx, c, b, timer.C, nil)
	case "gate":
		return w.await(ctx, c, b, nil, w.gate(b.Gate))
	case "call":
		return w.nest(ctx, b)
	case "notWrapped":
		return "", &notWrappedError{}
	case "javaError":
		panic(&javaError{"Error"})
	case "stackOverflow":
		panic(&javaError{"StackOverflowError"})
	case "unsupported":
		return "", &unsupportedError{}
	}
	return "", fmt.Errorf("the runner knows no body that does %q", b.Do) // cannot be: the file was checked
}

func either(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// await waits for a timer or a gate and then does what comes next. The end of the context
// stands for Java's interrupt: the body ends early where Java would have interrupted it,
// and is deaf to it otherwise.
func (w *world) await(
	ctx context.Context, c *call, b *oracle.Body, timer <-chan time.Time, gate <-chan struct{},
) (string, error) {
	done := ctx.Done()
	if b.Stubborn {
		done = nil
	}
	for waiting := true; waiting; {
		select {
		case <-timer:
			waiting = false
		case <-gate:
			waiting = false
		case <-w.closing:
			return "", errInterrupted
		case <-done:
			if c.interrupts(ctx) {
				w.mu.Lock()
				c.cmd.did.Interrupted++
				c.interrupted = true
				w.mu.Unlock()
				return "", errInterrupted
			}
			done = nil
		}
	}
	if b.Then != nil {
		return w.do(ctx, c, b.Then)
	}
	return "ok", nil
}

// nest calls another command and gives its result on.
func (w *world) nest(ctx context.Context, b *oracle.Body) (string, error) {
	c := w.newCall(ctx, b.Cmd, b.Run, b.Fallback)
	c.execute()
	if c.panicked != nil {
		panic(c.panicked)
	}
	if c.err != nil && c.asError().Kind == "runtime" {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.inner[c.err] = c.failureType()
	}
	return c.answer.Value, c.err
}
