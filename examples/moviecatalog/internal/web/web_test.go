package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
)

func TestJudgeFindsTheStatus(t *testing.T) {
	refused := func(o quill.Outcome, cause error) error {
		return &quill.Error{Command: "c", Outcome: o, Cause: cause, RetryAfter: 2500 * time.Millisecond}
	}
	for _, c := range []struct {
		name   string
		err    error
		status int
	}{
		{"bad id", api.CheckMovieID("x"), 400},
		{"not found", fmt.Errorf("movie 1: %w", api.ErrNotFound), 404},
		{"not found in the other's words", Said(api.ErrNotFound, "no such user"), 404},
		{"said of a gateway", Said(ErrGateway, "they refuse our key"), 502},
		{"said of one who is busy", Said(ErrBusy, "they want a rest"), 503},
		{"circuit open", refused(quill.ShortCircuited, quill.ErrOpen), 503},
		{"places taken", refused(quill.Rejected, quill.ErrFull), 503},
		{"guard's timeout", refused(quill.Timeout, quill.ErrTimeout), 504},
		{"client's timeout inside a guard", refused(quill.Failure, context.DeadlineExceeded), 504},
		{"failure inside a guard", refused(quill.Failure, errors.New("reset")), 502},
		{"bare timeout", context.DeadlineExceeded, 504},
		{"anything else", io.ErrUnexpectedEOF, 502},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Judge(c.err)
			require.Equal(t, c.status, f.Status)
			require.NotEmpty(t, f.Message)
			require.Equal(t, c.status == 503, f.RetryAfter > 0, "503 says when to come back")
		})
	}
}

func TestWriteErrorRoundsRetryAfterUpAndLogsTheCause(t *testing.T) {
	var log bytes.Buffer
	w := httptest.NewRecorder()
	err := &quill.Error{Command: "c", Outcome: quill.ShortCircuited, Cause: quill.ErrOpen, RetryAfter: 2100 * time.Millisecond}
	WriteError(w, httptest.NewRequest(http.MethodGet, "/movies/1", nil), slog.New(slog.NewTextHandler(&log, nil)), err)
	require.Equal(t, 503, w.Code)
	require.Equal(t, "3", w.Header().Get("Retry-After"))
	require.JSONEq(t, `{"status":503,"error":"c is out of order: its circuit is open"}`, w.Body.String())
	require.Contains(t, log.String(), "/movies/1")
	require.Contains(t, log.String(), "circuit open")
}

func TestGetTellsAnswersFromErrors(t *testing.T) {
	for _, c := range []struct {
		name, body    string
		status        int
		missing, fail string
	}{
		{name: "found", status: 200, body: `{"movieId":"a/b","name":"n"}`},
		{name: "missing", status: 404, body: `{"error":"no such movie"}`, missing: "no such movie"},
		{name: "bad id", status: 400, body: `{"error":"bad"}`, fail: "bad"},
		{name: "failing", status: 500, body: `{"error":"oops"}`, fail: "status 500: oops"},
		{name: "failing without words", status: 502, body: `<html>`, fail: "status 502: Bad Gateway"},
		{name: "garbage", status: 200, body: `<html>`, fail: "garbage"},
		{name: "nothing", status: 200, body: `null`, fail: "garbage: asked for movie"},
		{name: "empty", status: 200, body: `{}`, fail: "garbage: asked for movie"},
		{name: "an error that calls itself a success", status: 200, body: `{"error":"x"}`, fail: "garbage: asked for movie"},
		{name: "another movie", status: 200, body: `{"movieId":"2","name":"n"}`, fail: `answered with "2"`},
		{name: "no name", status: 200, body: `{"movieId":"a/b"}`, fail: "without a name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "/movies/a%2Fb", r.URL.EscapedPath())
				w.Header().Set(api.KindHeader, "stale")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer srv.Close()
			r, err := Get[api.Movie](t.Context(), srv.Client(), srv.URL, "/movies/", "a/b")
			if c.fail != "" {
				require.ErrorContains(t, err, c.fail)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.missing, r.Missing)
			_, kind, err := r.Unpack()
			if c.missing != "" {
				require.ErrorIs(t, err, api.ErrNotFound)
				return
			}
			require.Equal(t, api.Stale, kind, "the service's own fallback is passed on")
		})
	}
}

func TestThrottleLeavesEqualLinesOutAndCountsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(Throttle(slog.NewTextHandler(&out, nil), time.Second))
		for range 5 {
			log.Warn("sick")
		}
		log.With("service", "other").Warn("sick")
		require.Equal(t, 2, bytes.Count(out.Bytes(), []byte("msg=sick")))
		time.Sleep(time.Second)
		log.Warn("sick")
		require.Contains(t, out.String(), "leftOut=4")
	})
}

func TestThrottleTellsLinesApartByAllButTimesAndPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(Throttle(slog.NewTextHandler(&out, nil), time.Second))
		for _, cause := range []string{
			"status 500", "status 503", "open for 4.8s", "open for 5s",
			"read 127.0.0.1:51362->127.0.0.1:8082: reset", "read 127.0.0.1:51363->127.0.0.1:8082: reset",
		} {
			log.Warn("sick", "path", "/a", "age", time.Since(time.Unix(0, 0)), "cause", errors.New(cause))
			time.Sleep(time.Millisecond)
		}
		log.Warn("sick", "path", "/b", "cause", errors.New("status 500"))
		require.Equal(t, 5, bytes.Count(out.Bytes(), []byte("\n")), out.String())
	})
}

func TestUnknownPathsAndWrongMethodsAreAnsweredAndLogged(t *testing.T) {
	var log bytes.Buffer
	mux := http.NewServeMux()
	mux.HandleFunc("GET /movies/{movieId}", func(w http.ResponseWriter, r *http.Request) {
		WriteJSON(w, api.Fresh, r.PathValue("movieId"))
	})
	h := Routes(mux, slog.New(slog.NewTextHandler(&log, nil)))
	for _, c := range []struct {
		method, path, body, allow, line string
		status                          int
	}{
		{"GET", "/movies/1", `"1"`, "", "", 200},
		{"GET", "/nothing", `{"status":404,"error":"no such path: /nothing"}`, "", "method=GET path=/nothing status=404", 404},
		{"POST", "/nothing", `{"status":404,"error":"no such path: /nothing"}`, "", "method=POST path=/nothing status=404", 404},
		{"POST", "/movies/1", `{"status":405,"error":"POST is not for /movies/1, but GET, HEAD is"}`, "GET, HEAD", "method=POST path=/movies/1 status=405", 405},
	} {
		log.Reset()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		require.Equal(t, c.status, w.Code)
		require.JSONEq(t, c.body, w.Body.String())
		require.Equal(t, c.allow, w.Header().Get("Allow"))
		require.Contains(t, log.String(), c.line)
	}
}

func TestWorkersLetsOthersWaitAndLeave(t *testing.T) {
	release, entered := make(chan struct{}), make(chan struct{}, 2)
	h := Workers(1, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)) // leaves at once
	close(release)
	<-done
	require.Empty(t, entered)
}
