package quillotel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/seed-f7c3343e/quill"
)

// boundaries are those of the histograms, in seconds.
var boundaries = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}

// Durations returns hooks that record how long each call took, if it ran, and each
// transition. They may be given to any number of circuits. The call's context goes along,
// so that exemplars can be taken. The error is the meter's.
func Durations(meter metric.Meter) (quill.Hooks, error) {
	histogram := func(name, description string) (metric.Float64Histogram, error) {
		return meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
			metric.WithExplicitBucketBoundaries(boundaries...))
	}
	whole, err1 := histogram("hystrix.command.duration", "Time from entry to answer of the calls that ran.")
	execution, err2 := histogram("hystrix.command.execution.duration", "Time of the calls in their own function.")
	transitions, err3 := meter.Int64Counter("hystrix.circuit_breaker.transitions",
		metric.WithUnit("{transition}"), metric.WithDescription("Changes of state or override."))
	if err := errors.Join(err1, err2, err3); err != nil {
		return quill.Hooks{}, err
	}
	return quill.Hooks{
		OnCall: func(ctx context.Context, e quill.CallEvent) {
			if !ran(&e) {
				return
			}
			with := metric.WithAttributes(commandName.String(e.Command), commandOutcome.String(e.Outcome.String()))
			whole.Record(ctx, e.Total.Seconds(), with)
			execution.Record(ctx, e.Execute.Seconds(), with)
		},
		OnTransition: func(t quill.Transition) {
			transitions.Add(context.Background(), 1, metric.WithAttributes(commandName.String(t.Command),
				breakerFrom.String(t.From.String()), breakerTo.String(t.To.String())))
		},
	}, nil
}

// ran reports whether the call's function was called, or may have been.
func ran(e *quill.CallEvent) bool {
	switch e.Outcome {
	case quill.ShortCircuited, quill.Rejected:
		return false
	case quill.Timeout, quill.Canceled: // perhaps before it had a slot
		return e.Execute > 0
	case quill.Success, quill.Failure, quill.Ignored:
	}
	return true
}
