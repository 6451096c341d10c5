package browsertest

import (
	"context"
	"encoding/json"
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
	if path := chromium(); path != "" {
		var end func()
		shared, end = start(path, filepath.Join(dir, "profile")) //nolint:fatcontext // it is set once
		defer end()
	}
	return m.Run()
}

// start starts the browser with a profile of its own.
func start(path, profile string) (context.Context, func()) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(profile), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("force-color-profile", "srgb"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancelPage := chromedp.NewContext(ctx)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		panic(err)
	}
	return ctx, func() {
		cancelPage()
		cancel()
	}
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// browser returns a page of the browser. It skips where there is none.
func browser(t *testing.T) context.Context {
	t.Helper()
	if shared == nil {
		t.Skip("needs chromium, and there is none on this machine")
	}
	ctx, cancel := chromedp.NewContext(shared)
	t.Cleanup(cancel)
	ctx, cancelTimeout := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancelTimeout)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")))
	listen(t, ctx)
	return ctx
}

// listen fails the test if the page throws, breaks its Content-Security-Policy or asks for
// something that is not there.
func listen(t *testing.T, ctx context.Context) {
	t.Helper()
	messages := chromedp.Console(ctx)
	done := make(chan []string)
	go func() {
		var complaints []string
		for m, err := range messages {
			if err != nil {
				break
			}
			if m.IsException() || m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleWarning {
				complaints = append(complaints, m.String())
			}
		}
		done <- complaints
	}()
	t.Cleanup(func() {
		require.NoError(t, chromedp.Cancel(ctx))
		for _, c := range <-done {
			// The browser notes each refusal, which the page shows in its own words.
			if !strings.Contains(c, "status of 422") && !strings.Contains(c, "ERR_CONNECTION_REFUSED") {
				t.Errorf("the browser complains: %s", c)
			}
		}
	})
}

// open shows a page in a window of that size.
func open(t *testing.T, ctx context.Context, url string, width, height int64) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, height), chromedp.Navigate(url)))
}

// becomes waits until the condition, in JavaScript, holds on the page.
func becomes(t *testing.T, ctx context.Context, condition string) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(20*time.Second)))
	require.NoError(t, err, "never on the page: %s", condition)
}

// value evaluates an expression on the page; of a promise, what it comes to.
func value[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	require.NoError(t, err, expression)
	return v
}

// says is the condition that the first such element's text has the words in it.
func says(selector, words string) string {
	return `(document.querySelector(` + quoted(selector) + `)?.textContent ?? "").includes(` + quoted(words) + `)`
}

func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func click(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector))))
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
