package story

import (
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/cluster"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
)

var (
	first = []string{cluster.MovieInfo1}
	both  = []string{cluster.MovieInfo1, cluster.MovieInfo2}

	failing = fault.Faults{FailPercent: 100}
)

// Lessons returns the seven lessons, the third with the reader's own settings if turned.
func Lessons(turned Settings) []Lesson {
	return []Lesson{
		down(), slow(), when(turned), fallbacks(), recovery(), bulkheads(), innerCalls(),
	}
}

func down() Lesson {
	v := Variant{
		Broken: "movieinfo-1 is down", Sick: first, Fault: fault.Faults{Down: true},
		Rate: 60, Users: []string{"bob", "foo"},
		Healthy: 500 * time.Millisecond, Breaks: 1200 * time.Millisecond, Healed: 1200 * time.Millisecond,
	}
	plain, safe := v, v
	plain.Name, plain.Label, plain.Catalog = "1-down-unprotected", "nothing", naive(0)
	safe.Name, safe.Label = "1-down-failover", "the other instance"
	safe.Catalog = guarded(base, catalog.Fallbacks{OtherInstance: true})
	return Lesson{
		1, "An instance goes down",
		"Another instance of the same service answers. The user notices nothing; after a few refused " +
			"connections the circuit is open and the dead instance is no longer even tried.",
		[]Variant{plain, safe},
	}
}

// slow is the notes' second scenario. All rows have the same catalog with the same 20
// workers; what differs is only how movie-info is asked. It is sick for two timeouts,
// because a breaker cannot know anything before the first calls time out, and a second more:
// at each timeout another wave of calls begins, and a cure amid one would let a run end in one of
// two ways. The sleep window keeps the probes away from the cure in the same way.
func slow() Lesson {
	const timeout, sleep, ample, few = 3 * time.Second, 1500 * time.Millisecond, 40, 8 // more places than workers; fewer than half
	v := Variant{
		Broken: "movieinfo-1 takes 8 s", Sick: first, Fault: fault.Faults{Slow: 8 * time.Second},
		Rate: 100, Users: []string{other, "bob", other, "foo"}, Workers: 20,
		Healthy: 500 * time.Millisecond, Breaks: 7 * time.Second, Healed: 2500 * time.Millisecond,
	}
	breaker := func(places int) func(Bench) catalog.Cataloger {
		s := base
		s.Timeout, s.SleepWindow, s.MaxConcurrent, s.RollingCalls = timeout, sleep, places, 10
		return guarded(s, catalog.Fallbacks{OtherInstance: true})
	}
	plain, timed, broken, held := v, v, v, v
	plain.Name, plain.Label, plain.Catalog = "2-slow-unprotected", "nothing", naive(0)
	timed.Name, timed.Label, timed.Catalog = "2-slow-timeout-only", "a timeout of 3 s", naive(timeout)
	broken.Name, broken.Label = "2-slow-breaker", "that, breaker, other instance"
	broken.Catalog = breaker(ample)
	held.Name, held.Label = "2-slow-bulkhead", "those and a bulkhead of 8"
	held.Catalog = breaker(few)
	return Lesson{
		2, "An instance becomes slow",
		"Worse than down. Each request that needs the slow instance holds one of the catalog's 20 workers, and so " +
			"carol, who needs no movie at all, waits too. A timeout of 3 s alone does not help: 50 such calls " +
			"arrive each second and the timeouts free 7 workers a second. A breaker learns of the illness when the first " +
			"calls time out; from then on calls go to the other instance at once, while the illness lasts. " +
			"Those first 3 s are the bulkhead's: with 8 places for the slow instance, 12 workers stay free. (Calls that it " +
			"refuses count as failures, and so the last circuit opens sooner.)",
		[]Variant{plain, timed, broken, held},
	}
}

func when(turned Settings) Lesson {
	v := Variant{
		Broken: "movieinfo-1 fails always", Sick: first, Fault: failing,
		Rate: 60, Users: []string{"bob", "foo"},
		Healthy: 1200 * time.Millisecond, Breaks: 1800 * time.Millisecond, Healed: 1300 * time.Millisecond,
	}
	variant := func(name, label string, s quill.Settings) Variant {
		r := v
		r.Name, r.Label, r.Catalog = name, label, guarded(s, catalog.Fallbacks{OtherInstance: true})
		return r
	}
	window := base
	window.RollingCalls, window.RequestVolumeThreshold = 0, 20
	byTime := variant("3-when-window", "of all calls of the last 10 s, half", window)
	byCalls := variant("3-when-last-calls", "of the last 20 calls, half", base)
	byCalls.Healthy, byCalls.Breaks = 700*time.Millisecond, time.Second

	sluggish := fault.Faults{Slow: 250 * time.Millisecond}
	blind := variant("3-when-slow-unseen", "of the last 20 calls, half (errors only)", base)
	seeing := base
	seeing.SlowCallDuration = 150 * time.Millisecond
	seen := variant("3-when-slow-seen", "150 ms is too slow: of the last 20, half", seeing)
	for _, r := range []*Variant{&blind, &seen} {
		r.Broken, r.Fault = "movieinfo-1 takes 250 ms", sluggish
		r.Healthy, r.Breaks, r.Healed = 500*time.Millisecond, 1200*time.Millisecond, 800*time.Millisecond
	}
	l := Lesson{
		3, "When to break, and when to resume",
		"Which calls count (a time window or the last n), how many of them must have failed, and what counts " +
			"as too slow. After long health a time window is slow to see an illness: the good calls outvote " +
			"the bad. The last n see it at once. A service that answers late but correctly is seen only by a rule for slow calls. " +
			"To resume, one call is let through after each sleep window.",
		[]Variant{byTime, byCalls, blind, seen},
	}
	if turned != (Settings{}) {
		yours := variant("3-when-yours", "your settings", turned.over(window))
		if turned.SlowCall > 0 {
			yours.Broken, yours.Fault = "movieinfo-1 takes 250 ms", sluggish
		}
		l.Variants = append(l.Variants, yours)
	}
	return l
}

