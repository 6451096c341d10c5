package browsertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/browser"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// circuit puts a circuit into the registry and has it succeed and fail so often.
func circuit(reg *quill.Registry, name string, succeed, fail int) *quill.Circuit {
	c := quill.NewCircuit(name, quill.Settings{Isolation: quill.Semaphore, SleepWindow: time.Minute}, quill.WithRegistry(reg))
	call(c, succeed, fail)
	return c
}

func call(c *quill.Circuit, succeed, fail int) {
	for i := range succeed + fail {
		_, _ = quill.Do(context.Background(), c, func(context.Context) (int, error) {
			if i < succeed {
				return 1, nil
			}
			return 0, errors.New("connection refused")
		})
	}
}

// retype puts text in the place of what a field has.
func retype(t *testing.T, ctx context.Context, field, text string) {
	t.Helper()
	_ = value[bool](t, ctx, `document.querySelector(`+browser.Quoted(field)+`).select() ?? true`)
	press(t, ctx, text)
}

const firstRow = ".commands tbody tr:first-child"

func TestOverviewIsFilteredAndSorted(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 30, 0)
	circuit(reg, "ratings", 90, 10)
	circuit(reg, "quiet", 0, 0)
	circuit(reg, "broken", 0, 30)
	ctx := newPage(t)
	open(t, ctx, serve(t, dashboard(t, reg)), 1280, 800)
	browser.Becomes(t, ctx, browser.Says(firstRow, "broken")+` && document.querySelectorAll(".commands tbody tr").length === 4`)

	browser.Click(t, ctx, "thead th:nth-child(3) button")
	browser.Becomes(t, ctx, browser.Says(firstRow, "ratings"))
	require.Equal(t, "descending", value[string](t, ctx, `document.querySelector("thead th:nth-child(3)").ariaSort`))
	browser.Click(t, ctx, "thead th:nth-child(2) button")
	browser.Click(t, ctx, "thead th:nth-child(2) button")
	browser.Becomes(t, ctx, browser.Says(firstRow, "ratings")+` && document.querySelector("thead th:nth-child(2)").ariaSort === "descending"`)
	require.Equal(t, 1, value[int](t, ctx, `document.querySelectorAll("[aria-sort]").length`))

	browser.Click(t, ctx, ".chip.level-open")
	browser.Becomes(t, ctx, browser.Says(".shown", "1 of 4 commands")+" && "+browser.Says(firstRow, "broken"))
	browser.Click(t, ctx, ".shown .link")
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#search"), "QUI")))
	browser.Becomes(t, ctx, browser.Says(".shown", "1 of 4 commands")+" && "+browser.Says(firstRow, "quiet"))
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#search"), "zz")))
	browser.Becomes(t, ctx, browser.Says(".empty", "Nothing matches"))
}

func TestCircuitThatOpensIsSeenCountedDownAndAnnounced(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 10, 0)
	ctx := newPage(t)
	open(t, ctx, serve(t, dashboard(t, reg)), 1280, 800)
	browser.Becomes(t, ctx, browser.Says(firstRow, "Closed"))
	call(c, 0, 30)
	browser.Becomes(t, ctx, browser.Says(firstRow+" .pill", "Open")+" && "+browser.Says(firstRow+" .left", "probe in")+" && "+browser.Says(".why", "calls failed"))
	browser.Becomes(t, ctx, browser.Says("#said", "movies: open")+` && document.title.startsWith("1 open")`)
	before := value[string](t, ctx, `document.querySelector(".left").textContent`)
	browser.Becomes(t, ctx, `document.querySelector(".left").textContent !== `+browser.Quoted(before))

	browser.Click(t, ctx, firstRow+" a")
	browser.Becomes(t, ctx, browser.Says("main h1", "movies")+" && "+browser.Says(".lead", "calls failed"))
	browser.Becomes(t, ctx, browser.Says(".evidence-list", "connection refused")+" && "+browser.Says(".outcomes", "failed"))
	browser.Becomes(t, ctx, browser.Says(".words", "opens when at least 50 %"))
}

