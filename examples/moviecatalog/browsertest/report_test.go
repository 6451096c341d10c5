package browsertest

import (
	"flag"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/browser"
)

// report is a page of the whole story, for docs/images/story.png: after "story -report story.html",
// "go test -run Report -args -report ../../../story.html -pictures ../../../docs/images".
var report = flag.String("report", "", "the page that story -report wrote, in place of one of lesson 1")

func TestReportOfTheStoryShowsEachRowOfItsLessons(t *testing.T) {
	ctx := openPage(t)
	page := *report
	if page == "" {
		page = filepath.Join(t.TempDir(), "story.html")
		out, err := exec.Command(binary, "story", "-lesson", "1", "-report", page).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	page, err := filepath.Abs(page)
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(ctx, chromedp.EmulateViewport(1400, 1560), chromedp.Navigate("file://"+filepath.ToSlash(page))))
	browser.Becomes(t, ctx, on(
		browser.Says("h1", "Seven lessons, measured"),
		`document.querySelectorAll("section article").length >= 2`,
		`[...document.querySelectorAll("section article")].every(a => a.querySelectorAll("svg").length > 0 && a.textContent.includes("requests"))`))
	if *pictures != "" && *report != "" {
		save(t, ctx, "story.png")
	}
}
