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
	_ = value[bool](t, ctx, `document.querySelector(`+quoted(field)+`).select() ?? true`)
	press(t, ctx, text)
}

const firstRow = ".commands tbody tr:first-child"

func TestOverviewIsFilteredAndSorted(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 30, 0)
	circuit(reg, "ratings", 90, 10)
	circuit(reg, "quiet", 0, 0)
	circuit(reg, "broken", 0, 30)
	ctx := browser(t)
	open(t, ctx, serve(t, dashboard(t, reg)), 1280, 800)
	becomes(t, ctx, says(firstRow, "broken")+` && document.querySelectorAll(".commands tbody tr").length === 4`)

	click(t, ctx, "thead th:nth-child(3) button")
	becomes(t, ctx, says(firstRow, "ratings"))
	require.Equal(t, "descending", value[string](t, ctx, `document.querySelector("thead th:nth-child(3)").ariaSort`))
	click(t, ctx, "thead th:nth-child(2) button")
	click(t, ctx, "thead th:nth-child(2) button")
	becomes(t, ctx, says(firstRow, "ratings")+` && document.querySelector("thead th:nth-child(2)").ariaSort === "descending"`)
	require.Equal(t, 1, value[int](t, ctx, `document.querySelectorAll("[aria-sort]").length`))

	click(t, ctx, ".chip.level-open")
	becomes(t, ctx, says(".shown", "1 of 4 commands")+" && "+says(firstRow, "broken"))
	click(t, ctx, ".shown .link")
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#search"), "QUI")))
	becomes(t, ctx, says(".shown", "1 of 4 commands")+" && "+says(firstRow, "quiet"))
	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#search"), "zz")))
	becomes(t, ctx, says(".empty", "Nothing matches"))
}

func TestCircuitThatOpensIsSeenCountedDownAndAnnounced(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 10, 0)
	ctx := browser(t)
	open(t, ctx, serve(t, dashboard(t, reg)), 1280, 800)
	becomes(t, ctx, says(firstRow, "Closed"))
	call(c, 0, 30)
	becomes(t, ctx, says(firstRow+" .pill", "Open")+" && "+says(firstRow+" .left", "probe in")+" && "+says(".why", "calls failed"))
	becomes(t, ctx, says("#said", "movies: open")+` && document.title.startsWith("1 open")`)
	before := value[string](t, ctx, `document.querySelector(".left").textContent`)
	becomes(t, ctx, `document.querySelector(".left").textContent !== `+quoted(before))

	click(t, ctx, firstRow+" a")
	becomes(t, ctx, says("main h1", "movies")+" && "+says(".lead", "calls failed"))
	becomes(t, ctx, says(".evidence-list", "connection refused")+" && "+says(".outcomes", "failed"))
	becomes(t, ctx, says(".words", "opens when at least 50 %"))
}

func TestOperatorForcesACircuitOpenAndClosesItAgain(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 10, 0)
	ctx := browser(t)
	open(t, ctx, serve(t, dashboard(t, reg))+"#/command/web-1/movies", 1280, 1100)
	click(t, ctx, "#do-override")
	becomes(t, ctx, says("#override-error", "say why")+` && document.activeElement.id === "reason"`)
	require.Equal(t, quill.NoOverride, c.Stats().Override)

	require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(chromedp.CSS("#reason"), "the vendor asked for it")))
	click(t, ctx, "#do-override")
	becomes(t, ctx, says(".override .done", "forced open")+" && "+says(".title .pill", "Forced open"))
	s := c.Stats()
	require.Equal(t, quill.ForceOpen, s.Override)
	require.Equal(t, "the vendor asked for it", s.OverrideReason)
	require.InDelta(t, 15*time.Minute, s.OverrideLeft, float64(time.Minute))
	becomes(t, ctx, says(".lead", "the vendor asked for it"))

	click(t, ctx, "#end-override")
	becomes(t, ctx, says(".title .pill", "Closed"))
	require.Equal(t, quill.NoOverride, c.Stats().Override)
}