func TestOperatorForcesACircuitOpenAndClosesItAgain(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 10, 0)
	ctx := newPage(t)
	open(t, ctx, serve(t, dashboard(t, reg))+"#/command/web-1/movies", 1280, 1100)
	browser.Click(t, ctx, "#do-override")
	browser.Becomes(t, ctx, browser.Says("#override-error", "say why")+` && document.activeElement.id === "reason"`)
	require.Equal(t, quill.NoOverride, c.Stats().Override)

	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#reason"), "the vendor asked for it")))
	browser.Click(t, ctx, "#do-override")
	browser.Becomes(t, ctx, browser.Says(".override .done", "forced open")+" && "+browser.Says(".title .pill", "Forced open"))
	s := c.Stats()
	require.Equal(t, quill.ForceOpen, s.Override)
	require.Equal(t, "the vendor asked for it", s.OverrideReason)
	require.InDelta(t, 15*time.Minute, s.OverrideLeft, float64(time.Minute))
	browser.Becomes(t, ctx, browser.Says(".lead", "the vendor asked for it"))

	browser.Click(t, ctx, "#end-override")
	browser.Becomes(t, ctx, browser.Says(".title .pill", "Closed"))
	require.Equal(t, quill.NoOverride, c.Stats().Override)
}

func TestBadSettingIsToldBesideItsField(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 10, 0)
	ctx := newPage(t)
	open(t, ctx, serve(t, dashboard(t, reg))+"#/command/web-1/movies", 1280, 1100)
	browser.Click(t, ctx, ".settings-details summary")
	require.NoError(t, chromedp.Do(ctx,
		chromedp.SendKeys(chromedp.CSS("#set-timeout"), "5ns"), chromedp.SendKeys(chromedp.CSS("#set-probes"), "many")))
	browser.Becomes(t, ctx, browser.Says("#set-timeout-error", "must be 1ms to 1h")+" && "+browser.Says("#set-probes-error", "must be"))
	browser.Click(t, ctx, "#do-settings")
	browser.Becomes(t, ctx, `document.activeElement.id === "set-probes" && document.activeElement.ariaInvalid === "true"`)
	require.Zero(t, c.Settings().Timeout)

	retype(t, ctx, "#set-timeout", "300ms")
	retype(t, ctx, "#set-probes", "3")
	browser.Becomes(t, ctx, browser.Says(".preview", "A call may take 300ms")+` && !document.querySelector(".settings .error")`)
	browser.Click(t, ctx, "#do-settings")
	browser.Becomes(t, ctx, browser.Says(".settings .done", "in force")+" && "+browser.Says(".side .words", "A call may take 300ms"))
	require.Equal(t, quill.Settings{Isolation: quill.Semaphore, SleepWindow: time.Minute, Timeout: 300 * time.Millisecond, Probes: 3}, c.Settings())
}

func TestReadOnlyDashboardOffersNoChange(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 10, 0)
	b := quillstream.Dashboard(reg, quillstream.WithHost("web-1"))
	t.Cleanup(b.Close)
	ctx := newPage(t)
	open(t, ctx, serve(t, b)+"#/command/web-1/movies", 1280, 900)
	browser.Becomes(t, ctx, browser.Says(".words", "opens when"))
	require.Zero(t, value[int](t, ctx, `document.querySelectorAll(".actions, form").length`))
}

func TestNamesAreTextWhateverTheyLookLike(t *testing.T) {
	reg := quill.NewRegistry()
	names := []string{
		`<script>window.pwned = 1</script>`, `"><img src=x onerror="window.pwned=1">`, "שלום/عالم", strings.Repeat("long", 50),
		`a/b?c=d&e#f%20g+h`, "..",
	}
	for _, name := range names {
		c := circuit(reg, name, 5, 0)
		require.NoError(t, c.Override(quill.ForceClosed, 0, name))
	}
	ctx := newPage(t)
	page := serve(t, dashboard(t, reg))
	open(t, ctx, page, 390, 900)
	for _, name := range names {
		browser.Becomes(t, ctx, fmt.Sprintf(`[...document.querySelectorAll(".name a")].some((a) => a.textContent === %s)`, browser.Quoted(name)))
		_ = value[bool](t, ctx, fmt.Sprintf(`[...document.querySelectorAll(".name a")].find((a) => a.textContent === %s).click() === undefined`, browser.Quoted(name)))
		browser.Becomes(t, ctx, `document.querySelector("main h1")?.textContent === `+browser.Quoted(name)+` && `+browser.Says(".words", "opens when"))
		require.LessOrEqual(t, value[int](t, ctx, "document.documentElement.scrollWidth"), 390, name)
		_ = value[bool](t, ctx, `document.querySelector(".back").click() === undefined`)
		browser.Becomes(t, ctx, `document.activeElement.textContent === `+browser.Quoted(name)) // focus is where it was
	}
	require.False(t, value[bool](t, ctx, `"pwned" in window`))
	require.LessOrEqual(t, value[int](t, ctx, "document.documentElement.scrollWidth"), 390)
}

