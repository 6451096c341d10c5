package quill_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// heapInUse is what the heap holds, without what nobody refers to.
func heapInUse() int {
	for range 3 { // sync.Pool keeps what it has through two
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// A command that was called for as long as its window, and longer, and then is called no more is
// soon nearly as small again as one that never was: with durations within two decades below the 3 KiB
// that an idle one may have, and smaller once somebody has read its statistics, as each scrape does.
func TestACommandAtRestKeepsLittleOfItsTraffic(t *testing.T) {
	const commands, seconds, unread, read = 1000, 12, 3 << 10, 2300
	for name, tc := range map[string]struct {
		perSecond int
		took      func(call int) time.Duration
	}{
		"3 calls a second":                    {3, func(int) time.Duration { return 0 }},
		"5 calls a second, of 1 ms to 100 ms": {5, func(n int) time.Duration { return time.Duration(1+n*37%100) * time.Millisecond }},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				before := heapInUse()
				perCommand := func() int { return (heapInUse() - before) / commands }

				r := quill.NewRegistry()
				all := make([]*quill.Circuit, commands)
				for i := range all {
					all[i] = quill.NewCircuit(fmt.Sprint("dep-", i), quill.Settings{Isolation: quill.Semaphore}, quill.WithRegistry(r))
				}
				idle := perCommand()
				for n := range seconds * tc.perSecond {
					callAll(t, all, tc.took(n))
					pass(time.Second/time.Duration(tc.perSecond) - tc.took(n))
				}
				busy := perCommand()
				pass(25 * time.Second)
				rested := perCommand()
				for _, c := range all {
					require.Zero(t, c.Stats().Window)
				}
				scraped := perCommand()

				t.Logf("bytes a command: idle %d, busy %d, at rest %d, once it was read %d", idle, busy, rested, scraped)
				require.Less(t, rested, unread)
				require.Less(t, scraped, read)
				runtime.KeepAlive(r)
			})
		})
	}
}

// callAll calls all circuits at once. The calls take so long, and succeed.
func callAll(t *testing.T, all []*quill.Circuit, took time.Duration) {
	t.Helper()
	calls := make([]*quill.Call, len(all))
	for i, c := range all {
		var err error
		calls[i], err = c.Begin(t.Context())
		require.NoError(t, err)
	}
	pass(took)
	for _, k := range calls {
		_, err := k.End(nil)
		require.NoError(t, err)
	}
}

// Of two circuits that are called alike, with and without long rests, one is read now and then.
func TestReadingACircuitAtRestMovesNothing(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, rt *rapid.T) {
		s := quill.Settings{
			RequestVolumeThreshold: 4, SlowCallDuration: 50 * time.Millisecond, SleepWindow: 2 * time.Second,
			RollingCalls: rapid.SampledFrom([]int{0, 0, 5}).Draw(rt, "rolling calls"),
		}
		alone, read := newTestCircuit(t, s), newTestCircuit(t, s)
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			for range rapid.IntRange(0, 2).Draw(rt, "readings") {
				rest(rt)
				_, _ = read.Stats(), read.Explain()
			}
			rest(rt)
			one, refused := alone.Begin(t.Context())
			other, alsoRefused := read.Begin(t.Context())
			require.Equal(rt, refused, alsoRefused)
			if refused == nil {
				pass(rapid.SampledFrom([]time.Duration{0, 0, 100 * time.Millisecond}).Draw(rt, "took"))
				result := rapid.SampledFrom([]error{nil, errSick}).Draw(rt, "result")
				_, _ = one.End(result)
				_, _ = other.End(result)
			}
			require.Equal(rt, alone.State(), read.State())
		}
		require.Equal(rt, alone.Stats(), read.Stats())
	})
}

// rest passes the time as a window sees it that lasts ten seconds.
func rest(rt *rapid.T) {
	pass(rapid.SampledFrom([]time.Duration{
		0, 100 * time.Millisecond, time.Second, 8 * time.Second, 9 * time.Second, 10*time.Second - 1, 10 * time.Second, time.Minute,
	}).Draw(rt, "rest"))
}
