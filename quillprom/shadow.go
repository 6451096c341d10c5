package quillprom

import (
	"time"

	"github.com/seed-f7c3343e/quill"
)

// shadowCounts are what a candidate would have done, by what it is a count of.
type shadowCounts struct {
	calls, open, full, timeouts          uint64
	failed, succeeded, timeoutsSucceeded uint64
}

// shadowReading is what a circuit's candidate has counted since it was set.
type shadowReading struct {
	shadowCounts

	there bool
	since time.Time // which candidate it is
	state quill.State
}

func shadowOf(c *quill.Circuit) shadowReading {
	s, there := c.Shadow()
	return shadowReading{
		there: there, since: s.Since, state: s.State,
		shadowCounts: shadowCounts{
			calls: s.Calls, open: s.ShortCircuited, full: s.Rejected, timeouts: s.TimedOut,
			failed: s.RefusedFailed, succeeded: s.RefusedSucceeded, timeoutsSucceeded: s.TimedOutSucceeded,
		},
	}
}

// shadowRow is what the candidates of one command_name say: sums for good, once there has
// been a candidate, and the state of those there are.
type shadowRow struct {
	been bool
	sums shadowCounts
	now  int // candidates
	in   [3]int
}

// book adds what now has more than last. A candidate that was set in place of another one
// begins at 0, and so its counts are all new.
func (r *shadowRow) book(now, last *shadowReading) {
	if !now.there {
		return
	}
	r.been = true
	before := last.shadowCounts
	if !last.there || !now.since.Equal(last.since) {
		before = shadowCounts{}
	}
	add := func(sum *uint64, now, before uint64) { *sum += now - min(now, before) }
	add(&r.sums.calls, now.calls, before.calls)
	add(&r.sums.open, now.open, before.open)
	add(&r.sums.full, now.full, before.full)
	add(&r.sums.timeouts, now.timeouts, before.timeouts)
	add(&r.sums.failed, now.failed, before.failed)
	add(&r.sums.succeeded, now.succeeded, before.succeeded)
	add(&r.sums.timeoutsSucceeded, now.timeoutsSucceeded, before.timeoutsSucceeded)
}

// live counts a candidate that is there now.
func (r *shadowRow) live(now *shadowReading) {
	if !now.there {
		return
	}
	r.now++
	if int(now.state) < len(r.in) {
		r.in[now.state]++
	}
}

// shadow writes what the candidates of one command_name would have done.
func (w *writer) shadow(r *row) {
	d, s := w.d, &r.shadow
	if s.been {
		w.count(d.shadowCalls, s.sums.calls, r.group, r.name)
		w.count(d.shadowRefusals, s.sums.open, r.group, r.name, "circuit-open")
		w.count(d.shadowRefusals, s.sums.full, r.group, r.name, "bulkhead-full")
		w.count(d.shadowRefused, s.sums.failed, r.group, r.name, "failed")
		w.count(d.shadowRefused, s.sums.succeeded, r.group, r.name, "succeeded")
		w.count(d.shadowTimeouts, s.sums.timeouts, r.group, r.name)
		w.count(d.shadowTimeoutsSucceeded, s.sums.timeoutsSucceeded, r.group, r.name)
	}
	if s.now > 0 {
		for i, n := range s.in {
			w.add(d.shadowState, float64(n), r.group, r.name, quill.State(i).String())
		}
	}
}

func (d *descs) shadows(m maker) {
	d.shadowCalls = m(counter, "calls_total", "Calls that the candidate settings saw: those that really ran.")
	d.shadowRefusals = m(counter, "refusals_total",
		"Calls that the candidate settings would have refused, by what would have.", "reason")
	d.shadowRefused = m(counter, "refused_total",
		"How the calls that the candidate settings would have refused really ended.", "result")
	d.shadowTimeouts = m(counter, "timeouts_total", "Calls that the candidate settings would have cut at their timeout.")
	d.shadowTimeoutsSucceeded = m(counter, "timeouts_succeeded_total", "Those of them that succeeded in the end.")
	d.shadowState = m(gauge, "circuit_breaker_state",
		"State of the breaker of the candidate settings: 1 for the one it is in, 0 for the others.", "state")
}
