package quill_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// row is one row of the outcome table (docs/semantics.md), or one way to come to it.
type row struct {
	name     string
	settings quill.Settings // Isolation is the test's
	verdict  func(error) quill.Verdict
	arrange  func(t *testing.T, c *quill.Circuit) // before the call
	ctx      func(context.Context) (context.Context, context.CancelFunc)
	run      func(context.Context) error

	outcome           quill.Outcome
	inWindow, isError bool
	fallback          bool
	state             quill.State // after the call
	exactly           error       // the error is this one, untouched
	is, isNot         []error
	neverRuns         bool
	takes             [2]time.Duration // Pool, Semaphore
	semaphoreOnly     bool
}

// rows are all of them, panics apart (outcome_panic_test.go).
func rows() []row {
	all := append(rowsOfResults(), rowsOfTimeouts()...)
	all = append(all, rowsOfRefusals()...)
	return append(all, rowsOfCancels()...)
}

func rowsOfResults() []row {
	say := func(v quill.Verdict) func(error) quill.Verdict { return func(error) quill.Verdict { return v } }
	return []row{
		{
			name: "success", run: ends(nil),
			outcome: quill.Success, inWindow: true,
		},
		{
			name: "success just before the deadline", run: sleeper(time.Second-1, nil),
			outcome: quill.Success, inWindow: true, takes: both(time.Second - 1),
		},
		{
			name: "success, as the classifier sees it", run: ends(errSick), verdict: say(quill.CountSuccess),
			outcome: quill.Success, inWindow: true, exactly: errSick,
		},
		{
			name: "failure", run: ends(errSick),
			outcome: quill.Failure, inWindow: true, isError: true, fallback: true, exactly: errSick,
		},
		{
			name: "failure with a hint", run: ends(quill.RetryAfter(errSick, time.Hour)),
			outcome: quill.Failure, inWindow: true, isError: true, fallback: true, exactly: quill.RetryAfter(errSick, time.Hour),
		},
		{
			name: "failure, as the classifier sees it", run: ends(errSick), verdict: say(quill.CountFailure),
			outcome: quill.Failure, inWindow: true, isError: true, fallback: true, exactly: errSick,
		},
		{
			name: "failure, whatever the classifier means", run: ends(errSick), verdict: say(99),
			outcome: quill.Failure, inWindow: true, isError: true, fallback: true, exactly: errSick,
		},
		{
			name: "failure by a deadline of run's own", run: ends(context.DeadlineExceeded),
			outcome: quill.Failure, inWindow: true, isError: true, fallback: true, exactly: context.DeadlineExceeded,
		},
		{
			name: "failure by a cancel of run's own", run: ends(context.Canceled),
			outcome: quill.Failure, inWindow: true, isError: true, fallback: true, exactly: context.Canceled,
		},
		{
			name: "failure of an inner command that ignored",
			run:  ends(&quill.Error{Command: "inner", Outcome: quill.Ignored, Cause: quill.Ignore(errSick)}),

			outcome: quill.Failure, inWindow: true, isError: true, fallback: true, is: []error{errSick},
		},
		{
			name: "ignored", run: ends(quill.Ignore(errMine)),
			outcome: quill.Ignored, exactly: quill.Ignore(errMine),
		},
		{
			name: "ignored, the mark inside", run: ends(errors.Join(errSick, quill.Ignore(errMine))),
			outcome: quill.Ignored, is: []error{errSick, errMine},
		},
		{
			name: "ignored, with a hint as well", run: ends(quill.RetryAfter(quill.Ignore(errMine), time.Hour)),
			outcome: quill.Ignored, exactly: quill.RetryAfter(quill.Ignore(errMine), time.Hour),
		},
		{
			name: "ignored, as the classifier sees it", run: ends(errMine), verdict: say(quill.CountIgnored),
			outcome: quill.Ignored, exactly: errMine,
		},
		{
			name: "ignored, the classifier not being asked",
			run:  ends(quill.Ignore(errMine)), verdict: say(quill.CountFailure),
			outcome: quill.Ignored, exactly: quill.Ignore(errMine),
		},
	}
}

