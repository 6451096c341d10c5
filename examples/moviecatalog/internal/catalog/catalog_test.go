package catalog

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
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/api"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/ratings"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/web"
)

// rig is a catalog before four instances that can be made sick.
type rig struct {
	catalog                              http.Handler
	movies1, movies2, ratings1, ratings2 fault.Switch
	log                                  buffer

	spoiled atomic.Pointer[string] // what the first instances answer, if anything is here
}

// spoil makes the first instance of each service answer every question with 200 and body.
func (r *rig) spoil(body string) { r.spoiled.Store(&body) }

func (r *rig) spoilable(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if body := r.spoiled.Load(); body != nil {
			_, _ = io.WriteString(w, *body)
			return
		}
		h.ServeHTTP(w, req)
	})
}

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

func newRig(t *testing.T, build func(u Upstreams, log *slog.Logger) Sources) *rig {
	t.Helper()
	r := &rig{}
	quiet := slog.New(slog.DiscardHandler)
	movies := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		id := req.URL.Path[len("/movies/"):]
		if id == "680" { // of bob's movies, this one was withdrawn
			web.WriteError(w, req, quiet, web.Said(api.ErrNotFound, "movie 680: not found"))
			return
		}
		web.WriteJSON(w, api.Fresh, api.Movie{MovieID: id, Name: "name " + id, Description: "desc " + id})
	})
	serve := func(s *fault.Switch, h http.Handler) string {
		srv := httptest.NewServer(s.Wrap(h))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	u := Upstreams{
		Movies:  []string{serve(&r.movies1, r.spoilable(movies)), serve(&r.movies2, movies)},
		Ratings: []string{serve(&r.ratings1, r.spoilable(ratings.Handler(quiet))), serve(&r.ratings2, ratings.Handler(quiet))},
		HTTP:    &http.Client{Transport: &http.Transport{}},
	}
	t.Cleanup(u.HTTP.CloseIdleConnections)
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	r.catalog = Handler(New(build(u, log)), 0, log)
	return r
}

func safe(u Upstreams, log *slog.Logger) Sources {
	return Guarded(u, Guard{Settings: DefaultSettings, Fallbacks: AllFallbacks}, quill.NewRegistry(), log)
}

func (r *rig) get(user string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r.catalog.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/catalog/"+user, nil))
	return w
}

const fooFresh = `[{"name":"name 100","desc":"desc 100","rating":3},{"name":"name 200","desc":"desc 200","rating":4}]`

var ill = fault.Faults{FailPercent: 100}

func TestAnswersExactlyAsAgreed(t *testing.T) {
	r := newRig(t, safe)
	for _, c := range []struct {
		user, body string
		status     int
	}{
		{"foo", fooFresh, 200},
		{"carol", `[]`, 200},
		{"bob", `[{"name":"name 238","desc":"desc 238","rating":5},{"name":"movie 680","desc":"The film database does not know it.","rating":4}]`, 200},
		{"nobody", `{"status":404,"error":"user nobody: not found"}`, 404},
		{"a%20b", `{"status":400,"error":"bad id: a user id has only letters, digits, '.', '-' and '_'"}`, 400},
	} {
		t.Run(c.user, func(t *testing.T) {
			w := r.get(c.user)
			require.Equal(t, c.status, w.Code)
			require.JSONEq(t, c.body, w.Body.String())
			if c.status == 200 {
				require.Equal(t, "fresh", w.Header().Get(api.KindHeader))
			}
		})
	}
}

func TestWhateverIsWrongWithOneInstanceTheOtherAnswers(t *testing.T) {
	for name, f := range map[string]fault.Faults{
		"failing": ill, "garbage": {Body: fault.Garbage}, "half a body": {Body: fault.Half}, "hanging": {Slow: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, safe)
			r.movies1.Set(f)
			r.ratings1.Set(f)
			w := r.get("foo")
			require.Equal(t, 200, w.Code)
			require.Equal(t, "failover", w.Header().Get(api.KindHeader))
			require.JSONEq(t, fooFresh, w.Body.String())
			require.Contains(t, r.log.String(), "fallback=catalog.movieinfo-2")
			require.Equal(t, 404, r.get("nobody").Code, "the second instance's no counts as much as the first's")
		})
	}
}

