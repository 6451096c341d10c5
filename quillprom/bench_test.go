package quillprom_test

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// BenchmarkScrape reads 1,000 circuits that have all been called.
func BenchmarkScrape(b *testing.B) {
	r := quill.NewRegistry()
	for i := range 1000 {
		calls(circuit(b, r, fmt.Sprintf("dep-%d", i), onCaller), 5, nil)
	}
	p := prometheus.NewRegistry()
	p.MustRegister(quillprom.New(r, quillprom.Settings{}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
