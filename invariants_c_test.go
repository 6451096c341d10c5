package quill_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// The breaker: docs/invariants.md, section C. Most of its tests are those of the machine, of
// its model and of its schedules.

// TestC05AProbeGivesItsPlaceBackHoweverItEnds: and the breaker decides by what the end says
// of the dependency. The next call is admitted as soon as the state allows.
func TestC05AProbeGivesItsPlaceBackHoweverItEnds(t *testing.T) {
	returns := func(err error) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { return 0, err }
	}
	hangs := func(context.Context) (int, error) { pass(2 * time.Second); return 0, nil }
	for name, end := range map[string]struct {
		run     func(context.Context) (int, error)
		arrange func(c *quill.Circuit, cancel context.CancelFunc) (undo func())
		want    quill.State
	}{
		"succeeds":         {run: returns(nil), want: quill.Closed},
		"fails":            {run: returns(errSick), want: quill.Open},
		"panics":           {run: func(context.Context) (int, error) { panic(errMine) }, want: quill.Open},
		"exits":            {run: func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }, want: quill.Open},
		"times out":        {run: func(ctx context.Context) (int, error) { return 0, obedient(ctx) }, want: quill.Open},
		"hangs":            {run: hangs, want: quill.Open},
		"is ignored":       {run: returns(quill.Ignore(errMine)), want: quill.HalfOpen},
		"its judge panics": {run: returns(errSpare), want: quill.Open},
		"is canceled": {
			run: func(ctx context.Context) (int, error) { return 0, obedient(ctx) }, want: quill.HalfOpen,
			arrange: func(_ *quill.Circuit, cancel context.CancelFunc) func() {
				time.AfterFunc(100*time.Millisecond, cancel)
				return func() {}
			},
		},
		"is refused inside": {
			run: returns(nil), want: quill.HalfOpen,
			arrange: func(c *quill.Circuit, _ context.CancelFunc) func() { return c.Bulkhead().TakeSlot() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1},
					quill.WithClassifier(func(err error) quill.Verdict {
						if err == errSpare {
							panic(errMine)
						}
						return quill.CountFailure
					}))
				openUp(t, c)
				pass(5 * time.Second)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				undo := func() {}
				if end.arrange != nil {
					undo = end.arrange(c, cancel)
				}
				_, _ = catch(func() { _, _ = quill.Do(ctx, c, end.run) })
				require.Equal(t, end.want, c.State())
				require.Zero(t, c.Stats().Probes, "its place is free")
				require.Zero(t, c.Stats().LateResults, "and it was judged")
				undo()
				pass(10 * time.Second) // what hangs is over, and the sleep window
				require.NoError(t, call(t, c, nil), "the next one may try")
				require.Equal(t, quill.Closed, c.State())
				requireNothingHeld(t, c)
			})
		})
	}
}

// twins are two circuits to which the same happens, but for what must leave no trace.
type twins struct {
	plain, overridden *quill.Circuit
}

func (w *twins) each(f func(c *quill.Circuit)) {
	f(w.plain)
	f(w.overridden)
}

// force puts an override over one of the twins for a while, and lets calls come.
func (w *twins) force(t *testing.T, r *rapid.T) {
	o := rapid.SampledFrom([]quill.Override{quill.ForceOpen, quill.ForceClosed}).Draw(r, "override")
	ttl := rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour}).Draw(r, "ttl")
	require.NoError(r, w.overridden.Override(o, ttl, "a test"))
	if o == quill.ForceOpen || w.overridden.State() != quill.Closed { // or its results are evidence
		for n := range rapid.IntRange(0, 5).Draw(r, "calls") {
			_ = call(t, w.overridden, []error{nil, errSick, quill.Ignore(errMine)}[n%3])
		}
	}
	require.NoError(r, w.overridden.Override(quill.NoOverride, 0, "")) // its time cannot have passed
}

func (w *twins) check(r *rapid.T) {
	synctest.Wait()
	a, b := w.plain.Stats(), w.overridden.Stats()
	require.Equal(r, a.State, b.State)
	require.Equal(r, a.RetryAfter, b.RetryAfter)
	require.Equal(r, a.Probes, b.Probes)
	require.Equal(r, a.LateResults, b.LateResults)
	if a.State == quill.Closed { // else what was let through meanwhile is in the window, and nobody asks
		require.Equal(r, a.Health, b.Health)
	}
}

