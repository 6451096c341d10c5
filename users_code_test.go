package quill_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// What is the user's (the caller's context, errors and their methods, a redaction) may panic or
// end its goroutine at any moment, also when it has often been asked before. Nothing is held
// after that, and every call that was let in has one outcome.

// failsLater is a context of which a method panics from the nth call on: one that was put back for
// reuse too early, for example.
type failsLater struct {
	context.Context //nolint:containedctx // it is one

	method string
	left   *atomic.Int32 // how often it may still be asked
}

func failsAfter(ctx context.Context, method string, n int32) failsLater {
	f := failsLater{ctx, method, new(atomic.Int32)}
	f.left.Store(n)
	return f
}

func (f failsLater) ask(method string) {
	if method == f.method && f.left.Add(-1) < 0 {
		panic(method)
	}
}

func (f failsLater) Done() <-chan struct{} {
	f.ask("Done")
	return f.Context.Done()
}

func (f failsLater) Err() error {
	f.ask("Err")
	return f.Context.Err()
}

func (f failsLater) Value(key any) any {
	f.ask("Value")
	return f.Context.Value(key)
}

// exits is an error that ends the goroutine of who looks into it.
type exits struct{}

func (exits) Error() string { return "exits" }
func (exits) Unwrap() error { runtime.Goexit(); return nil }

// goesOn checks that nothing is held and that the next call goes through.
func goesOn(t *testing.T, c *quill.Circuit) {
	t.Helper()
	synctest.Wait()
	requireNothingHeld(t, c)
	require.Equal(t, 1, c.Bulkhead().Stats().MaxConcurrent)
	c.Reset()
	require.NoError(t, call(t, c, nil))
}

func TestACallIsOverOnceThoughItsContextPanicsWhileItIsSettled(t *testing.T) {
	for name, run := range map[string]func(context.Context) (int, error){
		"fails":     func(context.Context) (int, error) { return 0, errSick },
		"times out": func(ctx context.Context) (int, error) { pass(time.Minute); return 0, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1})
				var running, most atomic.Int32
				counted := func(ctx context.Context) (int, error) {
					most.Store(max(most.Load(), running.Add(1)))
					defer running.Add(-1)
					return run(ctx)
				}
				ways := []func(){
					func() { _, _ = quill.Do(failsAfter(t.Context(), "Err", 1), c, counted) },
					func() {
						k, err := c.Begin(failsAfter(t.Context(), "Err", 1))
						if err == nil {
							defer k.End(quill.ErrUnwound)
							_, err = counted(k.Context())
							_, _ = k.End(err)
						}
					},
				}
				for _, way := range ways {
					_, _ = catch(way)
					_, _ = quill.Do(t.Context(), c, counted) // while the work of the first may still run
					pass(time.Hour)
					goesOn(t, c)
				}
				require.EqualValues(t, 1, most.Load(), "the limit is 1")
			})
		})
	}
}

func TestAnErrorThatEndsItsGoroutineIsCountedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1})
		ways := []func(){
			func() { _ = call(t, c, exits{}) },
			func() { c.Report(t.Context(), exits{}, 0) },
			func() {
				if k, err := c.Begin(t.Context()); err == nil {
					_, _ = k.End(exits{})
				}
			},
		}
		for i, way := range ways {
			_, _ = catch(way)
			require.EqualValues(t, 2*i+1, c.Stats().Total.Total())
			goesOn(t, c)
		}
	})
}

func TestAContextThatPanicsInTheQueueLeavesNothingHeld(t *testing.T) {
	for _, bad := range []failsLater{
		failsAfter(context.Background(), "Done", 0), // before it waits
		failsAfter(context.Background(), "Err", 1),  // once it has its slot
	} {
		t.Run(bad.method, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{
					Isolation: isolation, MaxConcurrent: 1, QueueSize: 1, RequestVolumeThreshold: 1, ProbeLease: time.Hour,
				})
				for _, probe := range []bool{false, true} {
					bad := failsAfter(t.Context(), bad.method, bad.left.Load())
					free := occupy(t, c)
					if probe {
						c.Report(t.Context(), errSick, 0)
						require.Equal(t, quill.Open, c.State())
						pass(5 * time.Second)
					}
					time.AfterFunc(time.Millisecond, free)
					_, _ = catch(func() {
						_, _ = quill.Do(bad, c, func(context.Context) (int, error) { return 7, nil })
					})
					pass(time.Second)
					goesOn(t, c)
				}
			})
		})
	}
}

