package hystrix

import (
	"context"
	"time"
)

// runContext is what run gets: the context that quill made for the work, with the deadline
// and the error of the caller's own context, which the invocation hides from quill.
type runContext struct {
	context.Context //nolint:containedctx // it is one

	caller context.Context //nolint:containedctx // the caller's
}

// forRun returns the context for run. It never is the invocation itself, which means a
// command to the hook of its circuit.
func (in *invocation) forRun(ctx context.Context) context.Context {
	_, timed := in.Context.Deadline()
	if _, bare := ctx.(*invocation); !timed && !bare {
		return ctx
	}
	return &runContext{ctx, in.Context}
}

// Deadline returns the earlier of the command's and the caller's deadline.
func (r *runContext) Deadline() (time.Time, bool) {
	at, ok := r.Context.Deadline()
	if theirs, timed := r.caller.Deadline(); timed && (!ok || theirs.Before(at)) {
		return theirs, true
	}
	return at, ok
}

// Err returns context.DeadlineExceeded where the caller's deadline passed, although quill
// was told of a cancel.
func (r *runContext) Err() error {
	err := r.Context.Err()
	if err == context.Canceled {
		if theirs := r.caller.Err(); theirs != nil {
			return theirs
		}
	}
	return err
}
