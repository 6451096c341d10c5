package hystrix

import (
	"context"
	"time"
)

// The veil. quill takes the passing of its caller's deadline for a Timeout, and so for an error
// of the dependency; in hystrix-go it is none. So an invocation shows quill its caller's context
// without the deadline, and each end of it as a cancel. run sees its caller's context as it is.
//
// Once it is known that the command's own deadline comes first, there is nothing to hide: when
// the caller's has passed, so has the command's.

// Deadline hides the caller's deadline.
func (in *invocation) Deadline() (at time.Time, ok bool) { return time.Time{}, false }

// Err calls every end of the caller's context a cancel, unless the command's own deadline came
// first.
func (in *invocation) Err() error {
	err := in.Context.Err()
	if err != nil && !in.unveiled.Load() {
		return context.Canceled
	}
	return err
}

// Value keeps package context from finding what is behind the veil.
func (in *invocation) Value(key any) any { return in.veil(in.Context, key) }

// AfterFunc is what package context calls where Value finds nothing to cancel with.
func (in *invocation) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(in.Context, f) }

// cancelKey is the key by which package context asks a context for what its children are
// canceled with, and for its cause. A child then ends by that, whatever Err its parent has.
var cancelKey = func() any {
	spy := &keySpy{Context: context.Background()}
	_ = context.Cause(spy)
	return spy.key
}()

// keySpy is a context that has ended, and notes by which key it is asked for the cause.
type keySpy struct {
	context.Context //nolint:containedctx // it is one

	key any
}

func (s *keySpy) Err() error { return context.Canceled }

func (s *keySpy) Value(key any) any {
	s.key = key
	return nil
}

// veil is ctx.Value for a context that has another Err than ctx has. To package context it shows
// one that is like no other: so its children ask it, by AfterFunc and Err, and when it has ended
// they find the cause.
func (in *invocation) veil(ctx context.Context, key any) any {
	if key != cancelKey || in.unveiled.Load() {
		return ctx.Value(key)
	}
	if _, timed := in.Context.Deadline(); !timed {
		return ctx.Value(key)
	}
	if ctx.Err() == nil {
		return nil
	}
	cause := context.Cause(in.Context)
	if cause == nil {
		cause = context.Cause(ctx) // the call is over
	}
	ended, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	return ended.Value(key)
}

// runContext is what run gets: the context that quill made for the work, with the deadline
// and the error of the caller's own context, which the invocation hides from quill.
type runContext struct {
	context.Context //nolint:containedctx // it is one

	in *invocation
}

// forRun returns the context for run. It never is the invocation itself, which means a
// command to the hook of its circuit.
func (in *invocation) forRun(ctx context.Context) context.Context {
	theirs, timed := in.Context.Deadline()
	if timed {
		own, ok := ctx.Deadline()
		in.unveiled.Store(ok && own.Before(theirs))
	}
	if _, bare := ctx.(*invocation); !timed && !bare {
		return ctx
	}
	return &runContext{ctx, in}
}

// Deadline returns the earlier of the command's and the caller's deadline.
func (r *runContext) Deadline() (time.Time, bool) {
	at, ok := r.Context.Deadline()
	if theirs, timed := r.in.Context.Deadline(); timed && (!ok || theirs.Before(at)) {
		return theirs, true
	}
	return at, ok
}

// Err returns context.DeadlineExceeded where the caller's deadline passed, although quill
// was told of a cancel.
func (r *runContext) Err() error {
	err := r.Context.Err()
	if err == context.Canceled {
		if theirs := r.in.Context.Err(); theirs != nil {
			return theirs
		}
	}
	return err
}

// Value lets the children of the context have its Err.
func (r *runContext) Value(key any) any { return r.in.veil(r.Context, key) }

// AfterFunc is as the invocation's.
func (r *runContext) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(r.Context, f) }