func TestBadSettingIsToldBesideItsField(t *testing.T) {
	reg := quill.NewRegistry()
	c := circuit(reg, "movies", 10, 0)
	ctx := browser(t)
	open(t, ctx, serve(t, dashboard(t, reg))+"#/command/web-1/movies", 1280, 1100)
	click(t, ctx, ".settings-details summary")
	require.NoError(t, chromedp.Do(ctx,
		chromedp.SendKeys(chromedp.CSS("#set-timeout"), "5ns"), chromedp.SendKeys(chromedp.CSS("#set-probes"), "many")))
	becomes(t, ctx, says("#set-timeout-error", "must be 1ms to 1h")+" && "+says("#set-probes-error", "must be"))
	click(t, ctx, "#do-settings")
	becomes(t, ctx, `document.activeElement.id === "set-probes" && document.activeElement.ariaInvalid === "true"`)
	require.Zero(t, c.Settings().Timeout)

	retype(t, ctx, "#set-timeout", "300ms")
	retype(t, ctx, "#set-probes", "3")
	becomes(t, ctx, says(".preview", "A call may take 300ms")+` && !document.querySelector(".settings .error")`)
	click(t, ctx, "#do-settings")
	becomes(t, ctx, says(".settings .done", "in force")+" && "+says(".side .words", "A call may take 300ms"))
	require.Equal(t, quill.Settings{Isolation: quill.Semaphore, SleepWindow: time.Minute, Timeout: 300 * time.Millisecond, Probes: 3}, c.Settings())
}

func TestReadOnlyDashboardOffersNoChange(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 10, 0)
	b := quillstream.Dashboard(reg, quillstream.WithHost("web-1"))
	t.Cleanup(b.Close)
	ctx := browser(t)
	open(t, ctx, serve(t, b)+"#/command/web-1/movies", 1280, 900)
	becomes(t, ctx, says(".words", "opens when"))
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
	ctx := browser(t)
	page := serve(t, dashboard(t, reg))
	open(t, ctx, page, 390, 900)
	for _, name := range names {
		becomes(t, ctx, fmt.Sprintf(`[...document.querySelectorAll(".name a")].some((a) => a.textContent === %s)`, quoted(name)))
		_ = value[bool](t, ctx, fmt.Sprintf(`[...document.querySelectorAll(".name a")].find((a) => a.textContent === %s).click() === undefined`, quoted(name)))
		becomes(t, ctx, `document.querySelector("main h1")?.textContent === `+quoted(name)+` && `+says(".words", "opens when"))
		require.LessOrEqual(t, value[int](t, ctx, "document.documentElement.scrollWidth"), 390, name)
		_ = value[bool](t, ctx, `document.querySelector(".back").click() === undefined`)
		becomes(t, ctx, `document.activeElement.textContent === `+quoted(name)) // focus is where it was
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
	ctx := browser(t)
	open(t, ctx, s.URL, 1280, 800)
	becomes(t, ctx, says(".connection", "Live"))
	s.CloseClientConnections()
	s.Close()
	becomes(t, ctx, says(".connection.lost", "does not answer")+" && "+says(firstRow, "movies"))
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
	ctx := browser(t)
	open(t, ctx, page, 1280, 800)
	becomes(t, ctx, says(firstRow, "web-2")+" && "+says(firstRow, "Open")+" && "+says(".note.warn", "web-3: it does not answer"))
	require.NoError(t, chromedp.Do(ctx, chromedp.SetValue(chromedp.CSS("select[aria-label=Process]"), "web-1")))
	becomes(t, ctx, says(".shown", "1 of 2 commands"))
	open(t, ctx, page+"#/command/web-2/movies", 1280, 800)
	becomes(t, ctx, says(".evidence-list", "connection refused")+" && "+says(".actions", "another process"))
}

func TestPageAsksItsOwnServerOnly(t *testing.T) {
	reg := quill.NewRegistry()
	circuit(reg, "movies", 5, 0)
	page := serve(t, dashboard(t, reg))
	ctx := browser(t)
	open(t, ctx, page, 1280, 800)
	becomes(t, ctx, says(firstRow, "movies"))
	require.Empty(t, value[[]string](t, ctx, `performance.getEntriesByType("resource").map((r) => r.name).filter((n) => !n.startsWith(`+quoted(page)+`))`))
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
	ctx := browser(t)
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
	becomes(t, ctx, `document.querySelectorAll(".commands tbody tr").length === 500`)
	// How long the page stands still at most, in five seconds of updates and in a sort.
	longest := value[float64](t, ctx, `new Promise((done) => {
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
	t.Logf("500 commands: the longest pause between two frames was %.0f ms", longest)
	require.Less(t, longest, 1000.0, "milliseconds; a machine under load has its pauses too")

	click(t, ctx, "thead th:nth-child(2) button")
	becomes(t, ctx, `document.querySelector("thead th:nth-child(2)").ariaSort === "ascending"`)
	last := ".commands tbody tr:last-child"
	becomes(t, ctx, says(last, "service-24.endpoint-499"))
	require.NoError(t, all[499].Override(quill.ForceOpen, 0, "out of sight"))
	becomes(t, ctx, says(last, "Forced open")) // a row out of sight tells its state all the same
}
