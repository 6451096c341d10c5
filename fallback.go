package quill

import (
	"context"
	"slices"
	"time"
)

// step is one fallback of a command's chain.
type step[Req, Resp any] struct {
	name  string
	meter *stepMeter
	value *Resp // of OrElse, which cannot fail and is exempt from MaxConcurrentFallbacks
	timed bool  // whether FallbackTimeout applies
	try   func(ctx context.Context, req Req, cause error) (Answer[Resp], error)
}

// Fallback returns a command like c with f as one more fallback step. f gets the caller's
// context (bounded by FallbackTimeout), the request, and why a fallback is needed. If f
// returns an error, also one marked by [Ignore], the next step is tried. c itself does not
// change; steps are tried in the order in which they were added. It
// panics if the name is not fit ([CheckName]), is taken by another step of the chain, f is
// nil, or the chain has an [Command.OrElse] already.
func (c *Command[Req, Resp]) Fallback(
	name string, f func(ctx context.Context, req Req, cause error) (Resp, error),
) *Command[Req, Resp] {
	if f == nil {
		panic("quill: fallback \"" + name + "\" of command \"" + c.Name() + "\" is nil: it must be a function")
	}
	return c.withStep(step[Req, Resp]{
		name: name, timed: true,
		try: func(ctx context.Context, req Req, cause error) (Answer[Resp], error) {
			v, err := f(ctx, req, cause)
			return Answer[Resp]{Value: v}, err
		},
	})
}

// FallbackTo returns a command like c with another command as one more fallback step; it
// has a circuit, a timeout and fallbacks of its own. The step has the name of the
// other command. If the other's answer is stale, so is this one's. It panics as
// [Command.Fallback] does, and if the other command has the same circuit, which would refuse
// the fallback as well.
func (c *Command[Req, Resp]) FallbackTo(other *Command[Req, Resp]) *Command[Req, Resp] {
	if other == nil {
		panic("quill: FallbackTo of command \"" + c.Name() + "\": the other command is nil")
	}
	if other.circuit == c.circuit {
		panic("quill: FallbackTo of command \"" + c.Name() + "\": the other command has the same circuit")
	}
	return c.withStep(step[Req, Resp]{
		name: other.Name(),
		try: func(ctx context.Context, req Req, _ error) (Answer[Resp], error) {
			return other.Answer(ctx, req)
		},
	})
}

// FallbackLast returns a command like c that keeps each answer of run in store and has, as
// one more fallback step, the last such answer to the same request. [Answer] marks it as
// stale and has its age. Answers of fallbacks are never kept.
// The step is named "last". It panics as [Command.Fallback] does.
func (c *Command[Req, Resp]) FallbackLast(store Store[Req, Resp]) *Command[Req, Resp] {
	if store == nil {
		panic("quill: FallbackLast of command \"" + c.Name() + "\": the store is nil")
	}
	n := c.withStep(step[Req, Resp]{
		name: "last", timed: true,
		try: func(ctx context.Context, req Req, _ error) (Answer[Resp], error) {
			stored, err := store.Last(ctx, req)
			return Answer[Resp]{Value: stored.Value, Stale: true, Age: max(0, stored.Age)}, err
		},
	})
	n.stores = append(slices.Clip(n.stores), store)
	return n
}

// OrElse returns a command like c with the value v as its last fallback step, named
// "default". The call then fails only where no fallback is due: it was ignored or cancelled,
// the deadline of the caller's own context has passed, or something panicked. OrElse is exempt
// from MaxConcurrentFallbacks. All callers get the same v: they must not change what it points
// to.
func (c *Command[Req, Resp]) OrElse(v Resp) *Command[Req, Resp] {
	return c.withStep(step[Req, Resp]{name: defaultStep, value: &v})
}

