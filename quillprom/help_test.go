package quillprom_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// The warm workers of quill's pools go by themselves after a while.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/seed-f7c3343e/quill.(*worker).loop"))
}

var errSick = errors.New("the dependency is sick")

// scrape registers the collector with a registry that holds it to its word, and reads it.
func scrape(t testing.TB, c *quillprom.Collector) samples {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	require.NoError(t, r.Register(c))
	families, err := r.Gather()
	require.NoError(t, err)
	all := samples{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			all.take(f, m)
		}
	}
	return all
}

// samples are values by series, such as `name{label="value"}`, labels sorted by name.
type samples map[string]float64

func (s samples) take(f *dto.MetricFamily, m *dto.Metric) {
	series := func(suffix string, more ...string) string {
		labels := slices.Clone(more)
		for _, l := range m.GetLabel() {
			labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
		}
		slices.Sort(labels)
		if len(labels) == 0 {
			return f.GetName() + suffix
		}
		return f.GetName() + suffix + "{" + strings.Join(labels, ",") + "}"
	}
	switch f.GetType() {
	case dto.MetricType_COUNTER:
		s[series("")] = m.GetCounter().GetValue()
	case dto.MetricType_GAUGE:
		s[series("")] = m.GetGauge().GetValue()
	case dto.MetricType_HISTOGRAM:
		h := m.GetHistogram()
		s[series("_count")], s[series("_sum")] = float64(h.GetSampleCount()), h.GetSampleSum()
		for _, b := range h.GetBucket() {
			s[series("_bucket", fmt.Sprintf(`le="%v"`, b.GetUpperBound()))] = float64(b.GetCumulativeCount())
		}
	default:
		panic("a metric of an unexpected kind: " + f.GetType().String())
	}
}

// has asserts values of series, given without the label command_group="default".
func (s samples) has(t testing.TB, want samples) {
	t.Helper()
	for series, v := range want {
		full := strings.Replace(series, `{command_name=`, `{command_group="default",command_name=`, 1)
		got, ok := s[full]
		require.True(t, ok, "there is no series %s", full)
		require.Equal(t, v, got, full)
	}
}

// of returns the series that have the part in their name or labels.
func (s samples) of(part string) samples {
	some := samples{}
	for series, v := range s {
		if strings.Contains(series, part) {
			some[series] = v
		}
	}
	return some
}

func (s samples) sum() (sum float64) {
	for _, v := range s {
		sum += v
	}
	return sum
}

// growing are the series that must never go down.
func (s samples) growing() samples {
	some := samples{}
	for series, v := range s {
		name, _, _ := strings.Cut(series, "{")
		for _, suffix := range []string{"_total", "_count", "_sum", "_bucket"} {
			if strings.HasSuffix(name, suffix) {
				some[series] = v
			}
		}
	}
	return some
}

// grewFrom asserts that no counter is lower than before, or gone.
func (s samples) grewFrom(t testing.TB, before samples) {
	t.Helper()
	for series, v := range before.growing() {
		now, ok := s[series]
		require.True(t, ok, "the counter %s is gone", series)
		require.GreaterOrEqual(t, now, v, series)
	}
}

func circuit(t testing.TB, r *quill.Registry, name string, opts ...quill.Option) *quill.Circuit {
	t.Helper()
	c, err := r.Circuit(name, opts...)
	require.NoError(t, err)
	return c
}

// calls makes n calls that end with err.
func calls(c *quill.Circuit, n int, err error) {
	for range n {
		_, _ = quill.Do(context.Background(), c, func(context.Context) (int, error) { return 0, err })
	}
}
