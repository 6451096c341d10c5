package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// tells says which fields the observation of an operation cannot do without. One that lacks
// them would be compared as if it said 0 or nothing, and agree where nothing happened.
var tells = map[string][]string{
	"await":         {"results"},
	"bodies":        {"runEntered", "runFinished", "interrupted", "fallbackEntered"},
	"call":          {"results"},
	"cancel":        {"returned"},
	"circuit":       {"status", "open"},
	"collapse":      {"results"},
	"construct":     {"outcome"},
	"counters":      {"rolling", "cumulative", "maxConcurrent", "current"},
	"health":        {"total", "errors", "errorPercentage"},
	"notifications": {"chronological"},
	"pool":          {"active", "queued", "core", "max"},
	"properties":    {"command"},
	"reuse":         {"results"},
	"runOrder":      {"order"},
}

// checkTold holds the observation of a step to say everything that its operation is about.
func checkTold(step *Step, text json.RawMessage) error {
	if !step.looks() {
		return fmt.Errorf("nothing can be observed by it: %s", text)
	}
	if string(text) == "null" {
		return errors.New("it is null")
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	need := tells[step.Op]
	if step.Op == "pool" && step.Counts {
		need = append(slices.Clip(need), "rollingExecuted", "rollingRejected")
	}
	for _, name := range need {
		told := false
		for field, value := range fields {
			told = told || (strings.EqualFold(field, name) && string(value) != "null")
		}
		if !told {
			return fmt.Errorf("it says nothing of %q", name)
		}
	}
	return nil
}

// check holds a result to say how the call ended.
func (r *Result) check() error {
	if r == nil {
		return errors.New("a result is null")
	}
	return oneOf("outcome", r.Outcome, "error", "value")
}
