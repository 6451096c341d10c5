package quill_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestErrorsAreCountedInTheWindowOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1000})
		for range 100 { // an error each half second, for longer than the window
			_ = call(t, c, errSick)
			pass(500 * time.Millisecond)
			e := c.Explain()
			require.Equal(t, e.Window.Failure, e.Errors[0].Count)
		}
		require.Equal(t, uint64(18), c.Explain().Errors[0].Count)
		pass(time.Hour)
		require.Empty(t, c.Explain().Errors)
		_ = call(t, c, errSick)
		require.Equal(t, uint64(1), c.Explain().Errors[0].Count, "what was an hour ago is not counted")
	})
}

func TestErrorsOfTheLastCallsAreCountedUntilTheCircuitCloses(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RollingCalls: 5, RequestVolumeThreshold: 5})
		for range 4 {
			_ = call(t, c, errSick)
			pass(time.Hour)
		}
		require.Equal(t, uint64(4), c.Explain().Errors[0].Count, "the last calls have no age")
		_ = call(t, c, errSick)
		require.Equal(t, quill.Open, c.State())
		require.Equal(t, uint64(5), c.Explain().Transitions[0].Errors[0].Count)
		pass(5 * time.Second)
		require.NoError(t, call(t, c, nil))
		require.Empty(t, c.Explain().Errors)
	})
}

func TestAFreshWindowHasNoOldEvidence(t *testing.T) {
	for name, afresh := range map[string]func(c *quill.Circuit){
		"Reset":     func(c *quill.Circuit) { c.Reset() },
		"Configure": func(c *quill.Circuit) { _ = c.Configure(quill.Settings{RollingWindow: time.Minute}) },
	} {
		bubble(t, name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1000})
			for range 6 {
				_ = callFor(c, time.Second, errSick)
			}
			afresh(c)
			e := c.Explain()
			require.Equal(t, quill.Counts{}, e.Window)
			require.Empty(t, e.Errors)
			require.Empty(t, e.Slowest)
			last := e.Transitions[len(e.Transitions)-1]
			require.Empty(t, last.Errors)
			require.Empty(t, last.Slowest)
			_ = callFor(c, time.Millisecond, errMine)
			require.Len(t, c.Explain().Slowest, 1, "the bar fell too")
		})
	}
}

func TestTheLastChangeOfStateOutlastsAnyNumberOfOverrides(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		openUp(t, c)
		opened := time.Now()
		for range 100 {
			pass(time.Millisecond)
			require.NoError(t, c.Override(quill.ForceClosed, 0, "drill"))
			require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		}
		e := c.Explain()
		require.Len(t, e.Transitions, 32)
		require.True(t, opened.Equal(e.Since), e.Since)
		require.Contains(t, e.Line(), "20 of 20 calls failed")
		require.Equal(t, "drill", e.Transitions[30].Reason[len(e.Transitions[30].Reason)-5:])

		c.Reset()
		require.NoError(t, c.Override(quill.ForceClosed, 0, "drill"))
		for i, transition := range c.Explain().Transitions {
			require.False(t, transition.From == quill.Closed && transition.To == quill.Open, "%d: it has been outlived", i)
		}
	})
}

// Of what a circuit keeps nothing grows, however it flaps and however long its errors are.
func TestEvidenceIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		const circuits = 10
		heap := func() int {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			return int(m.HeapAlloc)
		}
		before := heap()
		all := make([]*quill.Circuit, circuits)
		for i := range all {
			all[i] = newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 1})
		}
		long := strings.Repeat("x", 10_000)
		for flap := range 1000 {
			for _, c := range all {
				_ = call(t, c, fmt.Errorf("%d %s", flap, long))
			}
			pass(5 * time.Second)
			for _, c := range all {
				require.NoError(t, call(t, c, nil))
			}
		}
		require.Less(t, (heap()-before)/circuits, 64<<10, "docs/explain.md says how much")
		for _, c := range all {
			e := c.Explain()
			require.Len(t, e.Transitions, 32)
			require.LessOrEqual(t, len(e.Transitions[31].Errors), 8)
		}
	})
}

// A redaction that ends its goroutine, as a failed assertion in a test's does, hides no call and
// keeps nothing.
func TestARedactionThatExitsHidesNoCall(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 2, SleepWindow: time.Second},
			quill.WithRedact(func(error) string { runtime.Goexit(); return "" }))
		for range 2 {
			_, returned := catch(func() { _ = call(t, c, errSick) })
			require.False(t, returned)
		}
		require.Equal(t, quill.Counts{Failure: 2}, c.Stats().Total)
		require.Equal(t, quill.Open, c.State())
		pass(time.Second)
		_, _ = catch(func() { _ = call(t, c, errSick) })
		require.Zero(t, c.Stats().Probes)
		requireNothingHeld(t, c)
	})
}
