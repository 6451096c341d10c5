package story

import (
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"time"
)

//go:embed report.html
var reportHTML string

var reportPage = template.Must(template.New("report").Parse(reportHTML))

// WriteReport writes a page with each lesson's timelines side by side. It needs nothing
// else: no script, no picture, no network.
func WriteReport(w io.Writer, lessons []Lesson, rows []Row, verdicts []Verdict) error {
	r := report{Kinds: []kindWords{
		{"fresh", "fresh"},
		{"failover", "from the other instance"},
		{"stale", "the previous answer"},
		{"default", "a default"},
		{"error", "an error, or given up"},
	}}
	for _, l := range lessons {
		if view := viewLesson(l, rows, verdicts); len(view.Rows) > 0 {
			r.Lessons = append(r.Lessons, view)
		}
	}
	return reportPage.Execute(w, r)
}

type report struct {
	Kinds   []kindWords
	Lessons []lessonView
}

type kindWords struct{ Class, Words string }

type lessonView struct {
	Number         int
	Title, Teaches string
	Rows           []rowView
	Claims         []Verdict
}

type rowView struct {
	Row

	Chart chart
	Facts []fact
}

type fact struct {
	Name, Value string
	Bad         bool
}

func viewLesson(l Lesson, rows []Row, verdicts []Verdict) lessonView {
	view := lessonView{Number: l.Number, Title: l.Title, Teaches: l.Teaches}
	var mine []Row
	var longest time.Duration // pictures of one lesson share their scale
	for _, r := range rows {
		if r.Lesson == l.Number {
			mine = append(mine, r)
			longest = max(longest, r.Timeline.End)
		}
	}
	for _, r := range mine {
		view.Rows = append(view.Rows, rowView{r, drawChart(r.Timeline, longest), facts(r)})
	}
	for _, v := range verdicts {
		if v.Lesson == l.Number {
			view.Claims = append(view.Claims, v)
		}
	}
	return view
}

func facts(r Row) []fact {
	list := []fact{
		{"requests", strconv.Itoa(r.Requests), false},
		{"errors", strconv.Itoa(r.Errors), r.Errors > 0},
		{"p50", r.P50.String(), r.P50 > ms(500)},
		{"p99", r.P99.String(), r.P99 > ms(1000)},
	}
	if r.OtherRequests > 0 {
		list = append(list,
			fact{"others' p99", r.OtherP99.String(), r.OtherP99 > ms(1000)},
			fact{"others' errors", strconv.Itoa(r.OtherErrors), r.OtherErrors > 0})
	}
	if r.Timeline.Healed-r.Timeline.Broke > 2*late {
		list = append(list, fact{"p50 in the last 2.5 s", r.LateP50.String(), r.LateP50 > ms(500)})
	}
	return append(list,
		fact{"calls to the sick", strconv.Itoa(r.ReachedSick), false},
		fact{"goroutines", strconv.Itoa(r.PeakGoroutines), false},
		fact{"opened after", orDash(r.Opened), false},
		fact{"recovered after", orDash(r.Recovered), false})
}
