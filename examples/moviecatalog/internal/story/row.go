package story

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/load"
)

// Row holds the figures of one variant. Requests is always Errors plus the four kinds.
type Row struct {
	Name     string `json:"name"`
	Lesson   int    `json:"lesson"`
	Title    string `json:"title"`
	Broken   string `json:"broken"`
	Protects string `json:"protects"`

	Requests int `json:"requests"`
	Errors   int `json:"errors"` // shown to users, who gave up included
	Fresh    int `json:"fresh"`
	Failover int `json:"failover"`
	Stale    int `json:"stale"`
	Default  int `json:"default"`

	P50 Millis `json:"p50_ms"` // of all requests, from when each was due
	P99 Millis `json:"p99_ms"`

	ReachedSick    int     `json:"reached_sick_service"` // calls sent to a sick instance
	PeakGoroutines int     `json:"peak_goroutines"`      // of the whole process
	Opened         *Millis `json:"opened_after_ms"`      // since it broke; null = never
	Recovered      *Millis `json:"recovered_after_ms"`   // since it healed, until all answers are fresh and quick; null = not seen

	// The same for users who do not need what is sick.
	OtherRequests int    `json:"other_requests"`
	OtherErrors   int    `json:"other_errors"`
	OtherP50      Millis `json:"other_p50_ms"`
	OtherP99      Millis `json:"other_p99_ms"`

	// While it was broken only.
	BrokenRequests int    `json:"broken_requests"`
	BrokenErrors   int    `json:"broken_errors"`
	BrokenP50      Millis `json:"broken_p50_ms"`

	// In the last 2.5 s in which it was broken.
	LateRequests int    `json:"late_requests"`
	LateP50      Millis `json:"late_p50_ms"`
	LateP99      Millis `json:"late_p99_ms"`
	LateOtherP99 Millis `json:"late_other_p99_ms"` // of users who do not need what is sick
	LateReached  int    `json:"late_reached_sick_service"`

	// Disturbed says that users were not answered well even before anything was broken:
	// the machine was busy with something else, and the figures mean little.
	Disturbed bool `json:"disturbed"`

	Timeline Timeline `json:"-"`
}

// Millis is a duration that is written in milliseconds with one decimal.
type Millis time.Duration

// MarshalJSON writes a number.
func (m Millis) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(m).Round(100*time.Microsecond)) / float64(time.Millisecond))
}

// Timeline is what happened when, for the report. All times are since the first arrival.
type Timeline struct {
	Broke, Healed, End time.Duration
	Samples            []load.Sample // in the order in which they were due
	Circuits           []Band
	Sick               []time.Duration // when a call was sent to a sick instance
}

// Band is the state of one circuit over time.
type Band struct {
	Circuit string
	Changes []Change
}

// Change is a moment at which a circuit's state became State.
type Change struct {
	At     time.Duration
	State  quill.State
	Reason string
}

// quick is the latency below which an answer feels as it does in health.
const quick = 500 * time.Millisecond

// late is the last part of an illness: by then a guard has had the time to learn of it.
const late = 2500 * time.Millisecond

func newRow(l Lesson, v Variant, t Timeline) Row {
	all := load.Sum(t.Samples, nil)
	r := Row{
		Name: v.Name, Lesson: l.Number, Title: l.Title, Broken: v.Broken, Protects: v.Label,
		Requests: all.Requests, Errors: all.Errors,
		Fresh: all.Fresh(), Failover: all.Failover(), Stale: all.Stale(), Default: all.Default(),
		P50: Millis(all.P50), P99: Millis(all.P99), Timeline: t,
	}
	o := load.Sum(t.Samples, func(s load.Sample) bool { return s.User == other })
	r.OtherRequests, r.OtherErrors, r.OtherP50, r.OtherP99 = o.Requests, o.Errors, Millis(o.P50), Millis(o.P99)
	b := load.Sum(t.Samples, func(s load.Sample) bool { return s.At >= t.Broke && s.At < t.Healed })
	r.BrokenRequests, r.BrokenErrors, r.BrokenP50 = b.Requests, b.Errors, Millis(b.P50)
	r.addLate(t)
	r.ReachedSick = len(t.Sick)
	r.Opened, r.Recovered, r.Disturbed = opened(t), recovered(t), disturbed(t)
	return r
}

func (r *Row) addLate(t Timeline) {
	in := func(at time.Duration) bool { return at >= max(t.Broke, t.Healed-late) && at < t.Healed }
	all := load.Sum(t.Samples, func(s load.Sample) bool { return in(s.At) })
	o := load.Sum(t.Samples, func(s load.Sample) bool { return in(s.At) && s.User == other })
	r.LateRequests, r.LateP50, r.LateP99, r.LateOtherP99 = all.Requests, Millis(all.P50), Millis(all.P99), Millis(o.P99)
	for _, at := range t.Sick {
		if in(at) {
			r.LateReached++
		}
	}
}

// disturbed judges the healthy time, less the last moment, whose requests may already
// meet the illness.
func disturbed(t Timeline) bool {
	f := load.Sum(t.Samples, func(s load.Sample) bool { return s.At < t.Broke-100*time.Millisecond })
	return f.Fresh() < f.Requests || f.P99 > quick/2
}

// opened finds the first opening of a circuit after the illness began.
func opened(t Timeline) *Millis {
	var first *Millis
	for _, band := range t.Circuits {
		for _, c := range band.Changes {
			m := Millis(c.At - t.Broke)
			if c.State == quill.Open && m >= 0 && (first == nil || m < *first) {
				first = &m
			}
		}
	}
	return first
}

// recovered finds the arrival after the cure from which on every answer is fresh and
// quick. It is nil if there is none.
func recovered(t Timeline) *Millis {
	after := slices.DeleteFunc(slices.Clone(t.Samples), func(s load.Sample) bool { return s.At < t.Healed })
	for i, s := range slices.Backward(after) {
		if s.OK() && s.Kind == api.Fresh && s.Latency < quick {
			continue
		}
		if i == len(after)-1 {
			return nil
		}
		m := Millis(after[i+1].At - t.Healed)
		return &m
	}
	if len(after) == 0 {
		return nil
	}
	var none Millis
	return &none
}

// WriteJSON writes {"lessons":[...]}.
func WriteJSON(w io.Writer, rows []Row) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string][]Row{"lessons": rows})
}
