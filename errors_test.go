package quill_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestErrTimeoutIsADeadlineAndATimeout(t *testing.T) {
	require.ErrorIs(t, quill.ErrTimeout, context.DeadlineExceeded)
	require.NotErrorIs(t, quill.ErrTimeout, context.Canceled)
	require.NotErrorIs(t, context.DeadlineExceeded, quill.ErrTimeout)
	var timeout net.Error
	require.NotErrorAs(t, quill.ErrFull, &timeout)
	var byMethod interface{ Timeout() bool }
	require.ErrorAs(t, quill.ErrTimeout, &byMethod)
	require.True(t, byMethod.Timeout())
	require.True(t, (&quill.Error{Outcome: quill.Timeout}).Timeout())
	require.False(t, (&quill.Error{Outcome: quill.Failure}).Timeout())
}

func TestErrorSaysWhatHappened(t *testing.T) {
	for want, e := range map[string]*quill.Error{
		"quill: dep: bulkhead full": {Cause: quill.ErrFull},
		"quill: dep: circuit open (forced open: repairs), retry after 1.5s": {
			Cause: quill.ErrOpen, Detail: "forced open: repairs", RetryAfter: 1500 * time.Millisecond,
		},
		"quill: dep: timeout; fallback a: the spare failed too; fallback b: no stored answer": {
			Cause: quill.ErrTimeout, Steps: []quill.StepError{{Step: "a", Err: errSpare}, {Step: "b", Err: quill.ErrNoAnswer}},
		},
	} {
		e.Command = "dep"
		require.Equal(t, want, e.Error())
		require.Equal(t, e.Cause, e.Unwrap()[0], "the cause comes first")
		require.Len(t, e.Unwrap(), 1+len(e.Steps))
	}
}

func TestMarksOfNothingAreNothing(t *testing.T) {
	require.NoError(t, quill.Ignore(nil))
	require.NoError(t, quill.RetryAfter(nil, time.Minute))
	require.Equal(t, errSick, quill.RetryAfter(errSick, 0))
	require.Equal(t, errSick, quill.RetryAfter(errSick, -time.Minute))
}

func TestMarksReadLikeWhatTheyMark(t *testing.T) {
	for _, marked := range []error{quill.Ignore(errSick), quill.RetryAfter(errSick, time.Minute)} {
		require.Equal(t, errSick.Error(), marked.Error())
		require.ErrorIs(t, marked, errSick)
	}
}

func TestMarksInsideAnErrorAreFoundAndStay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1})
		wrapped := fmt.Errorf("while fetching: %w", quill.Ignore(errMine))
		require.Equal(t, wrapped, call(t, c, wrapped), "an error of run is untouched")
		require.Equal(t, uint64(1), c.Stats().Total.Ignored)

		joined := errors.Join(errMine, fmt.Errorf("deep: %w", quill.RetryAfter(errSick, time.Hour)))
		require.Equal(t, joined, call(t, c, joined))
		require.Equal(t, quill.MaxRetryAfter, c.Stats().RetryAfter)
	})
}

func TestMarksOfAnInnerCommandSayNothingAboutTheOuter(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1})
		inner := &quill.Error{
			Command: "inner", Cause: quill.RetryAfter(quill.Ignore(errSick), time.Hour),
			Steps: []quill.StepError{{Step: "spare", Err: quill.Ignore(errSpare)}},
		}
		require.Equal(t, error(inner), call(t, c, inner))
		require.Equal(t, uint64(1), c.Stats().Total.Failure)
		require.Equal(t, 5*time.Second, c.Stats().RetryAfter, "the hint was for the inner one")
	})
}

func TestErrorsOfACanceledCallReadWell(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errMine)
		_, err := c.Begin(ctx)
		require.Equal(t, "quill: dep: context canceled: a cause of my own", err.Error())
		ctx, stop := context.WithCancel(t.Context())
		stop()
		_, err = c.Begin(ctx)
		require.Equal(t, "quill: dep: context canceled", err.Error())
		require.Equal(t, context.Canceled, asError(t, err).Cause)
	})
}

// selfish is an error whose methods use the circuit, or panic.
type selfish struct{ act func() }

func (e *selfish) Error() string { e.act(); return "selfish" }
func (e *selfish) Unwrap() error { e.act(); return nil }

func TestMethodsOfErrorsRunUnderNoLock(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1})
		sick := &selfish{func() { _ = c.State() }}
		require.Same(t, sick, call(t, c, sick)) // opens
		pass(5 * time.Second)
		require.Same(t, sick, call(t, c, sick)) // a probe
		require.Equal(t, `opened again for 5s: a probe failed: "selfish"`, c.Stats().LastTransition.Reason)
	})
}

func TestErrorsWhoseMethodsPanicAreFailuresLikeAnyOther(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1})
		var typedNil *selfish
		require.True(t, call(t, c, typedNil) == error(typedNil)) //nolint:testifylint // Equal would call its methods
		pass(5 * time.Second)
		require.True(t, call(t, c, typedNil) == error(typedNil)) //nolint:testifylint // Equal would call its methods
		s := c.Stats()
		require.Equal(t, quill.Open, s.State)
		require.Equal(t, quill.Open, s.LastTransition.To)
		require.Contains(t, s.LastTransition.Reason, "an error of type *quill_test.selfish whose Error method panics")
		require.Equal(t, uint64(2), s.Total.Failure)
		require.Zero(t, s.Panics)
	})
}

func TestTheZeroErrorCanBePrinted(t *testing.T) {
	require.Equal(t, "quill: : success", new(quill.Error).Error())
	require.Equal(t, "quill: a: timeout; fallback b: ", (&quill.Error{
		Command: "a", Outcome: quill.Timeout, Steps: []quill.StepError{{Step: "b"}},
	}).Error())
	require.NotErrorIs(t, new(quill.Error), quill.ErrOpen)
}
