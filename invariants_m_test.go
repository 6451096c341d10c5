package quill

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Time and numbers: docs/invariants.md, section M.

// TestM01TimeIsMonotonic: what circuits measure from has a monotonic reading, so that all
// differences are taken by that clock. (TestDecisionsUseTheMonotonicClock sees to it that
// nothing else is read.)
func TestM01TimeIsMonotonic(t *testing.T) {
	require.Contains(t, processStart.String(), " m=", "the clock reading was stripped")
	require.NotContains(t, processStart.Round(0).String(), " m=", "or this test shows nothing")
}

// TestM03SleepWindowsOfAnyLength: from 1ns to centuries, at any time, with any growth and
// jitter: the machine never refuses for less than it should, never overflows, and lets a
// probe through when it is over.
func TestM03SleepWindowsOfAnyLength(t *testing.T) {
	anyTime := rapid.OneOf(
		rapid.Int64Range(1, math.MaxInt64),
		rapid.SampledFrom([]int64{1, 2, int64(time.Second), int64(24 * time.Hour), 1<<62 - 1, 1 << 62, math.MaxInt64 - 1, math.MaxInt64}),
	)
	rapid.Check(t, func(t *rapid.T) {
		sleep := time.Duration(anyTime.Draw(t, "sleep"))
		r := rules{volume: 1, errorPercent: 1, sleep: sleep, probes: 1, lease: time.Duration(anyTime.Draw(t, "lease"))}
		if rapid.Bool().Draw(t, "grows") {
			r.maxSleep = max(sleep, time.Duration(anyTime.Draw(t, "most")))
		}
		r.jitter = rapid.Float64Range(0, 1).Draw(t, "jitter")
		random, hint := rapid.Float64Range(0, 1).Draw(t, "random"), time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "hint"))
		now := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "now"))
		b := newBreaker()
		n := tally{requests: 1, errors: 1}
		require.Equal(t, Open, b.judge(now, &r, n, random, hint).to)
		for range 5 {
			require.GreaterOrEqual(t, b.slept, sleep)
			require.Equal(t, addSaturating(now, b.slept), b.openUntil)
			require.GreaterOrEqual(t, b.retryAfter(now), time.Duration(0))
			if _, _, ok := b.admit(b.openUntil-1, &r); b.openUntil > now {
				require.False(t, ok, "admitted 1ns before the sleep window was over")
			}
			now = b.openUntil
			probe, _, ok := b.admit(now, &r)
			require.True(t, ok)
			require.Equal(t, 1, b.probesOut(now)+oneIf(addSaturating(now, r.lease) == now), "the lease is counted from then")
			if change, counts := b.settleProbe(now, &r, probe, bad, random, hint); counts {
				require.Equal(t, Open, change.to)
			} else {
				return // the end of time: a lease that has no room is over at once
			}
		}
	})
}

func oneIf(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
