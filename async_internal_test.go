package quill

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The tests of futures play in bubbles, where each call by Go has a goroutine. Those of this
// file are of calls that go to a worker at once.

func TestCallsByGoAreNotMixedUp(t *testing.T) {
	for _, queue := range []int{0, 100} {
		room := 4
		if queue == 0 {
			room = 8 // four that are waited for, and as many whose caller gave up
		}
		c := warmCircuit(t, Settings{
			MaxConcurrent: room, QueueSize: queue, RequestVolumeThreshold: 1_000_000, Timeout: time.Minute,
		})
		command := Bind(c, mixed)
		patience := time.Now().Add(20 * time.Second) // or a slot that is lost would be waited for
		fourAtOnce(func(n int) {
			checkMixed(t, n, func(ctx context.Context, leaves func()) (int, error) {
				f := command.Go(ctx, n)
				leaves()
				return f.Wait(t.Context())
			})
			// Work that is left behind keeps its slot for a moment longer than it is counted as such.
			for queue == 0 && c.Stats().InFlight > 4 && time.Now().Before(patience) {
				runtime.Gosched()
			}
		})
		require.EqualValues(t, mixedCalls, c.Stats().Total.Total())
		restsSoon(t, c)
		require.LessOrEqual(t, c.bulkhead.IdleWorkers(), room)
	}
}

func TestCallsByGoInSequenceAreNeverRefused(t *testing.T) {
	c := warmCircuit(t, Settings{MaxConcurrent: 1, Timeout: time.Minute})
	command := Bind(c, func(_ context.Context, n int) (int, error) { return n, nil })
	for n := range 2000 {
		f := command.Go(t.Context(), n)
		v, err := f.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, n, v)
		a, err := f.Answer(t.Context())
		require.NoError(t, err)
		require.Equal(t, Answer[int]{Value: n}, a)
	}
	require.Equal(t, uint64(2000), c.Stats().Total.Success)
	require.EqualValues(t, 2000, c.Stats().TotalWhole.Count())
}

func TestCallsByGoThatGoWrongAreAnsweredByTheFallback(t *testing.T) {
	release := make(chan struct{})
	ways := map[int]func(ctx context.Context) error{
		0: func(context.Context) error { return errors.New("sick") },
		1: func(context.Context) error { <-release; return nil }, // until the deadline, and longer
		2: func(context.Context) error { runtime.Goexit(); return nil },
	}
	patient := Settings{MaxConcurrent: 3, Timeout: time.Minute, RequestVolumeThreshold: 1000}
	hurried := patient
	hurried.Timeout = 20 * time.Millisecond
	c := warmCircuit(t, patient)
	command := Bind(c, func(ctx context.Context, n int) (int, error) { return n, ways[n](ctx) }).
		Fallback("spare", func(_ context.Context, n int, cause error) (int, error) { return 100 + n, nil })
	for n, want := range []Outcome{Failure, Timeout, Failure} {
		require.NoError(t, c.Configure(map[bool]Settings{true: hurried, false: patient}[want == Timeout]))
		a, err := command.Go(t.Context(), n).Answer(t.Context())
		require.NoError(t, err)
		require.Equal(t, 100+n, a.Value)
		require.Equal(t, want, a.Outcome)
		require.Equal(t, "spare", a.Step)
	}
	require.Equal(t, Counts{Failure: 2, Timeout: 1}, c.Stats().Total)

	require.NoError(t, c.Override(ForceOpen, 0, "by the test"))
	a, err := command.Go(t.Context(), 0).Answer(t.Context())
	require.NoError(t, err)
	require.Equal(t, ShortCircuited, a.Outcome)
	require.NoError(t, c.Override(NoOverride, 0, ""))

	held := []*Future[int]{command.Go(t.Context(), 1), command.Go(t.Context(), 1)} // and one is stuck
	a, err = command.Go(t.Context(), 0).Answer(t.Context())
	require.NoError(t, err)
	require.Equal(t, Rejected, a.Outcome)
	close(release)
	for _, f := range held {
		_, err := f.Wait(t.Context())
		require.NoError(t, err)
	}
	restsSoon(t, c)
}

