package quillstream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillexpvar"
	"github.com/seed-f7c3343e/quill/quillprom"
	"github.com/seed-f7c3343e/quill/quillslog"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// oddNames are names that circuits may have and that a format could stumble over.
var oddNames = []string{
	`GET /movies/{id}`, `say "no"`, `back\slash\`, `<script>alert(1)</script>`, `a&b=c;d%20e?f#g`, `영화-정보`,
	`סרטים`, strings.Repeat("n", 200), `{"type":"HystrixCommand"}`, `../../etc`, `'`, `😀`,
}

// played makes a circuit that opened on four errors of five, and the same in shadow.
func played(t *testing.T, registry *quill.Registry, name string, log *slog.Logger) *quill.Circuit {
	t.Helper()
	secret := errors.New("token=s3cret: refused")
	c := circuit(t, registry, name, quill.WithHooks(quillslog.Hooks(log)),
		quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 5},
		quill.WithShadow(quill.Settings{RequestVolumeThreshold: 2}),
		quill.WithRedact(func(error) string { return "(redacted)" }))
	call(t, c, 0, nil)
	for range 4 {
		call(t, c, 0, secret)
	}
	for range 3 {
		call(t, c, 0, nil) // refused
	}
	return c
}

// Whoever asks, by whatever way, is told the same of a circuit, and of no error more than
// its redaction lets through.
func TestAllThatShowCircuitsAgree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := quill.NewRegistry()
		log := &bytes.Buffer{}
		logger := slog.New(slog.NewJSONHandler(log, nil)) // one: it is what guards the buffer
		var shown strings.Builder
		for _, name := range oddNames {
			c := played(t, registry, name, logger)
			e := c.Explain()
			require.Equal(t, quill.Open, e.State)
			require.EqualValues(t, 4, e.Window.Failure)
			_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { return 0, nil })
			require.ErrorContains(t, err, "4 of 5 calls failed")
			explained, _ := json.Marshal(e)
			fmt.Fprintln(&shown, e, e.Line(), err, string(explained))
		}
		synctest.Wait() // hooks
		shown.WriteString(log.String())
		require.Equal(t, len(oddNames), strings.Count(log.String(), `"msg":"circuit opened"`))

		shown.WriteString(agreesExpvar(t, registry))
		shown.WriteString(agreesPrometheus(t, registry))
		shown.WriteString(agreesDashboard(t, registry))
		shown.WriteString(agreesStream(t, registry))
		shown.WriteString(failedProbes(t, registry))
		synctest.Wait()
		shown.WriteString(log.String())
		require.Contains(t, shown.String(), "(redacted)")
		require.NotContains(t, shown.String(), "s3cret")
	})
}

// failedProbes is what is told of circuits whose reason is an error.
func failedProbes(t *testing.T, registry *quill.Registry) string {
	t.Helper()
	time.Sleep(5 * time.Second)
	board := quillstream.Dashboard(registry)
	defer board.Close()
	var shown strings.Builder
	for c := range registry.All() {
		call(t, c, 0, errors.New("token=s3cret: still refused"))
		const reason = `opened again for 5s: a probe failed: "(redacted)"`
		require.Equal(t, reason, c.Stats().LastTransition.Reason)
		_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { return 0, nil })
		require.ErrorContains(t, err, reason)
		shadow, _ := c.Shadow()
		w := httptest.NewRecorder()
		board.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/data/command?name="+url.QueryEscape(c.Name()), nil))
		require.Contains(t, w.Body.String(), "(redacted)")
		fmt.Fprintf(&shown, "%v %v %+v %s\n", c.Explain(), err, shadow, w.Body)
	}
	return shown.String() + quillexpvar.New(registry).String()
}

func agreesExpvar(t *testing.T, registry *quill.Registry) string {
	t.Helper()
	var all map[string]quillexpvar.Circuit
	shown := quillexpvar.New(registry).String()
	require.NoError(t, json.Unmarshal([]byte(shown), &all))
	for _, name := range oddNames {
		v := all[name]
		require.True(t, v.Open)
		require.Equal(t, quill.Counts{Success: 1, Failure: 4, ShortCircuited: 4}, v.Window)
		require.EqualValues(t, 80, v.Health.ErrorPercent)
	}
	return shown
}

func agreesPrometheus(t *testing.T, registry *quill.Registry) string {
	t.Helper()
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(quillprom.New(registry, quillprom.Settings{}))
	page := httptest.NewRecorder()
	promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	for _, name := range oddNames {
		labels := `command_group="default",command_name="` + escape.Replace(name) + `"`
		for line, value := range map[string]int{
			`hystrix_command_event_total{` + labels + `,event="failure",terminal="false"}`:         4,
			`hystrix_command_event_total{` + labels + `,event="success",terminal="true"}`:          1,
			`hystrix_command_event_total{` + labels + `,event="short_circuited",terminal="false"}`: 4,
			`hystrix_command_is_circuit_breaker_open{` + labels + `}`:                              1,
			`hystrix_circuit_breaker_state{` + labels + `,state="open"}`:                           1,
			`hystrix_shadow_calls_total{` + labels + `}`:                                           5,
			`hystrix_shadow_refusals_total{` + labels + `,reason="circuit-open"}`:                  3,
		} {
			require.Contains(t, page.Body.String(), fmt.Sprintf("\n%s %d\n", line, value))
		}
	}
	return page.Body.String()
}

func agreesDashboard(t *testing.T, registry *quill.Registry) string {
	t.Helper()
	board := quillstream.Dashboard(registry)
	defer board.Close()
	ask := func(path string) string {
		w := httptest.NewRecorder()
		board.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		require.Equal(t, http.StatusOK, w.Code, w.Body.String())
		return w.Body.String()
	}
	shown := ask("/data/now")
	var now struct {
		Hosts []struct {
			Commands []struct {
				Name         string       `json:"name"`
				Open         bool         `json:"open"`
				ErrorPercent float64      `json:"errorPercent"`
				Window       quill.Counts `json:"window"`
				Total        uint64       `json:"total"`
			} `json:"commands"`
		} `json:"hosts"`
	}
	require.NoError(t, json.Unmarshal([]byte(shown), &now))
	require.Len(t, now.Hosts[0].Commands, len(oddNames))
	for _, v := range now.Hosts[0].Commands {
		require.Contains(t, oddNames, v.Name)
		require.True(t, v.Open)
		require.EqualValues(t, 80, v.ErrorPercent)
		require.Equal(t, quill.Counts{Success: 1, Failure: 4, ShortCircuited: 4}, v.Window)
		require.EqualValues(t, 9, v.Total)
		shown += ask("/data/command?name=" + url.QueryEscape(v.Name))
	}
	return shown
}

func agreesStream(t *testing.T, registry *quill.Registry) (shown string) {
	t.Helper()
	stream := quillstream.NewStream(registry, quillstream.StreamSettings{})
	defer stream.Close()
	messages := read(serve(t, &http.Server{Handler: stream}).open(t, "/"))
	for range oddNames {
		m := <-messages
		v := m.fields(t)
		require.Contains(t, oddNames, v["name"])
		require.Equal(t, true, v["isCircuitBreakerOpen"])
		require.EqualValues(t, 80, v["errorPercentage"])
		require.EqualValues(t, 4, v["rollingCountFailure"])
		require.EqualValues(t, 1, v["rollingCountSuccess"])
		require.EqualValues(t, 4, v["rollingCountShortCircuited"])
		shown += m.data
	}
	return shown
}
