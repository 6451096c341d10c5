// Dashboard is the smallest program with a dashboard: a command, a dependency that is ill
// for twenty seconds of each minute, and the page.
//
//	go run ./examples/dashboard
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

func main() {
	board := quillstream.Dashboard(nil) // nil: the default registry, where New puts its circuits
	getMovie := command("movie-info", time.Now())
	go visit(context.Background(), getMovie)

	server := &http.Server{Addr: "localhost:8080", Handler: routes(board, getMovie), ReadHeaderTimeout: time.Second}
	fmt.Println("open http://localhost:8080/quill/")
	err := server.ListenAndServe()
	board.Close()
	log.Fatal(err)
}

// command guards a dependency that is ill for the last twenty seconds of each minute since
// born.
func command(name string, born time.Time) *quill.Command[string, string] {
	fetch := func(_ context.Context, id string) (string, error) {
		if time.Since(born)%time.Minute > 40*time.Second {
			return "", errors.New("connection refused")
		}
		return "movie " + id, nil
	}
	return quill.New(name, fetch, quill.Settings{Timeout: 800 * time.Millisecond}).OrElse("(name unavailable)")
}

func routes(board http.Handler, getMovie *quill.Command[string, string]) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/quill/", http.StripPrefix("/quill", board))
	mux.HandleFunc("GET /movies/{id}", func(w http.ResponseWriter, r *http.Request) {
		name, _ := getMovie.Do(r.Context(), r.PathValue("id")) // never an error: the last step answers
		_ = json.NewEncoder(w).Encode(name)
	})
	return mux
}

// visit asks twenty times a second, so that there is something to see.
func visit(ctx context.Context, getMovie *quill.Command[string, string]) {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			_, _ = getMovie.Do(ctx, "550")
		}
	}
}