// TestC09OverridesLeaveTheStateBeneathAsItIs: whenever an operator forces a circuit open or
// closed, and whatever calls come meanwhile, it is afterwards what its twin is, to which
// none of that happened. (What a closed circuit sees while it is forced closed is evidence;
// while it is disabled it sees nothing, and begins afresh.)
func TestC09OverridesLeaveTheStateBeneathAsItIs(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, r *rapid.T) {
		settings := quill.Settings{
			Isolation: quill.Semaphore, RequestVolumeThreshold: rapid.IntRange(1, 4).Draw(r, "volume"),
			Probes: rapid.IntRange(1, 2).Draw(r, "probes"), RollingCalls: rapid.SampledFrom([]int{0, 6}).Draw(r, "last calls"),
		}
		w := &twins{newTestCircuit(t, settings), newTestCircuit(t, settings)}
		r.Repeat(map[string]func(*rapid.T){
			"":         w.check,
			"override": func(r *rapid.T) { w.force(t, r) },
			"call": func(r *rapid.T) {
				err := rapid.SampledFrom([]error{nil, errSick, quill.Ignore(errMine)}).Draw(r, "err")
				w.each(func(c *quill.Circuit) { _ = call(t, c, err) })
			},
			"call too": func(*rapid.T) { w.each(func(c *quill.Circuit) { _ = call(t, c, errSick) }) },
			"sleep": func(r *rapid.T) {
				pass(time.Duration(rapid.IntRange(1, 6).Draw(r, "seconds")) * time.Second)
			},
			"reset": func(*rapid.T) { w.each((*quill.Circuit).Reset) },
		})
	})
}

// TestC10HooksOfAnyMannerHarmNoCall: one that blocks, panics, exits or calls back. Calls take
// no time for it, what comes after it is told, and the process lives.
func TestC10HooksOfAnyMannerHarmNoCall(t *testing.T) {
	manners := map[string]func(c *quill.Circuit){
		"blocks": func(*quill.Circuit) { pass(time.Minute) },
		"panics": func(*quill.Circuit) { panic(errMine) },
		"exits":  func(*quill.Circuit) { runtime.Goexit() },
		"calls back": func(c *quill.Circuit) {
			_ = c.Stats()
			_ = c.Configure(c.Settings())
			_ = c.Bulkhead().Resize(10, 0)
			_ = c.Override(quill.NoOverride, 0, "")
		},
	}
	for name, manner := range manners {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				var c *quill.Circuit
				var d diary
				busy := false // or a hook that calls back would call back for ever
				c = newTestCircuit(t, quill.Settings{Isolation: isolation}, quill.WithHooks(quill.Hooks{
					OnTransition: func(quill.Transition) { manner(c) },
					OnPanic:      func(*quill.PanicError) { manner(c) },
					OnCall: func(_ context.Context, e quill.CallEvent) {
						if name == "calls back" && !busy {
							busy = true
							manner(c)
							busy = false
						}
					},
				}), d.hooks())
				start := time.Now()
				for range 3 {
					calls(t, c, 20, errSick)
					require.Equal(t, quill.Open, c.State())
					c.Reset()
					require.NoError(t, call(t, c, nil))
				}
				require.Zero(t, time.Since(start), "no call has waited for a hook")
				pass(10 * time.Minute)
				require.Len(t, d.reasons(), 6, "the hook after it is told all of it")
				require.Equal(t, name == "panics" || name == "exits", c.Stats().HookPanics == 6, "%d", c.Stats().HookPanics)
				requireNothingHeld(t, c)
			})
		})
	}
}

// TestC10AHookThatBlocksACallBlocksNoOther: OnCall is on its caller's goroutine.
func TestC10AHookThatBlocksACallBlocksNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		type slow struct{}
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1}, quill.WithHooks(quill.Hooks{
			OnCall: func(ctx context.Context, _ quill.CallEvent) {
				if ctx.Value(slow{}) != nil {
					pass(time.Hour)
				}
			},
		}))
		blocked := quill.Go(context.WithValue(t.Context(), slow{}, true), c, func(context.Context) (int, error) { return 7, nil })
		synctest.Wait()
		start := time.Now()
		for n := range 50 {
			require.NoError(t, call(t, c, nil), fmt.Sprint("call ", n))
		}
		require.Zero(t, time.Since(start))
		v, err := blocked.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, 7, v)
	})
}
