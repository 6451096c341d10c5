package quillprom_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// promtool returns the path of Prometheus's tool.
func promtool(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("promtool takes its time")
	}
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: `make deps` installs it")
	}
	return path
}

// everything is a registry whose circuits have something to say in every metric.
func everything(t *testing.T) *quill.Registry {
	t.Helper()
	r := quill.NewRegistry()
	shared := quill.NewBulkhead("db", quill.BulkheadSettings{})
	for _, name := range []string{"dep", `odd "name" \ {}`, "영화"} {
		calls(circuit(t, r, name, quill.WithBulkhead(shared)), 30, errSick)
	}
	quill.Bind(circuit(t, r, "own"), func(context.Context, int) (int, error) { return 0, nil }).OrElse(1)
	return r
}

// exposition is what a server gets that asks for text.
func exposition(t *testing.T, c *quillprom.Collector) []byte {
	t.Helper()
	p := prometheus.NewPedanticRegistry()
	p.MustRegister(c)
	w := httptest.NewRecorder()
	promhttp.HandlerFor(p, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, 200, w.Code)
	return w.Body.Bytes()
}

func TestPromtoolFindsNothingInTheMetrics(t *testing.T) {
	tool := promtool(t)
	for _, s := range []quillprom.Settings{{}, {Namespace: "app", MaxNames: 1}} {
		cmd := exec.CommandContext(t.Context(), tool, "check", "metrics")
		cmd.Stdin = bytes.NewReader(exposition(t, quillprom.New(everything(t), s)))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Empty(t, string(out))
	}
}
