package quill_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// Bulkhead and admission: docs/invariants.md, section A. Most of its tests are those of the
// bulkhead, its model and its schedules.

// TestA07WaitersAreServedInTheirOrder: whoever arrives, leaves or resizes meanwhile, nobody
// who waits is overtaken.
func TestA07WaitersAreServedInTheirOrder(t *testing.T) {
	checkBoth(t, func(t *testing.T, r *rapid.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{
			Isolation: isolation, Timeout: time.Hour, MaxConcurrent: 1, QueueSize: 20, RequestVolumeThreshold: 1000,
		})
		var waiting, served []int // by the order of arrival
		var wg sync.WaitGroup
		cancels := map[int]context.CancelFunc{}
		free := c.Bulkhead().TakeSlot()
		next := 0
		r.Repeat(map[string]func(*rapid.T){
			"": func(r *rapid.T) {
				synctest.Wait()
				require.Equal(r, len(waiting), c.Stats().Queued)
			},
			"arrive": func(r *rapid.T) {
				if len(waiting) == 20 {
					r.Skip("the queue is full")
				}
				id := next
				next++
				ctx, cancel := context.WithCancel(t.Context())
				cancels[id] = cancel
				wg.Go(func() {
					_, _ = quill.Do(ctx, c, func(context.Context) (int, error) {
						served = append(served, id) // one at a time
						return 0, nil
					})
				})
				waiting = append(waiting, id)
			},
			"leave": func(r *rapid.T) {
				if len(waiting) == 0 {
					r.Skip("nobody waits")
				}
				i := rapid.IntRange(0, len(waiting)-1).Draw(r, "who")
				cancels[waiting[i]]()
				waiting = slices.Delete(waiting, i, i+1)
			},
			"resize": func(r *rapid.T) { // never so that anybody may go
				require.NoError(r, c.Bulkhead().Resize(1, rapid.IntRange(20, 30).Draw(r, "queue")))
			},
		})
		synctest.Wait()
		free()
		wg.Wait()
		require.True(r, slices.Equal(waiting, served), "%v waited, %v were served", waiting, served)
		requireNothingHeld(t, c)
	})
}

// TestA08WorkersThatEndBadlyCostThePoolNothing: after any of them as many run at once as ever.
func TestA08WorkersThatEndBadlyCostThePoolNothing(t *testing.T) {
	const slots = 3
	for name, run := range map[string]func(ctx context.Context) error{
		"panics":          func(context.Context) error { panic(errMine) },
		"exits":           func(context.Context) error { runtime.Goexit(); return nil },
		"panics too late": func(context.Context) error { pass(2 * time.Second); panic(errMine) },
		"exits too late":  func(context.Context) error { pass(2 * time.Second); runtime.Goexit(); return nil },
		"panics at the very deadline": func(context.Context) error {
			pass(time.Second)
			panic(errMine)
		},
	} {
		bubble(t, name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{MaxConcurrent: slots, RequestVolumeThreshold: 1000})
			for range 20 {
				var wg sync.WaitGroup
				for range slots {
					wg.Go(func() {
						_, _ = catch(func() { _, _ = quill.Do(t.Context(), c, func(ctx context.Context) (int, error) { return 0, run(ctx) }) })
					})
				}
				wg.Wait()
				pass(2 * time.Second)
				var together []*quill.Future[int]
				for n := range slots {
					together = append(together, quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(time.Millisecond); return n, nil }))
				}
				synctest.Wait()
				require.Equal(t, slots, c.Stats().InFlight)
				for n, f := range together {
					v, err := f.Wait(t.Context())
					require.NoError(t, err)
					require.Equal(t, n, v)
				}
			}
			requireNothingHeld(t, c)
		})
	}
}

// TestA09NestedCallsAndFallbacksNeverLockUp: commands that call each other while they hold
// slots of a few shared bulkheads, each with a chain of fallbacks that do as well. A bubble
// in which all wait for each other is a deadlock, and ends the test; and as no call outlasts
// its timeout by more than its fallbacks', neither is there a wait without end.
func TestA09NestedCallsAndFallbacksNeverLockUp(t *testing.T) {
	checkBoth(t, func(t *testing.T, r *rapid.T, isolation quill.Isolation) {
		reg := quill.NewRegistry()
		var bulkheads []*quill.Bulkhead
		for _, name := range []string{"one", "two"} {
			bulkheads = append(bulkheads, quill.NewBulkhead(name, quill.BulkheadSettings{
				Isolation: isolation, MaxConcurrent: rapid.IntRange(1, 2).Draw(r, "slots"), QueueSize: rapid.IntRange(0, 2).Draw(r, "queue"),
			}))
		}
		var commands []*quill.Command[int, int]
		for _, name := range []string{"a", "b", "c"} {
			c, err := reg.Circuit(name, quill.WithBulkhead(rapid.SampledFrom(bulkheads).Draw(r, "bulkhead")), quill.Settings{
				Timeout: time.Second, FallbackTimeout: time.Second, RequestVolumeThreshold: 1000,
				MaxConcurrentFallbacks: rapid.IntRange(1, 2).Draw(r, "fallbacks"),
			})
			require.NoError(r, err)
			inner := rapid.IntRange(0, 2).Draw(r, "inner")
			spare := rapid.IntRange(0, 2).Draw(r, "spare")
			ask := func(ctx context.Context, depth, whom int) (int, error) {
				pass(time.Duration(depth) * 100 * time.Millisecond)
				if depth == 0 {
					return 0, errSick
				}
				return commands[whom].Do(ctx, depth-1)
			}
			commands = append(commands, quill.Bind(c, func(ctx context.Context, depth int) (int, error) {
				return ask(ctx, depth, inner)
			}).Fallback("spare", func(ctx context.Context, depth int, _ error) (int, error) {
				return ask(ctx, depth, spare)
			}).OrElse(7))
		}
		depth := rapid.IntRange(1, 3).Draw(r, "depth")
		began := time.Now()
		var wg sync.WaitGroup
		callers := rapid.IntRange(1, 6).Draw(r, "callers")
		var answered atomic.Int64
		for i := range callers {
			wg.Go(func() {
				if v, err := commands[i%len(commands)].Do(t.Context(), depth); err == nil && v == 7 {
					answered.Add(1)
				}
			})
		}
		wg.Wait()
		require.Equal(r, int64(callers), answered.Load(), "each has the answer that cannot fail")
		require.LessOrEqual(r, time.Since(began), time.Duration(1+depth)*4*time.Second)
		pass(time.Minute) // for what was left behind
		synctest.Wait()
		for _, c := range commands {
			requireNothingHeld(t, c.Circuit())
		}
	})
}
