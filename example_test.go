package quill_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/lastgood"
)

// Movie is what the examples ask for.
type Movie struct{ ID, Name string }

var errDown = errors.New("connection refused")

var lastMovies = lastgood.New[string, Movie](lastgood.Settings{MaxAge: time.Hour})

var getMovieFromReplica = quill.New("movie-info-replica", fetchMovieFromReplica)

var getMovie = quill.New("movie-info", fetchMovie,
	quill.Settings{Timeout: 800 * time.Millisecond, MaxConcurrent: 20}).
	FallbackTo(getMovieFromReplica).          // another command, with a circuit of its own
	FallbackLast(lastMovies).                 // the last good answer for this request
	OrElse(Movie{Name: "(name unavailable)"}) // a default, if nobody answers

// fetchMovie stands for a call to another service.
func fetchMovie(_ context.Context, id string) (Movie, error) {
	if id == "550" {
		return Movie{ID: id, Name: "Fight Club"}, nil
	}
	return Movie{}, errDown
}

func fetchMovieFromReplica(_ context.Context, id string) (Movie, error) {
	if id == "603" {
		return Movie{ID: id, Name: "The Matrix"}, nil
	}
	return Movie{}, errDown
}

func Example() {
	ctx := context.Background()

	m, err := getMovie.Do(ctx, "550") // waits
	fmt.Println(m.Name, err)

	f := getMovie.Go(ctx, "603") // does not wait
	m, err = f.Wait(ctx)
	fmt.Println(m.Name, err)

	a, err := getMovie.Answer(ctx, "680") // also says who answered, and why
	fmt.Println(a.Value.Name, err)
	fmt.Println("answered by", a.Step, "because of:", a.Cause)
	// Output:
	// Fight Club <nil>
	// The Matrix <nil>
	// (name unavailable) <nil>
	// answered by default because of: connection refused
}

// fetchTitle stands for a dependency that is well.
func fetchTitle(_ context.Context, id string) (string, error) { return "Movie " + id, nil }

// fetchDown stands for one that is down.
func fetchDown(context.Context, string) (string, error) { return "", errDown }

// hang stands for one that does not answer in time.
func hang(ctx context.Context, _ string) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}
