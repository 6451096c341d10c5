package plugins

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimerKnowsTheLastDurationsAndTheRates(t *testing.T) {
	now := time.Now()
	m := newMetrics()
	for i := range 3000 { // ten a second
		now = now.Add(100 * time.Millisecond)
		m.time("t", time.Duration(i+1), now)
	}
	tm := m.timers["t"]
	require.Len(t, tm.last, sampled)
	values := tm.values(now)
	require.Contains(t, values, "count 3000")
	require.Contains(t, values, "min 1973", "the last 1028 of them")
	require.Contains(t, values, "max 3000")
	require.Contains(t, values, "mean 2486.50")
	require.Contains(t, values, "50-percentile 2486.50")
	require.InDelta(t, 10, tm.rates[0], 0.3)
	require.InDelta(t, 10, tm.rates[2], 0.3)
	require.Equal(t, "mean-rate 10.00", values[len(values)-1])

	later := tm.values(now.Add(2 * time.Minute))
	require.Less(t, tm.rates[0], 2.0)
	require.Greater(t, tm.rates[2], 8.0)
	require.Contains(t, later, "count 3000")
	tm.values(now.Add(10_000 * time.Hour)) // in no time
	require.Less(t, tm.rates[2], 0.01)
}

func TestPercentileInterpolates(t *testing.T) {
	sorted := []time.Duration{10, 20, 30, 40}
	require.Equal(t, 25.0, percentile(sorted, 0.5))
	require.Equal(t, 10.0, percentile(sorted, 0))
	require.Equal(t, 40.0, percentile(sorted, 0.999))
}