func (c *Command[Req, Resp]) withStep(s step[Req, Resp]) *Command[Req, Resp] {
	if err := CheckName(s.name); err != nil {
		panic("quill: fallback of command \"" + c.Name() + "\": " + err.Error())
	}
	for i := range c.steps {
		if c.steps[i].value != nil {
			panic("quill: fallback \"" + s.name + "\" of command \"" + c.Name() + "\" comes after OrElse: it would never be asked")
		}
		if c.steps[i].name == s.name {
			panic("quill: command \"" + c.Name() + "\" has two fallbacks named \"" + s.name + "\"")
		}
	}
	s.meter = c.circuit.meters.step(s.name)
	n := *c
	n.steps = append(slices.Clip(c.steps), s)
	return &n
}

// saveAnswer gives a primary success to the stores, which have as much time as a fallback step.
func (c *Command[Req, Resp]) saveAnswer(ctx context.Context, req Req, resp Resp, timeout time.Duration) {
	ctx, end := c.circuit.within(ctx, timeout)
	defer end()
	returned := false
	defer func() {
		if !returned {
			c.circuit.meters.panics.Add(1)
		}
	}()
	for _, s := range c.stores {
		if err := s.Save(ctx, req, resp); err != nil {
			c.circuit.meters.storeErrors.Add(1)
		}
	}
	returned = true
}

// runFallbacks tries the steps in order until one answers.
func (c *Command[Req, Resp]) runFallbacks(req Req, e *execution) (Answer[Resp], error) {
	ctx := e.caller
	var slot fallbackSlot
	defer slot.release(c.circuit)
	cause := e.failure(nil)
	for i := range c.steps {
		s := &c.steps[i]
		if s.value != nil {
			s.meter.answered(e.seat)
			e.answered = s.meter
			return Answer[Resp]{Value: *s.value, Outcome: e.outcome, Step: s.name, Cause: cause}, nil
		}
		if i > 0 && ctx.Err() != nil {
			e.failed = append(e.failed, StepError{s.name, callerCause(ctx)})
			continue // a value can still answer
		}
		if !slot.acquire(c.circuit, e.cfg) {
			s.meter.rejected.Add(1)
			e.failed = append(e.failed, StepError{s.name, ErrFallbackFull})
			continue
		}
		e.beginFallback()
		a, err := c.tryStep(ctx, req, s, cause, e)
		if err == nil {
			a.Outcome, a.Step, a.Cause = e.outcome, s.name, cause
			e.answered, e.age = s.meter, a.Age
			return a, nil
		}
		e.failed = append(e.failed, StepError{s.name, err})
	}
	err := e.failure(e.failed)
	return Answer[Resp]{Outcome: e.outcome, Cause: cause}, err
}

// tryStep tries one step and counts how it went, also when it panics.
func (c *Command[Req, Resp]) tryStep(
	ctx context.Context, req Req, s *step[Req, Resp], cause error, e *execution,
) (a Answer[Resp], err error) {
	if s.timed {
		var end context.CancelFunc
		ctx, end = c.circuit.within(ctx, e.cfg.FallbackTimeout)
		defer end()
	}
	returned := false
	defer func() {
		switch {
		case !returned:
			c.circuit.meters.panics.Add(1)
			s.meter.failed.Add(1)
		case err != nil:
			s.meter.failed.Add(1)
		default:
			s.meter.answered(e.seat)
		}
	}()
	a, err = s.try(ctx, req, cause)
	returned = true
	return a, err
}

// fallbackSlot is a place under MaxConcurrentFallbacks, taken once for a whole chain.
type fallbackSlot struct{ held bool }

func (p *fallbackSlot) acquire(c *Circuit, cfg *config) bool {
	if p.held {
		return true
	}
	for {
		n := c.meters.fallbacks.Load()
		if limit := cfg.MaxConcurrentFallbacks; limit != Unlimited && n >= int64(limit) {
			return false
		}
		if c.meters.fallbacks.CompareAndSwap(n, n+1) {
			p.held = true
			return true
		}
	}
}

func (p *fallbackSlot) release(c *Circuit) {
	if p.held {
		c.meters.fallbacks.Add(-1)
	}
}
