package quill

import (
	"context"
	"sync"
	"time"
)

// deadlineContext is run's context: the caller's, with the command's own deadline. Most
// work never waits on its context, or does so only after it has become slow, and the timer
// and the cancellation of [context.WithDeadlineCause] cost three times the rest of a call.
// So they are made when somebody first asks for what only they can give: Done, a
// cancellable child, the cause. From then on every answer is that context's own.
type deadlineContext struct {
	context.Context // the caller's

	born     time.Time
	deadline time.Duration // since born

	mu     sync.Mutex
	inner  context.Context //nolint:containedctx // what this context stands for
	cancel context.CancelFunc
	ended  bool // the call is over
}

// Deadline returns the command's deadline.
func (d *deadlineContext) Deadline() (time.Time, bool) { return d.born.Add(d.deadline), true }

// Done makes the real context.
func (d *deadlineContext) Done() <-chan struct{} { return d.real().Done() }

// Err is nil until the caller's context ended, the deadline passed, or the call is over.
func (d *deadlineContext) Err() error {
	d.mu.Lock()
	inner, ended := d.inner, d.ended
	d.mu.Unlock()
	if inner == nil && !ended && d.Context.Err() == nil && time.Since(d.born) < d.deadline {
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
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		at, _ := d.Deadline()
		d.inner, d.cancel = context.WithDeadlineCause(d.Context, at, ErrTimeout)
		if d.ended {
			d.cancel()
		}
	}
	return d.inner
}

// end cancels the context: the call is over.
func (d *deadlineContext) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.cancel != nil {
		d.cancel()
	}
}
