package quill

import "context"

// Command is a function bound to a circuit, with the fallbacks that answer for it. It is
// immutable and safe for concurrent use. Commands are made by [New] and [Bind]; the zero
// value is not usable.
type Command[Req, Resp any] struct {
	circuit *Circuit
	run     func(context.Context, Req) (Resp, error)
	steps   []step[Req, Resp]
	stores  []Store[Req, Resp]
}

// New returns a command of that name around run. The name is the identity: commands of
// one registry that share it share one [Circuit]. New panics, with a sentence that names
// command and field, on what a programmer wrote wrong: a nil run, a name that is not fit
// ([CheckName]), settings out of range, or settings other than those the circuit has
// already. For names and settings that are known only at run time use [Registry.Circuit]
// and [Bind].
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
	return &Command[Req, Resp]{circuit: c, run: run}
}

// Name returns the name of the command's circuit.
func (c *Command[Req, Resp]) Name() string { return c.circuit.name }

// Circuit returns the circuit that guards the command.
func (c *Command[Req, Resp]) Circuit() *Circuit { return c.circuit }

// Do calls run through the circuit and waits for the answer: run's own, or that of the
// first fallback step that has one. With Pool isolation it returns at the deadline
// whatever run does; with Semaphore isolation when run returns.
//
// Errors: what run returned, untouched, if there is no fallback to try; else an [*Error]
// that matches [ErrOpen], [ErrFull] or [ErrTimeout], or run's error, and the error of each
// fallback step. A panic of run reaches the caller (from a Pool as a [*PanicError]).
func (c *Command[Req, Resp]) Do(ctx context.Context, req Req) (Resp, error) {
	a, err := c.Answer(ctx, req)
	return a.Value, err
}

// Answer is [Command.Do] for callers who want to know where the answer comes from: which
// fallback step gave it, why, and how old it is. On an error, Outcome and Cause are set.
func (c *Command[Req, Resp]) Answer(ctx context.Context, req Req) (a Answer[Resp], err error) {
	call := invocation[Req, Resp]{run: c.run, req: req}
	var f flight
	var how answered
	defer c.circuit.conclude(ctx, &f, &how)

	f.fly(ctx, c.circuit, &call)
	a.Outcome = f.outcome
	switch {
	case f.outcome == Success:
		a.Value, err = call.resp, unmarked(f.err)
		if err == nil {
			c.keep(ctx, req, call.resp)
		}
	case f.fallsBack() && len(c.steps) > 0:
		a, err = c.fallBack(ctx, req, &f, &how)
	default:
		a.Cause = f.failure(nil)
		err = a.Cause
	}
	return a, err
}

// invocation is one call's way through the untyped circuit. It is not touched by the
// caller once it has left the work behind.
type invocation[Req, Resp any] struct {
	run  func(context.Context, Req) (Resp, error)
	req  Req
	resp Resp
}

func (i *invocation[Req, Resp]) execute(ctx context.Context) (err error) {
	i.resp, err = i.run(ctx, i.req)
	return err
}

// Do calls f through the circuit and waits for its answer: [Command.Do] for what is
// called in one place and has no fallback.
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
