package browsertest

import (
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/browser"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// pictures is where screenshots go, if anywhere: "go test -args -pictures ../../docs/images".
var pictures = flag.String("pictures", "", "save screenshots of the page in this folder")

// shared is the browser of all tests; each has a page of its own. It is nil where there is
// no browser.
var shared context.Context

// worldFolder holds the documents of the virtual world, once a test has asked for it.
var worldFolder string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "quill-browser")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	worldFolder = filepath.Join(dir, "world")
	if path := browser.Find(); path != "" {
		page, end, err := browser.Start(context.Background(), path, filepath.Join(dir, "profile"))
		if err != nil {
			panic(err)
		}
		defer end()
		shared = page //nolint:fatcontext // it is set once
	}
	return m.Run()
}

// newPage returns a page of the browser, which must not complain. It skips where there is
// none.
func newPage(t *testing.T) context.Context {
	t.Helper()
	if shared == nil {
		browser.Skip(t)
	}
	ctx, cancel := chromedp.NewContext(shared)
	t.Cleanup(cancel)
	ctx, cancelTimeout := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancelTimeout)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	// The browser notes each refusal, which the page shows in its own words.
	browser.NoComplaints(t, ctx, "status of 422", "ERR_CONNECTION_REFUSED")
	return ctx
}

// open shows a page in a window of that size.
func open(t *testing.T, ctx context.Context, url string, width, height int64) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate(url)))
}

// value evaluates an expression on the page; of a promise, what it comes to.
func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err, expression)
	return v
}

// press sends keys to whatever has the focus.
func press(t *testing.T, ctx context.Context, keys string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.KeyEvent(keys)))
}

// focused describes the element that has the focus.
func focused(t *testing.T, ctx context.Context) string {
	t.Helper()
	return value[string](t, ctx, `(() => { const e = document.activeElement;
		return e.id || e.getAttribute("aria-label") || e.textContent.trim() })()`)
}

// shoot saves a picture, if pictures are wanted.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *pictures == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(*pictures, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(*pictures, name), png, 0o644))
}

// serve mounts a dashboard below a prefix, as programs do, and returns its URL.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/quill/", http.StripPrefix("/quill", h))
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + "/quill/"
}

// dashboard returns the dashboard of a registry that everybody may change.
func dashboard(t *testing.T, reg *quill.Registry, opts ...quillstream.DashboardOption) *quillstream.Board {
	t.Helper()
	opts = append([]quillstream.DashboardOption{
		quillstream.WithHost("web-1"),
		quillstream.WithAdmin(quillstream.Admin{Authorize: func(*http.Request) error { return nil }}),
	}, opts...)
	b := quillstream.Dashboard(reg, opts...)
	t.Cleanup(b.Close)
	return b
}

// world serves the page over documents that the package's own tests made: twenty minutes
// of a shop, played in virtual time.
func world(t *testing.T) string {
	t.Helper()
	dir := worldFolder
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		require.NoError(t, os.Mkdir(dir, 0o755))
		play := exec.Command("go", "test", "-count=1", "-run", "^TestHistoryIsThereAtFirstSight$", "./quillstream", "-args", "-world", dir)
		play.Dir = filepath.Join("..", "..")
		out, err := play.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	document := func(w http.ResponseWriter, name string) {
		text, err := os.ReadFile(filepath.Join(dir, name+".json"))
		if err != nil {
			http.NotFound(w, nil)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(strings.ReplaceAll(string(text), "TODAY", time.Now().UTC().Format("2006-01-02T"))))
	}
	page := dashboard(t, quill.NewRegistry())
	mux := http.NewServeMux()
	mux.HandleFunc("/data/now", func(w http.ResponseWriter, _ *http.Request) { document(w, "now") })
	mux.HandleFunc("/data/sparks", func(w http.ResponseWriter, _ *http.Request) { document(w, "sparks") })
	mux.HandleFunc("/data/command", func(w http.ResponseWriter, r *http.Request) {
		document(w, url.QueryEscape(r.URL.Query().Get("name")))
	})
	mux.Handle("/", page)
	return serve(t, mux)
}