func TestValidJSONThatIsNoAnswerIsGarbage(t *testing.T) {
	for _, body := range []string{`{}`, `null`, `{"error":"x"}`} {
		r := newRig(t, safe)
		require.Equal(t, 200, r.get("foo").Code)
		r.spoil(body)
		w := r.get("foo")
		require.Equal(t, "failover", w.Header().Get(api.KindHeader), body)
		require.JSONEq(t, fooFresh, w.Body.String())
		require.Contains(t, r.log.String(), "garbage")

		r.movies2.Set(ill)
		r.ratings2.Set(ill)
		w = r.get("foo")
		require.Equal(t, "stale", w.Header().Get(api.KindHeader), body)
		require.JSONEq(t, fooFresh, w.Body.String(), "garbage is never kept as a good answer")
	}
}

func TestWithoutAnyInstanceThePreviousAnswerIsGivenElseTheDefault(t *testing.T) {
	r := newRig(t, safe)
	require.Equal(t, 200, r.get("foo").Code)
	for _, s := range []*fault.Switch{&r.movies1, &r.movies2, &r.ratings1, &r.ratings2} {
		s.Set(ill)
	}
	w := r.get("foo")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "stale", w.Header().Get(api.KindHeader))
	require.JSONEq(t, fooFresh, w.Body.String())

	w = r.get("alice") // never seen before
	require.Equal(t, 200, w.Code)
	require.Equal(t, "default", w.Header().Get(api.KindHeader))
	require.Contains(t, w.Body.String(), "(name not available)")
}

func TestEachOfTheTwoCallsFallsBackByItself(t *testing.T) {
	r := newRig(t, safe)
	require.Equal(t, 200, r.get("foo").Code)
	r.ratings1.Set(ill)
	r.movies1.Set(ill)
	r.movies2.Set(ill)
	w := r.get("foo")
	require.Equal(t, "stale", w.Header().Get(api.KindHeader), "the worst part names the whole")
	require.Contains(t, r.log.String(), "fallback=catalog.ratings-2")
	require.Contains(t, r.log.String(), "fallback=last")
}

func TestLogTellsOfTheSecondInstanceAndOfEachTransition(t *testing.T) {
	r := newRig(t, safe)
	r.ratings1.Set(ill)
	r.ratings2.Set(ill)
	for range DefaultSettings.RequestVolumeThreshold {
		r.get("foo")
	}
	require.Contains(t, r.log.String(), `msg="a fallback of catalog.ratings-1 failed" fallback=catalog.ratings-2`)
	require.Contains(t, r.log.String(), "status 500: the instance is failing")
	require.Eventually(t, func() bool {
		return strings.Contains(r.log.String(), `level=WARN msg="the circuit of catalog.ratings-1 is open"`) &&
			strings.Contains(r.log.String(), `level=WARN msg="the circuit of catalog.ratings-2 is open"`)
	}, 5*time.Second, time.Millisecond)
	require.Contains(t, r.log.String(), `reason="opened for 5s: 10 of 10 calls failed`)
}

func TestNaiveShowsEveryFaultToTheUser(t *testing.T) {
	naive := func(u Upstreams, _ *slog.Logger) Sources { return Naive(u, time.Second) }
	for _, c := range []struct {
		name   string
		f      fault.Faults
		status int
	}{
		{"healthy", fault.Faults{}, 200},
		{"failing", ill, 502},
		{"garbage", fault.Faults{Body: fault.Garbage}, 502},
		{"half a body", fault.Faults{Body: fault.Half}, 502},
		{"hanging", fault.Faults{Slow: fault.MaxSlow}, 504},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, naive)
			r.movies1.Set(c.f)
			require.Equal(t, c.status, r.get("foo").Code)
			require.Equal(t, 404, r.get("nobody").Code)
		})
	}
}

func TestWithoutFallbacksAGuardTellsWhyItRefuses(t *testing.T) {
	r := newRig(t, func(u Upstreams, log *slog.Logger) Sources {
		return Guarded(u, Guard{Settings: DefaultSettings}, quill.NewRegistry(), log)
	})
	r.ratings1.Set(ill)
	for range DefaultSettings.RequestVolumeThreshold {
		require.Equal(t, 502, r.get("foo").Code)
	}
	w := r.get("foo")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "5", w.Header().Get("Retry-After"))
	require.Contains(t, w.Body.String(), "catalog.ratings-1 is out of order")
	require.Contains(t, r.log.String(), "circuit open")
}
