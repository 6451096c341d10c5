package browsertest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPagesOfAWorldAreShownWhole takes the pictures of the docs, where they are wanted.
func TestPagesOfAWorldAreShownWhole(t *testing.T) {
	page := world(t)
	ctx := browser(t)
	open(t, ctx, page, 1360, 860)
	becomes(t, ctx, `document.querySelectorAll("path.edge").length > 10`)
	shoot(t, ctx, "dashboard-light.png")
	for range 2 {
		click(t, ctx, "#theme")
	}
	becomes(t, ctx, `document.documentElement.dataset.theme === "dark"`)
	shoot(t, ctx, "dashboard-dark.png")
	click(t, ctx, "#theme")
	click(t, ctx, "#theme")
	open(t, ctx, page+"#/command/web-1/shipping.quote", 1360, 1500)
	becomes(t, ctx, `document.querySelectorAll("path.layer").length > 3`)
	shoot(t, ctx, "dashboard-command.png")
	open(t, ctx, page, 390, 1100)
	becomes(t, ctx, `document.querySelectorAll("path.edge").length > 10`)
	shoot(t, ctx, "narrow.png")
	require.LessOrEqual(t, value[int](t, ctx, "document.documentElement.scrollWidth"), 390)
	open(t, ctx, page+"#/command/web-1/shipping.quote", 390, 2400)
	becomes(t, ctx, `document.querySelectorAll("path.layer").length > 3`)
	shoot(t, ctx, "narrow-command.png")
}
