package quillotel

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/seed-f7c3343e/quill"
)

// Attributes of the event of a call, and of the span of a transition, beside those of the
// metrics. Durations are in seconds.
const (
	callProbe   = attribute.Key("hystrix.command.probe") // left out if false, as is the next
	callLate    = attribute.Key("hystrix.command.late")
	callWait    = attribute.Key("hystrix.command.wait") // left out if 0
	callExecute = attribute.Key("hystrix.command.execution.duration")
	callTotal   = attribute.Key("hystrix.command.duration")
	callError   = attribute.Key("hystrix.command.error") // run's error, or what refused the call
	answerAge   = attribute.Key("hystrix.fallback.age")  // of a last good answer

	moveReason   = attribute.Key("hystrix.circuit_breaker.reason")
	moveRequests = attribute.Key("hystrix.circuit_breaker.requests")
	moveErrors   = attribute.Key("hystrix.circuit_breaker.errors")
	moveRejected = attribute.Key("hystrix.circuit_breaker.rejected")
)

// Spans returns hooks that tell of each call on the span in its context, if that is being
// recorded, and that make a span of each transition with tracer; nil makes none. They may
// be given to any number of circuits.
func Spans(tracer trace.Tracer) quill.Hooks {
	h := quill.Hooks{OnCall: onCall}
	if tracer != nil {
		h.OnTransition = func(t quill.Transition) { onTransition(tracer, t) }
	}
	return h
}

func onCall(ctx context.Context, e quill.CallEvent) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	head := []attribute.KeyValue{commandName.String(e.Command), commandOutcome.String(e.Outcome.String())}
	span.SetAttributes(head...)
	all := append(head, breakerState.String(e.State.String()), callTotal.Float64(e.Total.Seconds()))
	if e.Execute > 0 {
		all = append(all, callExecute.Float64(e.Execute.Seconds()))
	}
	if e.Wait > 0 {
		all = append(all, callWait.Float64(e.Wait.Seconds()))
	}
	if e.Err != nil {
		all = append(all, callError.String(inShort(e.Err)))
	}
	if e.Step != "" {
		all = append(all, fallbackStep.String(e.Step))
	}
	if e.Age > 0 {
		all = append(all, answerAge.Float64(e.Age.Seconds()))
	}
	if e.Probe {
		all = append(all, callProbe.Bool(true))
	}
	if e.Late {
		all = append(all, callLate.Bool(true))
	}
	span.AddEvent("hystrix.command", trace.WithAttributes(all...))
}

// inShort leaves the stack of a panic out, which a span is no place for. Of an error whose
// Error method panics, as that of a typed nil pointer may, it says so.
func inShort(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("an error of type %T whose Error method panics", err)
		}
	}()
	if p := panicIn(err); p != nil {
		return fmt.Sprintf("panic: %v", p.Value)
	}
	return err.Error()
}

// panicIn returns the panic that err has: none if its methods panic themselves.
func panicIn(err error) (p *quill.PanicError) {
	defer func() {
		if recover() != nil {
			p = nil
		}
	}()
	p, _ = errors.AsType[*quill.PanicError](err)
	return p
}

func onTransition(tracer trace.Tracer, t quill.Transition) {
	_, span := tracer.Start(context.Background(), "hystrix.circuit_breaker.transition",
		trace.WithTimestamp(t.At), trace.WithAttributes(
			commandName.String(t.Command),
			breakerFrom.String(t.From.String()), breakerTo.String(t.To.String()),
			breakerOverride.String(t.Override.String()), moveReason.String(t.Reason),
			moveRequests.Int64(int64(t.Health.Requests)), //nolint:gosec // calls are fewer
			moveErrors.Int64(int64(t.Health.Errors)),     //nolint:gosec // likewise
			moveRejected.Int64(int64(t.Health.Rejected)), //nolint:gosec // likewise
		))
	span.End(trace.WithTimestamp(t.At))
}
