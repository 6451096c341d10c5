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
				s.breaches.add(figureSnapshot, "%s: %d calls have an outcome when %d to %d could", d.Name(), total, returned, entered)
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
		s.breaches.add(figureGrow, "%s: %s", d.Name(), what)
	}
	for _, o := range quill.Outcomes() {
		if w, t := now.Window.Of(o), now.Total.Of(o); w > t {
			s.breaches.add(figureWindow, "%s: %d %s in the window, %d in total", d.Name(), w, o, t)
		}
	}
	ran := now.Total.Total() - now.Total.Rejected - now.Total.ShortCircuited
	if now.TotalExecution.Count() > ran || now.TotalWhole.Count() > now.TotalExecution.Count() {
		s.breaches.add(figureParts, "%s: %d calls told, %d durations, of %d that ran", d.Name(),
			now.TotalWhole.Count(), now.TotalExecution.Count(), ran)
	}
	if h, w := now.Health.Requests, now.Window.Total(); now.Settings.RollingCalls == 0 && h > w {
		s.breaches.add(figureWindow, "%s: the breaker judges %d calls of the %d in the window", d.Name(), h, w)
	}
	if now.Health.Errors > now.Health.Requests || now.Health.Slow > now.Health.Requests {
		s.breaches.add(figureWindow, "%s: more errors or slow calls than calls: %+v", d.Name(), now.Health)
	}
	if n := now.InFlight; n < 0 || n > mostConcurrent {
		s.breaches.add(figureGauges, "%s: %d in flight", d.Name(), n)
	}
	if n := now.Queued; n < 0 || n > mostQueued*2 {
		s.breaches.add(figureGauges, "%s: %d queued", d.Name(), n)
	}
	if n := now.Probes; n < 0 || n > 3 {
		s.breaches.add(figureGauges, "%s: %d probes out", d.Name(), n)
	}
	if now.Abandoned < 0 || now.FallbacksInFlight < 0 {
		s.breaches.add(figureGauges, "%s: %d abandoned, %d fallbacks", d.Name(), now.Abandoned, now.FallbacksInFlight)
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
