package play

import (
	"slices"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// Difference is a step at which quill is meant to differ from a recording: what quill does
// there, exactly, field by field, and why. Everything else in the scenario must agree.
type Difference struct {
	Scenario string
	Step     int
	Reason   string
	Quill    oracle.Observation
}

func differencesOf(scenario string) []Difference {
	var all []Difference
	for _, d := range Differences {
		if d.Scenario == scenario {
			all = append(all, d)
		}
	}
	return all
}

// comparison holds a scenario's observations against the recording, step by step.
type comparison struct {
	report *Report
	model  *prediction
	table  []Difference
	strict bool // whether only the table excuses a difference
}

// compare adds a finding for each field of a step that differs. Of a flaky step's
// observations the one that fits best is taken.
func (c *comparison) compare(at int, step *oracle.Step, got oracle.Observation) {
	wants := step.Wants
	if len(wants) == 0 {
		wants = []oracle.Observation{started(step)}
	}
	var best []Finding
	for i, want := range wants {
		if found := c.differ(at, step, want, got); i == 0 || len(found) < len(best) {
			best = found
		}
	}
	for _, f := range best {
		f.Reason, f.Rule = c.reason(&f)
		c.report.add(f)
	}
}

func (c *comparison) differ(at int, step *oracle.Step, want, got oracle.Observation) []Finding {
	var found []Finding
	for _, field := range want.Fields() {
		if _, skip := meaningless[field]; skip && step.Op == "properties" {
			continue
		}
		has, ok := got[field]
		if !ok {
			has = "nothing"
		}
		if has != want[field] {
			found = append(found, Finding{at, step.Op, field, want[field], has, "", false})
		}
	}
	return found
}

// reason looks a difference up: in the table, or, for a recording that the table does not
// know, by what the model of Hystrix predicts.
func (c *comparison) reason(f *Finding) (id string, byRule bool) {
	for _, d := range c.table {
		if meant, ok := d.Quill[f.Field]; ok && d.Step == f.Step && meant == f.Got {
			return d.Reason, false
		}
	}
	if c.strict {
		return "", false
	}
	id = c.model.explain(f)
	return id, id != ""
}

// finish finds what the table says of quill and is not so.
func (c *comparison) finish() {
	for _, d := range c.table {
		for _, field := range d.Quill.Fields() {
			if !c.report.has(d.Step, field) {
				c.report.add(Finding{
					d.Step, c.report.opAt(d.Step), field,
					d.Quill[field] + " (by the table of differences)", "no difference", "", false,
				})
			}
		}
	}
}

func (r *Report) has(step int, field string) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Step == step && f.Field == field })
}

// HoldAgainst takes back every excuse that was not made for this recording: a line of the
// table holds for what Hystrix did in the tree's recording of the scenario and for nothing
// else, and a scenario of the tree needs no rules.
func (r *Report) HoldAgainst(tree *oracle.Scenario) {
	for i := range r.Findings {
		f := &r.Findings[i]
		known := !f.Rule && f.Step < len(tree.Steps) &&
			slices.ContainsFunc(tree.Steps[f.Step].Wants, func(o oracle.Observation) bool { return o[f.Field] == f.Want })
		if f.Reason != "" && !known {
			f.Reason, f.Rule = "", false
			r.Verdict = Disagree
		}
	}
}
