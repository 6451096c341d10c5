package quillprom_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

func ExampleNew() {
	circuits := quill.NewRegistry()
	getTitle := quill.New("movie-info", func(context.Context, string) (string, error) {
		return "", errors.New("connection refused")
	}, quill.WithRegistry(circuits)).OrElse("(no title)")

	metrics := prometheus.NewRegistry()
	metrics.MustRegister(quillprom.New(circuits, quillprom.Settings{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))

	_, _ = getTitle.Do(context.Background(), "550")

	page := httptest.NewRecorder()
	mux.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	for line := range strings.Lines(page.Body.String()) {
		if strings.Contains(line, "event=") && strings.HasSuffix(line, " 1\n") {
			fmt.Print(line)
		}
	}
	// Output:
	// hystrix_command_event_total{command_group="default",command_name="movie-info",event="failure",terminal="false"} 1
	// hystrix_command_event_total{command_group="default",command_name="movie-info",event="fallback_success",terminal="true"} 1
}

func ExampleSettings() {
	circuits := quill.NewRegistry()
	quill.NewCircuit("catalog.movieinfo-1", quill.WithRegistry(circuits))

	collector := quillprom.New(circuits, quillprom.Settings{
		Group: func(name string) string { // the part before the dot
			group, _, _ := strings.Cut(name, ".")
			return group
		},
		MaxNames: 200,                                                      // the rest is summed as "other"
		Buckets:  []time.Duration{100 * time.Millisecond, 1 * time.Second}, // what the SLO speaks of
	})
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collector)
	families, err := metrics.Gather()
	fmt.Println(len(families) > 20, err)
	// Output: true <nil>
}
