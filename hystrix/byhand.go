package hystrix

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// handProbe is the probe that AllowRequest let through: it belongs to whoever asked, until
// ReportEvent tells how it went or a sleep window has passed.
type handProbe struct {
	mu    sync.Mutex
	call  *quill.Call
	began time.Time
}

// handContext marks what AllowRequest and ReportEvent do.
type handContext struct {
	context.Context //nolint:containedctx // it is one
}

var byHand = handContext{context.Background()}

var (
	errReported  = errors.New("reported as an error")
	errForgotten = quill.Ignore(errors.New("nobody reported how it went"))
)

// successError is how ReportEvent tells the classifier of a success.
type successError struct{ error }

// AllowRequest reports whether a request may go: the circuit is closed, or it is open and
// this request is the one that is let through in a sleep window. Commands ask by themselves;
// it is for work done outside of them, which ReportEvent reports.
func (c *CircuitBreaker) AllowRequest() bool {
	c.adopt()
	s := c.quill.Stats()
	if !s.Open() {
		return true
	}
	c.watch.noticed()
	if s.Override == quill.ForceOpen || s.RetryAfter > 0 {
		return false
	}
	return c.takeProbe()
}

// takeProbe takes the place of the probe, if it is free. One taken earlier that nobody
// reported on gives its place up.
func (c *CircuitBreaker) takeProbe() bool {
	c.dropStaleProbe()
	h := &c.byHand
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.call != nil {
		return false
	}
	call, err := c.quill.Begin(byHand)
	if err != nil {
		return false
	}
	h.call, h.began = call, time.Now()
	c.observe()
	return true
}

// dropStaleProbe ends a probe on which nobody has reported for a sleep window.
func (c *CircuitBreaker) dropStaleProbe() {
	if c.seen() != quill.HalfOpen {
		return
	}
	h := &c.byHand
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.call != nil && time.Since(h.began) >= c.adopted.Load().result.SleepWindow {
		_, _ = h.call.End(errForgotten)
		h.call = nil
	}
}

// endProbe ends the probe that AllowRequest let through, if there is one.
func (c *CircuitBreaker) endProbe(err error) (ended bool) {
	h := &c.byHand
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.call == nil {
		return false
	}
	_, _ = h.call.End(err)
	h.call = nil
	return true
}

// ReportEvent tells of work that was done outside of a command: what happened ("success",
// "failure", "rejected", "short-circuit", "timeout", "context_canceled",
// "context_deadline_exceeded"), then, if there was a fallback, "fallback-success" or
// "fallback-failure"; when it started, and how long it ran. The collectors are told, and the
// breaker judges: a success closes an open circuit at once. It returns an error if there are
// no events, or if a collector that hangs has kept 2,000 others waiting.
func (c *CircuitBreaker) ReportEvent(eventTypes []string, start time.Time, runDuration time.Duration) error {
	if len(eventTypes) == 0 {
		return errors.New("no event types sent for metrics")
	}
	c.adopt()
	r := result{kind: other, total: time.Since(start), run: runDuration}
	if k, known := events[eventTypes[0]]; known {
		r.kind = k
	}
	if len(eventTypes) > 1 {
		r.answered = eventTypes[1] == "fallback-success"
		r.fallback = r.answered || eventTypes[1] == "fallback-failure"
	}
	c.judge(r.kind, runDuration)
	return c.record(r)
}

// judge gives the breaker the evidence that ReportEvent brings: none in short circuits and
// ends of contexts.
func (c *CircuitBreaker) judge(k kind, took time.Duration) {
	switch k {
	case success:
		if c.quill.State() != quill.Closed {
			c.endProbe(errForgotten)
			c.quill.Reset()
			c.observe()
		}
		c.quill.Report(byHand, successError{errReported}, took)
	case failure, rejected, timeout:
		if !c.endProbe(errReported) {
			c.quill.Report(byHand, errReported, took)
		}
	case shortCircuit, contextCanceled, contextDeadlineExceeded, other:
	}
}
