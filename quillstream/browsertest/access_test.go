package browsertest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/browser"
)

const ui = "../ui"

// axe returns the accessibility checker, which `make deps` fetches.
func axe(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(ui, "node_modules", "axe-core", "axe.min.js"))
	if os.IsNotExist(err) {
		t.Skip("needs axe-core from npm: make deps fetches it")
	}
	require.NoError(t, err)
	return string(text)
}

// faults are what axe finds wrong with the page.
func faults(t *testing.T, ctx context.Context, checker string) []string {
	t.Helper()
	_, err := chromedp.Run(ctx, chromedp.Evaluate[json.RawMessage](checker+"; true"))
	require.NoError(t, err)
	return value[[]string](t, ctx, `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
		.then((r) => r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + ": " + n.failureSummary)))`)
}

func TestPagesHaveNoAccessibilityFaults(t *testing.T) {
	checker := axe(t)
	page := world(t)
	ctx := newPage(t)
	for _, theme := range []string{"light", "dark"} {
		open(t, ctx, page, 1280, 900)
		browser.Becomes(t, ctx, `document.querySelectorAll("path.edge").length > 10`)
		colors(t, ctx, theme)
		require.Empty(t, faults(t, ctx, checker), theme)
		open(t, ctx, page+"#/command/web-1/shipping.quote", 1280, 900)
		browser.Becomes(t, ctx, `document.querySelectorAll("path.layer").length > 3`)
		browser.Click(t, ctx, ".settings-details summary")
		require.Empty(t, faults(t, ctx, checker), theme)
		open(t, ctx, page+"#/command/web-1/fraud.score", 390, 800)
		browser.Becomes(t, ctx, `document.querySelectorAll("path.layer").length > 3`)
		require.Empty(t, faults(t, ctx, checker), theme)
		open(t, ctx, page, 390, 800)
		browser.Becomes(t, ctx, `document.querySelectorAll("path.edge").length > 10`)
		require.Empty(t, faults(t, ctx, checker), theme)
	}
	_ = value[bool](t, ctx, `document.querySelector("#search").removeAttribute("aria-label") ?? document.querySelector("main").append(document.createElement("button")) ?? true`)
	require.Contains(t, strings.Join(faults(t, ctx, checker), "\n"), "button-name", "the checker finds a fault where there is one")
}

func TestEverythingIsDoneWithTheKeyboardAlone(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 10, 0)
	c := circuit(reg, "ratings", 10, 0)
	ctx := newPage(t)
	open(t, ctx, serve(t, dashboard(t, reg)), 1280, 900)
	browser.Becomes(t, ctx, browser.Says(firstRow, "movies"))

	press(t, ctx, kb.Tab)
	require.Contains(t, focused(t, ctx), "Skip to the commands", "the first thing leads past all others")
	press(t, ctx, kb.Enter)
	browser.Becomes(t, ctx, `document.activeElement.id === "main"`)
	press(t, ctx, "/")
	browser.Becomes(t, ctx, `document.activeElement.id === "search"`)
	press(t, ctx, kb.Escape) // a driver's "/" is typed as well, which a keyboard's is not
	press(t, ctx, "rat")
	browser.Becomes(t, ctx, browser.Says(".shown", "1 of 2"))
	tab(t, ctx, "row-web-1\nratings")
	require.True(t, value[bool](t, ctx, `getComputedStyle(document.activeElement).outlineStyle !== "none"`), "the focus is seen")
	press(t, ctx, kb.Enter)
	browser.Becomes(t, ctx, browser.Says("main h1", "ratings")+` && document.activeElement.tagName === "H1"`)

	browser.Becomes(t, ctx, `document.querySelector("#reason") !== null`)
	tab(t, ctx, "reason")
	press(t, ctx, "no mouse here")
	press(t, ctx, kb.Enter)
	browser.Becomes(t, ctx, browser.Says(".title .pill", "Forced open"))
	require.Equal(t, "no mouse here", c.Stats().OverrideReason)
	tab(t, ctx, "end-override")
	press(t, ctx, " ")
	browser.Becomes(t, ctx, browser.Says(".title .pill", "Closed"))
	require.Equal(t, quill.NoOverride, c.Stats().Override)
}

func TestColorsFollowTheSystemUnlessChosen(t *testing.T) {
	ctx := newPage(t)
	open(t, ctx, serve(t, dashboard(t, quill.NewRegistry())), 1280, 800)
	browser.Becomes(t, ctx, browser.Says(".empty", "No command yet"))
	prefer := func(scheme string) {
		require.NoError(t, chromedp.Do(ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		})))
	}
	const background = `getComputedStyle(document.documentElement).backgroundColor`
	prefer("light")
	light := value[string](t, ctx, background)
	prefer("dark")
	dark := value[string](t, ctx, background)
	require.NotEqual(t, light, dark)
	colors(t, ctx, "light")
	require.Equal(t, light, value[string](t, ctx, background))
	prefer("light")
	colors(t, ctx, "dark")
	require.Equal(t, dark, value[string](t, ctx, background))
	require.NoError(t, chromedp.Do(ctx, chromedp.Reload()))
	browser.Becomes(t, ctx, `document.documentElement.dataset.theme === "dark"`) // the choice is kept
}

// tab presses the key until the element of that id has the focus.
func tab(t *testing.T, ctx context.Context, id string) {
	t.Helper()
	const most = 60
	for range most {
		if focused(t, ctx) == id {
			return
		}
		press(t, ctx, kb.Tab)
	}
	t.Fatalf("%d times Tab do not lead to %q", most, id)
}
