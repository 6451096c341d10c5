package quill_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/explore"
)

// requireAllocations checks that a call allocates so often and no more. Unlike
// [testing.AllocsPerRun] it does not round down: one allocation in two calls is seen.
func requireAllocations(t *testing.T, most float64, call func()) {
	t.Helper()
	if raceDetector || explore.On {
		t.Skip("the race detector and the explorer's points allocate by themselves")
	}
	const calls, stray = 2000, 0.05 // now and then one is the runtime's, or a new bucket's
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 100 {
		call()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		call()
	}
	runtime.ReadMemStats(&after)
	require.LessOrEqual(t, float64(after.Mallocs-before.Mallocs)/calls, most+stray)
}

// TestAllocationsPerCall holds every way that a call can take to what it costs today.
func TestAllocationsPerCall(t *testing.T) {
	const many = quill.Unlimited
	run := func(s quill.Settings, f func(context.Context, int) (int, error)) *quill.Command[int, int] {
		s.RequestVolumeThreshold, s.MaxConcurrentFallbacks = 1_000_000_000, many
		return quill.Bind(newTestCircuit(t, s), f)
	}
	succeed := func(context.Context, int) (int, error) { return 7, nil }
	fail := func(context.Context, int) (int, error) { return 0, errSick }
	ignored := quill.Ignore(errSick)
	ready := make(chan int)
	close(ready)
	wait := func(ctx context.Context, _ int) (int, error) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case n := <-ready:
			return n, nil
		}
	}
	semaphore, pool := quill.Settings{Isolation: quill.Semaphore}, quill.Settings{}
	untimed := func(s quill.Settings) quill.Settings { s.Timeout = quill.NoTimeout; return s }
	forced := quill.Settings{Isolation: quill.Semaphore, Override: quill.ForceOpen}
	spare := func(context.Context, int, error) (int, error) { return 7, nil }
	lame := func(context.Context, int, error) (int, error) { return 0, errSpare }
	for _, tc := range []struct {
		name    string
		most    float64
		command *quill.Command[int, int]
	}{
		{"semaphore without a timeout", 0, run(untimed(semaphore), succeed)},
		{"semaphore", 1, run(semaphore, succeed)}, // the context
		{"pool", 1, run(pool, succeed)},           // the context
		{"pool without a timeout", 0, run(untimed(pool), succeed)},
		{"semaphore, waits on its context", 7, run(semaphore, wait)}, // a context with a timer
		{"semaphore without a timeout, waits on its context", 0, run(untimed(semaphore), wait)},
		{"pool, waits on its context", 7, run(pool, wait)},
		{"open, answered by a value", 0, quill.Bind(tripped(t, semaphore), succeed).OrElse(7)},
		{"open, pool, answered by a value", 0, quill.Bind(tripped(t, pool), succeed).OrElse(7)},
		{"forced open, answered by a value", 0, run(forced, succeed).OrElse(7)},
		{"open, refused", 1, quill.Bind(tripped(t, semaphore), succeed)}, // the error
		{"full, answered by a value", 0, overfull(t, semaphore).OrElse(7)},
		{"full, pool, answered by a value", 0, overfull(t, pool).OrElse(7)},
		{"full, refused", 1, overfull(t, semaphore)}, // the error
		{"failure, answered by a value", 1, run(semaphore, fail).OrElse(7)},
		{"failure without a timeout, answered by a value", 0, run(untimed(semaphore), fail).OrElse(7)},
		{"failure, pool, answered by a value", 1, run(pool, fail).OrElse(7)},
		{"failure, answered by nobody", 1, run(semaphore, fail)}, // its error is passed on as it is
		{"failure, ignored", 1, run(semaphore, func(context.Context, int) (int, error) { return 0, ignored })},
		{"failure, answered by a step", 3, run(semaphore, fail).Fallback("spare", spare)},
		{"failure, answered by a value after a step", 4, run(semaphore, fail).Fallback("lame", lame).OrElse(7)},
		{"failure, answered by the second step", 6, run(semaphore, fail).Fallback("lame", lame).Fallback("spare", spare)},
		{"failure, answered by another command", 2, run(semaphore, fail).FallbackTo(run(semaphore, succeed))},
		{"open, answered by another command", 2, quill.Bind(tripped(t, semaphore), succeed).FallbackTo(run(semaphore, succeed))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := context.Background()
			requireAllocations(t, tc.most, func() { _, _ = tc.command.Do(ctx, 1) })
		})
		t.Run(tc.name+", caller may cancel", func(t *testing.T) {
			ctx := t.Context()
			requireAllocations(t, tc.most, func() { _, _ = tc.command.Do(ctx, 1) })
		})
	}
}

