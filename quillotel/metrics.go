package quillotel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/seed-f7c3343e/quill"
)

// The attributes.
const (
	commandName     = attribute.Key("hystrix.command.name")
	commandOutcome  = attribute.Key("hystrix.command.outcome")
	unansweredWhy   = attribute.Key("hystrix.unanswered.reason")
	fallbackStep    = attribute.Key("hystrix.fallback.step")
	fallbackResult  = attribute.Key("hystrix.fallback.result")
	breakerState    = attribute.Key("hystrix.circuit_breaker.state")
	breakerOverride = attribute.Key("hystrix.circuit_breaker.override")
	breakerFrom     = attribute.Key("hystrix.circuit_breaker.from")
	breakerTo       = attribute.Key("hystrix.circuit_breaker.to")
)

// Observe makes the metrics of all circuits of r, nil for [quill.DefaultRegistry], also of
// those that are made later. They are read when the meter's provider collects, at no other
// time, which moves no circuit and waits for no call. Unregister what it returns to end it.
// The error is the meter's.
func Observe(meter metric.Meter, r *quill.Registry) (metric.Registration, error) {
	if r == nil {
		r = quill.DefaultRegistry
	}
	o, err := newObservables(meter)
	if err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for c := range r.All() {
			o.observe(to, c.Stats())
		}
		return nil
	}, o.all...)
}

// observables are the instruments that are read.
type observables struct {
	all []metric.Observable

	calls, unanswered, fallbacks, panics, dropped, configRejected metric.Int64ObservableCounter
	inFlight, queued, abandoned, limit                            metric.Int64ObservableUpDownCounter
	open, state, override                                         metric.Int64ObservableGauge
}

func newObservables(meter metric.Meter) (*observables, error) {
	o := &observables{}
	var errs []error
	counter := func(name, unit, description string) metric.Int64ObservableCounter {
		i, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
		o.all, errs = append(o.all, i), append(errs, err)
		return i
	}
	sum := func(name, description string) metric.Int64ObservableUpDownCounter {
		i, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit("{call}"), metric.WithDescription(description))
		o.all, errs = append(o.all, i), append(errs, err)
		return i
	}
	gauge := func(name, description string) metric.Int64ObservableGauge {
		i, err := meter.Int64ObservableGauge(name, metric.WithUnit("1"), metric.WithDescription(description))
		o.all, errs = append(o.all, i), append(errs, err)
		return i
	}
	o.calls = counter("hystrix.command.calls", "{call}", "Calls, by how their own part of it ended.")
	o.unanswered = counter("hystrix.command.unanswered", "{call}", "Calls that ended in an error for want of a fallback's answer.")
	o.fallbacks = counter("hystrix.command.fallbacks", "{answer}", "What the fallback steps did.")
	o.panics = counter("hystrix.command.panics", "{panic}", "Functions, classifiers, fallback steps and stores that panicked.")
	o.dropped = counter("hystrix.command.notifications_dropped", "{notification}", "Transitions that a slow hook was not told.")
	o.configRejected = counter("hystrix.command.config_rejected", "{update}", "Updates of the settings that were refused: nothing changed.")
	o.inFlight = sum("hystrix.command.in_flight", "Calls that hold a slot, abandoned ones included.")
	o.queued = sum("hystrix.command.queued", "Calls that wait for a slot.")
	o.abandoned = sum("hystrix.command.abandoned", "Work whose caller has left and that still holds its slot.")
	o.limit = sum("hystrix.command.limit", "How many calls may run at once.")
	o.open = gauge("hystrix.circuit_breaker.open", "Whether calls are refused as things stand.")
	o.state = gauge("hystrix.circuit_breaker.state", "State of the breaker itself: 1 for the one it is in.")
	o.override = gauge("hystrix.circuit_breaker.override", "What lies over the breaker: 1 for that.")
	return o, errors.Join(errs...)
}

func (o *observables) observe(to metric.Observer, s quill.Stats) {
	name := commandName.String(s.Name)
	with := func(more ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributes(append(more, name)...)
	}
	count := func(i metric.Int64ObservableCounter, n uint64, more ...attribute.KeyValue) {
		to.ObserveInt64(i, int64(n), with(more...)) //nolint:gosec // calls are fewer
	}
	for _, outcome := range quill.Outcomes() {
		count(o.calls, s.Total.Of(outcome), commandOutcome.String(outcome.String()))
	}
	count(o.unanswered, s.Unanswered.Missing, unansweredWhy.String("missing"))
	count(o.unanswered, s.Unanswered.Failed, unansweredWhy.String("failed"))
	count(o.unanswered, s.Unanswered.Rejected, unansweredWhy.String("rejected"))
	for _, step := range s.Fallbacks {
		at := fallbackStep.String(step.Step)
		count(o.fallbacks, step.Answered, at, fallbackResult.String("answered"))
		count(o.fallbacks, step.Failed, at, fallbackResult.String("failed"))
		count(o.fallbacks, step.Rejected, at, fallbackResult.String("rejected"))
	}
	count(o.panics, s.Panics)
	count(o.dropped, s.NotificationsDropped)
	count(o.configRejected, s.ConfigRejected)
	to.ObserveInt64(o.inFlight, int64(s.InFlight), with())
	to.ObserveInt64(o.queued, int64(s.Queued), with())
	to.ObserveInt64(o.abandoned, int64(s.Abandoned), with())
	if s.Settings.MaxConcurrent != quill.Unlimited {
		to.ObserveInt64(o.limit, int64(s.Settings.MaxConcurrent), with())
	}
	to.ObserveInt64(o.open, is(s.Open()), with())
	for _, state := range []quill.State{quill.Closed, quill.Open, quill.HalfOpen} {
		to.ObserveInt64(o.state, is(s.State == state), with(breakerState.String(state.String())))
	}
	for _, v := range []quill.Override{quill.NoOverride, quill.ForceOpen, quill.ForceClosed, quill.Disabled} {
		to.ObserveInt64(o.override, is(s.Override == v), with(breakerOverride.String(v.String())))
	}
}

func is(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
