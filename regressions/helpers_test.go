package regressions_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// sleepWindow is that of the circuits made by open and settings.
const sleepWindow = 5 * time.Second

var (
	errDown    = errors.New("the dependency is down")
	errRequest = errors.New("the request was wrong")
)

// newCircuit makes a circuit in a registry of its own.
func newCircuit(t *testing.T, s quill.Settings, opts ...quill.Option) *quill.Circuit {
	t.Helper()
	c, err := quill.NewRegistry().Circuit("dependency", append(opts, s)...)
	require.NoError(t, err)
	return c
}

// eachIsolation plays a scenario in a bubble for each kind of isolation.
func eachIsolation(t *testing.T, play func(t *testing.T, s quill.Settings)) {
	t.Helper()
	for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
		t.Run(isolation.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				play(t, quill.Settings{Isolation: isolation, SleepWindow: sleepWindow})
			})
		})
	}
}

// call runs f through the circuit.
func call(c *quill.Circuit, f func(context.Context) error) error {
	return callWith(context.Background(), c, f)
}

func callWith(ctx context.Context, c *quill.Circuit, f func(context.Context) error) error {
	_, err := quill.Do(ctx, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) })
	return err
}

func ok(context.Context) error   { return nil }
func down(context.Context) error { return errDown }

// trip fails as many calls as it takes to open the circuit.
func trip(t *testing.T, c *quill.Circuit) {
	t.Helper()
	for range c.Stats().Settings.RequestVolumeThreshold {
		if c.State() == quill.Closed {
			require.ErrorIs(t, call(c, down), errDown)
		}
	}
	require.Equal(t, quill.Open, c.State())
}

// begin starts a call that lasts until the test ends it.
func begin(t *testing.T, c *quill.Circuit) *quill.Call {
	t.Helper()
	k, err := c.Begin(context.Background())
	require.NoError(t, err)
	return k
}

// requireProbeAdmitted proves that the circuit is not stuck: a healthy probe runs and, for
// a circuit of one probe, closes it.
func requireProbeAdmitted(t *testing.T, c *quill.Circuit) {
	t.Helper()
	ran := false
	require.NoError(t, call(c, func(context.Context) error { ran = true; return nil }))
	require.True(t, ran)
	require.Equal(t, quill.Closed, c.State())
}

// requireRefused proves that the circuit admits nobody now.
func requireRefused(t *testing.T, c *quill.Circuit) {
	t.Helper()
	require.ErrorIs(t, call(c, func(context.Context) error {
		t.Error("a call ran that must be refused")
		return nil
	}), quill.ErrOpen)
}

// requireAllSlots proves that no slot was lost: as many calls as the bulkhead has slots
// run at once, and one more is rejected.
func requireAllSlots(t *testing.T, c *quill.Circuit) {
	t.Helper()
	c.Reset() // slots are what matters here
	s := c.Stats()
	require.Zero(t, s.InFlight, "calls that hold a slot although none is under way")
	require.Zero(t, s.Abandoned)
	require.Zero(t, s.Queued)
	calls := make([]*quill.Call, s.Settings.MaxConcurrent)
	for i := range calls {
		calls[i] = begin(t, c)
	}
	_, err := c.Begin(t.Context()) // refused, at once or out of the queue
	require.True(t, errors.Is(err, quill.ErrFull) || errors.Is(err, quill.ErrTimeout),
		"more calls run at once than there are slots: %v", err)
	for _, k := range calls {
		k.End(nil)
	}
	require.Zero(t, c.Stats().InFlight)
}

// caught returns what f panics with, and whether f ended by Goexit. It runs f on a
// goroutine of its own and waits for that.
func caught(f func()) (value any, goexit bool) {
	done := make(chan struct{})
	goexit = true
	go func() {
		defer close(done)
		defer func() {
			if value = recover(); value != nil {
				goexit = false
			}
		}()
		f()
		goexit = false
	}()
	<-done
	return value, goexit
}

// together calls f n times, at once, and waits for all of them.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	barrier := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-barrier
			f(i)
		})
	}
	close(barrier)
	wg.Wait()
}

// within fails the test, with all stacks, if f has not returned after a while of real
// time: that is how a deadlock on a mutex shows, which a bubble cannot see.
func within(t *testing.T, f func()) {
	t.Helper()
	const patience = 20 * time.Second
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		stacks := make([]byte, 1<<20)
		t.Fatalf("still not back after %s:\n%s", patience, stacks[:runtime.Stack(stacks, true)])
	}
}

// requireNoGoroutinesBeyond proves that no more goroutines are left than there were. A few
// may be others': earlier tests leave warm workers, which end one by one, and the runtime's
// own count is not exact while goroutines end. What leaks here, leaks by the hundred.
func requireNoGoroutinesBeyond(t *testing.T, were int) {
	t.Helper()
	const others = 100
	for range 1000 {
		if runtime.NumGoroutine() <= were+others {
			return
		}
		runtime.Gosched()
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), were+others, "goroutines")
}

// recorder keeps the transitions it is told.
type recorder struct {
	mu    sync.Mutex
	moves []quill.Transition
}

func (r *recorder) hook() quill.Option {
	return quill.WithHooks(quill.Hooks{OnTransition: func(m quill.Transition) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.moves = append(r.moves, m)
	}})
}

func (r *recorder) all() []quill.Transition {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]quill.Transition(nil), r.moves...)
}
