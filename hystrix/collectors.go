package hystrix

import (
	"fmt"
	"sync"
	"time"

	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

const (
	// mostUpdates is how many results may wait for a collector that hangs.
	mostUpdates = 2000
	// patience is how long a command waits until collectors have its result.
	patience = 100 * time.Millisecond
)

// collectors are a circuit's own. They are called one at a time, by a goroutine that lives
// while there is something to tell; a command waits until its result is told, unless a
// collector hangs: then commands go on, and what it misses beyond mostUpdates is dropped.
type collectors struct {
	name string
	all  []metricCollector.MetricCollector

	mu      sync.Mutex
	queue   []*update
	telling bool
	stuck   bool // somebody waited in vain, and nothing was told since
}

// update is a result, or a reset, on its way to the collectors.
type update struct {
	result metricCollector.MetricResult
	reset  bool
	told   chan struct{} // closed when all of them have it
}

func (q *collectors) init(name string, all []metricCollector.MetricCollector) {
	q.name, q.all = name, all
	for _, c := range all {
		c.Reset() // many make their fields there
	}
}

func (q *collectors) none() bool { return len(q.all) == 0 }

// update tells a result.
func (q *collectors) update(r metricCollector.MetricResult) error {
	u := &update{result: r, told: make(chan struct{})}
	if !q.enqueue(u, mostUpdates) {
		return CircuitError{Message: fmt.Sprintf("metrics channel (%v) is at capacity", q.name)}
	}
	q.await(u)
	return nil
}

// reset makes the collectors start afresh.
func (q *collectors) reset() { q.await(q.enqueueReset()) }

// enqueueReset does not wait, so that it can be called under a lock.
func (q *collectors) enqueueReset() *update {
	if q.none() {
		return nil
	}
	u := &update{reset: true, told: make(chan struct{})}
	q.enqueue(u, 2*mostUpdates)
	return u
}

func (q *collectors) enqueue(u *update, most int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) >= most {
		return false
	}
	q.queue = append(q.queue, u)
	if !q.telling {
		q.telling = true
		go q.tell()
	}
	return true
}

// await waits until u is told, if that can be expected.
func (q *collectors) await(u *update) {
	if u == nil {
		return
	}
	q.mu.Lock()
	stuck := q.stuck
	q.mu.Unlock()
	if stuck {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-u.told:
	case <-timer.C:
		q.mu.Lock()
		defer q.mu.Unlock()
		select {
		case <-u.told:
		default:
			q.stuck = true
		}
	}
}

// tell calls the collectors until nothing is left to tell. One that ends the goroutine does
// not silence the others for ever.
func (q *collectors) tell() {
	over := false
	defer func() {
		if !over {
			go q.tell()
		}
	}()
	for {
		u := q.next()
		if u == nil {
			over = true
			return
		}
		q.give(u)
	}
}

// give hands u to each collector.
func (q *collectors) give(u *update) {
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.stuck = false
		close(u.told)
	}()
	for _, collector := range q.all {
		if u.reset {
			collector.Reset()
		} else {
			collector.Update(u.result)
		}
	}
}

func (q *collectors) next() *update {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queue) == 0 {
		q.queue, q.telling = nil, false
		return nil
	}
	u := q.queue[0]
	q.queue[0] = nil
	q.queue = q.queue[1:]
	return u
}
