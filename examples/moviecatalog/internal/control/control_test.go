package control

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/catalog"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/cluster"
	"github.com/seed-f7c3343e/quill/examples/moviecatalog/internal/fault"
)

// The warm workers of quill's pools go by themselves after a while.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/seed-f7c3343e/quill.(*worker).loop"))
}

type rig struct {
	cluster *cluster.Cluster
	panel   *Panel
	page    http.Handler
}

func newRig(t *testing.T) *rig {
	t.Helper()
	addrs := map[string]string{}
	for _, name := range []string{
		cluster.Catalog, cluster.MovieInfo1, cluster.MovieInfo2, cluster.Ratings1, cluster.Ratings2, cluster.TMDB,
	} {
		addrs[name] = "127.0.0.1:0"
	}
	reg, log := quill.NewRegistry(), slog.New(slog.DiscardHandler)
	c, err := cluster.Start(cluster.Config{Addrs: addrs, StandIn: true, Registry: reg, Log: log})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close(context.Background())) })
	p := New(c, reg, "a <stand-in>", log)
	t.Cleanup(p.Close)
	return &rig{c, p, p.Handler()}
}

func (r *rig) ask(method, path, body string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.page.ServeHTTP(w, req)
	return w
}

func (r *rig) state(t *testing.T) (s state) {
	t.Helper()
	w := r.ask("GET", "/api/state", "")
	require.Equal(t, 200, w.Code)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &s))
	return s
}

func TestPageLoadsOnlyWhatItBringsAlong(t *testing.T) {
	r := newRig(t)
	for path, kind := range map[string]string{
		"/": "text/html", "/app.js": "text/javascript", "/map.js": "text/javascript", "/chart.js": "text/javascript",
		"/panels.js": "text/javascript", "/dom.js": "text/javascript", "/style.css": "text/css", "/icon.svg": "image/svg+xml",
	} {
		w := r.ask("GET", path, "")
		require.Equal(t, 200, w.Code, path)
		require.Contains(t, w.Header().Get("Content-Type"), kind, path)
		require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'", path)
		require.NotContains(t, strings.ReplaceAll(w.Body.String(), "http://www.w3.org/2000/svg", ""), "http", path)
		require.NotContains(t, w.Body.String(), "innerHTML", path)
	}
	require.Equal(t, 404, r.ask("GET", "/nothing", "").Code)
}

func TestInstancesAreMadeSickAndHealed(t *testing.T) {
	r := newRig(t)
	w := r.ask("PUT", "/api/instances/movieinfo-1", `{"down":true}`)
	require.Equal(t, 200, w.Code, w.Body.String())
	require.False(t, r.cluster.Instance(cluster.MovieInfo1).Up())
	w = r.ask("PUT", "/api/instances/ratings-1", `{"slowMs":50,"failPercent":10,"body":"half"}`)
	require.Equal(t, 200, w.Code)
	require.Equal(t, fault.Faults{Slow: 50 * time.Millisecond, FailPercent: 10, Body: fault.Half}, r.cluster.Instance(cluster.Ratings1).Faults())

	require.Equal(t, 200, r.ask("POST", "/api/heal", "").Code)
	for _, i := range r.state(t).Instances {
		require.True(t, i.Up)
		require.Equal(t, "healthy", i.Words)
	}
}

// The README has a command for each path of the API, and each of them works.
func TestCommandsOfTheReadmeWork(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	curl := regexp.MustCompile("`curl(?: -X (PUT|POST))?(?: -d '([^']*)')? localhost:8080(/[^`]*)`")
	r, patterns := newRig(t), map[string]bool{}
	for _, m := range curl.FindAllStringSubmatch(string(text), -1) {
		method := cmp.Or(m[1], "GET")
		w := r.ask(method, m[3], m[2])
		require.Equal(t, 200, w.Code, "%s: %s", m[0], w.Body)
		require.True(t, json.Valid(w.Body.Bytes()), m[0])
		patterns[method+" "+strings.Join(strings.Split(m[3], "/")[:3], "/")] = true
		if m[3] == "/api/instances/ratings-1" {
			require.False(t, r.cluster.Instance(cluster.Ratings1).Up(), "it comes before the one that heals")
		}
	}
	require.True(t, r.cluster.Instance(cluster.Ratings1).Up())
	require.EqualValues(t, 50, r.state(t).Traffic.Rate)
	source, err := os.ReadFile("handler.go")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`"([A-Z]+ /api/\w+)[^"]*"`).FindAllStringSubmatch(string(source), -1) {
		require.Contains(t, patterns, m[1], "a path without a command")
	}
}

