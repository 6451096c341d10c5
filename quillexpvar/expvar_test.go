package quillexpvar_test

import (
	"context"
	"encoding/json"
	"errors"
	"expvar"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillexpvar"
)

func variable(name string) string { return expvar.Get(name).String() }

func TestEveryFigureIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := quill.NewRegistry()
		c, err := r.Circuit(`odd "name"`, quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 2, MaxConcurrent: 7, QueueSize: 3})
		require.NoError(t, err)
		cmd := quill.Bind(c, func(_ context.Context, err error) (int, error) {
			time.Sleep(100 * time.Millisecond)
			return 0, err
		})
		_, _ = cmd.Do(t.Context(), nil)
		_, _ = cmd.Do(t.Context(), errors.New("sick"))
		_, _ = cmd.OrElse(1).Do(t.Context(), nil) // refused, answered
		before := c.Stats()
		v := quillexpvar.New(r)
		require.JSONEq(t, `{"odd \"name\"": {
			"state": "open", "open": true, "override": "none",
			"lastChange": "opened for 5s: 1 of 2 calls failed (50 %, threshold 50 %) in the last 10s",
			"changedAt": "`+before.LastTransition.At.Format(time.RFC3339Nano)+`",
			"health": {"requests": 2, "errors": 1, "rejected": 0, "slow": 0, "errorPercent": 50, "slowPercent": 0},
			"window": {"success": 1, "failure": 1, "timeout": 0, "rejected": 0, "shortCircuited": 1, "ignored": 0, "canceled": 0},
			"total": {"success": 1, "failure": 1, "timeout": 0, "rejected": 0, "shortCircuited": 1, "ignored": 0, "canceled": 0},
			"inFlight": 0, "maxConcurrent": 7, "queued": 0, "queueSize": 3, "abandoned": 0,
			"execute": {"count": 2, "meanMs": 100, "p50Ms": 96.468992, "p90Ms": 96.468992, "p99Ms": 96.468992, "p999Ms": 96.468992, "maxMs": 96.468992},
			"whole": {"count": 2, "meanMs": 100, "p50Ms": 96.468992, "p90Ms": 96.468992, "p99Ms": 96.468992, "p999Ms": 96.468992, "maxMs": 96.468992},
			"fallbacks": [{"step": "default", "answered": 1, "failed": 0, "rejected": 0}],
			"unanswered": {"missing": 1, "failed": 0, "rejected": 0},
			"panics": 0
		}}`, v.String())
		text, err := json.Marshal(before)
		require.NoError(t, err)
		var stats struct{ Execution, Whole quillexpvar.Latency }
		require.NoError(t, json.Unmarshal(text, &stats))
		var now map[string]quillexpvar.Circuit
		require.NoError(t, json.Unmarshal([]byte(v.String()), &now))
		require.Equal(t, now[c.Name()].Execute, stats.Execution, "the JSON of a quill.Latency is of the same form")
		require.Equal(t, now[c.Name()].Whole, stats.Whole)

		time.Sleep(time.Hour)
		var later map[string]quillexpvar.Circuit
		require.NoError(t, json.Unmarshal([]byte(v.String()), &later))
		require.Zero(t, later[c.Name()].Whole, "latencies are those of the window")
		require.Zero(t, later[c.Name()].Execute)
		require.Equal(t, quill.Open, c.State(), "reading moves nothing")
		require.Equal(t, before.Total, c.Stats().Total)
	})
}

func TestPublishedVariableIsServed(t *testing.T) {
	r := quill.NewRegistry()
	quillexpvar.Publish("circuits-served", r)
	_, err := r.Circuit("made later")
	require.NoError(t, err)
	w := httptest.NewRecorder()
	expvar.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/debug/vars", http.NoBody))
	var page map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
	var circuits map[string]quillexpvar.Circuit
	require.NoError(t, json.Unmarshal(page["circuits-served"], &circuits))
	require.Contains(t, circuits, "made later")
	require.Equal(t, 10, circuits["made later"].MaxConcurrent)
}

func TestNilRegistryIsTheDefaultOne(t *testing.T) {
	quill.NewCircuit("default-registry")
	defer quill.DefaultRegistry.Remove("default-registry")
	require.Contains(t, quillexpvar.New(nil).String(), "default-registry")
}

func TestReadingAndTrafficAtOnce(t *testing.T) {
	r := quill.NewRegistry()
	v := quillexpvar.New(r)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				c, err := r.Circuit("dep", quill.Settings{Isolation: quill.Semaphore})
				if err == nil {
					_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { return 0, nil })
				}
				if !json.Valid([]byte(v.String())) {
					panic("no JSON")
				}
				r.Remove("dep")
			}
		})
	}
	wg.Wait()
}
