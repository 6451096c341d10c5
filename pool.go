package quill

import (
	"context"
	"sync/atomic"
	"time"
)

// keepWarm is how long a pool keeps workers that have nothing to do. A warm worker's
// stack has grown to what the work needs, which spares most of the cost of a goroutine.
const keepWarm = 10 * time.Second

// work is what a circuit runs: the typed call behind it keeps request and response.
type work interface {
	execute(ctx context.Context) error
}

// task is one piece of work on its way through a pool. The caller and the worker race for
// its end by one compare-and-swap; the loser touches nothing more.
type task struct {
	work    work
	ctx     context.Context //nolint:containedctx // handed from the caller to the worker
	circuit *Circuit
	warm    bool // whether the worker may be kept for another task

	status atomic.Uint32 // running, then finished or abandoned
	ended  chan struct{} // closed by the worker once status is finished

	// Written by the worker before status becomes finished.
	err      error
	panicked *PanicError
	goexit   bool
}

const (
	running uint32 = iota
	finished
	abandoned
)

// start runs t on a worker. The caller holds a slot, which the worker gives back.
func (b *Bulkhead) start(t *task) {
	t.ended = make(chan struct{})
	var w *worker
	if t.warm {
		b.mu.Lock()
		w = b.pool.takeLocked()
		b.mu.Unlock()
	}
	if w == nil {
		w = &worker{tasks: make(chan *task, 1)}
		go w.loop(b)
	}
	w.tasks <- t // a worker that is free has an empty channel
}

// leave says that the caller stops waiting for t. It reports false if the work was
// quicker: then its result stands, and is there.
func (b *Bulkhead) leave(t *task) bool {
	b.abandon(1)
	if t.status.CompareAndSwap(running, abandoned) {
		return true
	}
	b.abandon(-1)
	<-t.ended
	return false
}

// workers are the idle workers of a bulkhead, the one used last on top.
type workers struct {
	idle   []*worker
	least  int // the fewest that were idle since the reaper last looked
	reaper *time.Timer
}

func (p *workers) takeLocked() *worker {
	n := len(p.idle) - 1
	if n < 0 {
		return nil
	}
	w := p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	p.least = min(p.least, n)
	return w
}

// parkLocked keeps w for the next task. While workers are idle a timer stands by, so that
// none of them outlasts its use for long; a resting pool has neither.
func (b *Bulkhead) parkLocked(w *worker) {
	p := &b.pool
	p.idle = append(p.idle, w)
	if p.reaper == nil {
		p.least = 0
		p.reaper = time.AfterFunc(keepWarm, b.reap)
	}
}

// reap dismisses the workers that nobody needed since it last looked.
func (b *Bulkhead) reap() {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pool
	for _, w := range p.idle[:p.least] {
		close(w.tasks)
	}
	p.idle = append(p.idle[:0:0], p.idle[p.least:]...)
	p.least = len(p.idle)
	p.reaper = nil
	if p.least > 0 {
		p.reaper = time.AfterFunc(keepWarm, b.reap)
	}
}

// worker is one goroutine of a pool.
type worker struct {
	tasks chan *task // holds one
}

func (w *worker) loop(b *Bulkhead) {
	for t := range w.tasks {
		if !w.serve(b, t) {
			return
		}
	}
}

// serve runs one task and reports whether the worker goes on. If the work ends its
// goroutine, the deferred half runs all the same, and the pool makes another when needed.
func (w *worker) serve(b *Bulkhead, t *task) (again bool) {
	returned := false
	defer func() {
		if !returned {
			if value := recover(); value != nil {
				t.panicked = newPanicError(t.circuit.name, value)
			} else {
				t.goexit = true
			}
		}
		again = w.finish(b, t)
	}()
	t.err = t.work.execute(t.ctx)
	returned = true
	return false // the deferred half has the last word
}

// finish gives everything back before the caller can see the result, so that callers in
// sequence are never refused (Hystrix refuses them: see docs/semantics.md). It reports
// whether the worker is parked for another task. One that goes on to OnPanic is not: the
// hook may take its time, or end the goroutine.
func (w *worker) finish(b *Bulkhead, t *task) (again bool) {
	won := t.status.CompareAndSwap(running, finished)
	again = t.warm && !t.goexit && (won || t.panicked == nil)
	b.mu.Lock()
	if again {
		b.parkLocked(w)
	}
	if !won {
		b.abandoned--
	}
	b.releaseLocked()
	b.mu.Unlock()
	t.circuit.leftRun(!won)
	if won {
		close(t.ended)
	} else if t.panicked != nil {
		t.circuit.orphanPanic(t.panicked)
	}
	return again
}