// over lays what the reader has turned over s.
func (t Settings) over(s quill.Settings) quill.Settings {
	if t.Volume != 0 {
		s.RequestVolumeThreshold = t.Volume
	}
	if t.ErrorPercent != 0 {
		s.ErrorPercentThreshold = t.ErrorPercent
	}
	if t.SleepWindow != 0 {
		s.SleepWindow = t.SleepWindow
	}
	s.SlowCallDuration = t.SlowCall
	s.RollingCalls = t.LastCalls
	if t.Window != 0 {
		s.RollingWindow = t.Window
	}
	return s
}

// Validate checks what the reader has turned; the error names every field in question.
func (t Settings) Validate() error { return t.over(base).Validate() }

func fallbacks() Lesson {
	v := Variant{
		Broken: "both movie-infos fail", Sick: both, Fault: failing,
		Rate: 60, Users: []string{"bob", "foo"},
		Healthy: 500 * time.Millisecond, Breaks: time.Second, Healed: 600 * time.Millisecond,
	}
	bad, good, best := v, v, v
	bad.Name, bad.Label, bad.Catalog = "4-fallback-error", "an error (bad)", guarded(base, catalog.Fallbacks{})
	good.Name, good.Label = "4-fallback-default", "a default answer (good)"
	good.Catalog = guarded(base, catalog.Fallbacks{Default: true})
	best.Name, best.Label = "4-fallback-last", "the previous answer (best)"
	best.Catalog = guarded(base, catalog.Fallbacks{LastGood: true, Default: true})
	return Lesson{
		4, "Three fallbacks",
		"When nobody can answer: an error page is bad, a default such as \u201c(name not available)\u201d is good, and the " +
			"previous answer is best, for the title of a movie hardly ever changes.",
		[]Variant{bad, good, best},
	}
}

func recovery() Lesson {
	s := base
	s.Timeout = 400 * time.Millisecond
	return Lesson{
		5, "Fail fast, fall back, recover",
		"Both instances hang. The first callers wait for the timeout; then the circuits are open and each caller is " +
			"answered at once with the previous answer. A probe now and then asks whether the illness is over, and " +
			"when it is, everything is as before: nobody had to be called at night.",
		[]Variant{{
			Name: "5-recovery", Label: "breaker, previous answer",
			Broken: "both movie-infos hang", Sick: both, Fault: fault.Faults{Slow: 10 * time.Second},
			Rate: 60, Users: []string{"bob", "foo"},
			Healthy: 700 * time.Millisecond, Breaks: 2 * time.Second, Healed: 1600 * time.Millisecond,
			Catalog: guarded(s, catalog.Fallbacks{OtherInstance: true, LastGood: true, Default: true}),
		}},
	}
}

// bulkheads has its breakers disabled, so that what is seen is the bulkheads' doing.
func bulkheads() Lesson {
	v := Variant{
		Broken: "both movie-infos take 2 s", Sick: both, Fault: fault.Faults{Slow: 2 * time.Second},
		Rate: 80, Users: []string{other, "bob"},
		Healthy: 500 * time.Millisecond, Breaks: 1500 * time.Millisecond, Healed: 700 * time.Millisecond, Tail: 200 * time.Millisecond,
	}
	shared, own := v, v
	shared.Name, shared.Label = "6-bulkhead-shared", "ten places for all calls together"
	shared.Catalog = func(b Bench) catalog.Cataloger { return compartments(b, newBulkhead("all")) }
	own.Name, own.Label = "6-bulkhead-own", "ten places for each dependency"
	own.Catalog = func(b Bench) catalog.Cataloger { return compartments(b, nil) }
	return Lesson{
		6, "Bulkheads",
		"Slow calls to movie-info fill all the places there are. If calls to ratings-data need places of the same " +
			"pool, they are refused although ratings-data is well, and even carol gets an error. With a compartment " +
			"for each, only what needs movie-info is touched. (The breakers are off in both rows.)",
		[]Variant{shared, own},
	}
}

func newBulkhead(name string) *quill.Bulkhead {
	return quill.NewBulkhead(name, quill.BulkheadSettings{MaxConcurrent: 10})
}

func compartments(b Bench, shared *quill.Bulkhead) catalog.Cataloger {
	behind := func(name string, f catalog.Fallbacks, h quill.Hooks) catalog.Guard {
		bulkhead := shared
		if bulkhead == nil {
			bulkhead = newBulkhead(name)
		}
		s := quill.Settings{Timeout: time.Second, Override: quill.Disabled}
		return catalog.Guard{Settings: s, Bulkhead: bulkhead, Fallbacks: f, Hooks: h}
	}
	ratings := behind("ratings", catalog.Fallbacks{}, quill.Hooks{})
	movies := behind("movieinfo", catalog.Fallbacks{Default: true}, b.Hooks)
	return catalog.New(catalog.Sources{
		Ratings: catalog.Ask(catalog.RatingsCommand(b.Up, ratings, b.Reg), b.Log),
		Movies:  catalog.Ask(catalog.MovieCommand(b.Up, movies, b.Reg), b.Log),
	})
}
