package quill_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

var (
	errSick  = errors.New("the dependency is sick")
	errMine  = errors.New("a cause of my own")
	errSpare = errors.New("the spare failed too")
)

var isolations = []quill.Isolation{quill.Pool, quill.Semaphore}

// bubble runs f in a synctest bubble, as a subtest, and lets work that was left behind end.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { inBubble(t, f) })
}

// inBubble runs f in a synctest bubble and lets work that was left behind end.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer pass(time.Hour)
		f(t)
	})
}

// pass lets d pass, in a bubble.
func pass(d time.Duration) {
	if time.Now().Year() > 2020 {
		panic("a test sleeps outside a bubble")
	}
	time.Sleep(d)
}

// onBoth runs f in a bubble for each isolation.
func onBoth(t *testing.T, f func(t *testing.T, isolation quill.Isolation)) {
	t.Helper()
	for _, isolation := range isolations {
		bubble(t, isolation.String(), func(t *testing.T) { f(t, isolation) })
	}
}

// newTestCircuit returns a circuit in a registry of its own, whose workers end with the test.
func newTestCircuit(t testing.TB, s quill.Settings, opts ...quill.Option) *quill.Circuit {
	t.Helper()
	opts = append(opts, quill.WithRegistry(quill.NewRegistry()))
	if s != (quill.Settings{}) {
		opts = append(opts, s)
	}
	c := quill.NewCircuit("dep", opts...)
	t.Cleanup(c.Bulkhead().DismissWorkers)
	return c
}

// call makes one call that ends with err at once.
func call(t testing.TB, c *quill.Circuit, err error) error {
	t.Helper()
	_, got := quill.Do(t.Context(), c, func(context.Context) (int, error) { return 0, err })
	return got
}

// calls makes n calls that end with err at once.
func calls(t testing.TB, c *quill.Circuit, n int, err error) {
	t.Helper()
	for range n {
		_ = call(t, c, err)
	}
}

// openUp fails until the circuit is open.
func openUp(t testing.TB, c *quill.Circuit) {
	t.Helper()
	calls(t, c, c.Stats().Settings.RequestVolumeThreshold, errSick)
	require.Equal(t, quill.Open, c.State())
}

// occupy takes a slot of the circuit and returns how to give it back.
func occupy(t testing.TB, c *quill.Circuit) (free func()) {
	t.Helper()
	k, err := c.Begin(t.Context())
	require.NoError(t, err)
	return func() { _, _ = k.End(quill.Ignore(errMine)) }
}

// requireNothingHeld checks that no call left anything behind.
func requireNothingHeld(t testing.TB, c *quill.Circuit) {
	t.Helper()
	s, b := c.Stats(), c.Bulkhead().Stats()
	require.Zero(t, s.InFlight, "in flight")
	require.Zero(t, s.Queued, "queued")
	require.Zero(t, s.Abandoned, "abandoned")
	require.Zero(t, s.Probes, "probes")
	require.Zero(t, s.FallbacksInFlight, "fallbacks in flight")
	require.Zero(t, b.InFlight, "slots taken")
	require.Zero(t, b.Queued, "places in the queue taken")
	require.Zero(t, b.Abandoned, "slots of abandoned work")
}

// diary writes down what a circuit tells its hooks.
type diary struct {
	mu          sync.Mutex
	calls       []quill.CallEvent
	transitions []quill.Transition
	panics      []*quill.PanicError
}

func (d *diary) hooks() quill.Option { return quill.WithHooks(d.writes()) }

func (d *diary) writes() quill.Hooks {
	return quill.Hooks{
		OnCall: func(_ context.Context, e quill.CallEvent) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.calls = append(d.calls, e)
		},
		OnTransition: func(e quill.Transition) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.transitions = append(d.transitions, e)
		},
		OnPanic: func(p *quill.PanicError) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.panics = append(d.panics, p)
		},
	}
}

// last is the event of the call that ended last.
func (d *diary) last(t testing.TB) quill.CallEvent {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	require.NotEmpty(t, d.calls)
	return d.calls[len(d.calls)-1]
}

func (d *diary) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.calls)
}

// reasons are those of the transitions told so far. It must be called in a bubble.
func (d *diary) reasons() []string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, e := range d.transitions {
		all = append(all, e.Reason)
	}
	return all
}

// catch runs f and returns what it panicked with, and whether it returned.
func catch(f func()) (value any, returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { value = recover() }()
		f()
		returned = true
	}()
	<-done
	return value, returned
}

// asError returns the *quill.Error in err.
func asError(t testing.TB, err error) *quill.Error {
	t.Helper()
	e, ok := errors.AsType[*quill.Error](err)
	require.True(t, ok, "%v (%T) is no *quill.Error", err, err)
	return e
}

// sleeper returns a run that takes d whatever its context says.
func sleeper(d time.Duration, err error) func(context.Context) error {
	return func(context.Context) error {
		pass(d)
		return err
	}
}

// obedient waits for its context and returns what that says.
func obedient(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
