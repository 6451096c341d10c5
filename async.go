package quill

import (
	"context"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// asyncCall is a call of [Command.Go] through a pool. It needs no goroutine beside the
// worker's as long as all goes well: who calls Go takes it as far as a slot, and the worker
// settles a success. Whatever may wait or is the user's (a place in the queue, a fallback, a
// classifier) gets a goroutine of its own, which goes on from there.
//
// It belongs to a pooledCall and is kept with it. Work, deadline and cancel race for the end
// of the call as they do for [Command.Do]: see task. The winner calls landed.
type asyncCall[Req, Resp any] struct {
	command *Command[Req, Resp]
	call    *pooledCall[Req, Resp]
	future  *Future[Resp]

	flight flight
	over   bool        // the work is over, and call no longer the worker's
	stop   func() bool // ends the wait for the caller's context; nil if that cannot end
	eyed   bool        // that context has ended, and giveUp may still look at the call
}

// goByWorker begins the call that f is the answer of, or reports that it must have a
// goroutine from the beginning: hooks and stores are called in each one, and a bubble of
// testing/synctest lends nothing.
func (c *Command[Req, Resp]) goByWorker(ctx context.Context, req Req, f *Future[Resp]) bool {
	if c.spares == nil || c.stores != nil || c.circuit.hooks != nil || c.circuit.cold {
		return false
	}
	now := c.circuit.now()
	if now < 0 || !c.circuit.config.Load().pooled {
		return false
	}
	p := c.spare(true)
	if p.async == nil {
		p.async = &asyncCall[Req, Resp]{call: p}
	}
	a := p.async
	a.command, a.future, p.req = c, f, req
	switch {
	case !a.flight.enter(ctx, c.circuit, now):
		a.over = true
		a.goOn(func() (resp Resp) { return resp })
	case !a.flight.cfg.pooled || !c.circuit.bulkhead.slots.take(false):
		a.over = true
		a.goOn(func() Resp { return c.attemptAdmitted(ctx, req, &a.flight) })
	default:
		a.flight.hasSlot()
		a.launch(ctx)
	}
	return true
}

// launch hands the work to a worker.
func (a *asyncCall[Req, Resp]) launch(ctx context.Context) {
	t, f := &a.call.task, &a.flight
	t.lander = a
	t.ctx = f.runContext()
	if ctx.Done() != nil {
		a.stop = context.AfterFunc(ctx, a.giveUp)
	}
	t.begin(f.ownDeadline())
	if ctx.Err() != nil { // perhaps before there was something to give up
		a.giveUp()
	}
	f.circuit.bulkhead.start(t)
}

// giveUp ends the call because its context has ended. If it comes late, the task is not yet
// in use for another call: see finish.
func (a *asyncCall[Req, Resp]) giveUp() {
	t := &a.call.task
	explore.Read("status", t)
	if t.leave(t.status.Load(), abandoned) {
		t.timer.Stop()
		a.landed(abandoned)
	}
}

// landed takes the end of the work, or of the wait for it. It is called once, by whoever
// brought that about, and must not hold him up.
func (a *asyncCall[Req, Resp]) landed(how int64) {
	t, f := &a.call.task, &a.flight
	if how == finished && t.err == nil && t.panicked == nil && !t.goexit {
		if now := f.circuit.now(); !f.late(now) {
			f.settle(Success, nil, now)
			f.conclude()
			future := a.future
			future.answer.Value = a.call.resp
			a.endContext()
			a.recycle()
			future.resolve()
			return
		}
	}
	a.goOn(func() (resp Resp) {
		defer a.endContext()
		if a.over = f.landPooled(t, how); a.over {
			resp = a.call.resp
		}
		return resp
	})
}

// goOn goes on with the call on a goroutine of its own: attempt is what is left until it is
// settled.
func (a *asyncCall[Req, Resp]) goOn(attempt func() Resp) {
	run := func() {
		a.future.run(a.command.Name(), func() (Answer[Resp], error) {
			c, f := a.command, &a.flight
			defer f.conclude()
			resp := attempt()
			if f.outcome == Success {
				return Answer[Resp]{Value: resp, Cause: f.err}, f.err
			}
			return c.otherwise(f.caller, a.call.req, f)
		})
		if a.over {
			a.recycle()
		}
	}
	if explore.On {
		explore.Go(run)
	} else {
		go run()
	}
}

// endContext ends run's context, and the wait for the end of the caller's.
func (a *asyncCall[Req, Resp]) endContext() {
	a.flight.endContext()
	a.eyed = a.stop != nil && !a.stop()
}

// recycle keeps the call for another one.
func (a *asyncCall[Req, Resp]) recycle() {
	if a.eyed {
		return
	}
	p, c := a.call, a.command
	*a = asyncCall[Req, Resp]{call: p}
	p.lander = nil
	p.recycle(c.spares)
}
