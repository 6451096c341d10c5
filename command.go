package quill

import (
	"context"
	"sync"
)

// Command is a function bound to a circuit, with the fallbacks that answer for it. It is
// immutable and safe for concurrent use. Commands are made by [New] and [Bind]; the zero
// value is not usable.
type Command[Req, Resp any] struct {
	circuit *Circuit
	run     func(context.Context, Req) (Resp, error)
	steps   []step[Req, Resp]
	stores  []Store[Req, Resp]
	spares  *sync.Pool // of *pooledCall[Req, Resp]; nil: none are kept
}

// New returns a command of that name around run. The name is the identity: commands of
// one registry that share it share one [Circuit]. New panics, with a message that names
// command and field, if run is nil, the name is not valid ([CheckName]), settings are out of
// range, or the circuit was made with other settings or options. For names and settings that
// are known only at run time use [Registry.Circuit] and [Bind].
func New[Req, Resp any](
	name string, run func(ctx context.Context, req Req) (Resp, error), opts ...Option,
) *Command[Req, Resp] {
	if run == nil {
		panic("quill: New: run of command \"" + name + "\" is nil: it must be a function")
	}
	return Bind(NewCircuit(name, opts...), run)
}

// Bind returns a command around run on a circuit that exists. It panics if either is nil.
func Bind[Req, Resp any](
	c *Circuit, run func(ctx context.Context, req Req) (Resp, error),
) *Command[Req, Resp] {
	if c == nil {
		panic("quill: Bind: the circuit is nil")
	}
	if run == nil {
		panic("quill: Bind: run of command \"" + c.name + "\" is nil: it must be a function")
	}
	return &Command[Req, Resp]{circuit: c, run: run, spares: new(sync.Pool)}
}

// Name returns the name of the command's circuit.
func (c *Command[Req, Resp]) Name() string { return c.circuit.name }

// Circuit returns the circuit that guards the command.
func (c *Command[Req, Resp]) Circuit() *Circuit { return c.circuit }

// Do calls run through the circuit and waits for the answer: run's own, or that of the
// first fallback step that has one. With Pool isolation it returns at the deadline
// whatever run does; with Semaphore isolation when run returns.
//
// If run failed and no fallback was tried, the error is run's own, untouched. Otherwise it is
// an [*Error]. With [errors.Is] it matches what ended the call: [ErrOpen], [ErrFull],
// [ErrTimeout], [context.Canceled] if the caller cancelled, [context.DeadlineExceeded] if the
// deadline of the caller's context passed, [ErrGoexit] if run ended its goroutine in a Pool,
// or run's error; and the error of each fallback step. A panic of run reaches the caller
// (from a Pool as a [*PanicError]).
func (c *Command[Req, Resp]) Do(ctx context.Context, req Req) (Resp, error) {
	if value := c.valueWhileOpen(ctx); value != nil {
		return *value, nil
	}
	// Written here, on the stack, its pointers need no write barrier.
	e := execution{circuit: c.circuit, cfg: c.circuit.current(), caller: ctx}
	defer e.conclude()
	var resp Resp
	switch {
	case !e.admit(c.circuit.now(), true):
	case c.stores != nil:
		resp = c.runAdmitted(req, &e)
	case e.cfg.pooled:
		resp = c.runPooled(&e, req)
	default: // runOnCaller, written out: see admit
		var err error
		ctx := e.runContext()
		e.running = true
		resp, err = c.run(ctx, req)
		if e.finish(ctx, err) && !e.cfg.tellsCalls && e.ran == e.began {
			c.circuit.times.Record(e.ended-e.began, e.seat)
			e.concluded = true
			return resp, nil
		}
	}
	if e.outcome == Success {
		return resp, e.err
	}
	if value := c.defaultValue(&e); value != nil {
		return *value, nil
	}
	return c.fallbackValue(req, &e)
}

// Answer is [Command.Do] for callers who want to know where the answer comes from: which
// fallback step gave it, why, and how old it is. On an error, Outcome and Cause are set.
func (c *Command[Req, Resp]) Answer(ctx context.Context, req Req) (Answer[Resp], error) {
	e := execution{circuit: c.circuit, cfg: c.circuit.current(), caller: ctx}
	defer e.conclude()
	var resp Resp
	if e.admit(c.circuit.now(), true) {
		resp = c.runAdmitted(req, &e)
	}
	if e.outcome == Success {
		return Answer[Resp]{Value: resp, Cause: e.err}, e.err
	}
	return c.fallbackOrError(req, &e)
}

// awaitAndRun runs a call that has yet to wait for its slot, and settles it.
func (c *Command[Req, Resp]) awaitAndRun(req Req, e *execution) (resp Resp) {
	if e.awaitSlot() {
		resp = c.runAdmitted(req, e)
	}
	return resp
}

