package load

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
)

// Figures sum up samples.
type Figures struct {
	Requests, Errors int
	ByKind           [4]int // indexed by api.Kind
	P50, P99         time.Duration
}

// Sum sums up the samples for which keep returns true; a nil keep keeps all.
func Sum(samples []Sample, keep func(Sample) bool) Figures {
	var f Figures
	var latencies []time.Duration
	for _, s := range samples {
		if keep != nil && !keep(s) {
			continue
		}
		f.Requests++
		latencies = append(latencies, s.Latency)
		if s.OK() {
			f.ByKind[s.Kind]++
		} else {
			f.Errors++
		}
	}
	slices.Sort(latencies)
	f.P50, f.P99 = Percentile(latencies, 50), Percentile(latencies, 99)
	return f
}

// Fresh returns how many answers were fresh.
func (f Figures) Fresh() int { return f.ByKind[api.Fresh] }

// Failover returns how many came from another instance.
func (f Figures) Failover() int { return f.ByKind[api.Failover] }

// Stale returns how many were earlier answers.
func (f Figures) Stale() int { return f.ByKind[api.Stale] }

// Default returns how many were fixed answers.
func (f Figures) Default() int { return f.ByKind[api.Default] }

// Percentile takes the nearest rank of sorted values: the smallest that at least p per
// cent of all do not exceed. It is 0 if there are none.
func Percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// ByTime sorts samples by when they were due.
func ByTime(samples []Sample) {
	slices.SortFunc(samples, func(a, b Sample) int { return cmp.Compare(a.At, b.At) })
}
