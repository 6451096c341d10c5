package quill

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// deadlineContext is run's context: the caller's, with the command's own deadline. Most
// work never waits on its context, or does so only after it has become slow, and the timer
// and the cancellation of [context.WithDeadlineCause] cost three times the rest of a call.
// So they are made when somebody first asks for what only they can give: Done, a
// cancellable child, the cause. From then on every answer is that context's own.
type deadlineContext struct {
	// word is the deadline, since the process began, doubled, and in the lowest bit whether
	// the call was over before it: so all of this is 32 bytes. It is an atomic (and first, for
	// machines of 32 bits) that begins as a plain number: to begin as one would cost an exchange.
	//
	// No lock is needed: end sets the bit, then reads made; real sets made, then reads the
	// bit. One of the two sees what the other wrote, and cancels.
	word int64
	made atomic.Pointer[realContext]

	context.Context //nolint:containedctx // the caller's: this is a context itself
}

const callEnded = 1

// newDeadlineContext returns a context like parent with a deadline that long after the
// process began.
func newDeadlineContext(parent context.Context, deadline time.Duration) *deadlineContext {
	return &deadlineContext{Context: parent, word: int64(deadline) << 1}
}

// deadline is when run must be over, since the process began.
func (d *deadlineContext) deadline() time.Duration {
	return time.Duration(atomic.LoadInt64(&d.word) >> 1)
}

// ended reports whether the call was over before its deadline. If not, the context ends at the
// deadline.
func (d *deadlineContext) ended() bool { return atomic.LoadInt64(&d.word)&callEnded != 0 }

// realContext is what a deadlineContext stands for.
type realContext struct {
	context.Context //nolint:containedctx // it is one

	cancel context.CancelFunc
}

// Deadline returns the command's deadline, each time the same unless the wall clock was set meanwhile.
func (d *deadlineContext) Deadline() (time.Time, bool) { return startByWall().Add(d.deadline()), true }

// String is what fmt prints. (By itself it would read fields that others write.)
func (d *deadlineContext) String() string {
	name := fmt.Sprintf("%T", d.Context)
	if s, ok := d.Context.(fmt.Stringer); ok {
		name = s.String()
	}
	at, _ := d.Deadline()
	return fmt.Sprintf("%s.WithDeadline(%s [%s])", name, at, time.Until(at))
}

// lastStart is processStart with what the wall clock, when it was read last, says of that time.
var lastStart atomic.Pointer[time.Time]

// startByWall is processStart by the wall clock as it is now: that may have been set since, or the
// machine have slept. What is less than a step is not looked at, so that two deadlines can be compared.
func startByWall() time.Time {
	before := time.Since(processStart)
	asRead := time.Now()
	if before < 0 {
		return processStart // in a bubble of testing/synctest
	}
	known := &processStart
	if last := lastStart.Load(); last != nil {
		known = last
	}
	start, stepped := startAsRead(*known, before, asRead)
	if stepped {
		adopted := start
		lastStart.Store(&adopted)
	}
	return start
}

// startAsRead is processStart by asRead, which came so long after it or later, if that is a step or
// more apart from what is known. A process that was stopped between its reads of the two clocks knows
// nothing new.
func startAsRead(known time.Time, before time.Duration, asRead time.Time) (start time.Time, stepped bool) {
	const step, undisturbed = 10 * time.Millisecond, time.Millisecond

	since := asRead.Sub(processStart)
	if since-before > undisturbed {
		return known, false
	}
	start = asRead.Add(-since)
	if apart := start.Round(0).Sub(known.Round(0)); apart.Abs() < step {
		return known, false
	}
	return start, true
}

// Done makes the real context.
func (d *deadlineContext) Done() <-chan struct{} { return d.real().Done() }

// Err is nil until the caller's context ended, the deadline passed, or the call is over.
func (d *deadlineContext) Err() error {
	if d.made.Load() == nil && !d.ended() && d.Context.Err() == nil && d.early() {
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
	r := new(realContext)
	if d.ended() { // canceled, also when this is asked after the deadline
		r.Context, r.cancel = context.WithCancel(d.Context)
	} else {
		at, _ := d.Deadline()
		r.Context, r.cancel = context.WithDeadlineCause(d.Context, at, ErrTimeout)
	}
	if !d.made.CompareAndSwap(nil, r) {
		r.cancel() // another goroutine was first: nobody has seen this one
		return d.made.Load()
	}
	if d.ended() {
		r.cancel()
	}
	return r
}

// end cancels the context: the call is over, before its deadline. It is not called for a call
// that is late: its context has ended by the deadline, and a real one is left to its timer, which
// sets the cause.
func (d *deadlineContext) end() {
	atomic.OrInt64(&d.word, callEnded)
	if d.made.Load() != nil {
		d.cancelReal()
	}
}

//go:noinline // so that end is small enough to be inlined
func (d *deadlineContext) cancelReal() { d.made.Load().cancel() }

// early reports whether the deadline is still to come.
func (d *deadlineContext) early() bool { return time.Since(processStart) < d.deadline() }

// within returns ctx with a deadline that far off, unless its own is earlier, and what ends
// it.
func (c *Circuit) within(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == NoTimeout {
		return ctx, func() {}
	}
	if at, ok := ctx.Deadline(); ok && time.Until(at) <= timeout {
		return ctx, func() {}
	}
	d := newDeadlineContext(ctx, time.Since(processStart)+timeout)
	return d, func() {
		if d.early() {
			d.end()
		}
	}
}
