package quillprom

import (
	"github.com/prometheus/client_golang/prometheus"
)

// desc is one metric: its description and whether it only grows.
type desc struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

// descs are all metrics. A group of them has the same first labels.
type descs struct {
	all []*desc

	// by command_group, command_name
	events, rejected, fallbacks                                        *desc
	panics, hookPanics, lateResults, storeErrors, notificationsDropped *desc
	configRejected                                                     *desc
	whole, execution                                                   *desc
	open, state, override, transition                                  *desc
	permits, inFlight, queued, abandoned, probes, fallbacksInFlight    *desc
	maxConcurrent, queueLimit, maxFallbacks, timeout                   *desc

	// by command_group, command_name, where there is a candidate beside the settings in force
	shadowCalls, shadowRefusals, shadowRefused, shadowTimeouts, shadowTimeoutsSucceeded, shadowState *desc

	// by pool_name
	poolActive, poolQueue, poolExecuted, poolLimit, poolQueueLimit *desc
	poolActiveCount, poolCompleted, poolTasks                      *desc // the bridge's

	// by bulkhead_name
	sharedInFlight, sharedQueued, sharedAbandoned, sharedLimit, sharedQueueLimit *desc

	commands *desc
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

func newDescs(s Settings) *descs {
	d := &descs{}
	family := func(subsystem string, labels ...string) func(prometheus.ValueType, string, string, ...string) *desc {
		return func(kind prometheus.ValueType, name, help string, more ...string) *desc {
			name = prometheus.BuildFQName(s.Namespace, subsystem, name)
			all := append(append([]string(nil), labels...), more...)
			m := &desc{prometheus.NewDesc(name, help, all, s.ConstLabels), kind}
			d.all = append(d.all, m)
			return m
		}
	}
	d.counts(family("hystrix_command", "command_group", "command_name"))
	d.gauges(family("hystrix_command", "command_group", "command_name"))
	d.breaker(family("hystrix_circuit_breaker", "command_group", "command_name"))
	d.shadows(family("hystrix_shadow", "command_group", "command_name"))
	d.ofPools(family("hystrix_thread_pool", "pool_name"), s.BridgeNames)
	d.ofShared(family("hystrix_bulkhead", "bulkhead_name"))
	d.commands = family("hystrix")(gauge, "commands",
		"Circuits in the registry: those with series of their own, and those summed as other.", "series")
	return d
}

// maker makes one metric of a family.
type maker func(kind prometheus.ValueType, name, help string, labels ...string) *desc

func (d *descs) counts(m maker) {
	d.events = m(counter, "event_total",
		"Events of calls, in Hystrix's terms. Each call has exactly one terminal event.", "event", "terminal")
	d.rejected = m(counter, "rejected_total", "Calls refused before they ran, by what refused them.", "reason")
	d.fallbacks = m(counter, "fallback_total", "What the fallback steps did, by step.", "step", "result")
	d.whole = m(0, "latency_total_seconds",
		"Time from entry to answer of the calls that ran, queue and fallback included.")
	d.execution = m(0, "latency_execute_seconds", "Time of the calls in their own function.")
	d.panics = m(counter, "panics_total", "Functions, classifiers, fallback steps and stores that panicked.")
	d.hookPanics = m(counter, "hook_panics_total", "Hooks that panicked.")
	d.lateResults = m(counter, "late_results_total", "Results that came too late to move the breaker.")
	d.storeErrors = m(counter, "store_errors_total", "Answers that the store of last good answers could not keep.")
	d.notificationsDropped = m(counter, "notifications_dropped_total",
		"Transitions that a slow hook was not told. No statistic misses them.")
	d.configRejected = m(counter, "config_rejected_total", "Updates of the settings that were refused: nothing changed.")
}

func (d *descs) gauges(m maker) {
	d.open = m(gauge, "is_circuit_breaker_open", "Whether the circuit refuses calls as things stand: 1 or 0.")
	d.permits = m(gauge, "execution_semaphore_permits_in_use", "Calls that hold a slot, whatever the isolation.")
	d.inFlight = m(gauge, "in_flight", "Calls that hold a slot, abandoned ones included.")
	d.queued = m(gauge, "queued", "Calls that wait for a slot.")
	d.abandoned = m(gauge, "abandoned", "Work whose caller has left and that still holds its slot.")
	d.probes = m(gauge, "probes", "Probes of a half-open circuit that are out.")
	d.fallbacksInFlight = m(gauge, "fallbacks_in_flight", "Fallback chains under way.")
	d.maxConcurrent = m(gauge, "max_concurrent", "How many calls may run at once; +Inf without a limit.")
	d.queueLimit = m(gauge, "queue_limit", "How many calls may wait for a slot.")
	d.maxFallbacks = m(gauge, "max_concurrent_fallbacks",
		"How many fallback chains may run at once; +Inf without a limit.")
	d.timeout = m(gauge, "timeout_seconds", "How long a call may take; +Inf without a timeout.")
}

func (d *descs) breaker(m maker) {
	d.state = m(gauge, "state", "State of the breaker itself: 1 for the one it is in, 0 for the others.", "state")
	d.override = m(gauge, "override", "What lies over the breaker: 1 for that, 0 for the others.", "override")
	d.transition = m(gauge, "last_transition_timestamp_seconds",
		"When the state or override last changed, in Unix time; 0 if never.")
}

func (d *descs) ofPools(m maker, bridge bool) {
	d.poolActive = m(gauge, "threads_active", "Calls that run on the pool, abandoned ones included.")
	d.poolQueue = m(gauge, "queue_size", "Calls that wait for the pool.")
	d.poolExecuted = m(counter, "threads_executed_total", "Calls that ran on the pool.")
	d.poolLimit = m(gauge, "max_concurrent", "How many calls may run on the pool at once; +Inf without a limit.")
	d.poolQueueLimit = m(gauge, "queue_limit", "How many calls may wait for the pool.")
	if bridge {
		d.poolActiveCount = m(gauge, "thread_active_count", "As threads_active.")
		d.poolCompleted = m(gauge, "completed_task_count", "As threads_executed_total.")
		d.poolTasks = m(gauge, "total_task_count", "Calls that ran on the pool, run on it, or wait for it.")
	}
}

func (d *descs) ofShared(m maker) {
	d.sharedInFlight = m(gauge, "in_flight", "Slots taken of a bulkhead that circuits share.")
	d.sharedQueued = m(gauge, "queued", "Calls that wait for a slot of a bulkhead that circuits share.")
	d.sharedAbandoned = m(gauge, "abandoned", "Slots held by work whose caller has left.")
	d.sharedLimit = m(gauge, "max_concurrent", "Slots of a bulkhead that circuits share; +Inf without a limit.")
	d.sharedQueueLimit = m(gauge, "queue_limit", "Places in the queue of a bulkhead that circuits share.")
}