func rowsOfTimeouts() []row {
	ours := []error{quill.ErrTimeout, context.DeadlineExceeded}
	one := quill.Settings{MaxConcurrent: 1, QueueSize: 1}
	return []row{
		{
			name: "timeout", run: obedient,
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours,
			takes: both(time.Second),
		},
		{
			name: "timeout of work that ignores its context", run: sleeper(3*time.Second, nil),
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours,
			takes: [2]time.Duration{time.Second, 3 * time.Second},
		},
		{
			name: "timeout of work that ignores its context and fails", run: sleeper(3*time.Second, errSick),
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours, isNot: []error{errSick},
			takes: [2]time.Duration{time.Second, 3 * time.Second},
		},
		{
			name: "timeout by a tie", run: sleeper(time.Second, nil),
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours,
			takes: both(time.Second),
		},
		{
			name: "timeout though the request was ignored, by a tie", run: sleeper(time.Second, quill.Ignore(errMine)),
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours, isNot: []error{errMine},
			takes: both(time.Second),
		},
		{
			name: "timeout in the queue", settings: one, arrange: full, run: ends(nil), neverRuns: true,
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours,
			takes: both(time.Second),
		},
		{
			name: "timeout in the queue, by a tie", settings: one, arrange: fullFor(time.Second), run: ends(nil),
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours,
			neverRuns: true, takes: both(time.Second),
		},
		{
			name: "timeout after time lost in the queue", settings: one, arrange: fullFor(900 * time.Millisecond),
			run:     sleeper(200*time.Millisecond, nil),
			outcome: quill.Timeout, inWindow: true, isError: true, fallback: true, is: ours,
			takes: [2]time.Duration{time.Second, 1100 * time.Millisecond},
		},
		{
			name: "timeout by the caller's deadline", run: obedient, ctx: within(500*time.Millisecond, nil),
			outcome: quill.Timeout, inWindow: true, isError: true,
			is: []error{context.DeadlineExceeded}, isNot: []error{quill.ErrTimeout},
			takes: both(500 * time.Millisecond),
		},
		{
			name: "timeout by the caller's deadline, with a cause", run: obedient,
			ctx:     within(500*time.Millisecond, errMine),
			outcome: quill.Timeout, inWindow: true, isError: true,
			is: []error{context.DeadlineExceeded, errMine}, isNot: []error{quill.ErrTimeout},
			takes: both(500 * time.Millisecond),
		},
		{
			name: "timeout by the caller's deadline, by a tie", ctx: within(500*time.Millisecond, nil),
			run:     sleeper(500*time.Millisecond, nil),
			outcome: quill.Timeout, inWindow: true, isError: true,
			is: []error{context.DeadlineExceeded}, isNot: []error{quill.ErrTimeout},
			takes: both(500 * time.Millisecond),
		},
		{
			name: "timeout where both deadlines are the same", run: obedient, ctx: within(time.Second, nil),
			outcome: quill.Timeout, inWindow: true, isError: true,
			is: []error{context.DeadlineExceeded}, isNot: []error{quill.ErrTimeout},
			takes: both(time.Second),
		},
		{
			name:     "timeout by the caller's deadline, the command having none",
			settings: quill.Settings{Timeout: quill.NoTimeout}, run: obedient, ctx: within(time.Minute, nil),
			outcome: quill.Timeout, inWindow: true, isError: true,
			is: []error{context.DeadlineExceeded}, isNot: []error{quill.ErrTimeout},
			takes: both(time.Minute),
		},
		{
			name: "timeout by the caller's deadline in the queue", settings: one, arrange: full, run: ends(nil),
			ctx:     within(500*time.Millisecond, errMine),
			outcome: quill.Timeout, inWindow: true, isError: true,
			is: []error{context.DeadlineExceeded, errMine}, isNot: []error{quill.ErrTimeout},
			neverRuns: true, takes: both(500 * time.Millisecond),
		},
		{
			name: "timeout, the caller cancelling only after it", run: func(ctx context.Context) error {
				<-ctx.Done()
				pass(time.Second)
				return ctx.Err()
			},
			ctx:     canceledAfter(1500*time.Millisecond, nil),
			outcome: quill.Timeout, inWindow: true, isError: true, is: ours, isNot: []error{context.Canceled},
			semaphoreOnly: true, takes: both(2 * time.Second),
		},
	}
}

