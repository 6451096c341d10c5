// Dashboard is the smallest program with a dashboard: a command, a dependency that is ill
// for twenty seconds of each minute, and the page.
//
//	go run ./examples/dashboard
//	go run ./examples/dashboard -addr localhost:9090
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "`address` to serve on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := serve(ctx, *addr, os.Stdout)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// serve serves on addr until ctx ends. Once it listens, it says on out where.
func serve(ctx context.Context, addr string, out io.Writer) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("%w; -addr takes another address", err)
	}
	_, _ = fmt.Fprintf(out, "open http://%s/quill/\n", listener.Addr())

	board := quillstream.Dashboard(nil) // nil: the default registry, where New puts its circuits
	defer board.Close()
	getMovie := command("movie-info", time.Now())
	go visit(ctx, getMovie)

	server := &http.Server{Handler: routes(board, getMovie), ReadHeaderTimeout: time.Second}
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- shutDown(server) })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// shutDown lets requests end, and then what they left behind. Both together have 5 s.
func shutDown(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return err
	}
	return quill.DefaultRegistry.Wait(ctx)
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
	mux.Handle("GET /quill/", http.StripPrefix("/quill", board))
	mux.HandleFunc("GET /movies/{id}", func(w http.ResponseWriter, r *http.Request) {
		name, err := getMovie.Do(r.Context(), r.PathValue("id"))
		if err != nil {
			return // the client has left: else the last step answers
		}
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
