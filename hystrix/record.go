package hystrix

import (
	"time"

	"github.com/seed-f7c3343e/quill"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// result is what a command comes to.
type result struct {
	kind     kind
	fallback bool // whether it was asked
	answered bool // whether it did
	total    time.Duration
	run      time.Duration
	busy     int64 // how many ran when it began, itself included; 0 if it did not run
}

// foreign is the result of a call that came through the quill circuit directly.
func foreign(e quill.CallEvent) result {
	r := result{total: e.Total}
	switch e.Outcome {
	case quill.Success:
		r.kind, r.run = success, e.Execute
	case quill.Failure:
		r.kind, r.run = failure, e.Execute
	case quill.Timeout:
		r.kind = timeout
	case quill.Rejected:
		r.kind = rejected
	case quill.ShortCircuited:
		r.kind = shortCircuit
	case quill.Canceled:
		r.kind = contextCanceled
	case quill.Ignored:
		r.kind = other
	}
	r.answered = e.Step != ""
	r.fallback = r.answered || len(e.Steps) > 0
	return r
}

// record counts a result and tells it to the collectors, before anybody learns of it. What
// the circuit did meanwhile comes first: when it has closed, they start afresh.
func (c *CircuitBreaker) record(r result) error {
	if c.seen() != quill.Closed || c.quill.State() != quill.Closed { // a success can open it, too
		c.observe()
	}
	if r.kind == shortCircuit && r.busy == 0 { // refused, and not an error that run returned
		c.watch.noticed()
	}
	c.tally.add(&r)
	if c.collectors.none() {
		return nil
	}
	err := c.collectors.update(r.metric(c.concurrencyInUse()))
	if err != nil {
		log().Printf("%v", err)
	}
	return err
}

// concurrencyInUse is the share of the slots that is taken.
func (c *CircuitBreaker) concurrencyInUse() float64 {
	b := c.quill.Bulkhead().Stats()
	if b.MaxConcurrent <= 0 {
		return 0
	}
	return float64(b.InFlight) / float64(b.MaxConcurrent)
}

// metric is the result as collectors get it.
func (r *result) metric(inUse float64) metricCollector.MetricResult {
	m := metricCollector.MetricResult{
		Attempts: 1, TotalDuration: r.total, RunDuration: r.run, ConcurrencyInUse: inUse,
	}
	switch r.kind {
	case success:
		m.Successes = 1
	case failure:
		m.Failures, m.Errors = 1, 1
	case rejected:
		m.Rejects, m.Errors = 1, 1
	case shortCircuit:
		m.ShortCircuits, m.Errors = 1, 1
	case timeout:
		m.Timeouts, m.Errors = 1, 1
	case contextCanceled:
		m.ContextCanceled = 1
	case contextDeadlineExceeded:
		m.ContextDeadlineExceeded = 1
	case other:
	}
	if r.answered {
		m.FallbackSuccesses = 1
	} else if r.fallback {
		m.FallbackFailures = 1
	}
	return m
}
