package quill

import (
	"context"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// asyncCall is a call of [Command.Go] that runs on a worker. As long as all goes well it needs
// no goroutine but the worker's: the goroutine that calls Go acquires the slot, and the worker
// settles a success. Whatever may block or is the user's code (waiting in the queue, a
// fallback, a classifier) continues on a goroutine of its own.
//
// It belongs to a pooledCall and is kept with it. Work, deadline and cancel race for the end
// of the call as they do for [Command.Do]: see task. The winner calls completed.
type asyncCall[Req, Resp any] struct {
	command *Command[Req, Resp]
	call    *pooledCall[Req, Resp]
	future  *Future[Resp]

	exec         execution
	over         bool        // the work is over, and call no longer the worker's
	stop         func() bool // ends the wait for the caller's context; nil if that cannot end
	cancelMayRun bool        // that context has ended, and giveUp may still look at the call
}

// goOnWorker starts the call whose answer is f without a goroutine beside the worker's. It
// reports false if the call needs one from the start: hooks and stores may block, and in a
// bubble of testing/synctest no worker is shared.
func (c *Command[Req, Resp]) goOnWorker(ctx context.Context, req Req, f *Future[Resp]) bool {
	cfg := c.circuit.current()
	if c.spares == nil || c.stores != nil || cfg.tellsCalls || c.circuit.cold {
		return false
	}
	now := c.circuit.now()
	if now < 0 {
		return false
	}
	mayEnd := ctx.Done() != nil // the user's code: before anything is held
	p := c.spare(true)
	if p.async == nil {
		p.async = &asyncCall[Req, Resp]{call: p}
	}
	a := p.async
	a.command, a.future, p.req = c, f, req
	a.exec.init(ctx, c.circuit, cfg)
	begun, background := false, &c.circuit.meters.background
	background.Add(1)
	defer func() {
		if !begun { // ctx panicked
			background.Add(-1)
		}
	}()
	switch {
	case a.exec.admit(now, false):
		a.startWork(ctx, mayEnd, &begun)
	case a.exec.settled:
		a.over, begun = true, true
		a.continueAsync(func() (resp Resp) { return resp })
	default: // no slot was free
		a.over, begun = true, true
		a.continueAsync(func() Resp { return c.awaitAndRun(req, &a.exec) })
	}
	return true
}

// startWork hands the work to a worker. That of a Semaphore ends when run returns and not
// before, as it does where the caller's own goroutine runs it: there is nobody who leaves. Once
// begun is set, the future will be resolved.
func (a *asyncCall[Req, Resp]) startWork(ctx context.Context, mayEnd bool, begun *bool) {
	t, e := &a.call.task, &a.exec
	t.completer = a
	t.ctx = e.runContext()
	if !e.cfg.pooled {
		e.handedOn, *begun = true, true
		t.begin(noDeadline)
		e.circuit.bulkhead.start(t)
		return
	}
	defer func() { // also if the caller's context panics
		if e.handedOn {
			e.circuit.bulkhead.start(t)
		} else {
			e.conclude()
		}
	}()
	if mayEnd {
		a.stop = context.AfterFunc(ctx, a.giveUp)
	}
	e.handedOn, *begun = true, true
	t.begin(e.ownDeadline())
	if ctx.Err() != nil { // perhaps before there was something to give up
		a.giveUp()
	}
}

// giveUp abandons the work because the caller's context has ended. If it comes too late, the
// task is not yet in use for another call: see recycle.
func (a *asyncCall[Req, Resp]) giveUp() {
	t := &a.call.task
	explore.Read("status", t)
	if t.abandon(t.status.Load(), abandoned) {
		t.timer.Stop()
		a.completed(abandoned)
	}
}

// completed is called once, when the work has ended or nobody waits for it any more, by
// whoever brought that about: worker, timer or canceller. It must not block them.
func (a *asyncCall[Req, Resp]) completed(how int64) {
	t, e := &a.call.task, &a.exec
	// (What a shadow takes for a timeout it asks the user's redaction about.)
	if how == finished && t.err == nil && t.panicked == nil && !t.goexit && e.shadow == nil {
		if now := e.circuit.now(); !e.late(now) {
			e.settle(Success, nil, now)
			e.conclude()
			future, circuit := a.future, e.circuit
			future.answer.Value = a.call.resp
			a.endContext()
			a.recycle()
			future.resolve()
			circuit.callDone()
			return
		}
	}
	a.continueAsync(func() (resp Resp) {
		if how != finished {
			takeLabels(a.exec.caller) // this goroutine was begun by a timer, or by whoever cancelled
		}
		defer a.endContext()
		if a.over = e.finishPooled(t, how); a.over {
			resp = a.call.resp
		}
		return resp
	})
}

// continueAsync finishes the call on a goroutine of its own. attempt does what is left to do
// until the call is settled.
func (a *asyncCall[Req, Resp]) continueAsync(attempt func() Resp) {
	future, circuit := a.future, a.exec.circuit
	run := func() {
		defer circuit.callDone()
		defer future.tellPanic(circuit)
		future.run(a.command.Name(), func() (Answer[Resp], error) {
			c, e := a.command, &a.exec
			defer e.conclude()
			resp := attempt()
			if e.outcome == Success {
				return Answer[Resp]{Value: resp, Cause: e.err}, e.err
			}
			return c.fallbackOrError(a.call.req, e)
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

// callDone counts a call by Go out: its future is resolved, and its hooks were told.
func (c *Circuit) callDone() {
	explore.Write("background")
	c.meters.background.Add(-1)
}

// endContext ends run's context, and stops watching the caller's.
func (a *asyncCall[Req, Resp]) endContext() {
	a.exec.endContext()
	a.cancelMayRun = a.stop != nil && !a.stopWatching()
}

// stopWatching reports whether giveUp will not be called any more. It asks the caller's context,
// which is the user's code: if that panics, nobody knows.
func (a *asyncCall[Req, Resp]) stopWatching() (stopped bool) {
	defer func() {
		if recover() != nil {
			stopped = false
		}
	}()
	return a.stop()
}

// recycle keeps the call for reuse, unless giveUp may still be running on it.
func (a *asyncCall[Req, Resp]) recycle() {
	if a.cancelMayRun {
		return
	}
	p, c := a.call, a.command
	*a = asyncCall[Req, Resp]{call: p}
	p.completer = nil
	p.recycle(c.spares)
}
