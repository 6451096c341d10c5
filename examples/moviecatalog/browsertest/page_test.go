// Package browsertest clicks through the demo's control page in a real browser. It is a
// module of its own, so that the library's go.mod knows no browser.
package browsertest

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/browser"
)

// pictures is where screenshots go, if anywhere: "go test -args -pictures ../../../docs/images".
var pictures = flag.String("pictures", "", "save screenshots of the page in this folder")

// on joins conditions on the page, as JavaScript.
func on(conditions ...string) string { return strings.Join(conditions, " && ") }

// openPage opens a page in a browser, which must not complain. It skips where there is none.
func openPage(t *testing.T) context.Context {
	t.Helper()
	ctx := browser.Open(t)
	browser.NoComplaints(t, ctx)
	return ctx
}

// shoot saves what a window of that size shows of the page, once the picture of the
// traffic has something to tell.
func shoot(t *testing.T, ctx context.Context, name string, width, height int64) {
	t.Helper()
	if *pictures == "" {
		return
	}
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(width, height)))
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("scrollTo(0, 0) === undefined"))
	require.NoError(t, err)
	browser.Becomes(t, ctx, `document.querySelectorAll("#chart rect.stale").length > 16`)
	save(t, ctx, name)
}

// save writes what the window shows to a file among the pictures.
func save(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(*pictures, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(*pictures, name), png, 0o644))
}

const (
	guard = "[id='guard-catalog.movieinfo-1']"
	kind  = "#kind"
)

func TestSlowInstanceOpensItsCircuitAndTheCatalogIsStillServed(t *testing.T) {
	page := startDemo(t)
	ctx := openPage(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(page)))
	browser.Becomes(t, ctx, on(browser.Says(kind, "fresh"), browser.Says("#items", "Fight Club"), browser.Says(guard, "closed"), browser.Says("#tmdb", "stand-in")))

	browser.Click(t, ctx, "#slow-movieinfo-1")
	browser.Becomes(t, ctx, browser.Says("#instance-movieinfo-1", "slow by 3s"))
	browser.Becomes(t, ctx, on(browser.Says(guard, "open, probe in"), browser.Says(guard, "opened for")))
	browser.Becomes(t, ctx, on(browser.Says(kind, "failover"), browser.Says("#items", "Fight Club")))
	if *pictures != "" {
		browser.Becomes(t, ctx, `document.querySelectorAll("#chart rect.failover").length > 12`)
	}

	browser.Click(t, ctx, "#down-movieinfo-2")
	browser.Becomes(t, ctx, browser.Says("#instance-movieinfo-2 .badge", "down"))
	browser.Becomes(t, ctx, on(browser.Says(kind, "stale"), browser.Says("#items", "Fight Club")))
	browser.Becomes(t, ctx, `document.querySelectorAll("#chart rect.stale").length > 3`)
	shoot(t, ctx, "control-page.png", 1280, 1330)

	browser.Click(t, ctx, "#heal")
	browser.Becomes(t, ctx, on(browser.Says(kind, "fresh"), browser.Says(guard+" .badge", "closed"), browser.Says("#instance-movieinfo-2 .badge", "healthy")))
}

func TestGuardsNameLeadsToItsPageOfTheDashboard(t *testing.T) {
	page := startDemo(t)
	ctx := openPage(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(page)))
	browser.Becomes(t, ctx, browser.Says(guard, "closed"))
	browser.Click(t, ctx, "#down-movieinfo-1")
	browser.Becomes(t, ctx, browser.Says(guard, "open, probe in"))
	browser.Click(t, ctx, guard+" a.name")
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(".evidence-list"))))
	browser.Becomes(t, ctx, on(browser.Says("main h1", "catalog.movieinfo-1"), browser.Says(".title .pill", "Open"), browser.Says(".evidence-list", "connection refused")))
	browser.Becomes(t, ctx, browser.Says(".steps-table", "movieinfo-2"))
	browser.Becomes(t, ctx, browser.Says(".words", "opens when at least 50 %"))
}

func TestFallbackOfEachCallAndTheUsersWhoNeedNoMovie(t *testing.T) {
	page := startDemo(t)
	ctx := openPage(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(page)))
	browser.Becomes(t, ctx, browser.Says(kind, "fresh"))

	browser.Click(t, ctx, "#lessons li:nth-child(7) button")
	browser.Becomes(t, ctx, on(browser.Says("#instance-movieinfo-1 .badge", "garbage"), browser.Says("#instance-ratings-1 .badge", "down")))
	browser.Becomes(t, ctx, on(browser.Says(kind, "stale"), browser.Says("#items", "Fight Club")))

	browser.Click(t, ctx, "#lessons li:nth-child(6) button") // only movie-info hangs, and carol is shown
	browser.Becomes(t, ctx, on(browser.Says("#items", "carol has rated nothing"), browser.Says(kind, "fresh")))
	require.NoError(t, chromedp.Do(ctx, chromedp.SetValue(chromedp.CSS("#user"), "nobody")))
	browser.Becomes(t, ctx, on(browser.Says(kind, "status 404"), browser.Says("#items", "user nobody: not found")))
}

func TestTrafficAndSettingsAreTurnedWhileCallsRun(t *testing.T) {
	page := startDemo(t)
	ctx := openPage(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(page)))
	browser.Becomes(t, ctx, browser.Says("#legend", "fresh"))
	browser.Becomes(t, ctx, `document.querySelector("#traffic-rate").max === "200"`)
	browser.Becomes(t, ctx, `document.querySelectorAll("#chart rect.fresh").length > 0`)

	turn := `(() => { const s = document.querySelector("#set-errorPercent"); s.value = 80;
		s.dispatchEvent(new Event("input")); s.dispatchEvent(new Event("change")); return true })()`
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](turn))
	require.NoError(t, err)
	browser.Becomes(t, ctx, on(browser.Says("label[for=set-errorPercent] output", "80 %"),
		`document.querySelector("#set-errorPercent").value === "80"`))
	// A page that is loaded now still knows what the defaults are.
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(page)))
	browser.Becomes(t, ctx, browser.Says("label[for=set-errorPercent] output", "80 %"))
	browser.Click(t, ctx, "#settings-reset")
	browser.Becomes(t, ctx, browser.Says("label[for=set-errorPercent] output", "50 %"))

	browser.Click(t, ctx, "#traffic-on")
	browser.Becomes(t, ctx, `!document.querySelector("#traffic-on").checked`)
}

func TestPageIsUsableOnANarrowScreen(t *testing.T) {
	page := startDemo(t)
	ctx := openPage(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(390, 800), chromedp.Navigate(page)))
	browser.Becomes(t, ctx, browser.Says(kind, "fresh"))
	browser.Becomes(t, ctx, "document.documentElement.scrollWidth <= 390")
	browser.Click(t, ctx, "#failing-ratings-1")
	browser.Becomes(t, ctx, browser.Says("#instance-ratings-1 .badge", "failing 100 %"))
}
