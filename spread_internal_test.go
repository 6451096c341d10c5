package quill

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

func needTwoProcessors(t *testing.T) {
	t.Helper()
	if min(runtime.GOMAXPROCS(0), runtime.NumCPU()) < 2 {
		t.Skip("there is one processor only: nobody can call at the same time")
	}
}

// ways are the ways through a circuit that count without its lock.
var ways = map[string]struct {
	isolation Isolation
	result    error
	open      bool
	counted   Outcome
	lent      bool // whether slots are lent where several processors call at once
}{
	"success":             {isolation: Semaphore, counted: Success, lent: true},
	"success, Pool":       {isolation: Pool, counted: Success},
	"failure":             {isolation: Semaphore, result: errors.New("broken"), counted: Failure, lent: true},
	"ignored":             {isolation: Semaphore, result: Ignore(errors.New("no matter")), counted: Ignored, lent: true},
	"refused, by a value": {isolation: Semaphore, open: true, counted: ShortCircuited},
}

// wayThrough is a command whose calls go that way.
func wayThrough(t *testing.T, way string) *Command[int, int] {
	t.Helper()
	w := ways[way]
	c := New("dep", func(context.Context, int) (int, error) { return 0, w.result },
		Settings{Isolation: w.isolation, MaxConcurrent: 100, RequestVolumeThreshold: 1_000_000_000}, WithRegistry(NewRegistry()))
	if w.open {
		c.circuit.lockGate()
		c.circuit.gate.machine.state, c.circuit.gate.machine.openUntil = Open, time.Hour
		c.circuit.publishLocked(false)
		c.circuit.unlockGate()
	}
	return c.OrElse(7)
}

// Two callers on two processors soon share no line.
func TestTwoProcessorsThatCallAtOnceAreLentSlots(t *testing.T) {
	needTwoProcessors(t)
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := wayThrough(t, name)
			slots := &c.circuit.bulkhead.slots
			done := func() bool {
				return slots.lends() || !way.lent && c.circuit.counters.AddInPlace(window.Kinds-1) == 0
			}
			const most = 40_000_000 // calls: some seconds; mostly some ten thousand are enough
			var callers sync.WaitGroup
			for range 2 {
				callers.Go(func() {
					for range most / 2 {
						if _, _ = c.Do(t.Context(), 0); done() {
							return
						}
					}
				})
			}
			callers.Wait()
			require.True(t, done())
			require.Equal(t, way.lent, slots.lends())
			c.circuit.bulkhead.DismissWorkers()
		})
	}
}

// What is counted goes elsewhere once the counters are spread: no way through may miss that.
func TestAllWaysThroughCountWhereTheCountersAreSpread(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := wayThrough(t, name)
			for range 10 {
				_, _ = c.Do(t.Context(), 0)
			}
			c.circuit.counters.Spread()
			for range 10 {
				_, _ = c.Do(t.Context(), 0)
			}
			require.EqualValues(t, 20, c.circuit.counters.Total(int(way.counted)))
			c.circuit.bulkhead.DismissWorkers()
		})
	}
}

// Two busy goroutines that count at one stripe get others. Which stripe a goroutine has is chance,
// so there are some that take turns.
func TestGoroutinesThatCountAtOneStripeGetOthers(t *testing.T) {
	needTwoProcessors(t)
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which moves stacks, and with them the places
	c, err := NewRegistry().Circuit("dep")
	require.NoError(t, err)
	for range 10_000 {
		c.count(Success) // and the stack has grown: where it lies tells the place
	}
	over := make(chan struct{})
	var others sync.WaitGroup
	for range 16 {
		others.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
					for range 50_000 {
						c.count(Success)
					}
					runtime.Gosched()
				}
			}
		})
	}
	place := func() int { return window.Place(1 << 30) }
	was := place()
	for range 50_000_000 { // seconds; mostly some ten thousand are enough
		if c.count(Success); place() != was {
			break
		}
	}
	close(over)
	others.Wait()
	require.NotEqual(t, was, place())
}
