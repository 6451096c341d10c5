package hystrix

import "context"

type (
	runFunc       func() error
	fallbackFunc  func(error) error
	runFuncC      func(context.Context) error
	fallbackFuncC func(context.Context, error) error
)

// Do runs the command and waits for it: DoC without a context.
func Do(name string, run runFunc, fallback fallbackFunc) error {
	return DoC(context.Background(), name, run.withContext(), fallback.withContext())
}

// Go runs the command and does not wait: GoC without a context.
func Go(name string, run runFunc, fallback fallbackFunc) chan error {
	return GoC(context.Background(), name, run.withContext(), fallback.withContext())
}

// DoC runs the command of that name and waits until run has returned or Timeout has passed,
// and then for the fallback, if there is one and run failed.
//
// run is called on another goroutine, with a context that ends at the Timeout and with ctx;
// the fallback on another one again, with ctx and the error. The result is nil if run or the
// fallback returned nil. Without a fallback it is run's own error, [ErrTimeout],
// [ErrMaxConcurrency], [ErrCircuitOpen] or the error of ctx; with one that failed, an error
// that tells and wraps both. A panic of run or of the fallback goes to the caller.
func DoC(ctx context.Context, name string, run runFuncC, fallback fallbackFuncC) error {
	in := newInvocation(ctx, name, run, fallback)
	in.borrowed = true
	return in.do()
}

// GoC is DoC without waiting. The channel gets the error that DoC would return, if there is
// one; after a success it gets nothing, and it is never closed. It has room for the error,
// so nobody needs to receive. A panic of run or of the fallback ends the program.
func GoC(ctx context.Context, name string, run runFuncC, fallback fallbackFuncC) chan error {
	errs := make(chan error, 1)
	in := newInvocation(ctx, name, run, fallback)
	go func() {
		if err := in.do(); err != nil {
			errs <- err
		}
	}()
	return errs
}

func (f runFunc) withContext() runFuncC {
	return func(context.Context) error { return f() }
}

func (f fallbackFunc) withContext() fallbackFuncC {
	if f == nil {
		return nil
	}
	return func(_ context.Context, err error) error { return f(err) }
}
