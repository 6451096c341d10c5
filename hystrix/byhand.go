package hystrix

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// handProbe is the probe that AllowRequest let through: it belongs to whoever asked, until
// ReportEvent tells how it went or a sleep window has passed. Nothing that may wait, and
// nothing of the user's, is called under its lock: commands pass here.
type handProbe struct {
	out atomic.Bool // whether there is a call, for those who only look

	mu     sync.Mutex
	asking bool // somebody is about to have one
	call   *quill.Call
	began  time.Time
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
// this request is the one that is let through in a sleep window. That one holds a slot, for
// which it waits in the queue if there is one, until it is reported or a sleep window has
// passed. Commands ask by themselves; it is for work done outside of them, which ReportEvent
// reports.
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
	if !h.ask() || !h.begin(c.quill) {
		return false
	}
	c.observe()
	return true
}

// ask reports whether the caller may begin a probe: nobody has one or is about to.
func (h *handProbe) ask() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asking || h.call != nil {
		return false
	}
	h.asking = true
	return true
}

// begin begins the probe that was asked for, which may wait in the queue. If the circuit has
// closed meanwhile the request may go, but is no probe that anybody need report on.
func (h *handProbe) begin(q *quill.Circuit) bool {
	var call *quill.Call
	defer func() { h.keep(call) }() // also if this panics
	call, err := q.Begin(byHand)
	if err != nil {
		return false
	}
	if q.State() == quill.Closed {
		_, _ = call.End(errForgotten)
		call = nil
	}
	return true
}

// keep ends the asking, with a probe or with none (nil).
func (h *handProbe) keep(call *quill.Call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asking = false
	h.call, h.began = call, time.Now()
	h.out.Store(call != nil)
}

// endLocked ends the probe.
func (h *handProbe) endLocked(err error) {
	_, _ = h.call.End(err)
	h.call = nil
	h.out.Store(false)
}

// dropStaleProbe ends a probe on which nobody has reported for a sleep window, whatever the
// circuit has done meanwhile.
func (c *CircuitBreaker) dropStaleProbe() {
	h := &c.byHand
	if !h.out.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.call != nil && time.Since(h.began) >= c.quill.Settings().WithDefaults().SleepWindow {
		h.endLocked(errForgotten)
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
	h.endLocked(err)
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
		c.endProbe(errForgotten)
		if c.quill.State() != quill.Closed {
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
