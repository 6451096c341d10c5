package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Result is how one call ended.
type Result struct {
	Count                               int
	Outcome                             string // value, error
	Value                               any
	Error                               *Error
	Events, Flags                       []string
	FromFallback                        bool
	RunEntered, FallbackEntered         bool
	ExecutionTimeRecorded               bool
	InElapsedBand                       *bool
	FailedException, ExecutionException *string
}

// Cancelled is the kind of error of a call that its caller left.
const Cancelled = "cancelled"

// Error is what a call failed with. Kind is runtime, badRequest, [Cancelled] or raw, and,
// where quill has one of its own, panic. The causes are codes.
type Error struct {
	Kind, FailureType    string
	Cause, FallbackCause *string
	Message, Type        string
}

// Text says all of the result that has a meaning for others than Hystrix, in one line.
// Left out: messages and classes of exceptions, the flags and the failed exception (both
// follow from the events), whether an execution time was recorded.
func (r *Result) Text() string {
	var parts []string
	if r.Error == nil {
		parts = append(parts, r.Outcome+" "+strconv.Quote(fmt.Sprint(r.Value)))
	} else {
		if r.Outcome != "error" { // the word for the outcome counts as well
			parts = append(parts, r.Outcome)
		}
		parts = append(parts, r.Error.text()...)
	}
	events := slices.Clone(r.Events)
	slices.Sort(events)
	parts = append(parts, strings.Join(events, "+"))
	if r.FromFallback {
		parts = append(parts, "from fallback")
	}
	if r.RunEntered {
		parts = append(parts, "run entered")
	}
	if r.FallbackEntered {
		parts = append(parts, "fallback entered")
	}
	if cause := codeOf(r.ExecutionException); cause != "" && (r.Error == nil || r.Error.Kind != Cancelled) {
		parts = append(parts, "because "+cause)
	}
	if r.InElapsedBand != nil {
		if *r.InElapsedBand {
			parts = append(parts, "in its time")
		} else {
			parts = append(parts, "not in its time")
		}
	}
	return strings.Join(parts, ", ")
}

func (e *Error) text() []string {
	if e.Kind != "runtime" {
		return []string{"error " + e.Kind}
	}
	parts := []string{"error " + e.FailureType}
	if cause := codeOf(e.Cause); cause != "" {
		parts = append(parts, "cause "+cause)
	}
	if cause := codeOf(e.FallbackCause); cause != "" {
		parts = append(parts, "fallback's cause "+cause)
	}
	return parts
}

// codeOf is a cause by its class: a queue's threshold is one way of a pool to be full, a
// fallback that is missing is no cause, and of two of Java's own exceptions the class says
// everything.
func codeOf(cause *string) string {
	switch {
	case cause == nil, *cause == "unsupported:No fallback available.":
		return ""
	case *cause == "poolQueueThreshold":
		return "poolRejected"
	}
	for _, class := range []string{"unsupported", "IllegalStateException"} {
		if strings.HasPrefix(*cause, class+":") {
			return class
		}
	}
	return *cause
}

// PutResults adds the results of calls made one after the other to o, equal neighbors
// taken together.
func PutResults(o Observation, results []Result) {
	var runs []string
	last, n := "", 0
	flush := func() {
		if n > 0 {
			runs = append(runs, strconv.Itoa(n)+" x "+last)
		}
	}
	for i := range results {
		text, count := results[i].Text(), max(1, results[i].Count)
		if text != last {
			flush()
			last, n = text, 0
		}
		n += count
	}
	flush()
	o["results"] = strings.Join(runs, "; ")
}

// PutResult adds the result of the call with that handle to o.
func PutResult(o Observation, handle string, r *Result) { o["result of "+handle] = r.Text() }

func readCall(text json.RawMessage, o Observation) error {
	var x struct {
		Results []Result
		Circuit *Circuit
	}
	if err := decode(text, &x); err != nil {
		return err
	}
	if len(x.Results) == 0 {
		return errors.New("it holds no results")
	}
	for i := range x.Results {
		if err := x.Results[i].check(); err != nil {
			return err
		}
	}
	PutResults(o, x.Results)
	x.Circuit.Put(o)
	return nil
}

// readAwait reads a result for each handle that was waited for, and for no other.
func readAwait(step *Step, text json.RawMessage, o Observation) error {
	var x struct {
		Results map[string]*Result
		Circuit *Circuit
	}
	if err := decode(text, &x); err != nil {
		return err
	}
	for _, h := range step.Handles {
		if _, ok := x.Results[h]; !ok {
			return fmt.Errorf("it says nothing of the handle %q", h)
		}
	}
	for h, r := range x.Results {
		if !slices.Contains(step.Handles, h) {
			return fmt.Errorf("the handle %q was not waited for", h)
		}
		if err := r.check(); err != nil {
			return fmt.Errorf("handle %q: %w", h, err)
		}
		PutResult(o, h, r)
	}
	x.Circuit.Put(o)
	return nil
}

func readCancel(text json.RawMessage, o Observation) error {
	var x struct {
		Returned bool
		Circuit  *Circuit
	}
	return read(text, &x, func() {
		o["returned"] = strconv.FormatBool(x.Returned)
		x.Circuit.Put(o)
	})
}
