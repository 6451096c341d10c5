package hystrix_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/hystrix"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// ending is one way in which a command ends.
type ending struct {
	name  string
	run   func(ctx context.Context) error
	ctx   func(ctx context.Context) (context.Context, context.CancelFunc)
	setup func(t *testing.T, name string)
	err   error // without a fallback, the very same
	event metricCollector.MetricResult
}

var deadlineSoon = func(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, 100*time.Millisecond)
}

func obedient(ctx context.Context) error {
	<-ctx.Done()
	return errors.New("stopped: " + ctx.Err().Error())
}

func returns(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func openUp(t *testing.T, name string) {
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 2})
	for range 2 {
		_ = hystrix.Do(name, sick, nil)
	}
	require.True(t, circuit(t, name).IsOpen())
}

func fillUp(t *testing.T, name string) {
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{MaxConcurrentRequests: 1, Timeout: 3_600_000})
	h := newHang()
	hystrix.Go(name, h.run, nil)
	<-h.running
	t.Cleanup(func() { close(h.release) })
}

func endings() []ending {
	type r = metricCollector.MetricResult
	return []ending{
		{name: "success", run: returns(nil), event: r{Attempts: 1, Successes: 1}},
		{name: "failure", run: returns(errSick), err: errSick, event: r{Attempts: 1, Errors: 1, Failures: 1}},
		{name: "timeout", run: obedient, err: hystrix.ErrTimeout, event: r{Attempts: 1, Errors: 1, Timeouts: 1}},
		{
			name: "short circuit", run: returns(nil), setup: openUp,
			err: hystrix.ErrCircuitOpen, event: r{Attempts: 1, Errors: 1, ShortCircuits: 1},
		},
		{
			name: "rejection", run: returns(nil), setup: fillUp,
			err: hystrix.ErrMaxConcurrency, event: r{Attempts: 1, Errors: 1, Rejects: 1},
		},
		{
			name: "cancel", run: obedient, err: context.Canceled, event: r{Attempts: 1, ContextCanceled: 1},
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(100*time.Millisecond, cancel)
				return ctx, cancel
			},
		},
		{
			name: "deadline of the caller", run: obedient, ctx: deadlineSoon,
			err: context.DeadlineExceeded, event: r{Attempts: 1, ContextDeadlineExceeded: 1},
		},
		{
			name: "run returns the timeout of another command", run: returns(hystrix.ErrTimeout),
			err: hystrix.ErrTimeout, event: r{Attempts: 1, Errors: 1, Timeouts: 1},
		},
		{
			name: "run returns the short circuit of another command", run: returns(hystrix.ErrCircuitOpen),
			err: hystrix.ErrCircuitOpen, event: r{Attempts: 1, Errors: 1, ShortCircuits: 1},
		},
		{
			name: "run returns the rejection of another command", run: returns(hystrix.ErrMaxConcurrency),
			err: hystrix.ErrMaxConcurrency, event: r{Attempts: 1, Errors: 1, Rejects: 1},
		},
		{
			name: "run returns a bare cancel", run: returns(context.Canceled),
			err: context.Canceled, event: r{Attempts: 1, ContextCanceled: 1},
		},
		{
			name: "run returns a bare deadline", run: returns(context.DeadlineExceeded),
			err: context.DeadlineExceeded, event: r{Attempts: 1, ContextDeadlineExceeded: 1},
		},
		{
			name: "run returns a pointer to an error of ours", run: returns(&hystrix.ErrTimeout),
			err: &hystrix.ErrTimeout, event: r{Attempts: 1, Errors: 1, Failures: 1},
		},
	}
}

// identical reports whether two errors are the very same, which is what programs ask.
func identical(a, b error) bool { return a == b }

