package quillstream_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// instance is a process with a circuit: it serves its stream.
func instance() *httptest.Server {
	registry := quill.NewRegistry()
	quill.NewCircuit("movie-info", quill.WithRegistry(registry))
	return httptest.NewServer(quillstream.NewStream(registry, quillstream.StreamSettings{}))
}

// waitFor waits until the aggregator has heard of so many commands and pools.
func waitFor(a *quillstream.Aggregator, subjects int) {
	for heard := 0; heard < subjects; {
		heard = 0
		for _, s := range a.Status() {
			heard += s.Subjects
		}
		<-time.After(10 * time.Millisecond) // real time: the instances are servers
	}
}

// The sum of two instances of a service. It reads what its settings name, and nothing that
// a request does.
func ExampleNewAggregator() {
	one, two := instance(), instance()
	defer one.Close()
	defer two.Close()

	aggregator, err := quillstream.NewAggregator(quillstream.AggregatorSettings{
		Upstreams: []quillstream.Upstream{
			{Name: "catalog-1", URL: one.URL + "/hystrix.stream"},
			{Name: "catalog-2", URL: two.URL + "/hystrix.stream"},
		},
	})
	if err != nil {
		panic(err)
	}
	defer aggregator.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /turbine.stream", aggregator)
	mux.HandleFunc("GET /turbine.status", aggregator.ServeStatus)

	server := httptest.NewServer(mux)
	defer server.Close()
	waitFor(aggregator, 4) // a command and a pool of each
	m := firstMessage(server.URL + "/turbine.stream")
	fmt.Println(m["type"], m["name"], "of", m["reportingHosts"], "hosts")
	// Output: HystrixCommand movie-info of 2 hosts
}

// Status says of each upstream how it is.
func ExampleAggregator_Status() {
	one := instance()
	defer one.Close()
	aggregator, err := quillstream.NewAggregator(quillstream.AggregatorSettings{
		Upstreams: []quillstream.Upstream{{Name: "catalog-1", URL: one.URL}},
	})
	if err != nil {
		panic(err)
	}
	defer aggregator.Close()
	waitFor(aggregator, 2)

	for _, s := range aggregator.Status() {
		fmt.Printf("%s: %s, %d commands and pools, %d messages refused\n", s.Name, s.State, s.Subjects, s.Bad)
	}
	// Output: catalog-1: connected, 2 commands and pools, 0 messages refused
}
