package hystrix

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// watch sees what the circuit's state does, says so in the log, and makes the statistics
// start afresh when the circuit has closed. Who may have moved the circuit looks, and goes
// on when what it saw is told. (A hook of quill's that is told of transitions runs beside
// the command: the line would come some time after the command has returned.)
type watch struct {
	last    atomic.Uint32 // the state seen last
	known   atomic.Bool   // whether anybody learned that it opened: see reconsider
	undoing atomic.Bool   // whether the circuit closes as if it had never opened

	mu      sync.Mutex
	lines   []line // to be written
	writing bool
}

// line is one of the log.
type line struct {
	text    string
	written chan struct{} // closed then
}

// seen returns the state that was seen last, which costs a load.
func (c *CircuitBreaker) seen() quill.State {
	return quill.State(c.watch.last.Load()) //nolint:gosec // a state
}

// observe looks at the state and does what follows from a change. The logger and the
// collectors are the user's: they are not called under the lock.
func (c *CircuitBreaker) observe() {
	w := &c.watch
	w.mu.Lock()
	from, to := c.seen(), c.quill.State()
	w.last.Store(uint32(to))
	if to == quill.Closed {
		w.known.Store(false) // the next opening is news
	}
	var written chan struct{} // the last of the lines
	for _, text := range linesOf(from, to) {
		written = make(chan struct{})
		w.lines = append(w.lines, line{text, written})
	}
	closed := from != quill.Closed && to == quill.Closed && !w.undoing.Load()
	var reset *update
	if closed {
		c.tally.reset()
		reset = c.collectors.enqueueReset()
	}
	w.mu.Unlock()
	w.write(c.Name)
	w.await(written)
	c.collectors.await(reset)
}

// await waits until a line is written that another goroutine writes. The logger may be the
// one who waits, having run a command: so it does not wait for long.
func (w *watch) await(written chan struct{}) {
	if written == nil {
		return
	}
	select {
	case <-written: // usually, and without a timer
		return
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

// linesOf are the log lines of hystrix-go for a change of state, what lies between included.
func linesOf(from, to quill.State) []string {
	const (
		opening  = "hystrix-go: opening circuit %v"
		allowing = "hystrix-go: allowing single test to possibly close circuit %v"
		closing  = "hystrix-go: closing circuit %v"
	)
	switch {
	case from == quill.Closed && to == quill.Open:
		return []string{opening}
	case from == quill.Closed && to == quill.HalfOpen:
		return []string{opening, allowing}
	case from == quill.Open && to == quill.HalfOpen:
		return []string{allowing}
	case from != quill.Closed && to == quill.Closed:
		return []string{closing}
	}
	return nil
}

// write gives the lines to the logger in their order. If another goroutine is at it, that
// one writes these as well.
func (w *watch) write(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.writing {
		return
	}
	w.writing = true
	defer func() { w.writing = false }()
	for len(w.lines) > 0 {
		next := w.lines[0]
		w.lines = w.lines[1:]
		func() {
			defer close(next.written)
			w.mu.Unlock()
			defer w.mu.Lock()
			log().Printf(next.text, name)
		}()
	}
}
