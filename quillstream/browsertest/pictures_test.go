package browsertest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/browser"
)

// TestPagesOfAWorldAreShownWhole takes the pictures of the docs, where they are wanted.
func TestPagesOfAWorldAreShownWhole(t *testing.T) {
	page := world(t)
	ctx := newPage(t)
	open(t, ctx, page, 1400, 880)
	browser.Becomes(t, ctx, `document.querySelectorAll("path.edge").length > 10`)
	shoot(t, ctx, "dashboard-light.png")
	colors(t, ctx, "dark")
	shoot(t, ctx, "dashboard-dark.png")
	colors(t, ctx, "auto")
	open(t, ctx, page+"#/command/web-1/shipping.quote", 1360, 1330)
	browser.Becomes(t, ctx, `document.querySelectorAll("path.layer").length > 3`)
	shoot(t, ctx, "dashboard-command.png")
	open(t, ctx, page, 390, 844)
	browser.Becomes(t, ctx, `document.querySelectorAll("path.edge").length > 10`)
	shoot(t, ctx, "dashboard-narrow.png")
	require.LessOrEqual(t, value[int](t, ctx, "document.documentElement.scrollWidth"), 390)
	open(t, ctx, page+"#/command/web-1/shipping.quote", 390, 1000)
	browser.Becomes(t, ctx, `document.querySelectorAll("path.layer").length > 3`)
	require.LessOrEqual(t, value[int](t, ctx, "document.documentElement.scrollWidth"), 390)
}

// colors presses the button for the colors until it says so.
func colors(t *testing.T, ctx context.Context, theme string) {
	t.Helper()
	for value[string](t, ctx, `document.documentElement.dataset.theme`) != theme {
		_ = value[bool](t, ctx, `document.querySelector("#theme").click() ?? true`)
	}
}
