// Package quillotel shows circuits to OpenTelemetry. It needs the API only: which exporter
// there is, is for the program to say.
//
//	_, err := quillotel.Observe(meter, nil)           // metrics of all circuits of a registry
//	quill.WithHooks(quillotel.Spans(tracer))          // events on the span of the caller
//	hooks, err := quillotel.Durations(meter)          // histograms, for quill.WithHooks
//
// Hooks for all circuits of a registry are given to [quill.Registry.AddHooks].
//
// OpenTelemetry has no convention for circuit breakers; these names are this package's own,
// after Hystrix. The attribute hystrix.command.name is on everything.
//
// # Metrics
//
// [Observe] reads the circuits when they are collected, and nothing in between:
//
//	hystrix.command.calls                     {call}        hystrix.command.outcome
//	hystrix.command.unanswered                {call}        hystrix.unanswered.reason: missing, failed, rejected
//	hystrix.command.fallbacks                 {answer}      hystrix.fallback.step, hystrix.fallback.result
//	hystrix.command.in_flight                 {call}
//	hystrix.command.queued                    {call}
//	hystrix.command.abandoned                 {call}
//	hystrix.command.limit                     {call}        absent if there is none
//	hystrix.command.panics                    {panic}
//	hystrix.command.notifications_dropped     {notification}
//	hystrix.command.config_rejected           {update}
//	hystrix.circuit_breaker.open              1             1 if calls are refused as things stand
//	hystrix.circuit_breaker.state             1             hystrix.circuit_breaker.state: 1 for the one it is in
//	hystrix.circuit_breaker.override          1             hystrix.circuit_breaker.override: 1 for what is in force
//
// [Durations] records each call that ran, since the API has no histogram that can be read:
//
//	hystrix.command.duration                  s             hystrix.command.outcome; the whole call
//	hystrix.command.execution.duration        s             hystrix.command.outcome; its own function
//	hystrix.circuit_breaker.transitions       {transition}  hystrix.circuit_breaker.from, .to
//
// A circuit that is removed is no longer told, and one that is made anew begins at 0. How
// many sets of attributes there may be is the limit of the SDK (2,000 for each instrument,
// unless it is told otherwise).
//
// # Spans
//
// [Spans] adds an event "hystrix.command" to the span in the context of each call, and sets
// hystrix.command.name and hystrix.command.outcome on that span; of several calls under one
// span the last one's stay. A call by Go that ends after that span does leaves nothing on it. It
// makes a span of its own, "hystrix.circuit_breaker.transition", of each transition: that belongs to
// no call. (Its attributes are hystrix.circuit_breaker.from, .to, .override, .reason, and of what was
// judged .requests, .errors and .rejected.) The status of the caller's span is left alone: a call that
// a fallback answered is no error. The event of a call has its error as it is, or the type of one
// whose Error method panics; the reason of a transition is as [quill.WithRedact] leaves it.
package quillotel
