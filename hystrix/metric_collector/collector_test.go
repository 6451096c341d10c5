package metricCollector_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

type named struct{ name string }

func (*named) Update(metricCollector.MetricResult) {}
func (*named) Reset()                              {}

func TestTheDefaultCollectorComesFirst(t *testing.T) {
	metricCollector.Registry.Register(func(name string) metricCollector.MetricCollector {
		if name == "outer" { // no lock is held
			require.NotEmpty(t, metricCollector.Registry.InitializeMetricCollectors("inner"))
		}
		return &named{name}
	})
	all := metricCollector.Registry.InitializeMetricCollectors("outer")
	require.Len(t, all, 2)
	require.IsType(t, &metricCollector.DefaultMetricCollector{}, all[0])
	require.Equal(t, &named{"outer"}, all[1])
	require.NotSame(t, all[0], metricCollector.Registry.InitializeMetricCollectors("another")[0])
}

func TestTheDefaultCollectorAddsUpAndForgets(t *testing.T) {
	d, ok := metricCollector.Registry.InitializeMetricCollectors("any")[0].(*metricCollector.DefaultMetricCollector)
	require.True(t, ok)
	d.Update(metricCollector.MetricResult{
		Attempts: 1, Errors: 2, Successes: 3, Failures: 4, Rejects: 5, ShortCircuits: 6, Timeouts: 7,
		FallbackSuccesses: 8, FallbackFailures: 9, ContextCanceled: 10, ContextDeadlineExceeded: 11,
		TotalDuration: 2 * time.Second, RunDuration: time.Second, ConcurrencyInUse: 0.5,
	})
	sums := func() (all []float64) {
		for _, n := range []interface{ Sum(now time.Time) float64 }{
			d.NumRequests(), d.Errors(), d.Successes(), d.Failures(), d.Rejects(), d.ShortCircuits(), d.Timeouts(),
			d.FallbackSuccesses(), d.FallbackFailures(), d.ContextCanceled(), d.ContextDeadlineExceeded(),
		} {
			all = append(all, n.Sum(time.Now()))
		}
		return all
	}
	require.Equal(t, []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, sums())
	require.EqualValues(t, 2000, d.TotalDuration().Mean())
	require.EqualValues(t, 1000, d.RunDuration().Mean())
	d.Reset()
	require.Equal(t, make([]float64, 11), sums())
	require.Zero(t, d.RunDuration().Mean())
}
