package play

import (
	"errors"
	"slices"
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

const eventCancelled = "CANCELLED"

// eventOf names an outcome as Hystrix does.
func (c *command) eventOf(o quill.Outcome) string {
	switch o {
	case quill.Success:
		return "SUCCESS"
	case quill.Failure:
		return "FAILURE"
	case quill.Timeout:
		return "TIMEOUT"
	case quill.Rejected:
		if c.props.Semaphore {
			return "SEMAPHORE_REJECTED"
		}
		return "THREAD_POOL_REJECTED"
	case quill.ShortCircuited:
		return "SHORT_CIRCUITED"
	case quill.Ignored:
		return "BAD_REQUEST"
	case quill.Canceled:
		return eventCancelled
	}
	return o.String()
}

// events are the events of a call: its outcome, and what became of its fallback.
func (c *call) events() []string {
	if c.at.IsZero() {
		return nil // it has not ended
	}
	events := []string{c.cmd.eventOf(c.event.Outcome)}
	if f := c.fallbackEvent(); f != "" {
		events = append(events, f)
	}
	return events
}

func (c *call) fallbackEvent() string {
	e := &c.event
	switch {
	case e.Step != "":
		return "FALLBACK_SUCCESS"
	case len(e.Steps) > 0 && errors.Is(e.Steps[0].Err, quill.ErrFallbackFull):
		return "FALLBACK_REJECTION"
	case len(e.Steps) > 0, c.panicked != nil && c.fallbackEntered:
		return "FALLBACK_FAILURE"
	case c.fallback != nil, !c.cmd.props.FallbackEnabled, !c.wantsFallback():
		return "" // there is one, or none was due
	}
	return "FALLBACK_MISSING"
}

// wantsFallback reports whether the outcome is one that a fallback would have answered.
func (c *call) wantsFallback() bool {
	switch c.event.Outcome {
	case quill.Failure, quill.Timeout, quill.Rejected, quill.ShortCircuited:
		return c.panicked == nil
	case quill.Success, quill.Ignored, quill.Canceled:
	}
	return false
}

func (c *call) fallbackIsDisabled() bool {
	return !c.cmd.props.FallbackEnabled && c.wantsFallback()
}

// throws are the events that Hystrix's counters add up as EXCEPTION_THROWN.
var throws = []string{"BAD_REQUEST", "FALLBACK_FAILURE", "FALLBACK_MISSING", "FALLBACK_REJECTION"}

// notifications are the events of a call as Hystrix's notifier is told them: it hears of
// an exception unless the call never got as far as the timer.
func (c *call) notifications() []string {
	events := c.events()
	if c.fallbackIsDisabled() {
		events = append(events, "FALLBACK_DISABLED") // which no counter counts
	}
	thrown := slices.ContainsFunc(events, func(e string) bool { return slices.Contains(throws, e) || e == "FALLBACK_DISABLED" })
	early := c.event.Outcome == quill.ShortCircuited || (c.event.Outcome == quill.Rejected && c.cmd.props.Semaphore)
	if thrown && !early {
		events = append(events, "EXCEPTION_THROWN")
	}
	if c.told {
		events = events[1:]
	}
	return events
}

// circuitNow reads the breaker.
func (c *command) circuitNow() *oracle.Circuit {
	s := c.circuit.Stats()
	r := &oracle.Circuit{Open: s.Open()}
	allows := s.Override != quill.ForceOpen
	switch s.State {
	case quill.Closed:
		r.Status = "CLOSED"
	case quill.Open:
		r.Status = "OPEN"
		allows = allows && (!s.Open() || s.RetryAfter == 0)
	case quill.HalfOpen:
		r.Status = "HALF_OPEN"
		allows = allows && (!s.Open() || s.Probes < s.Settings.Probes)
	}
	if !c.props.BreakerEnabled {
		r.Status = "NONE"
	}
	r.AllowsRequest = &allows
	return r
}

func (c *command) health() oracle.Health {
	h := c.circuit.Stats().Health
	return oracle.Health{
		Total: int(h.Requests), Errors: int(h.Errors), ErrorPercentage: int(h.ErrorPercent), //nolint:gosec // small
	}
}

// counters are quill's counts by outcome, and of fallbacks: quill counts those in total;
// those of the window, and the fallbacks that were missing, the runner counts by the hooks.
func (c *command) counters() oracle.Counters {
	s := c.circuit.Stats()
	since := time.Now().Add(-s.Settings.RollingWindow)
	r := oracle.Counters{
		Rolling: c.outcomes(s.Window), Cumulative: c.outcomes(s.Total), Current: s.InFlight - s.Abandoned,
	}
	for _, f := range s.Fallbacks {
		r.Cumulative["FALLBACK_SUCCESS"] += int(f.Answered)   //nolint:gosec // small
		r.Cumulative["FALLBACK_FAILURE"] += int(f.Failed)     //nolint:gosec // small
		r.Cumulative["FALLBACK_REJECTION"] += int(f.Rejected) //nolint:gosec // small
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	for _, k := range c.ended {
		f := k.fallbackEvent()
		if f == "FALLBACK_MISSING" {
			r.Cumulative[f]++
		}
		if f != "" && k.at.After(since) {
			r.Rolling[f]++
		}
	}
	for _, name := range throws {
		r.Rolling["EXCEPTION_THROWN"] += r.Rolling[name]
		r.Cumulative["EXCEPTION_THROWN"] += r.Cumulative[name]
	}
	for _, p := range c.peaks {
		if p.at.After(since) {
			r.MaxConcurrent = max(r.MaxConcurrent, p.n)
		}
	}
	return r
}

func (c *command) outcomes(counts quill.Counts) map[string]int {
	m := map[string]int{}
	for _, o := range quill.Outcomes() {
		n := counts.Of(o)
		if o == quill.ShortCircuited {
			n -= min(n, c.held)
		}
		m[c.eventOf(o)] = int(n) //nolint:gosec // small
	}
	return m
}

// gauges reads a pool. The calls of its window the runner counts by the hooks, because a
// pool's window is not that of its circuits.
func (p *pool) gauges(w *world, counts bool) oracle.Pool {
	s := p.bulkhead.Stats()
	r := oracle.Pool{Active: s.InFlight, Queued: s.Queued, Core: s.MaxConcurrent, Max: s.MaxConcurrent}
	if !counts {
		return r
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	executed, rejected := 0, 0
	since := time.Now().Add(-time.Duration(p.props.Window) * time.Millisecond)
	for _, c := range p.members {
		for _, k := range c.ended {
			switch {
			case !k.at.After(since):
			case k.event.Outcome == quill.Rejected:
				rejected++
			case k.runEntered && k.event.Outcome != quill.Canceled:
				executed++
			}
		}
	}
	r.RollingExecuted, r.RollingRejected = &executed, &rejected
	return r
}
