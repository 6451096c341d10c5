package hystrix_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/hystrix"
)

// askers are what run may do with its context before it stops listening to it.
var askers = map[string]func(ctx context.Context) context.Context{
	"asks nothing":  func(ctx context.Context) context.Context { return ctx },
	"asks for Done": func(ctx context.Context) context.Context { _ = ctx.Done(); return ctx },
	"hands it on":   func(ctx context.Context) context.Context { return context.WithValue(ctx, new(int), 1) },
	"cancels a child": func(ctx context.Context) context.Context {
		child, cancel := context.WithCancel(ctx)
		context.AfterFunc(child, cancel)
		return child
	},
	"waits for an end": func(ctx context.Context) context.Context { context.AfterFunc(ctx, func() {}); return ctx },
}

// Both deadlines pass while run is at work. The first one says how the command ended, whatever
// run did with its context.
func TestTheDeadlineThatPassesFirstEndsTheCommand(t *testing.T) {
	errMine := errors.New("the caller's cause")
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		for what, ask := range askers {
			for _, row := range []struct {
				own, callers time.Duration
				err          error
				timeouts     uint64
			}{
				{own: 20 * time.Millisecond, callers: 10 * time.Millisecond, err: context.DeadlineExceeded},
				{own: 20 * time.Millisecond, callers: 25 * time.Millisecond, err: hystrix.ErrTimeout, timeouts: 1},
				{own: quill.NoTimeout, callers: 10 * time.Millisecond, err: context.DeadlineExceeded},
			} {
				if row.own == quill.NoTimeout && isolation == quill.Semaphore {
					continue // whatever run returns, whenever, is what the command comes to
				}
				t.Run(isolation.String()+"/"+what+"/"+row.own.String()+"/"+row.callers.String(), func(t *testing.T) {
					bubble(t, func(t *testing.T, name string) {
						require.NoError(t, hystrix.ConfigureQuill(name, quill.Settings{Isolation: isolation, Timeout: row.own}))
						ctx, cancel := context.WithTimeoutCause(t.Context(), row.callers, errMine)
						defer cancel()
						err := hystrix.DoC(ctx, name, func(ctx context.Context) error {
							seen := ask(ctx)
							require.NoError(t, seen.Err())
							require.NoError(t, context.Cause(seen))
							pass(30 * time.Millisecond)
							require.Equal(t, context.DeadlineExceeded, seen.Err())
							if row.timeouts == 0 {
								require.Equal(t, errMine, context.Cause(seen))
							}
							return nil
						}, nil)
						require.True(t, identical(err, row.err), "%v", err)
						pass(time.Second)
						require.Equal(t, row.timeouts, hystrix.QuillCircuit(name).Stats().Total.Timeout)
					})
				})
			}
		}
	}
}

// What run's context says at the moment when it ends is what its children say.
func TestChildrenOfRunsContextEndAsItDoes(t *testing.T) {
	errMine := errors.New("the caller's cause")
	for what, end := range map[string]struct {
		ctx        func(ctx context.Context) (context.Context, func())
		err, cause error
	}{
		"the caller's deadline": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(ctx, 10*time.Millisecond, errMine)
			return ctx, func() { cancel() }
		}, context.DeadlineExceeded, errMine},
		"the command's own": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errMine)
			return ctx, func() { cancel() }
		}, context.DeadlineExceeded, quill.ErrTimeout},
		"a cancel before a deadline": {func(ctx context.Context) (context.Context, func()) {
			ctx, stop := context.WithTimeout(ctx, 15*time.Millisecond)
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(10*time.Millisecond, func() { cancel(errMine) })
			return ctx, func() { stop() }
		}, context.Canceled, errMine},
		"a cancel": {func(ctx context.Context) (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(10*time.Millisecond, func() { cancel(errMine) })
			return ctx, func() { cancel(nil) }
		}, context.Canceled, errMine},
	} {
		for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
			t.Run(what+"/"+isolation.String(), func(t *testing.T) {
				bubble(t, func(t *testing.T, name string) {
					require.NoError(t, hystrix.ConfigureQuill(name, quill.Settings{Isolation: isolation, Timeout: 20 * time.Millisecond}))
					var key int // of the type of package context's own
					ctx, stop := end.ctx(context.WithValue(t.Context(), &key, "a value"))
					defer stop()
					told := make(chan error, 1)
					_ = hystrix.DoC(ctx, name, func(ctx context.Context) error {
						require.Equal(t, "a value", ctx.Value(&key))
						child, cancel := context.WithCancel(ctx)
						defer cancel()
						<-child.Done()
						told <- errors.Join(child.Err(), context.Cause(child), ctx.Err(), context.Cause(ctx))
						require.Equal(t, "a value", child.Value(&key))
						late, cancel := context.WithCancel(ctx)
						defer cancel()
						require.Equal(t, end.err, late.Err())
						require.Equal(t, end.cause, context.Cause(late))
						return nil
					}, nil)
					require.Equal(t, errors.Join(end.err, end.cause, end.err, end.cause), <-told)
					synctest.Wait()
				})
			})
		}
	}
}
