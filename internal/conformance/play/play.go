// Package play plays recordings of Hystrix on quill, in the virtual time of a synctest
// bubble, and compares what was recorded with what quill does.
package play

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// Verdict is how a scenario came out. It is the worst of its parts.
type Verdict int

// The verdicts.
const (
	Agree Verdict = iota
	Intended
	NotBuilt
	Disagree
)

// Report is the outcome of a scenario.
type Report struct {
	Scenario *oracle.Scenario
	Verdict  Verdict
	// Missing says what is not built yet.
	Missing string
	// Findings are the observations that differ, intended or not, in the order of steps.
	Findings []Finding
}

// Finding is one observation in which quill and the recording differ.
type Finding struct {
	Step   int
	Op     string
	Field  string
	Want   string // what Hystrix did
	Got    string // what quill does
	Reason string // id of the reason if it is meant; "" if it is not
	Rule   bool   // whether the reason was found by rules.go rather than in the table
}

// Missing says which feature a scenario needs that quill does not have; "" if none.
func Missing(s *oracle.Scenario) string {
	for _, step := range s.Steps {
		switch {
		case step.Op == "collapse":
			return "the request collapser"
		case step.CacheKey != "", step.Op == "cacheClear", step.Context != "" && s.Area == "cache":
			// A context alone changes nothing, unless it is what the scenario is about.
			return "the request cache"
		}
	}
	return ""
}

// Check reports whether the runner understands the properties of a scenario, and compares
// something of each observation.
func Check(s *oracle.Scenario) error {
	if Missing(s) != "" {
		return nil
	}
	for i, step := range s.Steps {
		if step.Op == "properties" && !tellsSomething(step) {
			return fmt.Errorf("step %d: op %q: observed: it says only what is not compared", i, step.Op)
		}
	}
	_, err := newWorld(s)
	return err
}

// tellsSomething reports whether the observed properties hold one that means something to
// quill, however often they were observed.
func tellsSomething(step *oracle.Step) bool {
	for _, want := range step.Wants {
		if !slices.ContainsFunc(want.Fields(), func(field string) bool { return meaningless[field] == "" }) {
			return false
		}
	}
	return true
}

// Play plays a scenario. t is only what a bubble needs: Play never fails it.
func Play(t *testing.T, s *oracle.Scenario) *Report {
	t.Helper()
	return play(t, s, differencesOf(s.ID))
}

// ByRules is [Play] without the table of differences: see rules.go.
func ByRules(t *testing.T, s *oracle.Scenario) *Report {
	t.Helper()
	return play(t, s, nil)
}

func play(t *testing.T, s *oracle.Scenario, table []Difference) (r *Report) {
	t.Helper()
	r = &Report{Scenario: s, Missing: Missing(s)}
	if r.Missing != "" {
		r.Verdict = NotBuilt
		return r
	}
	defer func() {
		if p := recover(); p != nil { // of synctest: the scenario left something behind
			r.add(Finding{len(s.Steps), "end", "bubble", "nothing left behind", fmt.Sprint(p), "", false})
		}
	}()
	synctest.Test(t, func(*testing.T) { r.run(table) })
	return r
}

// run plays the steps. It runs in the bubble.
func (r *Report) run(table []Difference) {
	at := 0
	defer func() {
		if p := recover(); p != nil {
			r.add(Finding{at, r.opAt(at), "runner", "no panic", fmt.Sprint(p), "", false})
		}
	}()
	w, err := newWorld(r.Scenario)
	if err == nil && !r.Scenario.Lazy {
		err = w.build()
	}
	if err != nil {
		r.add(Finding{0, r.opAt(0), "settings", "accepted", err.Error(), "", false})
		return
	}
	defer w.end()
	c := comparison{report: r, model: newPrediction(r.Scenario), table: table, strict: len(table) > 0}
	for at = range r.Scenario.Steps {
		step := r.Scenario.Steps[at]
		got, err := w.step(step)
		if err != nil {
			r.add(Finding{at, step.Op, "step", "possible", err.Error(), "", false})
			return
		}
		c.compare(at, step, got)
	}
	c.finish()
}

func (r *Report) opAt(i int) string {
	if i < len(r.Scenario.Steps) {
		return r.Scenario.Steps[i].Op
	}
	return "end"
}

func (r *Report) add(f Finding) {
	r.Findings = append(r.Findings, f)
	v := Disagree
	if f.Reason != "" {
		v = Intended
	}
	r.Verdict = max(r.Verdict, v)
}
