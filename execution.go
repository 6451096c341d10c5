package quill

import (
	"context"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// execution is one call on its way through the circuit: admitted, run, settled.
type execution struct {
	circuit *Circuit
	cfg     *config
	caller  context.Context //nolint:containedctx // lives as long as the call

	admission admission
	deadline  time.Duration // if timed

	began time.Duration // when the call came
	ran   time.Duration // when it had its slot
	ended time.Duration // when it was settled

	err    error            // nil after Success, unless the classifier said so
	shadow *shadowCall      // nil: there is no candidate beside the settings in force
	ctx    *deadlineContext // run's context, unless that is the caller's

	answered *stepMeter    // of the fallback step that answered; nil: none did
	failed   []StepError   // the fallback steps that did not
	age      time.Duration // of the fallback's answer

	// What is small is together: each call begins by clearing all of this.
	seat      uint32 // NoSeat: nothing was spread when the call came
	outcome   Outcome
	timed     bool
	own       bool // the deadline is the command's own, not that of the caller's context
	started   bool // the call has its slot: run is called, or was
	settled   bool
	stale     bool // the result came too late to count as evidence
	unjudged  bool // settled, but what is the user's in taking note of it has not returned
	concluded bool // nothing is left for conclude to do
	running   bool // run was called on the caller's goroutine and has not returned
	handedOn  bool // the slot is another's to give back: a worker's or End's; or there is none
	asked     bool // a fallback step or a store was called: see beginFallback
}

// init makes e the execution of a call of c, by these settings.
func (e *execution) init(ctx context.Context, c *Circuit, cfg *config) {
	e.circuit, e.caller, e.cfg = c, ctx, cfg
}

// admit works out the deadline of a call that came at now, and asks the breaker and then the
// bulkhead. If it reports false the call is settled; or, unless it may wait, no slot was free:
// awaitSlot goes on from there.
//
// Nearly every call passes through admit and finish, so what it needs is written out in them:
// each further function that is called on that way costs a hundredth of the whole call.
func (e *execution) admit(now time.Duration, mayWait bool) bool {
	c := e.circuit
	e.began, e.ran = now, now
	if timeout := e.cfg.timeout; timeout != NoTimeout {
		e.deadline, e.timed, e.own = now+timeout, true, true
	}
	if d, ok := e.caller.(*deadlineContext); ok {
		e.applyCallerDeadline(d.deadline() - c.born) // a nested call
	} else if at, ok := e.caller.Deadline(); ok {
		e.applyCallerDeadline(c.timeOf(at))
	}
	left := e.caller.Err() != nil
	e.seat = c.counters.Seat() // where slots are lent, and times spread, counters are too, mostly
	if epoch, ok := c.passing(); ok && !left {
		e.admission.token.epoch = epoch
	} else if !e.passBreaker(left) {
		return false
	}
	if !c.bulkhead.slots.takeAtOnce() && !c.bulkhead.slots.take(false, e.seat) {
		return mayWait && e.awaitSlot()
	}
	e.started = true
	if c.shared || e.cfg.shadow != nil {
		e.countSlot()
		e.enterShadow()
	}
	return true
}

// passBreaker asks the breaker, unless the caller has left already. If it reports false the call
// is settled.
func (e *execution) passBreaker(left bool) bool {
	c := e.circuit
	if left {
		e.admission.state = c.State()
		e.settle(Canceled, callerCause(e.caller), e.began)
		return false
	}
	if e.admission = c.admit(e.began, e.cfg); !e.admission.ok {
		e.settle(ShortCircuited, ErrOpen, e.began)
	}
	return e.admission.ok
}

// applyCallerDeadline makes the deadline of the caller's context the one of the call if it is
// not later than the command's own. It wins a tie: a fallback would come too late anyway.
func (e *execution) applyCallerDeadline(callers time.Duration) {
	if !e.timed || callers <= e.deadline {
		e.deadline, e.timed, e.own = callers, true, false
	}
}

// awaitSlot is for a call that found no slot free: it waits in the queue, or is rejected. If it
// reports false the call is settled.
func (e *execution) awaitSlot() bool {
	gaveUp := e.caller.Done() // the user's code: before there is a place in the queue
	w, ok := e.circuit.bulkhead.acquire(e.seat)
	if !ok {
		e.settle(Rejected, ErrFull, e.began)
		return false
	}
	if w == nil {
		e.countSlot()
	} else if !e.waitForSlot(w, gaveUp) {
		return false
	}
	e.started = true
	e.enterShadow()
	return true
}

// countSlot counts a call that has its slot, where others than the bulkhead want to know.
func (e *execution) countSlot() {
	if e.circuit.shared {
		e.circuit.meters.inFlight.Add(1)
	}
}

// enterShadow lets a call that has its slot into the shadow, if there is one.
func (e *execution) enterShadow() {
	if e.cfg.shadow != nil {
		e.shadow = e.cfg.shadow.enter(e.ran)
	}
}

// waitForSlot waits in the queue. A call whose deadline passes meanwhile never runs.
func (e *execution) waitForSlot(w *waiter, gaveUp <-chan struct{}) bool {
	c := e.circuit
	c.meters.queued.Add(1)
	var wait time.Duration
	if e.own {
		wait = max(1, e.deadline-e.began)
	}
	granted := c.bulkhead.await(gaveUp, w, wait)
	if granted {
		e.countSlot() // first: at each moment the call is queued or in flight
	}
	c.meters.queued.Add(-1)
	e.ran = c.now()
	kept := false
	defer func() { // also if the caller's context panics
		if granted && !kept {
			c.giveBack(e.seat)
		}
	}()
	ended := e.caller.Err()
	if kept = granted && !e.late(e.ran) && ended == nil; !kept {
		e.settleInterrupted(ended, e.ran)
	}
	return kept
}

func (e *execution) late(now time.Duration) bool { return e.timed && now >= e.deadline }

// runContext is the caller's context with the command's own deadline, if that is the
// earlier one.
func (e *execution) runContext() context.Context {
	if !e.own {
		return e.caller
	}
	e.ctx = newDeadlineContext(e.caller, e.circuit.born+e.deadline)
	return e.ctx
}

// endContext ends the context that runContext made, once the call is settled. To call it again
// changes nothing.
func (e *execution) endContext() {
	if e.ctx != nil && !e.late(e.ended) {
		e.ctx.end()
	}
	e.ctx = nil
}

// finish settles a call whose run, on the caller's goroutine, returned err, and releases what
// the call held. It reports whether the call was a plain success. (As to its form see admit.)
func (e *execution) finish(ctx context.Context, err error) (plain bool) {
	c := e.circuit
	now := c.now()
	late := e.late(now)
	var word uint64
	if err == nil && !late && e.isPlain(now) {
		word, plain = c.lets(e.admission.token)
	}
	if plain { // countSuccess, in place
		explore.Put("counters")
		if n := c.counters.AddInPlace(int(Success)); n%window.LookEvery == 0 {
			c.countSlowly(int(Success), n, e.seat)
		}
		c.lookAgain(word, now, e.admission.token)
		e.ended, e.settled = now, true
	} else {
		e.settleResult(ctx, err, now)
	}
	if c.shared {
		c.meters.inFlight.Add(-1)
	}
	if s := &c.bulkhead.slots; (!s.lends() || !s.giveLent(e.seat)) && s.giveToWord() {
		c.bulkhead.admitWaiters()
	}
	e.running = false
	if e.ctx != nil && !late {
		e.ctx.end()
		e.ctx = nil
	}
	return plain
}

// unwind is finish for a run that did not return. Its panic or Goexit goes on untouched; the
// call counts as a failure. If it was the classifier that panicked, the call is settled
// already. It is also for a Pool's call whose caller's context panicked.
func (e *execution) unwind() {
	c := e.circuit
	if !e.handedOn {
		c.giveBack(e.seat)
	}
	if !e.settled {
		c.meters.panics.Add(1)
		e.settle(Failure, ErrUnwound, c.now())
	}
	e.endContext()
}

// beginPooled readies t for a worker: from now on the call's deadline runs. It returns what is
// closed when the caller gives up.
func (e *execution) beginPooled(t *task) (gaveUp <-chan struct{}) {
	gaveUp = e.caller.Done() // the user's code: before the work is on its way
	t.ctx = e.runContext()
	e.handedOn = true
	t.begin(e.ownDeadline())
	return gaveUp
}

// ownDeadline is when a timer must end the call: the caller's own deadline comes with its
// context, and with its cause.
func (e *execution) ownDeadline() int64 {
	if e.own {
		return int64(e.deadline)
	}
	return noDeadline
}

// endPooled gives back what a call held whose work is over, settles the call by how the wait for
// its work ended, and ends its context. It reports whether the work is over: if it is not, the
// worker still uses t and all that t refers to. (If it panics, conclude ends the context.)
func (e *execution) endPooled(t *task, how int64) (over bool) {
	if how == finished {
		t.giveBack()
	}
	over = e.finishPooled(t, how)
	e.endContext()
	return over
}

// finishPooled is endPooled without what a call of Go has done by then, or does later.
func (e *execution) finishPooled(t *task, how int64) (over bool) {
	c := e.circuit
	if how != finished {
		e.settleInterrupted(e.callerErr(how), c.now())
		return false
	}
	if !t.kept {
		t.timer.Stop()
	}
	now := c.now()
	switch {
	case t.panicked != nil:
		c.meters.panics.Add(1)
		e.settle(Failure, t.panicked, now)
		panic(t.panicked)
	case t.goexit:
		c.meters.panics.Add(1)
		e.settle(Failure, ErrGoexit, now)
	default:
		e.settleResult(t.ctx, t.err, now)
	}
	return true
}

// callerErr is the Err of the caller's context if that is what ended the wait, or nil: a
// cancel that comes after the deadline changes nothing.
func (e *execution) callerErr(how int64) error {
	err := e.caller.Err()
	if how == expired && err != context.DeadlineExceeded {
		return nil
	}
	return err
}

// warm reports whether what the call uses (task, worker) may be kept for another call. Not in a
// bubble of testing/synctest, since nothing may leave a bubble. (A circuit made outside reads
// negative times in one.)
func (e *execution) warm() bool { return !e.circuit.cold && e.began >= 0 }
