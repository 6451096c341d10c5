// Package browser starts chromium for tests of pages, and asks a page what it shows. It is a
// module of its own, so that the library's go.mod knows no browser.
package browser

import (
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what the page must show. A stream tells its news
// once a second.
const patience = 20 * time.Second

// Find returns the path of the browser, "" where there is none.
func Find() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Skip skips the test that found no browser.
func Skip(t testing.TB) {
	t.Helper()
	t.Skip("needs chromium, and there is none on this machine")
}

// Start starts the browser at path with a profile of its own in that folder, and returns its
// first page. It ends when end is called, or ctx is over.
func Start(ctx context.Context, path, profile string) (page context.Context, end func(), err error) {
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.UserDataDir(profile), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("force-color-profile", "srgb"))
	ctx, endBrowser := chromedp.NewExecAllocator(ctx, opts...)
	page, endPage := chromedp.NewContext(ctx)
	return page, func() { endPage(); endBrowser() }, chromedp.Do(page, chromedp.Navigate("about:blank"))
}

// Open starts a browser for one test, which has two minutes, and returns its page. It skips
// where there is none.
func Open(t testing.TB) context.Context {
	t.Helper()
	path := Find()
	if path == "" {
		Skip(t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	page, end, err := Start(ctx, path, t.TempDir())
	t.Cleanup(end)
	require.NoError(t, err)
	return page
}

// NoComplaints fails the test if the page, until its end, throws, breaks its
// Content-Security-Policy or asks for something that is not there. What has one of the
// texts of but in it is no complaint.
func NoComplaints(t testing.TB, page context.Context, but ...string) {
	t.Helper()
	messages := chromedp.Console(page)
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
		require.NoError(t, chromedp.Cancel(page))
		for _, c := range <-done {
			if !slices.ContainsFunc(but, func(text string) bool { return strings.Contains(c, text) }) {
				t.Errorf("the browser complains: %s", c)
			}
		}
	})
}

// Becomes waits until the condition, in JavaScript, holds on the page.
func Becomes(t testing.TB, page context.Context, condition string) {
	t.Helper()
	for {
		_, err := chromedp.Run(page, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(patience)))
		if err != nil && strings.Contains(err.Error(), "Cannot find context") {
			continue // it was asked of the page before, which is giving way to this one
		}
		require.NoError(t, err, "never on the page: %s", condition)
		return
	}
}

// Says is the condition that the first such element's text has the words in it.
func Says(selector, words string) string {
	return `(document.querySelector(` + Quoted(selector) + `)?.textContent ?? "").includes(` + Quoted(words) + `)`
}

// Quoted is a text as JavaScript writes it.
func Quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Click clicks the first such element, which it scrolls to.
func Click(t testing.TB, page context.Context, selector string) {
	t.Helper()
	require.NoError(t, chromedp.Do(page, chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector))))
}
