package metricCollector

import (
	"slices"
	"sync"
	"time"
)

// Registry holds the functions that make the collectors of each circuit.
var Registry = metricCollectorRegistry{
	lock: new(sync.RWMutex),
	registry: []func(name string) MetricCollector{
		func(string) MetricCollector { return newDefaultMetricCollector() },
	},
}

type metricCollectorRegistry struct {
	lock     *sync.RWMutex
	registry []func(name string) MetricCollector
}

// Register adds a function that makes a collector for the circuit of a name. Circuits that
// exist do not get one.
func (m *metricCollectorRegistry) Register(initMetricCollector func(string) MetricCollector) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.registry = append(m.registry, initMetricCollector)
}

// InitializeMetricCollectors makes a collector of each kind for the circuit of that name.
// The first is a [*DefaultMetricCollector], those after it are the registered ones. No lock
// is held while they are made.
func (m *metricCollectorRegistry) InitializeMetricCollectors(name string) []MetricCollector {
	m.lock.RLock()
	makers := slices.Clone(m.registry)
	m.lock.RUnlock()
	all := make([]MetricCollector, len(makers))
	for i, maker := range makers {
		all[i] = maker(name)
	}
	return all
}

// MetricResult is what one command did. Counters are 0 or 1.
type MetricResult struct {
	Attempts                float64 // always 1
	Errors                  float64 // a failure, a rejection, a short circuit or a timeout
	Successes               float64
	Failures                float64
	Rejects                 float64
	ShortCircuits           float64
	Timeouts                float64
	FallbackSuccesses       float64
	FallbackFailures        float64
	ContextCanceled         float64
	ContextDeadlineExceeded float64
	TotalDuration           time.Duration // of the command, its fallback included
	RunDuration             time.Duration // 0 unless run returned in time
	ConcurrencyInUse        float64       // the share of MaxConcurrentRequests still running
}

// MetricCollector gets the results of one circuit's commands, one at a time: it needs no
// lock for what only its methods touch.
type MetricCollector interface {
	// Update takes the result of a command. It should return soon: the command waits for it.
	Update(MetricResult) //nolint:inamedparam // as in hystrix-go
	// Reset is called before the first Update, when the circuit has closed, and by Flush.
	Reset()
}
