package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

func TestIllnessShowsOnTheDashboardAndUsersAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		board := quillstream.Dashboard(nil)
		defer board.Close()
		getMovie := command("movie-info", time.Now())
		defer quill.DefaultRegistry.Remove("movie-info") // the next run has one of its own
		site := routes(board, getMovie)
		ctx, leave := context.WithCancel(t.Context())
		go visit(ctx, getMovie)
		defer synctest.Wait()
		defer leave()
		ask := func(path string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			require.Equal(t, http.StatusOK, w.Code)
			return w
		}
		state := func() string {
			var now struct {
				Hosts []struct{ Commands []struct{ State string } }
			}
			require.NoError(t, json.Unmarshal(ask("/quill/data/now").Body.Bytes(), &now))
			return now.Hosts[0].Commands[0].State
		}
		time.Sleep(30 * time.Second)
		require.Equal(t, "closed", state())
		time.Sleep(27 * time.Second)
		require.Equal(t, "open", state())
		require.Contains(t, ask("/movies/550").Body.String(), "name unavailable")
		time.Sleep(20 * time.Second)
		require.Equal(t, "closed", state())
		require.Contains(t, ask("/movies/550").Body.String(), "movie 550")
	})
}

func TestClientThatHasLeftIsGivenNothing(t *testing.T) {
	getMovie := command("movie-info", time.Now())
	defer quill.DefaultRegistry.Remove("movie-info")
	ctx, leave := context.WithCancel(t.Context())
	leave()
	w := httptest.NewRecorder()
	routes(http.NotFoundHandler(), getMovie).ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/movies/550", nil))
	require.Empty(t, w.Body.String(), "an empty name would look like an answer")
}

func TestProgramSaysWhereItServesOnceItListens(t *testing.T) {
	defer quill.DefaultRegistry.Remove("movie-info")
	ctx, stop := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended := make(chan error)
	go func() { ended <- serve(ctx, "localhost:0", w) }()
	var url string
	_, err := fmt.Fscanf(r, "open %s\n", &url)
	require.NoError(t, err)
	resp, err := http.Get(url)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	var said strings.Builder
	err = serve(t.Context(), resp.Request.URL.Host, &said)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.ErrorContains(t, err, "-addr")
	require.Empty(t, said.String(), "nobody is sent to another program's page")
	stop()
	require.NoError(t, <-ended)
}
