package quillstream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

func fetchMovie(_ context.Context, id string) (string, error) { return "movie " + id, nil }

func ExampleDashboard() {
	registry := quill.NewRegistry() // without WithRegistry, and with Dashboard(nil), it is the default one
	getMovie := quill.New("movie-info", fetchMovie,
		quill.Settings{Timeout: 800 * time.Millisecond, MaxConcurrent: 20},
		quill.WithRegistry(registry)).OrElse("(name unavailable)")

	board := quillstream.Dashboard(registry)
	defer board.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /quill/", http.StripPrefix("/quill", board))
	mux.HandleFunc("GET /movies/{id}", func(w http.ResponseWriter, r *http.Request) {
		name, err := getMovie.Do(r.Context(), r.PathValue("id"))
		if err != nil {
			return // the client has left: else the last step answers
		}
		fmt.Fprintln(w, name)
	})
	server := httptest.NewServer(mux) // in a program: http.ListenAndServe("localhost:8080", mux)
	defer server.Close()

	for _, path := range []string{"/movies/550", "/quill/"} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		fmt.Println(resp.StatusCode, strings.Contains(string(body), "movie 550"), strings.Contains(string(body), "<title>quill</title>"))
	}
	// Output:
	// 200 true false
	// 200 false true
}

// isOperator stands for whatever a program knows its operators by.
func isOperator(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	return user == "kim" && password == "a good one"
}

func ExampleWithAdmin() {
	registry := quill.NewRegistry()
	quill.NewCircuit("movie-info", quill.WithRegistry(registry))

	board := quillstream.Dashboard(registry, quillstream.WithAdmin(quillstream.Admin{
		Authorize: func(r *http.Request) error {
			if !isOperator(r) {
				return errors.New("only operators may change circuits")
			}
			return nil
		},
		Audit: func(a quillstream.Action) {
			fmt.Printf("%s of %q: %v, because %q; error: %v\n", a.Kind, a.Command, a.Override, a.Reason, a.Err)
		},
	}))
	defer board.Close()

	page := http.StripPrefix("/quill", board)
	mux := http.NewServeMux()
	mux.Handle("GET /quill/", page)
	mux.Handle("POST /quill/", page) // the changes

	// What the page sends when an operator forces a circuit open, and when somebody else does.
	for _, password := range []string{"a good one", "guessed"} {
		r := httptest.NewRequest(http.MethodPost, "/quill/do/override",
			strings.NewReader(`{"name":"movie-info","override":"forced-open","ttl":"10m","reason":"it is being moved"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Quill-Dashboard", "1")
		r.SetBasicAuth("kim", password)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// override of "movie-info": forced-open, because "it is being moved"; error: <nil>
	// 200
	// override of "movie-info": forced-open, because "it is being moved"; error: only operators may change circuits
	// 403
}

func ExampleWithSources() {
	sources := []quillstream.Source{
		{Host: "web-2", URL: "http://10.0.0.2:8080/quill/"},
		{Host: "web-3", URL: "http://10.0.0.3:8080/quill/", Header: http.Header{"Authorization": {"Bearer token"}}},
	}
	for _, s := range sources { // they come from a file, say
		if err := s.Check(); err != nil {
			fmt.Println(err)
			return
		}
	}
	board := quillstream.Dashboard(nil, quillstream.WithHost("web-1"), quillstream.WithSources(nil, sources...))
	defer board.Close()

	fmt.Println(quillstream.Source{Host: "web-4", URL: "web-4/quill"}.Check())
	// Output:
	// quillstream: the URL of source "web-4" is "web-4/quill": must be where its dashboard is mounted, such as http://10.0.0.7:8080/quill/
}
