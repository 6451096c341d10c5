package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
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
