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
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// pictures is where screenshots go, if anywhere: "go test -args -pictures ../../../docs/images".
var pictures = flag.String("pictures", "", "save screenshots of the page in this folder")

// on joins conditions on the page, as JavaScript.
func on(conditions ...string) string { return strings.Join(conditions, " && ") }

// says is the condition that the element's text has the words in it.
func says(selector, words string) string {
	return `(document.querySelector("` + selector + `")?.textContent ?? "").includes("` + words + `")`
}

// becomes waits until the condition holds on the page.
func becomes(t *testing.T, ctx context.Context, condition string) {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](condition, chromedp.WithPollingTimeout(20*time.Second)))
	require.NoError(t, err, "never on the page: %s", condition)
}

func click(t *testing.T, ctx context.Context, selector string) {
	t.Helper()
	require.NoError(t, chromedp.Do(ctx, chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector))))
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
	becomes(t, ctx, `document.querySelectorAll("#chart rect.stale").length > 16`)
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
	ctx := openBrowser(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(page)))
	becomes(t, ctx, on(says(kind, "fresh"), says("#items", "Fight Club"), says(guard, "closed"), says("#tmdb", "stand-in")))

	click(t, ctx, "#slow-movieinfo-1")
	becomes(t, ctx, says("#instance-movieinfo-1", "slow by 3s"))
	becomes(t, ctx, on(says(guard, "open, probe in"), says(guard, "opened for")))
	becomes(t, ctx, on(says(kind, "failover"), says("#items", "Fight Club")))
	if *pictures != "" {
		becomes(t, ctx, `document.querySelectorAll("#chart rect.failover").length > 12`)
	}

	click(t, ctx, "#down-movieinfo-2")
	becomes(t, ctx, says("#instance-movieinfo-2 .badge", "down"))
	becomes(t, ctx, on(says(kind, "stale"), says("#items", "Fight Club")))
	becomes(t, ctx, `document.querySelectorAll("#chart rect.stale").length > 3`)
	shoot(t, ctx, "control-page.png", 1280, 1330)

	click(t, ctx, "#heal")
	becomes(t, ctx, on(says(kind, "fresh"), says(guard+" .badge", "closed"), says("#instance-movieinfo-2 .badge", "healthy")))
}

func TestGuardsNameLeadsToItsPageOfTheDashboard(t *testing.T) {
	ctx := openBrowser(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1280, 1000), chromedp.Navigate(startDemo(t))))
	becomes(t, ctx, says(guard, "closed"))
	click(t, ctx, "#down-movieinfo-1")
	becomes(t, ctx, says(guard, "open, probe in"))
	click(t, ctx, guard+" a.name")
	require.NoError(t, chromedp.Do(ctx, chromedp.WaitVisible(chromedp.CSS(".evidence-list"))))
	becomes(t, ctx, on(says("main h1", "catalog.movieinfo-1"), says(".title .pill", "Open"), says(".evidence-list", "connection refused")))
	becomes(t, ctx, says(".steps-table", "movieinfo-2"))
	becomes(t, ctx, says(".words", "opens when at least 50 %"))
}

func TestFallbackOfEachCallAndTheUsersWhoNeedNoMovie(t *testing.T) {
	ctx := openBrowser(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(startDemo(t))))
	becomes(t, ctx, says(kind, "fresh"))

	click(t, ctx, "#lessons li:nth-child(7) button")
	becomes(t, ctx, on(says("#instance-movieinfo-1 .badge", "garbage"), says("#instance-ratings-1 .badge", "down")))
	becomes(t, ctx, on(says(kind, "stale"), says("#items", "Fight Club")))

	click(t, ctx, "#lessons li:nth-child(6) button") // only movie-info hangs, and carol is shown
	becomes(t, ctx, on(says("#items", "carol has rated nothing"), says(kind, "fresh")))
	require.NoError(t, chromedp.Do(ctx, chromedp.SetValue(chromedp.CSS("#user"), "nobody")))
	becomes(t, ctx, on(says(kind, "status 404"), says("#items", "user nobody: not found")))
}

func TestTrafficAndSettingsAreTurnedWhileCallsRun(t *testing.T) {
	ctx := openBrowser(t)
	page := startDemo(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(page)))
	becomes(t, ctx, says("#legend", "fresh"))
	becomes(t, ctx, `document.querySelector("#traffic-rate").max === "200"`)
	becomes(t, ctx, `document.querySelectorAll("#chart rect.fresh").length > 0`)

	turn := `(() => { const s = document.querySelector("#set-errorPercent"); s.value = 80;
		s.dispatchEvent(new Event("input")); s.dispatchEvent(new Event("change")); return true })()`
	_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](turn))
	require.NoError(t, err)
	becomes(t, ctx, on(says("label[for=set-errorPercent] output", "80 %"),
		`document.querySelector("#set-errorPercent").value === "80"`))
	// A page that is loaded now still knows what the defaults are.
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(page)))
	becomes(t, ctx, says("label[for=set-errorPercent] output", "80 %"))
	click(t, ctx, "#settings-reset")
	becomes(t, ctx, says("label[for=set-errorPercent] output", "50 %"))

	click(t, ctx, "#traffic-on")
	becomes(t, ctx, `!document.querySelector("#traffic-on").checked`)
}

func TestPageIsUsableOnANarrowScreen(t *testing.T) {
	ctx := openBrowser(t)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(390, 800), chromedp.Navigate(startDemo(t))))
	becomes(t, ctx, says(kind, "fresh"))
	becomes(t, ctx, "document.documentElement.scrollWidth <= 390")
	click(t, ctx, "#failing-ratings-1")
	becomes(t, ctx, says("#instance-ratings-1 .badge", "failing 100 %"))
}
