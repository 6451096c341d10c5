package hystrix_test

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
	"github.com/seed-f7c3343e/quill/hystrix"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
	"github.com/seed-f7c3343e/quill/quillprom"
	"github.com/seed-f7c3343e/quill/quillstream"
)

func getUser(context.Context) error { return errors.New("connection refused") }

func ExampleDo() {
	hystrix.ConfigureCommand("get_user", hystrix.CommandConfig{Timeout: 800, MaxConcurrentRequests: 20})

	err := hystrix.Do("get_user", func() error {
		return errors.New("connection refused")
	}, func(err error) error {
		fmt.Println("from the cache, because of:", err)
		return nil
	})
	fmt.Println(err)
	// Output:
	// from the cache, because of: connection refused
	// <nil>
}

func ExampleDoC() {
	err := hystrix.DoC(context.Background(), "get_user_c", getUser, nil)
	switch err {
	case hystrix.ErrTimeout, hystrix.ErrCircuitOpen, hystrix.ErrMaxConcurrency:
		fmt.Println("not served")
	default:
		fmt.Println(err)
	}
	// Output: connection refused
}

func ExampleGo() {
	output := make(chan string, 1)
	errs := hystrix.Go("get_page", func() error {
		output <- "a page"
		return nil
	}, nil)

	select {
	case page := <-output:
		fmt.Println(page)
	case err := <-errs:
		fmt.Println("no page:", err)
	}
	// Output: a page
}

func ExampleGoC() {
	errs := hystrix.GoC(context.Background(), "get_user_gc", getUser, func(_ context.Context, err error) error {
		return errors.New("no cache")
	})
	fmt.Println(<-errs)
	// Output: fallback failed with 'no cache'. run error was 'connection refused'
}

func ExampleConfigureQuill() {
	// What hystrix-go has no setting for: a queue, the window, slow calls.
	err := hystrix.ConfigureQuill("get_prices", quill.Settings{
		Timeout: 300 * time.Millisecond, MaxConcurrent: 50, QueueSize: 100,
		RollingWindow:    30 * time.Second,
		SlowCallDuration: 200 * time.Millisecond,
	})
	fmt.Println(err, hystrix.GetCircuitSettings()["get_prices"].MaxConcurrentRequests)

	err = hystrix.ConfigureQuill("get_prices", quill.Settings{Timeout: time.Microsecond})
	fmt.Println(err)
	// Output:
	// <nil> 50
	// hystrix: command "get_prices": quill: settings: Timeout is 1µs: must be 1ms to 1h, or none
}

func ExampleQuillCircuit() {
	// New code can call through the circuit of old code, with types and a fallback chain.
	getStock := quill.Bind(hystrix.QuillCircuit("get_stock"), func(context.Context, string) (int, error) {
		return 0, errors.New("connection refused")
	}).OrElse(1)
	n, err := getStock.Do(context.Background(), "book")
	fmt.Println(n, err)
	// Output: 1 <nil>
}

func ExampleQuillCircuit_settings() {
	// The settings in force, some of them changed, without naming a type of quill's.
	s := hystrix.QuillCircuit("get_reviews").Settings()
	s.QueueSize, s.RollingWindow = 100, 30*time.Second
	err := hystrix.ConfigureQuill("get_reviews", s)
	fmt.Println(err, hystrix.QuillCircuit("get_reviews").Settings().QueueSize)
	// Output: <nil> 100
}

func ExampleQuillRegistry() {
	hystrix.Flush()
	_ = hystrix.Do("get_orders", func() error { return nil }, nil)
	for circuit := range hystrix.QuillRegistry().All() {
		fmt.Println(circuit.Name(), circuit.State(), circuit.Stats().Total.Success)
	}
	// Output: get_orders closed 1
}

func ExampleQuillRegistry_both() {
	hystrix.Flush()
	_ = hystrix.Do("get_author", func() error { return nil }, nil) // is in hystrix.QuillRegistry()
	quill.NewCircuit("get_title")                                  // is in quill.DefaultRegistry

	metrics := prometheus.NewRegistry()
	metrics.MustRegister(
		quillprom.New(nil, quillprom.Settings{ConstLabels: prometheus.Labels{"api": "quill"}}),
		quillprom.New(hystrix.QuillRegistry(), quillprom.Settings{ConstLabels: prometheus.Labels{"api": "hystrix"}}),
	)
	ours, theirs := quillstream.Dashboard(nil), quillstream.Dashboard(hystrix.QuillRegistry())
	defer ours.Close()
	defer theirs.Close()
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.Handle("GET /quill/", http.StripPrefix("/quill", ours))
	mux.Handle("GET /hystrix/", http.StripPrefix("/hystrix", theirs))

	get := func(path string) string {
		page := httptest.NewRecorder()
		mux.ServeHTTP(page, httptest.NewRequest(http.MethodGet, path, http.NoBody))
		return page.Body.String()
	}
	for line := range strings.Lines(get("/metrics")) {
		if strings.HasPrefix(line, "hystrix_command_max_concurrent{") {
			fmt.Print(line)
		}
	}
	fmt.Println(strings.Contains(get("/hystrix/data/now"), "get_author"), strings.Contains(get("/quill/data/now"), "get_author"))
	// Output:
	// hystrix_command_max_concurrent{api="hystrix",command_group="default",command_name="get_author"} 10
	// hystrix_command_max_concurrent{api="quill",command_group="default",command_name="get_title"} 10
	// true false
}

func ExampleGetCircuit() {
	circuit, made, _ := hystrix.GetCircuit("get_invoice")
	fmt.Println(circuit.Name, made, circuit.IsOpen())
	// Output: get_invoice true false
}

// failures counts the failures of one circuit.
type failures struct{ n int }

func (f *failures) Update(r metricCollector.MetricResult) { f.n += int(r.Failures) }
func (f *failures) Reset()                                {}

func Example_collector() {
	mine := &failures{}
	metricCollector.Registry.Register(func(name string) metricCollector.MetricCollector {
		if name == "get_counted" {
			return mine
		}
		return &failures{}
	})
	_ = hystrix.DoC(context.Background(), "get_counted", getUser, nil)
	fmt.Println(mine.n) // counted before the error was returned
	// Output: 1
}