// In no bubble: there a call by Go has a goroutine of its own.
func TestACallByGoWhoseContextPanicsLeavesNothingHeld(t *testing.T) {
	for _, method := range []string{"Err", "Value"} { // AfterFunc asks for the value by which it knows its own
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, Timeout: time.Minute})
		t.Cleanup(c.Bulkhead().DismissWorkers)
		command := quill.Bind(c, func(context.Context, int) (int, error) { return 7, nil })
		ctx, cancel := context.WithCancel(t.Context())
		_, _ = catch(func() { command.Go(failsAfter(ctx, method, oneIf32(method == "Err")), 1) })
		cancel()
		// A cancel that comes too late counts the work as abandoned for a moment.
		require.Eventually(t, func() bool {
			s := c.Stats()
			return s.InFlight == 0 && s.Queued == 0 && s.Abandoned == 0
		}, 10*time.Second, time.Millisecond)
		require.NoError(t, call(t, c, nil))
	}
}

// lateContext panics when it is asked for Done late.
type lateContext struct {
	context.Context //nolint:containedctx // it is one

	late *atomic.Bool
}

func (c lateContext) Done() <-chan struct{} {
	if c.late.Load() {
		panic("late")
	}
	return c.Context.Done()
}

// A worker asks the caller's context to forget the call when it is over.
func TestAContextThatPanicsWhenACallByGoIsOverHarmsNobody(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{})
	command := quill.Bind(c, func(_ context.Context, late *atomic.Bool) (int, error) { late.Store(true); return 7, nil })
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		late := new(atomic.Bool)
		f := command.Go(lateContext{ctx, late}, late)
		v, err := f.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, 7, v)
		cancel()
	}
	require.Equal(t, quill.Counts{Success: 3}, c.Stats().Total)
}

func oneIf32(b bool) int32 { return int32(oneIf(b)) }

func TestBeginGivesItsSlotBackIfTheContextPanics(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, Timeout: quill.NoTimeout})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, returned := catch(func() { _, _ = c.Begin(failsAfter(ctx, "Value", 0)) }) // asked for by context.WithCancel
		require.False(t, returned)
		goesOn(t, c)
	})
}

func TestASecondEndTellsWhatWasCountedThoughTheFirstPanicked(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1})
		k, err := c.Begin(failsAfter(t.Context(), "Err", 1))
		require.NoError(t, err)
		_, returned := catch(func() { _, _ = k.End(errSick) })
		require.False(t, returned)
		outcome, err := k.End(nil)
		require.Equal(t, quill.Failure, outcome)
		require.ErrorIs(t, err, quill.ErrUnwound)
		require.Equal(t, quill.Counts{Failure: 1}, c.Stats().Total)
		goesOn(t, c)
	})
}

func TestARedactionThatEndsItsGoroutineLosesNoCall(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		exits := false
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1, SleepWindow: time.Millisecond},
			quill.WithRedact(func(error) string {
				if exits {
					runtime.Goexit()
				}
				return ""
			}),
			quill.WithShadow(quill.Settings{MaxConcurrent: 1}))
		ends := []struct {
			name string
			call func()
		}{
			{"fails", func() { _ = call(t, c, errSick) }},
			{"panics", func() { _, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { panic(errMine) }) }},
			{"as a probe", func() { _ = call(t, c, errSick) }},
		}
		for _, end := range ends {
			if end.name == "as a probe" {
				openUp(t, c)
				pass(time.Millisecond)
			}
			before := c.Stats().Total.Total()
			exits = true
			_, _ = catch(end.call)
			exits = false
			require.Equal(t, before+1, c.Stats().Total.Total(), "%s: every call has one outcome", end.name)
			goesOn(t, c)
			shadow, _ := c.Shadow()
			require.Zero(t, shadow.Rejected, "%s: the candidate saw two calls at once", end.name)
		}
	})
}
