package control

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// metrics shows the circuits to Prometheus. A circuit's group is the service that calls:
// "catalog" of "catalog.movieinfo-1".
func metrics(reg *quill.Registry) http.Handler {
	service := func(name string) string {
		caller, _, _ := strings.Cut(name, ".")
		return caller
	}
	r := prometheus.NewRegistry()
	r.MustRegister(quillprom.New(reg, quillprom.Settings{Group: service}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}
