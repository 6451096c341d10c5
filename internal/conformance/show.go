package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed-f7c3343e/quill/internal/conformance/play"
)

// summary counts scenarios by verdict.
type summary struct{ of [play.Disagree + 1]int }

func (s *summary) count(reports []*play.Report) {
	for _, r := range reports {
		s.of[r.Verdict]++
	}
}

func (s *summary) String() string {
	return fmt.Sprintf("%d agree, %d intended differences, %d not built, %d disagree",
		s.of[play.Agree], s.of[play.Intended], s.of[play.NotBuilt], s.of[play.Disagree])
}

// show prints a line for each report; with verbose, one more for each finding.
func show(out io.Writer, reports []*play.Report, verbose bool) {
	for _, r := range reports {
		fmt.Fprintf(out, "%s: %s\n", r.Scenario.ID, verdict(r))
		if !verbose {
			continue
		}
		for i := range r.Findings {
			f := &r.Findings[i]
			why := f.Reason
			switch {
			case why == "":
				why = "NOT INTENDED"
			case f.Rule:
				why += " (by rule)"
			}
			fmt.Fprintf(out, "    %s [%s]\n", finding(f), why)
		}
	}
}

func verdict(r *play.Report) string {
	switch r.Verdict {
	case play.Agree:
		return "agree"
	case play.Intended:
		return "intended difference: " + strings.Join(reasons(r), ", ")
	case play.NotBuilt:
		return "not built: " + r.Missing
	case play.Disagree:
	}
	return disagreement(r)
}

// disagreement tells the first difference that nobody meant.
func disagreement(r *play.Report) string {
	text, more := "", 0
	for i := range r.Findings {
		f := &r.Findings[i]
		switch {
		case f.Reason != "":
		case text == "":
			text = "DISAGREE: " + finding(f)
		default:
			more++
		}
	}
	if more > 0 {
		text += fmt.Sprintf(" (and %d more: -v)", more)
	}
	return text
}

func finding(f *play.Finding) string {
	return fmt.Sprintf("step %d (%s) %s: want %s, got %s", f.Step, f.Op, f.Field, f.Want, f.Got)
}

// reasons are the ids of a report's reasons, each once.
func reasons(r *play.Report) []string {
	var ids []string
	for _, f := range r.Findings {
		if !slices.Contains(ids, f.Reason) {
			ids = append(ids, f.Reason)
		}
	}
	return ids
}
