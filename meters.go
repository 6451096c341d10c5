package quill

import (
	"sync"
	"sync/atomic"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// meters are the gauges and counters that are not in the window.
type meters struct {
	inFlight, abandoned, fallbacks atomic.Int64
	queued                         atomic.Int32
	background                     atomic.Int32 // calls by Go, until they are done; hooks that run apart from calls

	panics, hookPanics, stale, storeErrors atomic.Uint64
	configRejected                         atomic.Uint64

	mu    sync.Mutex
	steps []*stepMeter
}

// stepMeter counts one fallback step. Commands of one circuit with steps of the same name
// share it.
type stepMeter struct {
	name             string
	failed, rejected atomic.Uint64

	// answers are of one kind. While a dependency is ill nearly every call counts one: so they are
	// counted as calls are.
	answers window.Counters
}

const answeredByStep = 0 // the kind

// defaultStep is the name of each step that is a value.
const defaultStep = "default"

// answered counts an answer to a call that has that seat, or [window.NoSeat]. A call has one where
// the counters of its circuit are spread: then these are, too.
func (s *stepMeter) answered(seat uint32) {
	s.answers.AddBeside(answeredByStep, seat)
	if seat != window.NoSeat {
		s.answers.Spread()
	}
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

func (c *Circuit) stepStats() []StepStats {
	m := &c.meters
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []StepStats
	for _, s := range m.steps {
		answered := s.answers.Total(answeredByStep)
		if s.name == defaultStep {
			answered += c.counters.Total(kindAnsweredOpen)
		}
		all = append(all, StepStats{s.name, answered, s.failed.Load(), s.rejected.Load()})
	}
	return all
}