func TestWrongRequestsAreRefusedWithASentence(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"PUT", "/api/instances/none", `{}`, 404, "no such instance"},
		{"PUT", "/api/instances/ratings-1", `{"slowMs":-5}`, 400, "slowMs"},
		{"PUT", "/api/instances/ratings-1", `nonsense`, 400, "body"},
		{"PUT", "/api/traffic", `{"rate":201}`, 400, "0 to 200"},
		{"PUT", "/api/traffic", `{"speed":1}`, 400, "unknown field"},
		{"PUT", "/api/settings", `{"timeoutMs":800}`, 400, "may be 0"},
		{"PUT", "/api/settings", `{"timeoutMs":800,"sleepWindowMs":500,"volume":5,"errorPercent":101,"maxConcurrent":5}`, 400, "ErrorPercentThreshold"},
		{"GET", "/api/catalog/a%20b", "", 400, "user id"},
	} {
		w := r.ask(c.method, c.path, c.body)
		require.Equal(t, c.status, w.Code, c.path+" "+c.body)
		require.Contains(t, w.Body.String(), c.says)
	}
	for _, i := range r.state(t).Instances {
		require.Equal(t, "healthy", i.Words, "nothing was changed")
	}
}

func TestOtherSitesPagesChangeNothing(t *testing.T) {
	r := newRig(t)
	w := r.ask("PUT", "/api/instances/ratings-1", `{"down":true}`, "Sec-Fetch-Site", "cross-site", "Origin", "https://elsewhere.example")
	require.Equal(t, 403, w.Code)
	require.True(t, r.cluster.Instance(cluster.Ratings1).Up())
}

func TestDashboardOverridesACircuitForThePageItselfOnly(t *testing.T) {
	r := newRig(t)
	page := r.ask("GET", "/quill/", "")
	require.Equal(t, 200, page.Code)
	require.Contains(t, page.Header().Get("Content-Security-Policy"), "default-src 'none'")
	const body = `{"name":"catalog.ratings-1","override":"forced-open","reason":"a lesson"}`
	header := []string{"Content-Type", "application/json", "Quill-Dashboard", "1", "Sec-Fetch-Site", "same-origin"}
	require.Equal(t, 403, r.ask("POST", "/quill/do/override", body).Code)
	require.Equal(t, 200, r.ask("POST", "/quill/do/override", body, header...).Code)
	for _, c := range r.state(t).Circuits {
		require.Equal(t, c.Name == "catalog.ratings-1", c.Override == quill.ForceOpen, c.Name)
	}
}

func TestSettingsAreTurnedForAllGuardsOfTheCatalogAndNoOther(t *testing.T) {
	r := newRig(t)
	w := r.ask("PUT", "/api/settings", `{"timeoutMs":900,"slowCallMs":0,"sleepWindowMs":700,"volume":5,"errorPercent":40,"maxConcurrent":7,"lastCalls":15}`)
	require.Equal(t, 200, w.Code, w.Body.String())
	want := settingsView{TimeoutMS: 900, MaxConcurrent: 7, Volume: 5, ErrorPercent: 40, SleepWindowMS: 700, LastCalls: 15}
	require.Equal(t, want, r.state(t).Settings)
	defaults := r.state(t).Defaults
	require.Equal(t, viewSettings(catalog.DefaultSettings), defaults, "they stay what they are")
	require.Equal(t, 800, defaults.TimeoutMS)
	for c := range r.panel.reg.All() {
		guard := strings.HasPrefix(c.Name(), "catalog.")
		require.Equal(t, guard, c.Settings().MaxConcurrent == 7, c.Name())
	}
}

