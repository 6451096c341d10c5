package quillprom

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-f7c3343e/quill"
)

// writer makes metrics of rows.
type writer struct {
	d       *descs
	bounds  []float64
	native  bool
	bridge  bool
	metrics []prometheus.Metric
}

func (w *writer) add(d *desc, v float64, labels ...string) {
	w.metrics = append(w.metrics, prometheus.MustNewConstMetric(d.desc, d.kind, v, labels...))
}

func (w *writer) count(d *desc, n uint64, labels ...string) { w.add(d, float64(n), labels...) }

// row writes what one command_name says: its sums for good, its gauges while there is a
// circuit.
func (w *writer) row(r *row) {
	d, group, name := w.d, r.group, r.name
	for _, e := range events {
		if !e.bridge || w.bridge {
			w.count(d.events, e.of(&r.sums), group, name, e.name, e.terminal)
		}
	}
	for _, f := range refusals {
		w.count(d.rejected, f.of(&r.sums), group, name, f.reason)
	}
	for _, s := range r.steps {
		w.count(d.fallbacks, s.Answered, group, name, s.Step, "answered")
		w.count(d.fallbacks, s.Failed, group, name, s.Step, "failed")
		w.count(d.fallbacks, s.Rejected, group, name, s.Step, "rejected")
	}
	w.metrics = append(w.metrics,
		r.whole.metric(d.whole.desc, w.bounds, w.native, group, name),
		r.execution.metric(d.execution.desc, w.bounds, w.native, group, name))
	w.count(d.panics, r.sums[panics], group, name)
	w.count(d.hookPanics, r.sums[hookPanics], group, name)
	w.count(d.lateResults, r.sums[lateResults], group, name)
	w.count(d.storeErrors, r.sums[storeErrors], group, name)
	w.count(d.notificationsDropped, r.sums[notificationsDropped], group, name)
	w.count(d.configRejected, r.sums[configRejected], group, name)
	w.shadow(r)
	if r.now.circuits > 0 {
		w.state(r)
		w.gauges(r)
	}
}

func (w *writer) state(r *row) {
	d, g := w.d, &r.now
	w.add(d.open, float64(g.open), r.group, r.name)
	for i, n := range g.states {
		w.add(d.state, float64(n), r.group, r.name, quill.State(i).String())
	}
	for i, n := range g.override {
		w.add(d.override, float64(n), r.group, r.name, quill.Override(i).String())
	}
	w.add(d.transition, g.transition, r.group, r.name)
}

func (w *writer) gauges(r *row) {
	d, g := w.d, &r.now
	add := func(d *desc, v float64) { w.add(d, v, r.group, r.name) }
	add(d.permits, float64(g.inFlight))
	add(d.inFlight, float64(g.inFlight))
	add(d.queued, float64(g.queued))
	add(d.abandoned, float64(g.abandoned))
	add(d.probes, float64(g.probes))
	add(d.fallbacksInFlight, float64(g.fallbacks))
	add(d.maxConcurrent, g.maxConcurrent)
	add(d.queueLimit, g.queueLimit)
	add(d.maxFallbacks, g.maxFallbacks)
	if !r.rest { // timeouts do not add up
		add(d.timeout, g.timeout)
	}
}

// pool writes what one pool_name says.
func (w *writer) pool(p *pool) {
	d, g := w.d, &p.now
	if p.pooled {
		w.count(d.poolExecuted, p.executed, p.name)
	}
	if g.pooled {
		w.add(d.poolActive, float64(g.inFlight), p.name)
		w.add(d.poolQueue, float64(g.queued), p.name)
		w.add(d.poolLimit, g.maxConcurrent, p.name)
		w.add(d.poolQueueLimit, g.queueLimit, p.name)
		if w.bridge {
			w.add(d.poolActiveCount, float64(g.inFlight), p.name)
			w.count(d.poolCompleted, p.executed, p.name)
			w.add(d.poolTasks, float64(p.executed)+float64(g.inFlight+g.queued), p.name)
		}
	}
	if g.shared {
		w.add(d.sharedInFlight, float64(g.inFlight), p.name)
		w.add(d.sharedQueued, float64(g.queued), p.name)
		w.add(d.sharedAbandoned, float64(g.abandoned), p.name)
		w.add(d.sharedLimit, g.maxConcurrent, p.name)
		w.add(d.sharedQueueLimit, g.queueLimit, p.name)
	}
}
