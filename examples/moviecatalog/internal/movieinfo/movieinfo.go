// Package movieinfo is movie-info-service: it tells a movie's name and description, which
// it asks The Movie Database for. That call leaves the house, so it is guarded.
package movieinfo

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/tmdb"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
	"github.com/seed-f7c3343e/quill/lastgood"
)

// Service answers from The Movie Database through a command of its own.
type Service struct {
	movie *quill.Command[string, tmdb.Movie]
	log   *slog.Logger
}

// New guards client with a command named "<instance>.tmdb" in reg. While The Movie
// Database cannot answer, the last good answer for the same movie does.
func New(instance string, client *tmdb.Client, reg *quill.Registry, log *slog.Logger) *Service {
	last := lastgood.New[string, tmdb.Movie](lastgood.Settings{MaxEntries: 10_000, MaxAge: 24 * time.Hour})
	settings := quill.Settings{
		Timeout:       2 * time.Second,
		MaxConcurrent: 40, // about what The Movie Database grants a second
	}
	movie := quill.New(instance+".tmdb", ask(client), settings,
		quill.WithRegistry(reg), quill.WithClassifier(judge), quill.WithHooks(web.LogHooks(log))).
		FallbackLast(last)
	return &Service{movie: movie, log: log}
}

// ask passes on The Movie Database's own word on when to come back.
func ask(client *tmdb.Client) func(context.Context, string) (tmdb.Movie, error) {
	return func(ctx context.Context, id string) (tmdb.Movie, error) {
		m, err := client.Movie(ctx, id)
		if e, ok := errors.AsType[*tmdb.Error](err); ok {
			err = quill.RetryAfter(err, e.RetryAfter)
		}
		return m, err
	}
}

// judge: that there is no such movie is the asker's affair. A key that is refused is not:
// it is ours, every call will fail alike, and so the circuit should open.
func judge(err error) quill.Verdict {
	if e, ok := errors.AsType[*tmdb.Error](err); ok && e.HTTPStatus == http.StatusNotFound {
		return quill.CountIgnored
	}
	return quill.CountFailure
}

// Handler serves GET /movies/{movieId}.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /movies/{movieId}", s.serveMovie)
	mux.HandleFunc("GET /healthz", web.Healthz)
	return web.Routes(mux, s.log)
}

func (s *Service) serveMovie(w http.ResponseWriter, r *http.Request) {
	m, kind, err := s.Movie(r.Context(), r.PathValue("movieId"))
	if err != nil {
		web.WriteError(w, r, s.log, err)
		return
	}
	web.WriteJSON(w, kind, m)
}

// Movie finds a movie by its id.
func (s *Service) Movie(ctx context.Context, id string) (api.Movie, api.Kind, error) {
	if err := api.CheckMovieID(id); err != nil {
		return api.Movie{}, 0, err
	}
	a, err := s.movie.Answer(ctx, id)
	if err != nil {
		return api.Movie{}, 0, translate(id, err)
	}
	kind := api.Fresh
	if a.Stale {
		kind = api.Stale
		s.log.Warn("The Movie Database did not answer; gave the last good answer", "movie", id, "age", a.Age, "cause", a.Cause)
	}
	return api.Movie{MovieID: id, Name: a.Value.Title, Description: a.Value.Overview}, kind, nil
}

// translate puts The Movie Database's "no" into our own words.
func translate(id string, err error) error {
	if e, ok := errors.AsType[*tmdb.Error](err); ok {
		switch e.HTTPStatus {
		case http.StatusNotFound:
			return web.Said(api.ErrNotFound, "movie "+id+": not found")
		case http.StatusUnauthorized, http.StatusForbidden:
			return web.Said(errors.Join(web.ErrGateway, err), "The Movie Database refuses our key: check TMDB_TOKEN or TMDB_API_KEY")
		case http.StatusTooManyRequests:
			return web.Said(&web.BusyError{Cause: err, RetryAfter: e.RetryAfter},
				"The Movie Database has had enough requests from us for now")
		}
	}
	return err
}