func TestProgramThatHasEndedIsTold(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 5, 0)
	mux := http.NewServeMux()
	mux.Handle("/", dashboard(t, reg))
	s := httptest.NewServer(mux)
	ctx := newPage(t)
	open(t, ctx, s.URL, 1280, 800)
	browser.Becomes(t, ctx, browser.Says(".connection", "Live"))
	s.CloseClientConnections()
	s.Close()
	browser.Becomes(t, ctx, browser.Says(".connection.lost", "does not answer")+" && "+browser.Says(firstRow, "movies"))
}

func TestSeveralProcessesAreOnOnePage(t *testing.T) {
	there := quill.NewRegistry()
	circuit(there, "movies", 0, 30)
	second := quillstream.Dashboard(there, quillstream.WithHost("web-2"))
	t.Cleanup(second.Close)
	here := quill.NewRegistry()
	circuit(here, "movies", 10, 0)
	page := serve(t, dashboard(t, here, quillstream.WithSources(nil,
		quillstream.Source{Host: "web-2", URL: serve(t, second)}, quillstream.Source{Host: "web-3", URL: "http://127.0.0.1:1/"})))
	ctx := newPage(t)
	open(t, ctx, page, 1280, 800)
	browser.Becomes(t, ctx, browser.Says(firstRow, "web-2")+" && "+browser.Says(firstRow, "Open")+" && "+browser.Says(".note.warn", "web-3: it does not answer"))
	require.NoError(t, chromedp.Do(ctx, chromedp.SetValue(chromedp.CSS("select[aria-label=Process]"), "web-1")))
	browser.Becomes(t, ctx, browser.Says(".shown", "1 of 2 commands"))
	open(t, ctx, page+"#/command/web-2/movies", 1280, 800)
	browser.Becomes(t, ctx, browser.Says(".evidence-list", "connection refused")+" && "+browser.Says(".actions", "another process"))
}

func TestPageAsksItsOwnServerOnly(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 5, 0)
	page := serve(t, dashboard(t, reg))
	ctx := newPage(t)
	open(t, ctx, page, 1280, 800)
	browser.Becomes(t, ctx, browser.Says(firstRow, "movies"))
	require.Empty(t, value[[]string](t, ctx, `performance.getEntriesByType("resource").map((r) => r.name).filter((n) => !n.startsWith(`+browser.Quoted(page)+`))`))
}

func TestFiveHundredCommandsStayFluid(t *testing.T) {
	reg := quill.NewRegistry()
	var all []*quill.Circuit
	for i := range 500 {
		fail := 0
		if i%50 == 0 {
			fail = 30
		}
		all = append(all, circuit(reg, fmt.Sprintf("service-%02d.endpoint-%03d", i%25, i), i%40, fail))
	}
	ctx := newPage(t)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				call(all[i%len(all)], 3, i%2)
			}
		}
	}()
	open(t, ctx, serve(t, dashboard(t, reg)), 1280, 900)
	browser.Becomes(t, ctx, `document.querySelectorAll(".commands tbody tr").length === 500`)
	// How long the page stands still at most, in five seconds of updates and in a sort. A page
	// that is slow is slow each time; a machine that does something else is not.
	const most, tries = 1000.0, 3
	longest := 2 * most
	for try := 1; try <= tries && longest >= most; try++ {
		longest = longestPause(t, ctx)
		t.Logf("500 commands: the longest pause between two frames was %.0f ms", longest)
	}
	require.Less(t, longest, most, "milliseconds")

	browser.Click(t, ctx, "thead th:nth-child(2) button")
	browser.Becomes(t, ctx, `document.querySelector("thead th:nth-child(2)").ariaSort === "ascending"`)
	last := ".commands tbody tr:last-child"
	browser.Becomes(t, ctx, browser.Says(last, "service-24.endpoint-499"))
	require.NoError(t, all[499].Override(quill.ForceOpen, 0, "out of sight"))
	browser.Becomes(t, ctx, browser.Says(last, "Forced open")) // a row out of sight tells its state all the same
}

// longestPause is the longest time between two frames, in milliseconds, in five seconds of
// updates with a sort among them.
func longestPause(t *testing.T, ctx context.Context) float64 {
	t.Helper()
	return value[float64](t, ctx, `new Promise((done) => {
		let last = performance.now(), longest = 0, begin = last, sorted = false;
		const frame = () => {
			const now = performance.now();
			longest = Math.max(longest, now - last);
			last = now;
			if (!sorted && now - begin > 2000) { sorted = true; document.querySelector("thead th:nth-child(3) button").click(); }
			now - begin < 5000 ? requestAnimationFrame(frame) : done(longest);
		};
		requestAnimationFrame(frame);
	})`)
}
