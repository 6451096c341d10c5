package main

import (
	"fmt"
	"reflect"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// scrape reads all statistics over and over, as a collector would, until the end.
func (s *soak) scrape(end <-chan struct{}) {
	last := make([]quill.Stats, len(s.deps))
	for {
		select {
		case <-end:
			return
		default:
		}
		for i, d := range s.deps {
			returned := d.ledger.returned.Load()
			now := d.Stats()
			entered := d.ledger.entered.Load()
			if total := now.Total.Total(); total < returned || total > entered {
				s.breaches.addf(figureSnapshot, "%s: %d calls have an outcome when %d to %d could", d.Name(), total, returned, entered)
			}
			s.compare(d, &last[i], &now)
			last[i] = now
			s.scrapes++
		}
		wait(200 * time.Microsecond)
	}
}

// compare holds one scrape against the one before, and against itself.
func (s *soak) compare(d *dependency, last, now *quill.Stats) {
	for _, what := range fell(last, now) {
		s.breaches.addf(figureGrow, "%s: %s", d.Name(), what)
	}
	for _, o := range quill.Outcomes() {
		if w, t := now.Window.Of(o), now.Total.Of(o); w > t {
			s.breaches.addf(figureWindow, "%s: %d %s in the window, %d in total", d.Name(), w, o, t)
		}
	}
	ran := now.Total.Total() - now.Total.Rejected - now.Total.ShortCircuited
	if now.TotalExecution.Count() > ran || now.TotalWhole.Count() > now.TotalExecution.Count() {
		s.breaches.addf(figureParts, "%s: %d calls told, %d durations, of %d that ran", d.Name(),
			now.TotalWhole.Count(), now.TotalExecution.Count(), ran)
	}
	s.compareHealth(d, now)
	gauges := []struct {
		name    string
		n, most int
	}{
		{"in flight", now.InFlight, mostConcurrent},
		{"queued", now.Queued, 2 * mostQueued},
		{"probes out", now.Probes, 3},
		{"abandoned", now.Abandoned, mostConcurrent},
		{"fallbacks", now.FallbacksInFlight, 10},
	}
	for _, g := range gauges {
		if g.n < 0 || g.n > g.most {
			s.breaches.addf(figureGauges, "%s: %d %s", d.Name(), g.n, g.name)
		}
	}
}

func (s *soak) compareHealth(d *dependency, now *quill.Stats) {
	if h, w := now.Health.Requests, now.Window.Total(); now.Settings.RollingCalls == 0 && h > w {
		s.breaches.addf(figureWindow, "%s: the breaker judges %d calls of the %d in the window", d.Name(), h, w)
	}
	if now.Health.Errors > now.Health.Requests || now.Health.Slow > now.Health.Requests {
		s.breaches.addf(figureWindow, "%s: more errors or slow calls than calls: %+v", d.Name(), now.Health)
	}
}

// fell names the totals that went down. Every exported unsigned number of Stats is a total,
// but for what looks at the window; new ones are found by themselves.
func fell(last, now *quill.Stats) []string {
	if last.Name == "" {
		return nil
	}
	var down []string
	a, b := reflect.ValueOf(*last), reflect.ValueOf(*now)
	for field, value := range a.Fields() {
		switch field.Name {
		case "Health", "Window", "LastTransition", "Settings":
		case "Execution", "Whole", "TotalExecution", "TotalWhole": // see below
		default:
			compareNumbers(field.Name, value, b.FieldByIndex(field.Index), &down)
		}
	}
	for name, l := range map[string][2]quill.Latency{
		"TotalExecution": {last.TotalExecution, now.TotalExecution},
		"TotalWhole":     {last.TotalWhole, now.TotalWhole},
	} {
		if l[1].Count() < l[0].Count() || l[1].Sum() < l[0].Sum() {
			down = append(down, fmt.Sprintf("%s fell from %d calls (%s) to %d (%s)",
				name, l[0].Count(), l[0].Sum(), l[1].Count(), l[1].Sum()))
		}
	}
	return down
}

func compareNumbers(name string, a, b reflect.Value, down *[]string) {
	switch a.Kind() {
	case reflect.Uint64:
		if b.Uint() < a.Uint() {
			*down = append(*down, fmt.Sprintf("%s fell from %d to %d", name, a.Uint(), b.Uint()))
		}
	case reflect.Struct:
		for field, value := range a.Fields() {
			compareNumbers(name+"."+field.Name, value, b.FieldByIndex(field.Index), down)
		}
	case reflect.Slice:
		for i := range min(a.Len(), b.Len()) {
			compareNumbers(fmt.Sprintf("%s[%d]", name, i), a.Index(i), b.Index(i), down)
		}
	default:
	}
}
