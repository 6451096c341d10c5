// Package ratings is ratings-data-service: who rated which movie how. It calls nobody.
package ratings

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

// byUser is all the data there is. "foo" and "1" have the ratings of the course that the
// example comes from; carol has rated nothing yet, so that her catalog needs no movie.
var byUser = map[string][]api.Rating{
	"foo":   {{MovieID: "100", Rating: 3}, {MovieID: "200", Rating: 4}},
	"1":     {{MovieID: "100", Rating: 3}, {MovieID: "200", Rating: 4}},
	"alice": {{MovieID: "550", Rating: 4}, {MovieID: "603", Rating: 5}, {MovieID: "13", Rating: 3}},
	"bob":   {{MovieID: "238", Rating: 5}, {MovieID: "680", Rating: 4}},
	"carol": {},
}

// Users lists the ids that have a catalog, sorted.
func Users() []string {
	users := make([]string, 0, len(byUser))
	for u := range byUser {
		users = append(users, u)
	}
	slices.Sort(users)
	return users
}

// Handler serves GET /ratingsdata/user/{userId} and GET /ratingsdata/movies/{movieId}.
func Handler(log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ratingsdata/user/{userId}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, log, r.PathValue("userId"), ofUser)
	})
	mux.HandleFunc("GET /ratingsdata/movies/{movieId}", func(w http.ResponseWriter, r *http.Request) {
		answer(w, r, log, r.PathValue("movieId"), ofMovie)
	})
	mux.HandleFunc("GET /healthz", web.Healthz)
	return web.Routes(mux, log)
}

func answer[T any](w http.ResponseWriter, r *http.Request, log *slog.Logger, id string, find func(string) (T, error)) {
	v, err := find(id)
	if err != nil {
		web.WriteError(w, r, log, err)
		return
	}
	web.WriteJSON(w, api.Fresh, v)
}

func ofUser(id string) (api.UserRatings, error) {
	if err := api.CheckUserID(id); err != nil {
		return api.UserRatings{}, err
	}
	list, ok := byUser[id]
	if !ok {
		return api.UserRatings{}, fmt.Errorf("user %s: %w", id, api.ErrNotFound)
	}
	return api.UserRatings{UserID: id, Ratings: list}, nil
}

// ofMovie is the mean of all ratings, rounded.
func ofMovie(id string) (api.Rating, error) {
	if err := api.CheckMovieID(id); err != nil {
		return api.Rating{}, err
	}
	sum, n := 0, 0
	for _, list := range byUser {
		for _, r := range list {
			if r.MovieID == id {
				sum, n = sum+r.Rating, n+1
			}
		}
	}
	if n == 0 {
		return api.Rating{}, fmt.Errorf("ratings of movie %s: %w", id, api.ErrNotFound)
	}
	return api.Rating{MovieID: id, Rating: (sum + n/2) / n}, nil
}