func rowsOfRefusals() []row {
	open := []error{quill.ErrOpen}
	return []row{
		{
			name: "rejected", settings: quill.Settings{MaxConcurrent: 1}, arrange: full, run: ends(nil),
			outcome: quill.Rejected, inWindow: true, isError: true, fallback: true, neverRuns: true,
			is: []error{quill.ErrFull}, isNot: open,
		},
		{
			name: "rejected, the queue being full", settings: quill.Settings{MaxConcurrent: 1, QueueSize: 2},
			arrange: func(t *testing.T, c *quill.Circuit) { full(t, c); queueUp(t, c, 2) }, run: ends(nil),
			outcome: quill.Rejected, inWindow: true, isError: true, fallback: true, neverRuns: true,
			is: []error{quill.ErrFull},
		},
		{
			name:     "rejected, and that set off",
			settings: quill.Settings{MaxConcurrent: 1, IgnoreRejected: true}, arrange: full, run: ends(nil),
			outcome: quill.Rejected, fallback: true, neverRuns: true, is: []error{quill.ErrFull},
		},
		{
			name: "short-circuited", arrange: func(t *testing.T, c *quill.Circuit) { openUp(t, c) }, run: ends(nil),
			outcome: quill.ShortCircuited, fallback: true, neverRuns: true, state: quill.Open, is: open,
			isNot: []error{quill.ErrFull},
		},
		{
			name: "short-circuited, the probe being out", run: ends(nil), arrange: func(t *testing.T, c *quill.Circuit) {
				openUp(t, c)
				pass(5 * time.Second)
				free := occupy(t, c)
				t.Cleanup(free)
			},
			outcome: quill.ShortCircuited, fallback: true, neverRuns: true, state: quill.HalfOpen, is: open,
		},
		{
			name: "short-circuited, being forced open", run: ends(nil), arrange: func(t *testing.T, c *quill.Circuit) {
				require.NoError(t, c.Override(quill.ForceOpen, 0, "spring cleaning"))
			},
			outcome: quill.ShortCircuited, fallback: true, neverRuns: true, is: open,
		},
		{
			name: "short-circuited by its settings", settings: quill.Settings{Override: quill.ForceOpen}, run: ends(nil),
			outcome: quill.ShortCircuited, fallback: true, neverRuns: true, is: open,
		},
		{
			name: "short-circuited before it is rejected", settings: quill.Settings{MaxConcurrent: 1}, run: ends(nil),
			arrange: func(t *testing.T, c *quill.Circuit) { openUp(t, c); full(t, c) },
			outcome: quill.ShortCircuited, fallback: true, neverRuns: true, state: quill.Open, is: open,
		},
	}
}

func rowsOfCancels() []row {
	canceled := []error{context.Canceled}
	one := quill.Settings{MaxConcurrent: 1, QueueSize: 1}
	later := 500 * time.Millisecond
	return []row{
		{
			name: "canceled", run: obedient, ctx: canceledAfter(later, nil),
			outcome: quill.Canceled, is: canceled, isNot: []error{quill.ErrTimeout}, takes: both(later),
		},
		{
			name: "canceled with a cause", run: obedient, ctx: canceledAfter(later, errMine),
			outcome: quill.Canceled, is: []error{context.Canceled, errMine}, takes: both(later),
		},
		{
			name: "canceled, run failing because of it", ctx: canceledAfter(later, nil),
			run:     func(ctx context.Context) error { <-ctx.Done(); return errSick },
			outcome: quill.Canceled, is: canceled, isNot: []error{errSick}, takes: both(later),
		},
		{
			name: "canceled, and late as well", ctx: canceledAfter(later, nil), run: sleeper(3*time.Second, nil),
			outcome: quill.Canceled, is: canceled, takes: [2]time.Duration{later, 3 * time.Second},
		},
		{
			name: "canceled in the queue", settings: one, arrange: full, ctx: canceledAfter(later, errMine), run: ends(nil),
			outcome: quill.Canceled, neverRuns: true, is: []error{context.Canceled, errMine}, takes: both(later),
		},
		{
			name: "canceled on arrival", ctx: canceledAfter(0, errMine), run: ends(nil),
			outcome: quill.Canceled, neverRuns: true, is: []error{context.Canceled, errMine},
		},
		{
			name: "canceled on arrival, the caller's deadline being over", ctx: within(0, nil), run: ends(nil),
			outcome: quill.Canceled, neverRuns: true, is: []error{context.DeadlineExceeded},
			isNot: []error{quill.ErrTimeout},
		},
		{
			name: "canceled on arrival at an open circuit", ctx: canceledAfter(0, nil), run: ends(nil),
			arrange: func(t *testing.T, c *quill.Circuit) { openUp(t, c) },
			outcome: quill.Canceled, neverRuns: true, is: canceled, state: quill.Open, isNot: []error{quill.ErrOpen},
		},
	}
}

func both(d time.Duration) [2]time.Duration { return [2]time.Duration{d, d} }

func ends(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// within gives the caller's context a deadline.
func within(d time.Duration, cause error) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(ctx, d, cause)
	}
}

// canceledAfter cancels the caller's context after d, or at once.
func canceledAfter(d time.Duration, cause error) func(context.Context) (context.Context, context.CancelFunc) {
	return func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		if d == 0 {
			cancel(cause)
			return ctx, func() {}
		}
		timer := time.AfterFunc(d, func() { cancel(cause) })
		return ctx, func() { timer.Stop(); cancel(nil) }
	}
}

// full takes the only slot until the test ends.
func full(t *testing.T, c *quill.Circuit) {
	t.Cleanup(c.Bulkhead().TakeSlot())
}

// fullFor takes the only slot for d.
func fullFor(d time.Duration) func(t *testing.T, c *quill.Circuit) {
	return func(t *testing.T, c *quill.Circuit) { time.AfterFunc(d, c.Bulkhead().TakeSlot()) }
}

// queueUp takes n places in the queue until the test ends.
func queueUp(t *testing.T, c *quill.Circuit, n int) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	for range n {
		go func() { _, _ = c.Begin(ctx) }()
	}
	pass(1)
	require.Equal(t, n, c.Stats().Queued)
}
