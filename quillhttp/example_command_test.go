package quillhttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// Movie is what the service answers.
type Movie struct {
	Name string `json:"name"`
}

// fetchMovie is what the command runs. It reads the body before it returns: its context ends
// then, and with it a body that is still open.
func fetchMovie(ctx context.Context, url string) (movie Movie, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return movie, quill.Ignore(err) // no such URL: the service was not asked
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return movie, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch code := resp.StatusCode; {
	case code >= 500, code == http.StatusTooManyRequests:
		return movie, fmt.Errorf("movie-info answers %s", resp.Status)
	case code >= 400: // the request was wrong, the service is well
		return movie, quill.Ignore(fmt.Errorf("movie-info answers %s", resp.Status))
	}
	err = json.NewDecoder(resp.Body).Decode(&movie)
	return movie, err
}

func Example_command() {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/movies/550":
			_, _ = io.WriteString(w, `{"name": "Fight Club"}`)
		case "/movies/0":
			http.NotFound(w, r)
		default:
			http.Error(w, "overloaded", http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	ctx := context.Background()

	getMovie := quill.New("movie-info", fetchMovie, quill.Settings{
		Isolation:     quill.Semaphore, // net/http obeys its context: no worker is needed
		Timeout:       800 * time.Millisecond,
		MaxConcurrent: 50,
	}).OrElse(Movie{Name: "(name unavailable)"})

	fmt.Println(getMovie.Do(ctx, srv.URL+"/movies/550"))
	fmt.Println(getMovie.Do(ctx, srv.URL+"/movies/603")) // 503: the fallback answers
	fmt.Println(getMovie.Do(ctx, srv.URL+"/movies/0"))   // 404: the caller's own fault
	// Output:
	// {Fight Club} <nil>
	// {(name unavailable)} <nil>
	// {} movie-info answers 404 Not Found
}
