package quill

import (
	"encoding/json"
	"time"
)

// The JSON of a distribution of durations. Package quillexpvar writes the same.
type latencyJSON struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"meanMs"`
	P50   float64 `json:"p50Ms"`
	P90   float64 `json:"p90Ms"`
	P99   float64 `json:"p99Ms"`
	P999  float64 `json:"p999Ms"`
	Max   float64 `json:"maxMs"`
}

// MarshalJSON writes how many durations there are, and in milliseconds their mean, some
// percentiles and the longest, under the names
//
//	{"count":0,"meanMs":0,"p50Ms":0,"p90Ms":0,"p99Ms":0,"p999Ms":0,"maxMs":0}
//
// Count and mean are exact, the others as near as [Latency.Percentile]: maxMs is the
// percentile 100. It is to be read by people and programs, not back into a Latency.
func (l Latency) MarshalJSON() ([]byte, error) {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return json.Marshal(latencyJSON{
		Count: l.Count(), Mean: ms(l.Mean()),
		P50: ms(l.Percentile(50)), P90: ms(l.Percentile(90)), P99: ms(l.Percentile(99)),
		P999: ms(l.Percentile(99.9)), Max: ms(l.Percentile(100)),
	})
}
