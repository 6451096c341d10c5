package quill

import (
	"context"
	"sync/atomic"
	"time"
)

// deadlineContext is run's context: the caller's, with the command's own deadline. Most
// work never waits on its context, or does so only after it has become slow, and the timer
// and the cancellation of [context.WithDeadlineCause] cost three times the rest of a call.
// So they are made when somebody first asks for what only they can give: Done, a
// cancellable child, the cause. From then on every answer is that context's own.
type deadlineContext struct {
	context.Context //nolint:containedctx // the caller's: this is a context itself

	born     *time.Time    // the circuit's
	deadline time.Duration // since born

	// ended and made cross without a lock: who ends the call sets ended, then looks for
	// made; who makes the real context sets made, then looks for ended. One of the two
	// sees the other's, and cancels.
	ended atomic.Bool
	made  atomic.Pointer[realContext]
}

// realContext is what a deadlineContext stands for.
type realContext struct {
	context.Context //nolint:containedctx // it is one

	cancel context.CancelFunc
}

// Deadline returns the command's deadline.
func (d *deadlineContext) Deadline() (time.Time, bool) { return d.born.Add(d.deadline), true }

// Done makes the real context.
func (d *deadlineContext) Done() <-chan struct{} { return d.real().Done() }

// Err is nil until the caller's context ended, the deadline passed, or the call is over.
func (d *deadlineContext) Err() error {
	if d.made.Load() == nil && !d.ended.Load() && d.Context.Err() == nil && d.early() {
		return nil
	}
	return d.real().Err()
}

// Value asks the caller's context, except for keys of the type by which package context
// finds what it cancels ([context.Cause], [context.WithCancel] and the like).
func (d *deadlineContext) Value(key any) any {
	if _, ok := key.(*int); ok {
		return d.real().Value(key)
	}
	return d.Context.Value(key)
}

func (d *deadlineContext) real() context.Context {
	if r := d.made.Load(); r != nil {
		return r
	}
	at, _ := d.Deadline()
	ctx, cancel := context.WithDeadlineCause(d.Context, at, ErrTimeout)
	r := &realContext{ctx, cancel}
	if !d.made.CompareAndSwap(nil, r) {
		cancel() // another made one meanwhile: nobody has seen this one
		return d.made.Load()
	}
	if d.ended.Load() && d.early() {
		cancel()
	}
	return r
}

// end cancels the context: the call is over. A real context whose deadline has passed is
// left to its timer, which gives the cause.
func (d *deadlineContext) end() {
	d.ended.Store(true)
	if r := d.made.Load(); r != nil {
		d.cancel(r)
	}
}

func (d *deadlineContext) cancel(r *realContext) {
	if d.early() {
		r.cancel()
	}
}

// early reports whether the deadline is still to come.
func (d *deadlineContext) early() bool { return time.Since(*d.born) < d.deadline }

// within returns ctx with a deadline that far off, unless its own is earlier, and what ends
// it.
func (c *Circuit) within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == NoTimeout {
		return ctx, func() {}
	}
	if at, ok := ctx.Deadline(); ok && time.Until(at) <= timeout {
		return ctx, func() {}
	}
	d := &deadlineContext{Context: ctx, born: &c.born, deadline: c.now() + timeout}
	return d, d.end
}