func TestACallByGoWhoseContextHasEndedIsCanceled(t *testing.T) {
	c := warmCircuit(t, Settings{})
	command := Bind(c, func(_ context.Context, n int) (int, error) { return n, nil })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		_, err := command.Go(ctx, 1).Wait(t.Context())
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Equal(t, Counts{Canceled: 100}, c.Stats().Total)
	require.NoError(t, doNothing(t, c))
}

func TestACallByGoLeavesNothingInItsContext(t *testing.T) {
	// There is a slot for each, also where a short call is left behind on a busy machine.
	c := warmCircuit(t, Settings{Timeout: 5 * time.Millisecond, MaxConcurrent: 4})
	release := make(chan struct{})
	command := Bind(c, func(_ context.Context, n int) (int, error) {
		if n == 1 {
			<-release
		}
		return n, nil
	})
	ctx := &countingContext{Context: t.Context(), done: make(chan struct{})}
	for _, n := range []int{0, 1, 0, 1} {
		_, _ = command.Go(ctx, n).Wait(t.Context())
	}
	require.Equal(t, 4, ctx.asked, "each call looks out for the end of its context")
	require.Zero(t, ctx.waiting, "and no more when it is over")
	close(release)
	restsSoon(t, c)
}

// countingContext counts who waits for its end, which never comes.
type countingContext struct {
	context.Context //nolint:containedctx // it is one

	done           chan struct{}
	asked, waiting int
}

func (c *countingContext) Done() <-chan struct{} { return c.done }

// AfterFunc is what package context calls.
func (c *countingContext) AfterFunc(func()) func() bool {
	c.asked++
	c.waiting++
	return func() bool { c.waiting--; return true }
}

func TestACallByGoThatAStaleCancelMayFindIsNotUsedAgain(t *testing.T) {
	c := warmCircuit(t, Settings{})
	for _, stopped := range []bool{false, true} {
		command := Bind(c, func(_ context.Context, n int) (int, error) { return n, nil })
		kept := false
		for range 20 { // the race detector makes sync.Pool forget some
			p := command.spare(true)
			a := &asyncCall[int, int]{call: p, command: command, stop: func() bool { return stopped }}
			a.endContext()
			a.recycle()
			kept = kept || command.spares.Get() == any(p)
		}
		require.Equal(t, stopped, kept)
	}
}

// A Semaphore's call by Go runs on a worker, and ends with its work all the same: neither its
// deadline nor a cancel ends it before, and then it is what Do would call it.
func TestACallByGoOfASemaphoreEndsWithItsWork(t *testing.T) {
	for name, end := range map[string]struct {
		settings Settings
		cancels  bool
		err      error
		counts   Counts
	}{
		"in time":     {Settings{}, false, nil, Counts{Success: 1}},
		"its timeout": {Settings{Timeout: time.Millisecond}, false, ErrTimeout, Counts{Timeout: 1}},
		"a cancel":    {Settings{}, true, context.Canceled, Counts{Canceled: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			end.settings.Isolation = Semaphore
			c := warmCircuit(t, end.settings)
			began, returns := make(chan struct{}), make(chan struct{})
			command := Bind(c, func(ctx context.Context, _ int) (int, error) {
				close(began)
				<-returns
				if end.err == nil {
					return 7, nil
				}
				<-ctx.Done()
				return 0, ctx.Err()
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := command.Go(ctx, 1)
			<-began
			if end.cancels {
				cancel()
			}
			select {
			case <-f.Done():
				require.FailNow(t, "it ended before its work")
			case <-time.After(20 * time.Millisecond): // real time: a worker is warm outside a bubble only
			}
			require.Equal(t, 1, c.Stats().InFlight)
			require.Zero(t, c.Stats().Abandoned, "nobody has left")
			close(returns)
			v, err := f.Wait(t.Context())
			require.ErrorIs(t, err, end.err)
			if end.err == nil {
				require.Equal(t, 7, v)
			}
			require.Equal(t, end.counts, c.Stats().Total)
			require.Zero(t, c.Stats().InFlight)
			require.NotEmpty(t, c.bulkhead.idleWorkers(), "its worker is kept for another")
		})
	}
}