func TestCatalogsAnswerIsShownAsUsersGetIt(t *testing.T) {
	r := newRig(t)
	var v catalogView
	w := r.ask("GET", "/api/catalog/foo", "")
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
	require.Equal(t, 200, v.Status)
	require.Equal(t, "fresh", v.Kind)
	require.Contains(t, string(v.Body), "Lock, Stock")

	w = r.ask("GET", "/api/catalog/nobody", "")
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v))
	require.Equal(t, 404, v.Status)

	require.NoError(t, r.cluster.Instance(cluster.Catalog).Set(fault.Faults{Down: true}))
	w = r.ask("GET", "/api/catalog/foo", "")
	require.Equal(t, 502, w.Code)
	require.Contains(t, w.Body.String(), "the catalog itself does not answer")
}

func TestSickInstanceOpensItsCircuitAndUsersAreServedByTheOther(t *testing.T) {
	r := newRig(t)
	require.Equal(t, 200, r.ask("PUT", "/api/instances/movieinfo-1", `{"failPercent":100}`).Code)
	require.Equal(t, 200, r.ask("PUT", "/api/traffic", `{"rate":100}`).Code)
	var guard circuitView
	require.Eventually(t, func() bool {
		for _, c := range r.state(t).Circuits {
			if c.Name == "catalog.movieinfo-1" {
				guard = c
			}
		}
		return guard.State == quill.Open
	}, 5*time.Second, 20*time.Millisecond)
	require.Contains(t, guard.Reason, "calls failed")
	require.Positive(t, guard.RetryMS)
	w := r.ask("GET", "/quill/data/command?name=catalog.movieinfo-1", "")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), `"answered"`, "the dashboard tells more")

	sum := func(k int) (n float64) {
		for _, row := range r.state(t).Traffic.Series {
			n += row[k]
		}
		return n
	}
	require.Eventually(t, func() bool { return sum(1) > 0 }, 5*time.Second, 20*time.Millisecond, "failovers are shown")
	require.Zero(t, sum(4), "and no error")
	require.Equal(t, 200, r.ask("PUT", "/api/traffic", `{"rate":0}`).Code)
	require.Zero(t, r.state(t).Traffic.Rate)
}

func TestPrometheusSeesTheCircuits(t *testing.T) {
	r := newRig(t)
	require.Equal(t, 200, r.ask("GET", "/api/catalog/alice", "").Code)
	w := r.ask("GET", "/metrics", "")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Header().Get("Content-Type"), "text/plain")
	for _, line := range []string{
		`hystrix_command_event_total{command_group="catalog",command_name="catalog.ratings-1",event="success",terminal="true"} 1`,
		`hystrix_command_event_total{command_group="catalog",command_name="catalog.ratings-2",event="success",terminal="true"} 0`,
		`hystrix_circuit_breaker_state{command_group="movieinfo-1",command_name="movieinfo-1.tmdb",state="closed"} 1`,
	} {
		require.Contains(t, w.Body.String(), line+"\n")
	}
}

func TestHystrixsDashboardsSeeTheCircuits(t *testing.T) {
	r := newRig(t)
	require.Equal(t, 200, r.ask("GET", "/api/catalog/alice", "").Code)
	server := httptest.NewServer(r.page)
	defer server.Close()
	res, err := server.Client().Get(server.URL + "/hystrix.stream")
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, "text/event-stream;charset=UTF-8", res.Header.Get("Content-Type"))
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), `data: {"type":"HystrixCommand","name":"catalog.ratings-1","group":"catalog",`) {
	}
	require.Contains(t, lines.Text(), `"rollingCountSuccess":1,`)
	require.NoError(t, server.Config.Shutdown(t.Context()), "which an open stream does not hold up")
}