// runAdmitted runs a call that has its slot, and settles it. What it returns is of use only
// after a Success.
func (c *Command[Req, Resp]) runAdmitted(req Req, e *execution) (resp Resp) {
	if e.cfg.pooled {
		resp = c.runPooled(e, req)
	} else {
		resp = c.runOnCaller(e, req)
	}
	if c.stores != nil && e.outcome == Success && e.err == nil {
		e.beginFallback()
		c.saveAnswer(e.caller, req, resp, e.cfg.FallbackTimeout)
	}
	return resp
}

// defaultValue returns the value of a chain that is nothing but an OrElse, if a fallback is
// due, or nil: the short way when load is being shed.
func (c *Command[Req, Resp]) defaultValue(e *execution) *Resp {
	if len(c.steps) != 1 || c.steps[0].value == nil || !e.fallbackDue() {
		return nil
	}
	s := &c.steps[0]
	s.meter.answered(e.seat)
	e.answered = s.meter
	return s.value
}

// valueWhileOpen is defaultValue for a call that an open circuit refuses, where there is nothing
// else to do for it: so it needs no execution. It returns nil if that is not so, or not for sure.
func (c *Command[Req, Resp]) valueWhileOpen(ctx context.Context) *Resp {
	if len(c.steps) != 1 || c.steps[0].value == nil {
		return nil
	}
	if word, ok := c.circuit.refusing(); !ok || !c.circuit.refuse(ctx, word) {
		return nil
	}
	return c.steps[0].value
}

// fallbackOrError answers a call that was no Success: by a fallback if one is due, otherwise
// with the error.
func (c *Command[Req, Resp]) fallbackOrError(req Req, e *execution) (Answer[Resp], error) {
	if e.fallbackDue() && c.steps != nil {
		return c.runFallbacks(req, e)
	}
	err := e.failure(nil)
	return Answer[Resp]{Outcome: e.outcome, Cause: err}, err
}

// fallbackValue is fallbackOrError for Do. It is a function of its own so that calls that succeed
// do not pay for the rest of an Answer on their stack.
//
//go:noinline
func (c *Command[Req, Resp]) fallbackValue(req Req, e *execution) (Resp, error) {
	a, err := c.fallbackOrError(req, e)
	return a.Value, err
}

// runOnCaller runs the call on the caller's goroutine.
func (c *Command[Req, Resp]) runOnCaller(e *execution, req Req) Resp {
	ctx := e.runContext()
	e.running = true
	resp, err := c.run(ctx, req)
	e.finish(ctx, err)
	return resp
}

// runPooled runs the call on a worker.
func (c *Command[Req, Resp]) runPooled(e *execution, req Req) (resp Resp) {
	p := c.spare(e.warm())
	p.req = req
	gaveUp := e.beginPooled(&p.task)
	c.circuit.bulkhead.start(&p.task)
	over := e.endPooled(&p.task, p.await(gaveUp))
	if !over {
		return resp
	}
	resp = p.resp
	if p.kept {
		p.recycle(c.spares)
	}
	return resp
}

// spare returns a pooledCall that no call is using.
func (c *Command[Req, Resp]) spare(warm bool) *pooledCall[Req, Resp] {
	kept := warm && c.spares != nil
	if kept {
		if p, ok := c.spares.Get().(*pooledCall[Req, Resp]); ok {
			return p
		}
	}
	p := &pooledCall[Req, Resp]{run: c.run}
	p.init(c.circuit, p, warm, kept)
	return p
}

// pooledCall is a task with its types: it carries one call to a worker and back.
type pooledCall[Req, Resp any] struct {
	task

	run  func(context.Context, Req) (Resp, error)
	req  Req
	resp Resp

	async *asyncCall[Req, Resp] // made for the first call by Go
}

// recycle keeps p for another call. Neither caller nor worker may be using it.
func (p *pooledCall[Req, Resp]) recycle(spares *sync.Pool) {
	var (
		noReq  Req
		noResp Resp
	)
	p.clear()
	p.req, p.resp = noReq, noResp
	spares.Put(p)
}

func (p *pooledCall[Req, Resp]) execute(ctx context.Context) (err error) {
	p.resp, err = p.run(ctx, p.req)
	return err
}

// Do calls f through the circuit c and waits for the answer. Use it for a call that is made in one
// place and has no fallback.
func Do[T any](ctx context.Context, c *Circuit, f func(context.Context) (T, error)) (T, error) {
	return adHoc(c, f).Do(ctx, struct{}{})
}

// Go is [Do] without waiting.
func Go[T any](ctx context.Context, c *Circuit, f func(context.Context) (T, error)) *Future[T] {
	return adHoc(c, f).Go(ctx, struct{}{})
}

func adHoc[T any](c *Circuit, f func(context.Context) (T, error)) *Command[struct{}, T] {
	return &Command[struct{}, T]{
		circuit: c,
		run:     func(ctx context.Context, _ struct{}) (T, error) { return f(ctx) },
	}
}