// TestAllocationsOfWhatTheUserPlugsIn is what the library adds to code of the user's that does
// nothing.
func TestAllocationsOfWhatTheUserPlugsIn(t *testing.T) {
	semaphore := quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 1_000_000_000}
	succeed := func(context.Context, int) (int, error) { return 7, nil }
	fail := func(context.Context, int) (int, error) { return 0, errSick }
	on := func(run func(context.Context, int) (int, error), options ...quill.Option) *quill.Command[int, int] {
		return quill.Bind(newTestCircuit(t, semaphore, options...), run)
	}
	type keyOfThis struct{}
	key := keyOfThis{}
	for _, tc := range []struct {
		name    string
		most    float64
		command *quill.Command[int, int]
	}{
		{"a classifier", 1, on(fail, quill.WithClassifier(func(error) quill.Verdict { return quill.CountIgnored }))},
		{"a store", 3, on(succeed).FallbackLast(discards{})}, // its context, and how that is ended
		{"a hook", 1, on(succeed, quill.WithHooks(quill.Hooks{OnCall: func(context.Context, quill.CallEvent) {}}))},
		{"run asks for Err and a value", 1, on(func(ctx context.Context, _ int) (int, error) { _ = ctx.Value(key); return 7, ctx.Err() })},
		{"run makes a child", 11, on(func(ctx context.Context, _ int) (int, error) { // a context with a timer, and the child
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			return 7, child.Err()
		})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := context.Background()
			requireAllocations(t, tc.most, func() { _, _ = tc.command.Do(ctx, 1) })
		})
	}
}

// discards is a store that keeps nothing.
type discards struct{}

func (discards) Save(context.Context, int, int) error { return nil }

func (discards) Last(context.Context, int) (quill.Stored[int], error) {
	return quill.Stored[int]{}, errSick
}

// TestAllocationsOfCallsThatWait are in a bubble, whose time costs none.
func TestAllocationsOfCallsThatWait(t *testing.T) {
	obey := func(ctx context.Context, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		s := quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1_000_000_000, MaxConcurrent: 1, QueueSize: 1, Timeout: 2 * ms}
		// run's context has a timer; now and then a call is kept as one of the slowest. In a bubble
		// no worker is kept, so a Pool makes one for each call, and the half is the runtime's.
		timesOut, isLeft, waits := 8.9, 14.0, 8.0
		if isolation == quill.Pool {
			timesOut, isLeft, waits = 19.9, 22.5, 16.5
		}
		c := newTestCircuit(t, s)
		ctx := t.Context()
		out := quill.Bind(c, obey)
		requireAllocations(t, timesOut, func() { _, _ = out.Do(ctx, 1) })
		left := quill.Bind(c, obey)
		requireAllocations(t, isLeft, func() {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(ms, cancel)
			_, _ = left.Do(ctx, 1)
		})
		queued := quill.Bind(c, func(context.Context, int) (int, error) { return 7, nil })
		bulkhead := c.Bulkhead()
		requireAllocations(t, waits, func() {
			time.AfterFunc(ms, bulkhead.TakeSlot())
			_, _ = queued.Do(ctx, 1)
		})
	})
}

func TestAllocationsOfGo(t *testing.T) {
	succeed := func(context.Context, int) (int, error) { return 7, nil }
	for _, tc := range []struct {
		name    string
		most    float64
		command *quill.Command[int, int]
	}{
		// The future, its channel, the context: the call has no goroutine of its own.
		{"pool", 3, quill.Bind(newTestCircuit(t, quill.Settings{}), succeed)},
		{"semaphore", 4, quill.Bind(newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore}), succeed)}, // and what it runs
		{"open, answered by a value", 5, quill.Bind(tripped(t, quill.Settings{}), succeed).OrElse(7)},        // and a goroutine's
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx := context.Background()
			requireAllocations(t, tc.most, func() { _, _ = tc.command.Go(ctx, 1).Wait(ctx) })
		})
	}
}

// TestAllocationsOfOtherWaysIn are those of what is no Command.Do.
func TestAllocationsOfOtherWaysIn(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore})
	command := quill.Bind(c, func(context.Context, int) (int, error) { return 7, nil })
	run := func(context.Context) (int, error) { return 7, nil }
	ctx := context.Background()
	t.Run("Answer", func(t *testing.T) {
		requireAllocations(t, 1, func() { _, _ = command.Answer(ctx, 1) })
	})
	t.Run("Begin and End", func(t *testing.T) { // the call, its context, how that is ended
		requireAllocations(t, 3, func() {
			k, _ := c.Begin(ctx)
			_, _ = k.End(nil)
		})
	})
	t.Run("quill.Do", func(t *testing.T) {
		requireAllocations(t, 2, func() { _, _ = quill.Do(ctx, c, run) })
	})
}

// tripped returns a circuit that stays open.
func tripped(t *testing.T, s quill.Settings) *quill.Circuit {
	t.Helper()
	s.SleepWindow = time.Hour
	c := newTestCircuit(t, s)
	openUp(t, c)
	return c
}

// overfull returns a command that has no slot, nor gets one, and whose circuit does not open.
func overfull(t *testing.T, s quill.Settings) *quill.Command[int, int] {
	t.Helper()
	s.MaxConcurrent, s.RequestVolumeThreshold = 1, 1_000_000_000
	c := newTestCircuit(t, s)
	t.Cleanup(occupy(t, c))
	return quill.Bind(c, func(context.Context, int) (int, error) { return 7, nil })
}

func TestAllocationsOfReading(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{})
	requireAllocations(t, 0, func() { _ = c.State() })
	requireAllocations(t, 0, func() { _ = c.Settings() })
}
