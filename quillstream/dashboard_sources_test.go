package quillstream

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// other is another process with a dashboard.
func other(t *testing.T, host string, names ...string) *httptest.Server {
	t.Helper()
	reg := quill.NewRegistry()
	for _, name := range names {
		circuit(reg, name, 3, 0, semaphore)
	}
	mux := http.NewServeMux()
	mux.Handle("/quill/", http.StripPrefix("/quill", newBoard(t, reg, WithHost(host))))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// hostsOf asks until the other processes have been asked.
func hostsOf(t *testing.T, b *Board, done func([]hostView) bool) []hostView {
	t.Helper()
	var now snapshotView
	require.Eventually(t, func() bool {
		b.now.forget()
		now = snapshotView{}
		read(t, b, "/data/now", &now)
		return done(now.Hosts)
	}, 10*time.Second, 5*time.Millisecond)
	return now.Hosts
}

func TestSeveralProcessesAreOnOnePage(t *testing.T) {
	remote := other(t, "its own name", "reviews", "tax")
	reg := quill.NewRegistry()
	circuit(reg, "movies", 1, 0, semaphore)
	b := newBoard(t, reg, WithSources(nil, Source{Host: "web-2", URL: remote.URL + "/quill/"}))
	hosts := hostsOf(t, b, func(h []hostView) bool { return len(h[1].Commands) > 0 })
	require.Equal(t, "here", hosts[0].Host)
	require.True(t, hosts[0].Self)
	require.Equal(t, "web-2", hosts[1].Host, "as it is called here, not as it calls itself")
	require.False(t, hosts[1].Self)
	require.Len(t, hosts[1].Commands, 2)
	require.Empty(t, hosts[1].Error)

	var d detailView
	read(t, b, "/data/command?host=web-2&name=tax", &d)
	require.Equal(t, "web-2", d.Host)
	require.False(t, d.Self)
	require.Equal(t, "tax", d.Now.Name)
	require.NotEmpty(t, d.Words)
	require.Equal(t, 404, get(b, "GET", "/data/command?host=web-2&name=none", "").Code)
	require.Equal(t, 404, get(b, "GET", "/data/command?host=web-9&name=tax", "").Code)

	var own snapshotView
	read(t, b, "/data/now?own=1", &own)
	require.Len(t, own.Hosts, 1, "the others' are not passed on, so that two dashboards can show each other")
}

func TestProcessThatDoesNotAnswerIsNamedAndDelaysNothing(t *testing.T) {
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hanging.Close)
	wrong := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(wrong.Close)
	away := httptest.NewServer(http.RedirectHandler("http://elsewhere.example/", http.StatusFound))
	t.Cleanup(away.Close)
	b := Dashboard(quill.NewRegistry(), WithSources(nil,
		Source{Host: "hanging", URL: hanging.URL}, Source{Host: "wrong", URL: wrong.URL},
		Source{Host: "away", URL: away.URL}, Source{Host: "gone", URL: "http://127.0.0.1:1/"}))
	var now snapshotView
	read(t, b, "/data/now", &now) // at once: later the one that hangs is given up
	require.Contains(t, now.Hosts[1].Error, "not answered yet")
	hosts := hostsOf(t, b, func(h []hostView) bool {
		return strings.Contains(h[2].Error+h[3].Error+h[4].Error, "JSON") && !strings.Contains(h[3].Error+h[4].Error, "yet")
	})
	require.NotEmpty(t, hosts[1].Error)
	require.Contains(t, hosts[2].Error, "not JSON")
	require.Contains(t, hosts[3].Error, "status 302", "it is not followed")
	require.Contains(t, hosts[4].Error, "does not answer")
	require.Equal(t, http.StatusBadGateway, get(b, "GET", "/data/command?host=wrong&name=x", "").Code)
	b.Close() // it waits for no process that hangs
}

func TestSourceIsAskedWithItsHeaders(t *testing.T) {
	inner := newBoard(t, quill.NewRegistry())
	seen := make(chan string, 10)
	guarded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(guarded.Close)
	b := newBoard(t, quill.NewRegistry(), WithSources(nil,
		Source{Host: "web-2", URL: guarded.URL, Header: http.Header{"Authorization": {"Bearer s3cret"}}}))
	get(b, "GET", "/data/now", "")
	require.Equal(t, "Bearer s3cret", <-seen)
	require.NotContains(t, get(b, "GET", "/data/now", "").Body.String(), "s3cret")
}

func TestSourceThatCannotBeAskedIsRefused(t *testing.T) {
	require.NoError(t, Source{Host: "a", URL: "https://a.example:8443/quill/"}.Check())
	require.ErrorContains(t, Source{URL: "http://a/"}.Check(), "no Host")
	require.NotContains(t, Source{Host: "a", URL: "http://kim:s3cret@a/?x=1"}.Check().Error(), "s3cret")
	require.NotContains(t, Source{Host: "a", URL: "http://kim:s3cret@a:port/"}.Check().Error(), "s3cret")
	for _, url := range []string{"", "a.example", "/quill/", "file:///etc/passwd", "http://a/?x=1", "http://a/#x", "http://%zz/"} {
		require.ErrorContains(t, Source{Host: "a", URL: url}.Check(), "mounted", url)
	}
}
