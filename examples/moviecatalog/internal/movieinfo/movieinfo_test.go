package movieinfo

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/tmdb"
)

// buffer is a bytes.Buffer that hooks may write to while a test reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// service returns movie-info before the given Movie Database, and its log.
func service(t *testing.T, db http.Handler) (http.Handler, *buffer) {
	t.Helper()
	srv := httptest.NewServer(db)
	t.Cleanup(srv.Close)
	client := srv.Client()
	client.Timeout = time.Second
	c, err := tmdb.NewClient(tmdb.Config{BaseURL: srv.URL, Token: "t", HTTP: client})
	require.NoError(t, err)
	log := &buffer{}
	return New("movieinfo-1", c, quill.NewRegistry(), slog.New(slog.NewTextHandler(log, nil))).Handler(), log
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestAnswersExactlyAsAgreed(t *testing.T) {
	h, _ := service(t, &tmdb.StandIn{})
	w := get(h, "/movies/550")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "fresh", w.Header().Get("X-Quill-Answer"))
	require.JSONEq(t, `{"movieId":"550","name":"Fight Club","description":"A man who cannot sleep meets one who sells soap, and together they found a club."}`, w.Body.String())
	require.Equal(t, 200, get(h, "/healthz").Code)
	require.Equal(t, 404, get(h, "/elsewhere").Code)
}

func TestEachFaultOfTheMovieDatabaseHasItsStatusAndALineInTheLog(t *testing.T) {
	text := func(s string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, s) })
	}
	full := &tmdb.StandIn{PerSecond: 1}
	for _, c := range []struct {
		name   string
		db     http.Handler
		path   string
		status int
		says   string
	}{
		{"bad id", &tmdb.StandIn{}, "/movies/abc", 400, "a movie id is a number"},
		{"zero", &tmdb.StandIn{}, "/movies/0", 400, "a movie id is a number"},
		{"unknown movie", &tmdb.StandIn{}, "/movies/999999", 404, "movie 999999: not found"},
		{"wrong key", &tmdb.StandIn{Token: "another"}, "/movies/550", 502, "refuses our key"},
		{"over its limit", full, "/movies/550", 503, "enough requests"},
		{"garbage", text("<html>"), "/movies/550", 502, "answered wrongly"},
		{"half a body", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "99")
			_, _ = io.WriteString(w, `{"id":`)
		}), "/movies/550", 502, "answered wrongly"},
		{"failing", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}), "/movies/550", 502, "answered wrongly"},
		{"breaking off", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "/movies/550", 502, "cannot be reached"},
		{"hanging", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), "/movies/550", 504, "in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, log := service(t, c.db)
			if c.db == http.Handler(full) {
				get(h, "/movies/13") // the one that is granted
			}
			w := get(h, c.path)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Contains(t, w.Body.String(), c.says)
			require.Contains(t, log.String(), "path="+c.path)
		})
	}
}

func TestCauseAndWaitOfTheMovieDatabaseAreToldOn(t *testing.T) {
	says := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
	h, log := service(t, says(429, `{"status_code":25,"status_message":"Over the limit."}`))
	w := get(h, "/movies/550")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "7", w.Header().Get("Retry-After"))
	require.Contains(t, log.String(), "status 429, code 25: Over the limit.")

	h, log = service(t, says(401, `{"status_code":7,"status_message":"Invalid API key."}`))
	require.Equal(t, 502, get(h, "/movies/550").Code)
	require.Contains(t, log.String(), "status 401, code 7: Invalid API key.")
}

func TestWhileTheMovieDatabaseIsSickTheLastAnswerIsGivenAndThenTheCircuitIsOpen(t *testing.T) {
	var sick atomic.Bool
	var calls atomic.Int64
	h, log := service(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		if sick.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		(&tmdb.StandIn{}).ServeHTTP(w, r)
	}))
	good := get(h, "/movies/550")
	require.Equal(t, 200, good.Code)

	sick.Store(true)
	for range 30 {
		w := get(h, "/movies/550")
		require.Equal(t, 200, w.Code)
		require.Equal(t, "stale", w.Header().Get("X-Quill-Answer"))
		require.Equal(t, good.Body.String(), w.Body.String())
	}
	require.Less(t, calls.Load(), int64(30), "the open circuit spares the sick")
	require.Contains(t, log.String(), "gave the last good answer")
	require.Eventually(t, func() bool {
		return strings.Contains(log.String(), `msg="the circuit of movieinfo-1.tmdb is open"`)
	}, 5*time.Second, time.Millisecond)

	w := get(h, "/movies/13") // never asked for before: nothing to fall back on
	require.Equal(t, 503, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), "movieinfo-1.tmdb is out of order")
}

func TestUnknownMoviesDoNotOpenTheCircuit(t *testing.T) {
	h, _ := service(t, &tmdb.StandIn{})
	for range 50 {
		require.Equal(t, 404, get(h, "/movies/999999").Code)
	}
	require.Equal(t, 200, get(h, "/movies/550").Code)
}
