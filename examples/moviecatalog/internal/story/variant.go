// Package story plays the seven lessons that the library was asked for, measures each,
// and holds the figures against what the lesson claims.
package story

import (
	"log/slog"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
)

// Lesson is one thing to learn, shown by one or more variants side by side.
type Lesson struct {
	Number   int
	Title    string
	Teaches  string // what the figures show, in a few sentences
	Variants []Variant
}

// Variant is one run: a fresh set of services, a load, something that breaks and heals.
type Variant struct {
	Name    string // unique, such as "2-slow-breaker"
	Label   string // what protects, in a few words
	Broken  string // what is broken, in a few words
	Sick    []string
	Fault   fault.Faults
	Rate    float64  // arrivals per second
	Users   []string // asked for in turn
	Workers int      // requests the catalog serves at once; 0 = no limit

	// The run is healthy, then broken, then healed, for so long each; Tail is how long
	// the last answers are then expected to take, for the progress line only.
	Healthy, Breaks, Healed, Tail time.Duration

	Catalog func(b Bench) catalog.Cataloger
}

// Bench is what a variant builds its catalog on.
type Bench struct {
	Up    catalog.Upstreams
	Reg   *quill.Registry
	Hooks quill.Hooks
	Log   *slog.Logger
}

func (v Variant) load() time.Duration { return v.Healthy + v.Breaks + v.Healed }
func (v Variant) total() time.Duration {
	return v.load() + v.Tail + 150*time.Millisecond // starting and ending the services
}

// Settings are what the reader can turn; the zero value turns nothing. They add a row to
// the third lesson.
type Settings struct {
	Volume       int
	ErrorPercent float64
	SleepWindow  time.Duration
	SlowCall     time.Duration
	LastCalls    int
	Window       time.Duration
}

// other is the user who has rated nothing: her catalog needs only ratings-data, and so
// stands for the caller's other work when movie-info is sick.
const other = "carol"

// patience is how long a user waits before giving up.
const patience = 5 * time.Second

// base are the settings that the variants start from: quick enough that opening and
// recovering fit into a few seconds.
var base = quill.Settings{
	Timeout:                500 * time.Millisecond,
	MaxConcurrent:          40,
	RollingCalls:           20, // the last 20 calls ...
	ErrorPercentThreshold:  50, // ... and half of them failed
	SleepWindow:            500 * time.Millisecond,
	MaxConcurrentFallbacks: 100,
}

// naive asks plainly: the first row of a lesson.
func naive(timeout time.Duration) func(Bench) catalog.Cataloger {
	return func(b Bench) catalog.Cataloger { return catalog.New(catalog.Naive(b.Up, timeout)) }
}

// guarded puts a command before every call, with settings and fallbacks for movie-info.
func guarded(movies quill.Settings, f catalog.Fallbacks) func(Bench) catalog.Cataloger {
	return func(b Bench) catalog.Cataloger { return guard(b, movies, f) }
}

// guard is guarded on one bench. Ratings-data is healthy in all lessons but has its guard
// all the same.
func guard(b Bench, s quill.Settings, f catalog.Fallbacks) *catalog.Service {
	ratings := catalog.Guard{Settings: base, Fallbacks: catalog.AllFallbacks}
	movies := catalog.Guard{Settings: s, Fallbacks: f, Hooks: b.Hooks}
	return catalog.New(catalog.Sources{
		Ratings: catalog.Ask(catalog.RatingsCommand(b.Up, ratings, b.Reg), b.Log),
		Movies:  catalog.Ask(catalog.MovieCommand(b.Up, movies, b.Reg), b.Log),
	})
}
