package control

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// service is a circuit's group, the service that calls: "catalog" of "catalog.movieinfo-1".
func service(name string) string {
	caller, _, _ := strings.Cut(name, ".")
	return caller
}

// metrics shows the circuits to Prometheus.
func metrics(reg *quill.Registry) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(quillprom.New(reg, quillprom.Settings{Group: service}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}
