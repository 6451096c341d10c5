package quill

import (
	"context"
	"runtime/debug"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// Future is the answer of a call that is under way. Any number of goroutines may wait for
// it, and none has to. Futures are returned by [Go] and [Command.Go]; the zero value is not
// usable.
type Future[T any] struct {
	done     chan struct{}
	answer   Answer[T]
	err      error
	panicked *PanicError
}

// Go is [Command.Do] without waiting: it starts the call and returns. To end the call
// early, cancel ctx. A panic of the call reaches those who wait; since nobody has to, it also goes
// to [Hooks].OnPanic.
//
// Of your code only the methods of ctx run on the goroutine that called Go. With either
// [Isolation], run executes on a worker of the circuit, which stays warm for up to 20 s, or on a
// goroutine that ends with the call. Fallbacks, stores, a classifier and OnCall run on such a
// goroutine as well.
func (c *Command[Req, Resp]) Go(ctx context.Context, req Req) *Future[Resp] {
	f := &Future[Resp]{done: make(chan struct{})}
	if c.goOnWorker(ctx, req, f) {
		return f
	}
	c.circuit.meters.background.Add(1)
	run := func() {
		defer c.circuit.callDone()
		defer f.tellPanic(c.circuit)
		f.run(c.Name(), func() (Answer[Resp], error) { return c.Answer(ctx, req) })
	}
	if explore.On {
		explore.Go(run)
	} else {
		go run()
	}
	return f
}

// run makes call, and resolves f however that ends.
func (f *Future[T]) run(command string, call func() (Answer[T], error)) {
	returned := false
	defer func() {
		if !returned {
			if v := recover(); v != nil {
				f.panicked = newPanicError(command, v)
			}
			f.err = &Error{Command: command, Outcome: Failure, Cause: ErrGoexit}
			f.answer = Answer[T]{Outcome: Failure, Cause: f.err}
		}
		f.resolve()
	}()
	f.answer, f.err = call()
	returned = true
}

// tellPanic tells hooks of a panic of the call: whether anybody will wait for f is not known. Those
// who do wait have f by then, so that no hook holds them up.
func (f *Future[T]) tellPanic(c *Circuit) {
	if f.panicked != nil {
		c.callPanicHooks(f.panicked)
	}
}

func (f *Future[T]) resolve() {
	explore.Write("future")
	close(f.done)
}

// newPanicError wraps a recovered value, unless it has come through a goroutine already.
func newPanicError(command string, value any) *PanicError {
	if p, ok := value.(*PanicError); ok {
		return p
	}
	return &PanicError{Command: command, Value: value, Stack: debug.Stack()}
}

// Done returns a channel that is closed when the call has ended.
func (f *Future[T]) Done() <-chan struct{} { return f.done }

// Wait blocks until the call has ended or ctx has, and returns the answer or the error of
// the call, or of ctx. The call goes on if ctx ends first, and Wait may be called again.
// If the call panicked, Wait panics with a [*PanicError].
func (f *Future[T]) Wait(ctx context.Context) (T, error) {
	a, err := f.Answer(ctx)
	return a.Value, err
}

// Answer is [Future.Wait] with the history of the answer, as [Command.Answer] returns it. If
// ctx ends first, the error says so and the Answer is zero: its Outcome then means nothing.
func (f *Future[T]) Answer(ctx context.Context) (Answer[T], error) {
	explore.Read("future")
	select {
	case <-f.done: // if both are ready, the answer is wanted
	default:
		var done, ended <-chan struct{} = f.done, ctx.Done()
		if explore.On {
			explore.Select("future", nil, &done, &ended)
		}
		select {
		case <-done:
		case <-ended:
			return Answer[T]{}, callerCause(ctx)
		}
	}
	if f.panicked != nil {
		panic(f.panicked)
	}
	return f.answer, f.err
}
