package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// server is a real Prometheus that scrapes the demo.
type server struct {
	t   *testing.T
	url string
}

var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// startPrometheus starts the server on a free port, with our rules and an empty database;
// it is ended with the test.
func startPrometheus(t *testing.T, target string, flags ...string) *server {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed: `make deps` installs it")
	}
	rules, err := filepath.Abs("../../dashboards/rules.yaml")
	require.NoError(t, err)
	u, err := url.Parse(target)
	require.NoError(t, err)
	dir := t.TempDir()
	config := fmt.Sprintf(`
global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [%q]
scrape_configs:
  - job_name: moviecatalog
    static_configs: [{targets: [%q]}]
`, rules, u.Host)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600))
	cmd := exec.CommandContext(t.Context(), path, append(flags,
		"--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0")...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	log, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, w
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Cancel()
		_ = cmd.Wait()
		_ = w.Close()
	})
	said := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				said <- m[1]
			}
		}
		_, _ = io.Copy(io.Discard, log)
	}()
	select {
	case addr := <-said:
		return &server{t, "http://" + addr}
	case <-time.After(30 * time.Second):
		t.Fatal("prometheus does not listen within 30 s")
		return nil
	}
}

// query returns the values of an expression by the labels of each series.
func (s *server) query(expr string) map[string]string {
	s.t.Helper()
	code, body := get(s.t, s.url+"/api/v1/query?query="+url.QueryEscape(expr))
	require.Equal(s.t, 200, code, "%s: %s", expr, body)
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	require.NoError(s.t, json.Unmarshal([]byte(body), &answer))
	values := map[string]string{}
	for _, r := range answer.Data.Result {
		values[fmt.Sprint(r.Metric)] = fmt.Sprint(r.Value[1])
	}
	return values
}

// becomes waits until an expression, which has one value, has this one.
func (s *server) becomes(expr, want string) {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond) // real time: another process scrapes meanwhile
	defer tick.Stop()
	for patience := time.After(30 * time.Second); ; {
		got := s.query(expr)
		if values := slices.Collect(maps.Values(got)); slices.Equal(values, []string{want}) {
			return
		}
		select {
		case <-tick.C:
		case <-patience:
			s.t.Fatalf("%s\nis %v, not %s", expr, got, want)
		}
	}
}

// A real server scrapes the running demo, and its queries return what was done.
func TestRealPrometheusReturnsTheRightNumbers(t *testing.T) {
	demo := start(t, "Ctrl-C", append(freePorts(), "-traffic=0")...)
	defer func() { require.Zero(t, demo.end()) }()
	page := demo.url(t, "Make")
	s := startPrometheus(t, page)
	native := startPrometheus(t, page, "--enable-feature=native-histograms")
	event := func(command, event string) string {
		return fmt.Sprintf(`hystrix_command_event_total{command_group="catalog",command_name="catalog.%s",event="%s"}`, command, event)
	}

	// Before the first call everything is there, at 0.
	s.becomes(`sum(hystrix_command_event_total)`, "0")
	s.becomes(`count(hystrix_command_is_circuit_breaker_open)`, "6")
	s.becomes(`sum(hystrix_circuit_breaker_state{state="closed"})`, "6")

	// Alice has rated three movies: 20 pages are 20 calls for ratings and 60 for movies.
	const pages, movies = 20, 3
	ask := func() {
		for range pages {
			code, body := get(t, demo.url(t, "catalog")+"/catalog/alice")
			require.Equal(t, 200, code, body)
			require.Equal(t, movies, strings.Count(body, `"name"`), body)
		}
	}
	ask()
	s.becomes(event("ratings-1", "success"), "20")
	s.becomes(event("movieinfo-1", "success"), "60")
	s.becomes(event("movieinfo-2", "success"), "0")
	s.becomes(`hystrix_command_latency_total_seconds_count{command_name="catalog.movieinfo-1"}`, "60")
	native.becomes(`histogram_count(hystrix_command_latency_total_seconds{command_name="catalog.movieinfo-1"})`, "60")

	// One movie-info goes down: the circuit opens, and the other one answers for it.
	put(t, page+"/api/instances/movieinfo-1", `{"down": true}`)
	ask()
	s.becomes(event("movieinfo-1", "fallback_success"), "60")
	s.becomes(`hystrix_command_fallback_total{command_name="catalog.movieinfo-1",step="catalog.movieinfo-2",result="answered"}`, "60")
	s.becomes(event("movieinfo-2", "success"), "60")
	s.becomes(`sum(hystrix_command_event_total{command_name="catalog.movieinfo-1",event=~"failure|short_circuited"})`, "60")
	s.becomes(`sum by (command_name) (hystrix_command_event_total{command_name="catalog.movieinfo-1",terminal="true"})`, "120")
	s.becomes(`hystrix_command_is_circuit_breaker_open{command_name="catalog.movieinfo-1"}`, "1")
	s.becomes(`sum(hystrix_command_is_circuit_breaker_open)`, "1")
	s.becomes(`count(ALERTS{alertname="HystrixCircuitOpen",command_name="catalog.movieinfo-1"})`, "1")

	s.becomes(`count(command:hystrix_fallback:ratio_rate5m{command_name="catalog.movieinfo-1"} > 0)`, "1")
	for _, expr := range dashboardExpressions(t) {
		got := s.query(expr)
		if !mayBeEmpty.MatchString(expr) {
			require.NotEmpty(t, got, "a panel would show nothing: %s", expr)
		}
	}
	median := s.query(`histogram_quantile(0.5, sum by (le) (rate(hystrix_command_latency_total_seconds_bucket[5m])))`)
	require.Len(t, median, 1)
	require.NotContains(t, fmt.Sprint(median), "NaN")
	require.Len(t, native.query(`histogram_quantile(0.5, sum(rate(hystrix_command_latency_total_seconds[5m])))`), 1)
}

// mayBeEmpty matches expressions that show what should not be.
var mayBeEmpty = regexp.MustCompile(`> 0$|override|_bulkhead_|_shadow_|changes\(`)

// dashboardExpressions are those of the Grafana dashboard, with its variables set to All.
func dashboardExpressions(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../dashboards/grafana.json")
	require.NoError(t, err)
	variables := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$group", ".*", "$command", ".*")
	for _, m := range regexp.MustCompile(`(?m)^ *"expr": (".*"),$`).FindAllSubmatch(text, -1) {
		var expr string
		require.NoError(t, json.Unmarshal(m[1], &expr))
		all = append(all, variables.Replace(expr))
	}
	require.Greater(t, len(all), 25)
	return all
}

func put(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url, strings.NewReader(body))
	require.NoError(t, err)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 200, resp.StatusCode)
}
