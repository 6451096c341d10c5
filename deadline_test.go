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
	born := time.Now()
	return &deadlineContext{Context: parent, born: &born, deadline: d}
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
		d.end()
		require.Equal(t, ErrTimeout, context.Cause(d), "the first end counts")
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
