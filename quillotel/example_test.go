package quillotel_test

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillotel"
)

func ExampleObserve() {
	reader := metric.NewManualReader() // a program has an exporter's
	meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("example")

	circuits := quill.NewRegistry()
	registration, err := quillotel.Observe(meter, circuits)
	if err != nil {
		panic(err)
	}
	defer func() { _ = registration.Unregister() }()

	quill.NewCircuit("movie-info", quill.WithRegistry(circuits)) // also those made later

	var data metricdata.ResourceMetrics
	_ = reader.Collect(context.Background(), &data)
	for _, m := range data.ScopeMetrics[0].Metrics[:2] {
		fmt.Println(m.Name, m.Unit)
	}
	// Unordered output:
	// hystrix.command.calls {call}
	// hystrix.command.unanswered {call}
}

func ExampleSpans() {
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("example")

	getTitle := quill.New("otel-spans", func(context.Context, string) (string, error) {
		return "", errors.New("connection refused")
	}, quill.WithHooks(quillotel.Spans(tracer))).OrElse("(no title)")

	ctx, span := tracer.Start(context.Background(), "GET /catalog")
	_, _ = getTitle.Do(ctx, "550")
	span.End()

	event := recorder.Ended()[0].Events()[0]
	fmt.Println(event.Name)
	for _, a := range event.Attributes {
		switch a.Key {
		case "hystrix.command.outcome", "hystrix.command.error", "hystrix.fallback.step":
			fmt.Println(a.Key, "=", a.Value.String())
		}
	}
	// Output:
	// hystrix.command
	// hystrix.command.outcome = failure
	// hystrix.command.error = connection refused
	// hystrix.fallback.step = default
}

func ExampleDurations() {
	reader := metric.NewManualReader()
	meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("example")

	durations, err := quillotel.Durations(meter)
	if err != nil {
		panic(err)
	}
	getTitle := quill.New("otel-durations", func(context.Context, string) (string, error) {
		return "Fight Club", nil
	}, quill.WithHooks(durations))
	_, _ = getTitle.Do(context.Background(), "550")

	var data metricdata.ResourceMetrics
	_ = reader.Collect(context.Background(), &data)
	for _, m := range data.ScopeMetrics[0].Metrics {
		if h, ok := m.Data.(metricdata.Histogram[float64]); ok {
			fmt.Println(m.Name, m.Unit, h.DataPoints[0].Count)
		}
	}
	// Unordered output:
	// hystrix.command.duration s 1
	// hystrix.command.execution.duration s 1
}
