// Package quillexpvar publishes the circuits of a registry through expvar, as one variable:
//
//	quillexpvar.Publish("circuits", nil)
//
// Importing package expvar puts GET /debug/vars on [http.DefaultServeMux]; on a mux of your
// own it is [expvar.Handler].
package quillexpvar

import (
	"encoding/json"
	"expvar"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// Publish publishes the circuits of r, nil for [quill.DefaultRegistry], under a name. As
// [expvar.Publish] does, it panics if the name is taken.
func Publish(name string, r *quill.Registry) { expvar.Publish(name, New(r)) }

// New returns the circuits of r, nil for [quill.DefaultRegistry], as a variable: a JSON
// object with a [Circuit] for each name. It reads them when it is asked, which moves no
// circuit and waits for no call. It is safe for concurrent use.
func New(r *quill.Registry) expvar.Var {
	if r == nil {
		r = quill.DefaultRegistry
	}
	return variable{r}
}

type variable struct{ registry *quill.Registry }

// String returns the JSON.
func (v variable) String() string {
	all := map[string]Circuit{}
	for c := range v.registry.All() {
		all[c.Name()] = circuitOf(c.Stats())
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "{}" // cannot be: there is nothing in it that has no JSON
	}
	return string(text)
}

// Circuit is what is told of one circuit. What is under Total, Fallbacks and Unanswered only
// grows. A limit of -1 is none.
type Circuit struct {
	State      quill.State    `json:"state"`
	Open       bool           `json:"open"` // calls are refused as things stand
	Override   quill.Override `json:"override"`
	LastChange string         `json:"lastChange,omitempty"` // why the state or override last changed
	ChangedAt  time.Time      `json:"changedAt,omitzero"`

	Health quill.Health `json:"health"`
	Window quill.Counts `json:"window"`
	Total  quill.Counts `json:"total"`

	InFlight      int `json:"inFlight"`
	MaxConcurrent int `json:"maxConcurrent"`
	Queued        int `json:"queued"`
	QueueSize     int `json:"queueSize"`
	Abandoned     int `json:"abandoned"`

	Execute Latency `json:"execute"` // in run, of the calls of the window
	Whole   Latency `json:"whole"`   // from entry to answer, of the same calls

	Fallbacks  []quill.StepStats `json:"fallbacks,omitempty"`
	Unanswered quill.Unanswered  `json:"unanswered"`
	Panics     uint64            `json:"panics"`
}

// Latency is a distribution of durations, in milliseconds: what [quill.Latency.MarshalJSON]
// writes.
type Latency struct {
	Count uint64  `json:"count"`
	Mean  float64 `json:"meanMs"`
	P50   float64 `json:"p50Ms"`
	P90   float64 `json:"p90Ms"`
	P99   float64 `json:"p99Ms"`
	P999  float64 `json:"p999Ms"`
	Max   float64 `json:"maxMs"`
}

func circuitOf(s quill.Stats) Circuit {
	return Circuit{
		State: s.State, Open: s.Open(), Override: s.Override,
		LastChange: s.LastTransition.Reason, ChangedAt: s.LastTransition.At,
		Health: s.Health, Window: s.Window, Total: s.Total,
		InFlight: s.InFlight, MaxConcurrent: s.Settings.MaxConcurrent,
		Queued: s.Queued, QueueSize: s.Settings.QueueSize, Abandoned: s.Abandoned,
		Execute: latencyOf(s.Execution), Whole: latencyOf(s.Whole),
		Fallbacks: s.Fallbacks, Unanswered: s.Unanswered, Panics: s.Panics,
	}
}

func latencyOf(l quill.Latency) Latency {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return Latency{
		Count: l.Count(), Mean: ms(l.Mean()),
		P50: ms(l.Percentile(50)), P90: ms(l.Percentile(90)), P99: ms(l.Percentile(99)),
		P999: ms(l.Percentile(99.9)), Max: ms(l.Percentile(100)),
	}
}
