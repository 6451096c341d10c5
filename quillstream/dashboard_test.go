package quillstream

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// newBoard returns the dashboard of a registry until the test ends.
func newBoard(t *testing.T, reg *quill.Registry, opts ...DashboardOption) *Board {
	t.Helper()
	b := Dashboard(reg, append([]DashboardOption{WithHost("here")}, opts...)...)
	t.Cleanup(b.Close)
	return b
}

// get asks the dashboard. Headers come in pairs.
func get(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func everybody(*http.Request) error { return nil }

// circuit makes a circuit and has it succeed and fail so often.
func circuit(reg *quill.Registry, name string, succeed, fail int, opts ...quill.Option) *quill.Circuit {
	c := quill.NewCircuit(name, append(opts, quill.WithRegistry(reg))...)
	for i := range succeed + fail {
		_, _ = quill.Do(context.Background(), c, func(context.Context) (int, error) {
			if i < succeed {
				return 1, nil
			}
			return 0, errors.New("down")
		})
	}
	return c
}

var semaphore = quill.Settings{Isolation: quill.Semaphore}

func TestPageLoadsOnlyWhatItBringsAlong(t *testing.T) {
	b := newBoard(t, quill.NewRegistry())
	for path, kind := range map[string]string{
		"/": "text/html", "/dashboard.js": "text/javascript", "/dashboard.css": "text/css", "/icon.svg": "image/svg+xml",
	} {
		w := get(b, "GET", path, "")
		require.Equal(t, 200, w.Code, path)
		require.Contains(t, w.Header().Get("Content-Type"), kind, path)
		own := strings.NewReplacer("http://www.w3.org/2000/svg", "", "http://www.w3.org/1998/Math/MathML", "", "http://www.w3.org/1999/xhtml", "")
		require.NotRegexp(t, `https?://`, own.Replace(w.Body.String()), path)
		require.Empty(t, regexp.MustCompile(`(?:src|href)="/[^"]*"`).FindAllString(w.Body.String(), -1), "absolute links break under a prefix")
	}
	page := get(b, "GET", "/", "").Body.String()
	require.NotContains(t, page, "<style")
	require.NotRegexp(t, `<script(?:[^>]*)>[^<]`, page, "a script in the page")
}

func TestEveryAnswerHasAStrictContentSecurityPolicy(t *testing.T) {
	b := newBoard(t, quill.NewRegistry())
	for _, path := range []string{"/", "/dashboard.js", "/data/now", "/data/command?name=none", "/nothing", "/do/reset"} {
		h := get(b, "GET", path, "").Header()
		policy := h.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.Contains(t, policy, "frame-ancestors 'none'", path)
		require.NotContains(t, policy, "unsafe", path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
		require.Equal(t, "no-referrer", h.Get("Referrer-Policy"), path)
	}
}

func TestUnchangedPageIsNotSentAgain(t *testing.T) {
	b := newBoard(t, quill.NewRegistry())
	first := get(b, "GET", "/dashboard.js", "", "Accept-Encoding", "gzip")
	require.Equal(t, "gzip", first.Header().Get("Content-Encoding"))
	require.Less(t, first.Body.Len(), 40<<10, "the page is small")
	again := get(b, "GET", "/dashboard.js", "", "If-None-Match", first.Header().Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.Code)
	require.Zero(t, again.Body.Len())
}

func TestDashboardWorksBelowAnyPrefix(t *testing.T) {
	b := newBoard(t, quill.NewRegistry())
	mux := http.NewServeMux()
	mux.Handle("/a/deep/place", http.StripPrefix("/a/deep/place", b))
	mux.Handle("/a/deep/place/", http.StripPrefix("/a/deep/place", b))
	require.Equal(t, 200, get(mux, "GET", "/a/deep/place/", "").Code)
	require.Equal(t, 200, get(mux, "GET", "/a/deep/place/data/now", "").Code)
	w := get(mux, "GET", "/a/deep/place", "")
	require.Equal(t, http.StatusMovedPermanently, w.Code)
	require.Equal(t, "place/", w.Header().Get("Location"), "relative, as only the browser knows what is before it")

	whole := http.NewServeMux()
	whole.Handle("/quill/", b) // the StripPrefix is missing
	w = get(whole, "GET", "/quill/", "")
	require.Equal(t, 404, w.Code)
	require.Contains(t, w.Body.String(), "StripPrefix")
}

// The patterns are those of Dashboard's comment. One without a method panics beside "GET /".
func TestDashboardFitsBesideAPageOfTheWholeSite(t *testing.T) {
	allow := WithAdmin(Admin{Authorize: func(*http.Request) error { return nil }})
	for _, admin := range []bool{false, true} {
		reg := quill.NewRegistry()
		c := circuit(reg, "movies", 0, 0, semaphore)
		var opts []DashboardOption
		if admin {
			opts = append(opts, allow)
		}
		page := http.StripPrefix("/quill", newBoard(t, reg, opts...))
		mux := http.NewServeMux()
		mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("home")) })
		mux.Handle("GET /quill/", page)
		if admin {
			mux.Handle("POST /quill/", page)
		}
		require.Equal(t, "home", get(mux, "GET", "/", "").Body.String())
		require.Contains(t, get(mux, "GET", "/quill", "").Header().Get("Location"), "quill/")
		for _, path := range []string{"/quill/", "/quill/dashboard.js", "/quill/data/now", "/quill/data/sparks", "/quill/data/command?name=movies"} {
			for _, method := range []string{"GET", "HEAD"} {
				require.Equal(t, 200, get(mux, method, path, "").Code, "%s %s", method, path)
			}
		}
		want := map[bool]int{false: http.StatusMethodNotAllowed, true: 200}[admin]
		w := get(mux, "POST", "/quill/do/reset", `{"name":"movies"}`, "Content-Type", "application/json", actionHeader, "1")
		require.Equal(t, want, w.Code)
		w = get(mux, "POST", "/quill/do/override", `{"name":"movies","override":"forced-open","reason":"a move"}`,
			"Content-Type", "application/json", actionHeader, "1")
		require.Equal(t, want, w.Code)
		require.Equal(t, admin, c.Stats().Override == quill.ForceOpen)
	}
}

