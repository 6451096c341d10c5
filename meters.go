package quill

import (
	"sync"
	"sync/atomic"
)

// meters are the gauges and counters that are not in the window.
type meters struct {
	inFlight, queued, abandoned, fallbacks atomic.Int64
	panics, hookPanics, stale, storeErrors atomic.Uint64
	configRejected                         atomic.Uint64

	mu    sync.Mutex
	steps []*stepMeter
}

// stepMeter counts one fallback step. Commands of one circuit with steps of the same name
// share it.
type stepMeter struct {
	name                       string
	answered, failed, rejected atomic.Uint64
}

func (m *meters) step(name string) *stepMeter {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.steps {
		if s.name == name {
			return s
		}
	}
	s := &stepMeter{name: name}
	m.steps = append(m.steps, s)
	return s
}

func (m *meters) stepStats() []StepStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []StepStats
	for _, s := range m.steps {
		all = append(all, StepStats{s.name, s.answered.Load(), s.failed.Load(), s.rejected.Load()})
	}
	return all
}
