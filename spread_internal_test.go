package quill

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// ways are the ways through a circuit that count without its lock.
var ways = map[string]struct {
	isolation Isolation
	result    error
	open      bool
	alone     bool // there is no fallback
	counted   int
	beside    int  // what else is counted of the call, if it is not 0
	lent      bool // whether slots are lent where several processors call at once
}{
	"success":             {isolation: Semaphore, counted: int(Success), lent: true},
	"success, Pool":       {isolation: Pool, counted: int(Success)},
	"failure":             {isolation: Semaphore, result: errors.New("broken"), counted: int(Failure), lent: true},
	"ignored":             {isolation: Semaphore, result: Ignore(errors.New("no matter")), counted: int(Ignored), lent: true},
	"nobody answers":      {isolation: Semaphore, result: errors.New("broken"), open: true, alone: true, counted: int(ShortCircuited), beside: kindNoFallback},
	"refused, by a value": {isolation: Semaphore, result: errors.New("broken"), open: true, counted: kindAnsweredOpen},
}

// wayThrough is a command whose calls go that way.
func wayThrough(t *testing.T, way string) *Command[int, int] {
	t.Helper()
	w := ways[way]
	s := Settings{Isolation: w.isolation, MaxConcurrent: 100, RequestVolumeThreshold: 1_000_000_000, SleepWindow: time.Hour}
	if w.open {
		s.RequestVolumeThreshold = 1
	}
	c := New("dep", func(context.Context, int) (int, error) { return 0, w.result }, s, WithRegistry(NewRegistry()))
	if !w.alone {
		c = c.OrElse(7)
	}
	if w.open {
		_, _ = c.Do(t.Context(), 0)
		require.Equal(t, Open, c.circuit.State())
	}
	return c
}

// meanwhile has f happen in each look of a counter.
func meanwhile(t *testing.T, f func()) {
	t.Helper()
	was := window.Moment
	t.Cleanup(func() { window.Moment = was })
	window.Moment = f
}

// However a call goes: where others are seen to count at each of four looks, what it writes is spread.
func TestAllWaysThroughLookWhetherOthersCall(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := wayThrough(t, name)
			counters := &c.circuit.counters
			others := 0
			meanwhile(t, func() {
				others++
				counters.AddSerially(way.counted)
			})
			for calls := 0; counters.Total(way.counted) < 5*window.LookEvery; calls++ {
				require.Less(t, calls, 5*window.LookEvery, "they do not count")
				_, _ = c.Do(t.Context(), 0)
			}
			require.GreaterOrEqual(t, others, 4, "looks")
			require.Zero(t, counters.AddInPlace(window.Kinds-1), "they are spread")
			require.Equal(t, way.lent, c.circuit.bulkhead.slots.lends())
			c.circuit.bulkhead.DismissWorkers()
		})
	}
}

// What is counted goes elsewhere once the counters are spread: no way through may miss that.
func TestAllWaysThroughCountWhereTheCountersAreSpread(t *testing.T) {
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			c := wayThrough(t, name)
			before, beside := c.circuit.counters.Total(way.counted), c.circuit.counters.Total(way.beside)
			for range 10 {
				_, _ = c.Do(t.Context(), 0)
			}
			c.circuit.counters.Spread()
			for range 10 {
				_, _ = c.Do(t.Context(), 0)
			}
			require.EqualValues(t, 20, c.circuit.counters.Total(way.counted)-before)
			if way.beside != 0 {
				require.EqualValues(t, 20, c.circuit.counters.Total(way.beside)-beside)
			}
			c.circuit.bulkhead.DismissWorkers()
		})
	}
}

// A processor that looks must not have others stop for a look, too: they would count nothing
// meanwhile. So of all that a call counts, one kind looks.
func TestACallLooksForOneOfItsCounts(t *testing.T) {
	for name := range ways {
		t.Run(name, func(t *testing.T) {
			c := wayThrough(t, name)
			looks := 0
			meanwhile(t, func() { looks++ })
			for range 3 * window.LookEvery {
				_, _ = c.Do(t.Context(), 0)
			}
			require.Equal(t, 3, looks)
			c.circuit.bulkhead.DismissWorkers()
		})
	}
}

// Two processors that count at one stripe get others.
func TestProcessorsThatCountAtOneStripeGetOthers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))  // on another one there is another seat
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // which may take it away
	c, err := NewRegistry().Circuit("dep")
	require.NoError(t, err)
	c.counters.Spread()
	meanwhile(t, func() { c.counters.Add(int(Success), window.NoSeat) }) // by this processor, so at its stripe
	was := window.Seat()
	for range 5000 * window.LookEvery { // a fraction of a second: there may have been a new deal just now
		if c.count(int(Success), window.NoSeat); window.Seat() != was {
			break
		}
	}
	require.NotEqual(t, was, window.Seat())
}

// A call asks once where it sits, and only where that matters.
func TestACallHasASeatWhereTheCountersAreSpread(t *testing.T) {
	c, err := NewRegistry().Circuit("dep", Settings{Isolation: Semaphore})
	require.NoError(t, err)
	seat := func() uint32 {
		e := execution{circuit: c, cfg: c.current(), caller: t.Context()}
		require.True(t, e.admit(c.now(), false))
		e.finish(t.Context(), nil)
		return e.seat
	}
	require.EqualValues(t, window.NoSeat, seat())
	c.counters.Spread()
	require.NotEqualValues(t, window.NoSeat, seat())
}

// However a call ends: its slot goes back where the call took it, also if its processor is another
// one by then.
func TestASlotIsGivenBackAtTheSeatOfItsCall(t *testing.T) {
	for name, end := range map[string]func(*execution){
		"success": func(e *execution) { e.finish(e.caller, nil) },
		"failure": func(e *execution) { e.finish(e.caller, errors.New("broken")) },
		"panic":   func(e *execution) { e.unwind() },
		"by End": func(e *execution) {
			k := &Call{circuit: e.circuit, ctx: e.caller, cancel: func() {}}
			k.exec = *e
			k.end(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := NewRegistry().Circuit("dep", Settings{Isolation: Semaphore})
			require.NoError(t, err)
			s := &c.bulkhead.slots
			s.lendNow(4)
			stripes := *s.loans.Load()
			calls := make([]execution, len(stripes))
			for i := range calls {
				calls[i] = execution{circuit: c, cfg: c.current(), caller: t.Context()}
				require.True(t, calls[i].admit(c.now(), false))
			}
			for i := range calls {
				calls[i].seat = uint32(len(stripes) + i)
				end(&calls[i])
				for other := range stripes {
					require.Equal(t, other <= i, stripes[other].word.Load()&freeMask == 1, "stripe %d after a call at %d", other, i)
				}
			}
		})
	}
}
