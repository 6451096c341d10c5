package quill

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func newDeadline(parent context.Context, d time.Duration) *deadlineContext {
	return newDeadlineContext(parent, time.Since(processStart)+d)
}

type ctxKey struct{}

func TestDeadlineContextTellsTheTimeWithoutATimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeadline(context.WithValue(t.Context(), ctxKey{}, 7), time.Second)
		at, ok := d.Deadline()
		require.True(t, ok)
		require.Equal(t, time.Second, time.Until(at))
		require.Equal(t, 7, d.Value(ctxKey{}))
		require.NoError(t, d.Err())
		require.Nil(t, d.made.Load(), "nobody has asked for what needs a timer")

		time.Sleep(time.Second - 1)
		require.NoError(t, d.Err())
		time.Sleep(time.Nanosecond)
		require.Equal(t, context.DeadlineExceeded, d.Err())
		require.Equal(t, ErrTimeout, context.Cause(d))
		<-d.Done()
	})
}

func TestDeadlineContextClosesDoneAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		d := newDeadline(t.Context(), time.Second)
		<-d.Done()
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, context.DeadlineExceeded, d.Err())
		require.Equal(t, ErrTimeout, context.Cause(d))
	})
}

func TestDeadlineContextFollowsItsParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mine := context.DeadlineExceeded // any error will do as a cause
		for _, asked := range []bool{false, true} {
			parent, cancel := context.WithCancelCause(t.Context())
			d := newDeadline(parent, time.Second)
			if asked {
				_ = d.Done()
			}
			cancel(mine)
			synctest.Wait()
			require.Equal(t, context.Canceled, d.Err())
			require.Equal(t, mine, context.Cause(d))
			<-d.Done()
		}
	})
}

func TestDeadlineContextIsCanceledWhenTheCallIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, asked := range []bool{false, true} {
			d := newDeadline(t.Context(), time.Second)
			if asked {
				_ = d.Done()
			}
			d.end()
			d.end()
			require.Equal(t, context.Canceled, d.Err())
			require.Equal(t, context.Canceled, context.Cause(d))
			<-d.Done()
		}
	})
}

func TestDeadlineContextHasChildrenWithoutGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeadline(t.Context(), time.Second)
		before := runtime.NumGoroutine()
		child, cancel := context.WithCancel(d)
		defer cancel()
		grandchild, cancelToo := context.WithTimeout(child, time.Hour)
		defer cancelToo()
		called := make(chan struct{})
		context.AfterFunc(d, func() { close(called) })
		require.Equal(t, before, runtime.NumGoroutine())
		<-grandchild.Done()
		<-called
		require.Equal(t, context.DeadlineExceeded, grandchild.Err())
		require.Equal(t, ErrTimeout, context.Cause(grandchild))
		require.NoError(t, context.WithoutCancel(d).Err())
	})
}

func TestDeadlineContextOutlivesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDeadline(t.Context(), time.Second)
		d.end()
		child, cancel := context.WithCancel(d)
		defer cancel()
		require.Equal(t, context.Canceled, child.Err())
	})
}

func TestDeadlineIsTheSameMomentEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		d := newDeadline(t.Context(), time.Second)
		first, _ := d.Deadline()
		require.Equal(t, start.Add(time.Second).UnixNano(), first.UnixNano(), "also on the wall clock, in a bubble")
		time.Sleep(2 * time.Second)
		d.end()
		again, _ := d.Deadline()
		require.True(t, first.Equal(again), "%s, and later %s", first, again)
	})
}

// Circuits count their time from when they were made: what the one hands over is not what the
// other counts by.
func TestCallInACallEndsAtTheEarlierDeadline(t *testing.T) {
	for _, c := range []struct {
		outer, inner time.Duration
		outerIsOver  uint64
	}{
		{outer: time.Second, inner: time.Minute, outerIsOver: 1},
		{outer: time.Minute, inner: time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			made := func(name string, timeout time.Duration) *Circuit {
				time.Sleep(10 * time.Minute)
				return NewCircuit(name, WithRegistry(NewRegistry()), Settings{Isolation: Semaphore, Timeout: timeout})
			}
			inner, outer := made("inner", c.inner), made("outer", c.outer)
			start := time.Now()
			_, _ = Do(t.Context(), outer, func(ctx context.Context) (int, error) {
				return Do(ctx, inner, func(ctx context.Context) (int, error) {
					at, ok := ctx.Deadline()
					require.True(t, ok)
					require.Equal(t, time.Second, at.Sub(start))
					<-ctx.Done()
					return 0, ctx.Err()
				})
			})
			require.Equal(t, time.Second, time.Since(start))
			require.EqualValues(t, 1, inner.Stats().Total.Timeout)
			require.Equal(t, c.outerIsOver, outer.Stats().Total.Timeout)
		})
	}
}