// fallbacks are the ways in which a fallback can go.
var fallbacks = []struct {
	name   string
	result error
	event  metricCollector.MetricResult
}{
	{"no fallback", nil, metricCollector.MetricResult{}},
	{"fallback answers", nil, metricCollector.MetricResult{FallbackSuccesses: 1}},
	{"fallback fails", errSpare, metricCollector.MetricResult{FallbackFailures: 1}},
}

// TestEveryEndingReturnsAndReportsAsHystrixGo: the error by identity, its text where the
// fallback failed too, the event, and that it is told before the error is.
func TestEveryEndingReturnsAndReportsAsHystrixGo(t *testing.T) {
	for _, e := range endings() {
		for _, f := range fallbacks {
			for _, way := range []string{"DoC", "GoC"} {
				t.Run(e.name+"/"+f.name+"/"+way, func(t *testing.T) {
					bubble(t, func(t *testing.T, name string) {
						book := collect(t, name)
						if e.setup != nil {
							e.setup(t, name)
						}
						before := len(book.told())
						ctx, cancel := t.Context(), context.CancelFunc(func() {})
						if e.ctx != nil {
							ctx, cancel = e.ctx(ctx)
						}
						defer cancel()
						var fallback func(context.Context, error) error
						var asked int
						if f.name != "no fallback" {
							fallback = func(c context.Context, err error) error {
								asked++
								require.Equal(t, ctx, c, "the caller's own context")
								require.True(t, identical(err, e.err), "%v", err)
								return f.result
							}
						}
						var err error
						if way == "DoC" {
							err = hystrix.DoC(ctx, name, e.run, fallback)
						} else {
							errs := hystrix.GoC(ctx, name, e.run, fallback)
							require.Equal(t, 1, cap(errs))
							select {
							case err = <-errs:
							case <-time.After(time.Minute): // nothing at all after a success
							}
						}
						want := e.event
						switch {
						case e.err == nil:
							require.NoError(t, err)
							require.Zero(t, asked)
						case fallback == nil:
							require.True(t, identical(err, e.err), "%v", err)
						case f.result == nil:
							require.NoError(t, err)
							require.Equal(t, 1, asked)
						default:
							require.Equal(t, 1, asked)
							require.EqualError(t, err, "fallback failed with 'the spare failed too'. run error was '"+e.err.Error()+"'")
							require.ErrorIs(t, err, errSpare)
							require.ErrorIs(t, err, e.err)
						}
						if e.err != nil {
							want.FallbackSuccesses, want.FallbackFailures = f.event.FallbackSuccesses, f.event.FallbackFailures
						}
						require.Equal(t, want, counts(book.told()[before:]))
					})
				})
			}
		}
	}
}

func TestErrorsAreComparableValuesWithTheTextsOfHystrixGo(t *testing.T) {
	for err, text := range map[error]string{
		hystrix.ErrMaxConcurrency: "hystrix: max concurrency",
		hystrix.ErrCircuitOpen:    "hystrix: circuit open",
		hystrix.ErrTimeout:        "hystrix: timeout",
	} {
		require.EqualError(t, err, text)
		var as hystrix.CircuitError
		require.ErrorAs(t, err, &as)
		require.Equal(t, hystrix.CircuitError{Message: text[len("hystrix: "):]}, err)
	}
}

// goroutine is the number of the calling goroutine.
func goroutine() string {
	buf := make([]byte, 64)
	return strings.Fields(string(buf[:runtime.Stack(buf, false)]))[1]
}

func TestKeptRunAndFallbackHaveGoroutinesOfTheirOwn(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		var run, fallback string
		_ = hystrix.Do(name, func() error { run = goroutine(); return errSick },
			func(error) error { fallback = goroutine(); return nil })
		require.NotEqual(t, goroutine(), run)
		require.NotEqual(t, goroutine(), fallback)
		require.Error(t, <-hystrix.Go(name, func() error { run = goroutine(); return errSick },
			func(error) error { fallback = goroutine(); return errSpare }))
		require.NotEqual(t, goroutine(), run)
		require.NotEqual(t, goroutine(), fallback)
	})
}
