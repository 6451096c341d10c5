// Package dashboardtest opens the original Hystrix dashboard in a real browser, on streams
// of ours, and reads what its tiles say.
//
// The dashboard is the unchanged page that Netflix wrote, as npm has it (package.json; `make
// deps` installs it). It is a module of its own, so that the library's go.mod knows no
// browser; the tests of each package that has such a stream are here too.
package dashboardtest

import (
	"bufio"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// underscorePath is where the page asks a host on the Internet for its one script that npm's
// package lacks. The browser's requests for it are answered with what npm installed.
const underscorePath = "*/ajax/libs/underscore.js/1.8.3/underscore-min.js"

// assets are the page's own files, and the script that it wants from elsewhere.
type assets struct {
	webapp     fs.FS
	underscore []byte
}

// installed finds what npm has installed, or skips the test.
func installed(t testing.TB) assets {
	t.Helper()
	modules := filepath.Join(home(t), "node_modules")
	webapp := filepath.Join(modules, "hystrix-dashboard", "webapp")
	if _, err := os.Stat(webapp); err != nil {
		t.Skip("needs the original Hystrix dashboard, which `make deps` installs with npm")
	}
	underscore, err := os.ReadFile(filepath.Join(modules, "underscore", "underscore-min.js"))
	require.NoError(t, err)
	return assets{webapp: os.DirFS(webapp), underscore: underscore}
}

// home is this package's directory, found from wherever in the tree the test runs.
func home(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		for _, candidate := range []string{dir, filepath.Join(dir, "internal", "dashboardtest")} {
			_, page := os.Stat(filepath.Join(candidate, "package.json"))
			if filepath.Base(candidate) == "dashboardtest" && page == nil {
				return candidate
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("this test does not run inside the tree of quill")
		}
		dir = parent
	}
}

// serve starts the dashboard's server: its files, and the proxy through which the page
// reads a stream of another origin. Only the given origins are fetched: the original's proxy
// fetches whatever it is asked to.
func serve(t testing.TB, webapp fs.FS, origins ...string) *httptest.Server {
	t.Helper()
	allowed := make(map[string]bool)
	for _, origin := range origins {
		allowed[origin] = true
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServerFS(webapp))
	mux.HandleFunc("/favicon.ico", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/proxy.stream", func(w http.ResponseWriter, r *http.Request) {
		origin := r.URL.Query().Get("origin")
		if !allowed[origin] {
			http.Error(w, "not an origin of this test: "+origin, http.StatusForbidden)
			return
		}
		if err := proxy(w, r, origin); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	})
	return start(t, mux)
}

// start serves until the test ends, however long a stream would go on.
func start(t testing.TB, handler http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// proxy copies the origin's stream to the page, line by line, until either end has enough.
func proxy(w http.ResponseWriter, r *http.Request, origin string) error {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, origin, http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	flusher := http.NewResponseController(w)
	lines := bufio.NewReader(response.Body)
	for {
		line, err := lines.ReadBytes('\n')
		if _, failed := w.Write(line); failed != nil || err != nil {
			return nil // the page has gone, or the stream has ended
		}
		if err := flusher.Flush(); err != nil {
			return nil // the page has gone
		}
	}
}
