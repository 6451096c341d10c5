package catalog

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
	"github.com/seed-f7c3343e/quill/lastgood"
)

// Upstreams says where the instances of the two services are, and how to ask them.
type Upstreams struct {
	Ratings []string // base URLs, the one to ask first at the head; at least one
	Movies  []string
	HTTP    *http.Client
}

// Fallbacks says how far a guard goes to find an answer. With the zero value it does not
// look at all: the caller gets the error.
type Fallbacks struct {
	OtherInstance bool // ask the next instance
	LastGood      bool // give the last good answer for the same id
	Default       bool // give a fixed answer
}

// AllFallbacks is what the catalog uses unless a lesson wants less.
var AllFallbacks = Fallbacks{OtherInstance: true, LastGood: true, Default: true}

// Guard is how calls to one service are protected.
type Guard struct {
	Settings  quill.Settings
	Bulkhead  *quill.Bulkhead // nil = one for each instance
	Fallbacks Fallbacks
	Hooks     quill.Hooks
	Log       *slog.Logger // gets transitions and failed fallbacks; nil = nobody does
}

// DefaultSettings suit services that answer in a few milliseconds: one that takes half a
// second is sick, also if it does answer in the end.
var DefaultSettings = quill.Settings{
	Timeout:                800 * time.Millisecond,
	MaxConcurrent:          20,
	RequestVolumeThreshold: 10,
	SlowCallDuration:       400 * time.Millisecond,
}

var (
	// defaultRatings is what most people like, unrated: better than an empty page.
	defaultRatings = api.UserRatings{Ratings: []api.Rating{{MovieID: "550"}, {MovieID: "603"}}}

	defaultMovie = api.Movie{
		Name:        "(name not available)",
		Description: "The film database cannot be reached at the moment.",
	}
)

// RatingsCommand asks ratings-data. Its commands are named "catalog.ratings-1" and so on.
func RatingsCommand(u Upstreams, g Guard, reg *quill.Registry) *quill.Command[string, web.Reply[api.UserRatings]] {
	return guarded(u.HTTP, "catalog.ratings-", u.Ratings, "/ratingsdata/user/", defaultRatings, g, reg)
}

// MovieCommand asks movie-info. Its commands are named "catalog.movieinfo-1" and so on.
func MovieCommand(u Upstreams, g Guard, reg *quill.Registry) *quill.Command[string, web.Reply[api.Movie]] {
	return guarded(u.HTTP, "catalog.movieinfo-", u.Movies, "/movies/", defaultMovie, g, reg)
}

// guarded makes a command for each instance, because each can be sick by itself, and
// chains them: the first instance, the others, the last good answer, a fixed one.
func guarded[T api.Answer](
	client *http.Client, name string, urls []string, path string, otherwise T, g Guard, reg *quill.Registry,
) *quill.Command[string, web.Reply[T]] {
	var instances []*quill.Command[string, web.Reply[T]]
	for i, base := range urls {
		run := func(ctx context.Context, id string) (web.Reply[T], error) {
			return web.Get[T](ctx, client, base, path, id)
		}
		instances = append(instances, quill.New(name+strconv.Itoa(i+1), run, options(g, reg)...))
	}
	chain := instances[0]
	if g.Fallbacks.OtherInstance {
		for _, other := range instances[1:] {
			chain = chain.FallbackTo(other)
		}
	}
	if g.Fallbacks.LastGood {
		chain = chain.FallbackLast(lastgood.New[string, web.Reply[T]](
			lastgood.Settings{MaxEntries: 10_000, MaxAge: time.Hour}))
	}
	if g.Fallbacks.Default {
		chain = chain.OrElse(web.Reply[T]{Value: otherwise, Kind: api.Default})
	}
	return chain
}

func options(g Guard, reg *quill.Registry) []quill.Option {
	opts := []quill.Option{g.Settings, quill.WithRegistry(reg), quill.WithHooks(g.Hooks)}
	if g.Log != nil {
		opts = append(opts, quill.WithHooks(web.LogHooks(g.Log)))
	}
	if g.Bulkhead != nil {
		opts = append(opts, quill.WithBulkhead(g.Bulkhead))
	}
	return opts
}

// Ask makes a [Source] of a command. An answer that a fallback gave is logged.
func Ask[T any](cmd *quill.Command[string, web.Reply[T]], log *slog.Logger) Source[T] {
	return func(ctx context.Context, id string) (T, api.Kind, error) {
		a, err := cmd.Answer(ctx, id)
		if err != nil {
			var none T
			return none, api.Fresh, err
		}
		value, kind, err := a.Value.Unpack()
		kind = max(kind, kindOf(a)) // the service may have had to fall back itself
		if a.Step != "" {
			log.Warn(cmd.Name()+" did not answer; a fallback did",
				"fallback", a.Step, "kind", kind.String(), "id", id, "age", a.Age, "cause", a.Cause)
		}
		return value, kind, err
	}
}

func kindOf[T any](a quill.Answer[T]) api.Kind {
	switch {
	case a.Step == "":
		return api.Fresh
	case a.Stale:
		return api.Stale
	case a.Step == "default":
		return api.Default
	default:
		return api.Failover
	}
}

// Guarded is how the catalog asks in earnest: both services with every fallback. What the
// guards do is written to log.
func Guarded(u Upstreams, g Guard, reg *quill.Registry, log *slog.Logger) Sources {
	g.Log = log
	return Sources{
		Ratings: Ask(RatingsCommand(u, g, reg), log),
		Movies:  Ask(MovieCommand(u, g, reg), log),
	}
}