func TestHostWithoutALabelIsTheMachines(t *testing.T) {
	for _, opts := range [][]DashboardOption{nil, {WithHost("")}} {
		b := Dashboard(quill.NewRegistry(), opts...)
		b.Close()
		name, err := os.Hostname()
		require.NoError(t, err)
		require.Equal(t, name, b.host)
	}
}

func TestSnapshotTellsAllOfACommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		s := semaphore
		s.RequestVolumeThreshold = 4
		circuit(reg, "movies", 6, 6, s)
		b := newBoard(t, reg)
		time.Sleep(1500 * time.Millisecond)
		var got struct {
			Admin bool
			Hosts []struct {
				Host     string
				Self     bool
				Commands []map[string]any
			}
		}
		read(t, b, "/data/now", &got)
		require.False(t, got.Admin)
		require.Equal(t, "here", got.Hosts[0].Host)
		require.True(t, got.Hosts[0].Self)
		c := got.Hosts[0].Commands[0]
		require.Equal(t, "movies", c["name"])
		require.Equal(t, "open", c["state"])
		require.Equal(t, "none", c["override"])
		require.Equal(t, true, c["open"])
		require.Equal(t, 3500.0, c["retryMs"], "5 s of sleep window, 1.5 of them gone")
		require.Equal(t, 1500.0, c["sinceMs"])
		require.Equal(t, 50.0, c["errorPercent"])
		require.Equal(t, 1.2, c["rate"], "12 calls in a window of 10 s")
		require.Equal(t, 10.0, c["maxConcurrent"])
		require.Equal(t, 4.0, c["volume"])
		require.Equal(t, 50.0, c["opensAt"])
		require.Contains(t, c["reason"], "6 of 12 calls failed")
		for _, key := range []string{"p50", "p90", "p99", "inFlight", "queued", "queueSize", "abandoned", "window", "total"} {
			require.Contains(t, c, key)
		}
	})
}

func TestNamesThatLookLikeMarkupOrRunTheOtherWayComeThroughWhole(t *testing.T) {
	reg := quill.NewRegistry()
	names := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, "שלום/عالم", `a&b=c#d/e?f%20g+h`,
		strings.Repeat("ü", 100), "..", "日本語 のコマンド",
	}
	for _, name := range names {
		circuit(reg, name, 1, 0, semaphore)
	}
	b := newBoard(t, reg)
	var now snapshotView
	text := read(t, b, "/data/now", &now)
	require.NotContains(t, string(text), "<script>", "escaped even for who takes JSON for HTML")
	var got []string
	for _, c := range now.Hosts[0].Commands {
		got = append(got, c.Name)
		q := strings.NewReplacer("%", "%25", "&", "%26", "#", "%23", "+", "%2B", " ", "%20", "\"", "%22").Replace(c.Name)
		var d detailView
		read(t, b, "/data/command?name="+q, &d)
		require.Equal(t, c.Name, d.Now.Name)
	}
	require.ElementsMatch(t, names, got)
}

func TestAllViewersShareOneSnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		b := newBoard(t, reg)
		before := get(b, "GET", "/data/now", "").Body.String()
		circuit(reg, "movies", 1, 0, semaphore)
		time.Sleep(999 * time.Millisecond)
		require.Equal(t, before, get(b, "GET", "/data/now", "").Body.String(), "within a second nothing is computed again")
		time.Sleep(time.Millisecond)
		require.Contains(t, get(b, "GET", "/data/now", "").Body.String(), "movies")
	})
}

func TestViewersBeyondTheMostAreTurnedAway(t *testing.T) {
	b := newBoard(t, quill.NewRegistry(), WithMaxViewers(1))
	b.slots <- struct{}{}
	w := get(b, "GET", "/data/now", "")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.NotEmpty(t, w.Header().Get("Retry-After"))
	<-b.slots
	require.Equal(t, 200, get(b, "GET", "/data/now", "").Code)
}

func TestOnlyReadingIsAllowedWhereThereIsNothingToChange(t *testing.T) {
	b := newBoard(t, quill.NewRegistry())
	for _, path := range []string{"/", "/data/now", "/data/sparks", "/data/command"} {
		w := get(b, "POST", path, "{}")
		require.Equal(t, http.StatusMethodNotAllowed, w.Code, path)
		require.Equal(t, "GET, HEAD", w.Header().Get("Allow"))
	}
}

func TestUnknownCommandIsNotFound(t *testing.T) {
	b := newBoard(t, quill.NewRegistry())
	w := get(b, "GET", "/data/command?name=none", "")
	require.Equal(t, 404, w.Code)
	require.Contains(t, w.Body.String(), "no such command")
	require.Equal(t, 404, get(b, "GET", "/data/command?name=none&host=elsewhere", "").Code)
}

func TestPageShowsAtMostAThousandCommandsThoseInTroubleFirst(t *testing.T) {
	reg := quill.NewRegistry()
	for i := range mostCommands + 5 {
		circuit(reg, "c"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Duration(i).String(), 0, 0, semaphore)
	}
	s := semaphore
	s.RequestVolumeThreshold = 1
	circuit(reg, "zzz-broken", 0, 1, s)
	b := newBoard(t, reg)
	var now snapshotView
	read(t, b, "/data/now", &now)
	require.Len(t, now.Hosts[0].Commands, mostCommands)
	require.Equal(t, 6, now.Hosts[0].Hidden)
	require.Equal(t, "zzz-broken", now.Hosts[0].Commands[0].Name)
	require.Len(t, b.history.records, mostCommands)
}

func TestFormHasEverySetting(t *testing.T) {
	text, err := os.ReadFile("ui/src/fields.ts")
	require.NoError(t, err)
	var keys, want []string
	for _, m := range regexp.MustCompile(`key: "(\w+)"`).FindAllStringSubmatch(string(text), -1) {
		keys = append(keys, m[1])
	}
	for f := range reflect.TypeFor[quill.Settings]().Fields() {
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		want = append(want, key)
		require.True(t, strings.EqualFold(key, f.Name), "the page finds a field's problem by its name")
	}
	slices.Sort(keys)
	slices.Sort(want)
	require.Equal(t, want, keys)
}

func TestWrongOptionsPanicWithASentence(t *testing.T) {
	require.PanicsWithValue(t, "quillstream: WithAdmin needs an Authorize: who may change circuits?", func() { WithAdmin(Admin{}) })
	require.Panics(t, func() { WithMaxViewers(0) })
	require.Panics(t, func() { Dashboard(nil, WithSources(nil, Source{Host: "a", URL: "ftp://a/"})) })
	require.Panics(t, func() {
		Dashboard(nil, WithHost("a"), WithSources(nil, Source{Host: "a", URL: "http://a/"}))
	})
}

func TestDefaultsAreTheDefaultRegistryAndTheHostsName(t *testing.T) {
	b := Dashboard(nil)
	defer b.Close()
	require.Same(t, quill.DefaultRegistry, b.registry)
	name, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, name, b.host)
	require.True(t, json.Valid(get(b, "GET", "/data/now", "").Body.Bytes()))
}
