package oracle

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Observation is what was seen at one step, as a text for each of its fields. Texts, so
// that two observations can be compared and shown by one means.
type Observation map[string]string

// Fields returns the names of the fields, sorted.
func (o Observation) Fields() []string { return slices.Sorted(maps.Keys(o)) }

// Circuit is the state of a breaker. Status is CLOSED, OPEN, HALF_OPEN, or NONE.
type Circuit struct {
	Status        string
	Open          bool
	AllowsRequest *bool
}

// Put adds the circuit's fields to o.
func (c *Circuit) Put(o Observation) {
	if c == nil {
		return
	}
	o["status"], o["open"] = c.Status, strconv.FormatBool(c.Open)
	if c.AllowsRequest != nil {
		o["allowsRequest"] = strconv.FormatBool(*c.AllowsRequest)
	}
}

// Health is the window that a breaker judges.
type Health struct{ Total, Errors, ErrorPercentage int }

// Put adds the health to o.
func (h Health) Put(o Observation) {
	o["health"] = fmt.Sprintf("total %d, errors %d, %d %%", h.Total, h.Errors, h.ErrorPercentage)
}

// Counters are the events of a command that are not 0.
type Counters struct {
	Rolling, Cumulative    map[string]int
	MaxConcurrent, Current int
}

// Put adds the counters to o.
func (c Counters) Put(o Observation) {
	o["rolling"], o["cumulative"] = countText(c.Rolling), countText(c.Cumulative)
	o["maxConcurrent"], o["current"] = strconv.Itoa(c.MaxConcurrent), strconv.Itoa(c.Current)
}

func countText(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] != 0 {
			parts = append(parts, name+" "+strconv.Itoa(counts[name]))
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// Pool holds the gauges of a thread pool. The rolling counts are there if asked for.
type Pool struct {
	Active, Queued, Core, Max        int
	RollingExecuted, RollingRejected *int
}

// Put adds the gauges to o.
func (p Pool) Put(o Observation) {
	o["active"], o["queued"] = strconv.Itoa(p.Active), strconv.Itoa(p.Queued)
	o["core"], o["max"] = strconv.Itoa(p.Core), strconv.Itoa(p.Max)
	if p.RollingExecuted != nil {
		o["rollingExecuted"] = strconv.Itoa(*p.RollingExecuted)
	}
	if p.RollingRejected != nil {
		o["rollingRejected"] = strconv.Itoa(*p.RollingRejected)
	}
}

// Bodies count what the bodies of a command did since the scenario began.
type Bodies struct{ RunEntered, RunFinished, Interrupted, FallbackEntered int }

// Put adds the counts to o.
func (b Bodies) Put(o Observation) {
	o["bodies"] = fmt.Sprintf("runs entered %d, finished %d, interrupted %d, fallbacks entered %d",
		b.RunEntered, b.RunFinished, b.Interrupted, b.FallbackEntered)
}

// observe reads what was observed at a step.
func observe(step *Step, text json.RawMessage) (Observation, error) {
	o := Observation{}
	if err := checkTold(step, text); err != nil {
		return nil, err
	}
	switch step.Op {
	case "call", "reuse":
		return o, readCall(text, o)
	case "await":
		return o, readAwait(step, text, o)
	case "cancel":
		return o, readCancel(text, o)
	case "circuit":
		var c Circuit
		return o, read(text, &c, func() { c.Put(o) })
	case "health":
		var h Health
		return o, read(text, &h, func() { h.Put(o) })
	case "counters":
		var c Counters
		return o, read(text, &c, func() { c.Put(o) })
	case "pool":
		var p Pool
		return o, read(text, &p, func() { p.Put(o) })
	case "bodies":
		var b Bodies
		return o, read(text, &b, func() { b.Put(o) })
	}
	return o, observeLists(step, text, o)
}

func observeLists(step *Step, text json.RawMessage, o Observation) error {
	switch step.Op {
	case "runOrder":
		var x struct{ Order []string }
		return read(text, &x, func() { o["order"] = strings.Join(x.Order, ", ") })
	case "notifications":
		var x struct{ Chronological []string }
		return read(text, &x, func() { o["chronological"] = strings.Join(x.Chronological, ", ") })
	case "construct":
		var x struct{ Outcome, Type, Message string }
		return read(text, &x, func() { o["outcome"] = x.Outcome })
	case "properties":
		var x struct{ Command, Pool, Collapser map[string]any }
		return read(text, &x, func() {
			for prefix, values := range map[string]map[string]any{"": x.Command, "pool ": x.Pool, "collapser ": x.Collapser} {
				for name, v := range values {
					o[prefix+name] = fmt.Sprint(v)
				}
			}
		})
	case "collapse":
		o["results"] = string(text) // not built: nobody reads it yet
		return nil
	}
	return fmt.Errorf("nothing can be observed by it: %s", text)
}

func read(text json.RawMessage, into any, put func()) error {
	if err := decode(text, into); err != nil {
		return err
	}
	put()
	return nil
}
