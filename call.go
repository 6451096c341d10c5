package quill

import (
	"context"
	"sync"
)

// Call is a call that outlives a function: an HTTP response whose body is still read, a
// stream, a transaction. [Circuit.Begin] starts it, End settles it. It holds its slot
// until End, so End must be called; a probe that never ends loses its place after
// ProbeLease. Its methods are safe for concurrent use. The zero value is not usable.
type Call struct {
	circuit *Circuit
	ctx     context.Context //nolint:containedctx // handed to the user by Context
	cancel  context.CancelFunc

	once    sync.Once
	exec    execution
	outcome Outcome
	err     error
}

// Begin admits a call: breaker, then bulkhead, as [Command.Do] does. The deadline counts from
// here, the wait in the bulkhead's queue included; only that wait blocks. If it returns an error, an
// [*Error] that matches [ErrOpen], [ErrFull], [ErrTimeout] or the end of ctx, the call is
// settled and there is nothing to end.
func (c *Circuit) Begin(ctx context.Context) (*Call, error) {
	_ = ctx.Done() // a context that panics does so while nothing is held
	k := &Call{circuit: c}
	k.exec.init(ctx, c, c.current())
	begun := false
	defer func() {
		if !begun { // it was refused, or ctx panicked
			k.exec.conclude()
		}
	}()
	if !k.exec.admit(c.now(), true) {
		return nil, k.exec.failure(nil)
	}
	k.ctx, k.cancel = k.exec.runContext(), k.exec.endContext
	if k.exec.ctx == nil {
		k.ctx, k.cancel = context.WithCancel(k.ctx)
	}
	begun = true
	return k, nil
}

// Context returns the context for the work: the caller's, with the circuit's Timeout. It
// is cancelled with the cause [ErrTimeout] at the deadline, and by End.
func (k *Call) Context() context.Context { return k.ctx }

// End settles the call with the work's error: nil is a success, marks by [Ignore] and
// [RetryAfter] are understood, and the classifier is asked. It gives the slot back and
// returns how the call ended and the error that [Command.Do] would have returned. Only the
// first End counts; the others return what it did.
func (k *Call) End(err error) (Outcome, error) {
	first := false
	defer func() {
		if first {
			k.exec.conclude() // outside of the once: a hook may call End
		}
	}()
	k.once.Do(func() {
		first = true
		k.end(err)
	})
	return k.outcome, k.err
}

func (k *Call) end(err error) {
	e, c := &k.exec, k.circuit
	e.handedOn = true // to what follows
	defer func() {
		c.giveBack(e.seat)
		k.cancel()
		k.outcome, k.err = e.outcome, e.failure(nil)
	}()
	defer func() {
		if !e.settled { // ctx, or a method of err, panicked
			e.unwind()
		}
	}()
	e.settleResult(k.ctx, err, c.now())
}
