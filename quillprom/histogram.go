package quillprom

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/seed-f7c3343e/quill"
)

// histogram is a sum of latencies that only grows: counts by the upper bound of the bin.
type histogram struct {
	bins  map[time.Duration]uint64
	count uint64
	sum   time.Duration
}

// book adds what now has more than last.
func (h *histogram) book(now, last quill.Latency) {
	if now.Count() == last.Count() && now.Sum() == last.Sum() {
		return
	}
	if h.bins == nil {
		h.bins = map[time.Duration]uint64{}
	}
	for bound, n := range now.Buckets() {
		h.bins[bound] += n
		h.count += n
	}
	for bound, n := range last.Buckets() {
		h.bins[bound] -= n
		h.count -= n
	}
	h.sum += max(0, now.Sum()-last.Sum())
}

// classic returns the cumulative counts of the given bounds, which are in seconds. A bin
// counts under a bound as a whole, if it ends no more than a sixteenth above it: so what
// counts is within 6.25 per cent of the bound, as percentiles are, and a call that ended
// at its timeout counts under a bound that is the timeout.
func (h *histogram) classic(bounds []float64) map[float64]uint64 {
	counts := make(map[float64]uint64, len(bounds))
	for _, bound := range bounds {
		counts[bound] = 0
		for end, n := range h.bins {
			if end.Seconds() <= bound*(1+1.0/16) {
				counts[bound] += n
			}
		}
	}
	return counts
}

const (
	// nativeSchema cuts each octave into 8 buckets, as the library's own bins do.
	nativeSchema    = 3
	perOctave       = 1 << nativeSchema
	nativeThreshold = prometheus.DefNativeHistogramZeroThreshold

	// middleOfBin is where the geometric middle of a bin is, on average, below its end.
	middleOfBin = 0.957
	// longest stands for the last bin, which has no end: all above 137s.
	longest = 138.0
)

// native returns the counts by index of the exponential buckets. A bin counts as a whole
// in the bucket that its middle falls into.
func (h *histogram) native() map[int]int64 {
	buckets := map[int]int64{}
	for end, n := range h.bins {
		if n == 0 {
			continue
		}
		middle := longest
		if end != math.MaxInt64 {
			middle = end.Seconds() * middleOfBin
		}
		index := int(math.Ceil(math.Log2(middle) * perOctave))
		buckets[index] += int64(n) //nolint:gosec // calls are fewer
	}
	return buckets
}

// metric returns the histogram as a metric, with native buckets beside the classic ones if
// asked to.
func (h *histogram) metric(d *prometheus.Desc, bounds []float64, native bool, labels ...string) prometheus.Metric {
	sum := h.sum.Seconds()
	classic := prometheus.MustNewConstHistogram(d, h.count, sum, h.classic(bounds), labels...)
	if !native {
		return classic
	}
	return &bothHistograms{classic, prometheus.MustNewConstNativeHistogram(d, h.count, sum,
		h.native(), nil, 0, nativeSchema, nativeThreshold, time.Time{}, labels...)}
}

// bothHistograms is one metric with classic and native buckets, as the library's own
// histograms are; its constant ones have either. A server gets the native ones only if it
// asks for them.
type bothHistograms struct {
	prometheus.Metric // the classic one

	native prometheus.Metric
}

func (m *bothHistograms) Write(out *dto.Metric) error {
	if err := m.Metric.Write(out); err != nil {
		return err
	}
	var n dto.Metric
	if err := m.native.Write(&n); err != nil {
		return err
	}
	to, from := out.GetHistogram(), n.GetHistogram()
	to.Schema, to.ZeroThreshold, to.ZeroCount = from.Schema, from.ZeroThreshold, from.ZeroCount
	to.PositiveSpan, to.PositiveDelta = from.GetPositiveSpan(), from.GetPositiveDelta()
	return nil
}
