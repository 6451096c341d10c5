package quillprom_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// took makes calls that take exactly so long, in a bubble.
func took(t *testing.T, durations []time.Duration) *quill.Registry {
	t.Helper()
	r := quill.NewRegistry()
	c := circuit(t, r, "dep", quill.Settings{Isolation: quill.Semaphore, Timeout: quill.NoTimeout})
	wait := quill.Bind(c, func(_ context.Context, d time.Duration) (int, error) {
		time.Sleep(d)
		return 0, nil
	})
	for _, d := range durations {
		_, err := wait.Do(context.Background(), d)
		require.NoError(t, err)
	}
	return r
}

// latency returns the histogram of the calls' own time.
func latency(t testing.TB, r *quill.Registry, s quillprom.Settings) *dto.Histogram {
	t.Helper()
	p := prometheus.NewPedanticRegistry()
	p.MustRegister(quillprom.New(r, s))
	families, err := p.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "hystrix_command_latency_execute_seconds" {
			require.Len(t, f.GetMetric(), 1)
			return f.GetMetric()[0].GetHistogram()
		}
	}
	t.Fatal("there is no histogram")
	return nil
}

// What counts under a bound is exact but for the calls within 6.25 per cent of it.
func TestClassicBucketsCountWithinSixAndAQuarterPerCent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			var durations []time.Duration
			for range 1 + random.IntN(50) {
				exponent := 2 + 9.5*random.Float64() // 100ns to 5 minutes
				durations = append(durations, time.Duration(math.Pow(10, exponent)))
			}
			h := latency(t, took(t, durations), quillprom.Settings{})
			require.EqualValues(t, len(durations), h.GetSampleCount())
			var sum time.Duration
			for _, d := range durations {
				sum += d
			}
			require.InDelta(t, sum.Seconds(), h.GetSampleSum(), 1e-9*sum.Seconds())
			require.Len(t, h.GetBucket(), len(quillprom.DefaultBuckets()))
			for _, b := range h.GetBucket() {
				var surely, maybe uint64
				for _, d := range durations {
					if d.Seconds() <= b.GetUpperBound()/1.0625 {
						surely++
					}
					if d.Seconds() <= b.GetUpperBound()*1.0625 {
						maybe++
					}
				}
				require.GreaterOrEqual(t, b.GetCumulativeCount(), surely, b.GetUpperBound())
				require.LessOrEqual(t, b.GetCumulativeCount(), maybe, b.GetUpperBound())
			}
		}
	})
}

func TestCallThatEndsAtItsTimeoutCountsUnderThatBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, ms := range []time.Duration{10, 25, 50, 100, 250, 500, 1000} {
			bound := ms * time.Millisecond
			h := latency(t, took(t, []time.Duration{bound, bound + bound/1000}), quillprom.Settings{Buckets: []time.Duration{bound}})
			require.EqualValues(t, 2, h.GetBucket()[0].GetCumulativeCount(), bound)
		}
	})
}

// nativeBuckets are the counts by upper bound, in seconds, as a server makes them of what
// it is sent.
func nativeBuckets(h *dto.Histogram) map[float64]int64 {
	all := map[float64]int64{}
	index, n, at := int32(0), int64(0), 0
	for _, span := range h.GetPositiveSpan() {
		index += span.GetOffset()
		for range span.GetLength() {
			n += h.GetPositiveDelta()[at]
			all[math.Pow(2, float64(index)/math.Pow(2, float64(h.GetSchema())))] = n
			index++
			at++
		}
	}
	return all
}

func TestNativeBucketsAreBesideTheClassicOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		durations := []time.Duration{100 * time.Nanosecond, time.Millisecond, time.Millisecond, 100 * time.Millisecond, 10 * time.Minute}
		r := took(t, durations)
		h := latency(t, r, quillprom.Settings{})
		require.EqualValues(t, 5, h.GetSampleCount())
		require.NotEmpty(t, h.GetBucket())
		require.EqualValues(t, 3, h.GetSchema())
		buckets := nativeBuckets(h)
		const width = 1.0905 // the eighth root of 2
		for _, c := range []struct {
			from, to time.Duration
			n        int64
		}{{0, 300 * time.Nanosecond, 1}, {900 * time.Microsecond, 1100 * time.Microsecond, 2}, {90 * time.Millisecond, 110 * time.Millisecond, 1}, {137 * time.Second, time.Hour, 1}} {
			var n int64
			for bound, count := range buckets {
				if bound > c.from.Seconds() && bound/width <= c.to.Seconds() {
					n += count
				}
			}
			require.Equal(t, c.n, n, "%v to %v in %v", c.from, c.to, buckets)
		}

		only := latency(t, r, quillprom.Settings{ClassicOnly: true})
		require.Nil(t, only.Schema)
		require.Empty(t, only.GetPositiveSpan())
		require.Equal(t, h.GetBucket(), only.GetBucket())
	})
}

func TestNativeHistogramWithoutCallsIsOne(t *testing.T) {
	r := quill.NewRegistry()
	circuit(t, r, "dep")
	h := latency(t, r, quillprom.Settings{})
	require.NotNil(t, h.Schema)
	require.Positive(t, h.GetZeroThreshold(), "else a server takes it for a classic one")
}
