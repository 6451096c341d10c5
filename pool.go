package quill

import (
	"context"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// keepWarm is how long a pool keeps workers that have nothing to do. A warm worker's
// stack has grown to what the work needs, which spares most of the cost of a goroutine.
const keepWarm = 10 * time.Second

// work is what a pool runs: the typed call behind it keeps request and response.
type work interface {
	execute(ctx context.Context) error
}

// start runs t on a worker. The caller holds a slot, which the worker gives back.
func (b *Bulkhead) start(t *task) {
	var w *worker
	if t.warm {
		if explore.On {
			explore.Lock("bulkhead.mu", &b.mu)
		}
		b.mu.Lock()
		w = b.pool.takeLocked()
		b.mu.Unlock()
	}
	if w == nil {
		w = &worker{tasks: make(chan *task, 1)}
		if explore.On {
			explore.Go(func() { w.loop(b) })
		} else {
			go w.loop(b)
		}
	}
	if explore.On {
		explore.Write("tasks", w)
	}
	w.tasks <- t // a worker that is free has an empty channel
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
	if explore.On {
		explore.Lock("bulkhead.mu", &b.mu)
	}
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
	for {
		if explore.On {
			explore.Receive("tasks", w.tasks, w)
		}
		t, ok := <-w.tasks
		if !ok {
			return
		}
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
// sequence are never refused (Hystrix refuses them: see docs/semantics.md). Once the
// caller is told, the task is the caller's: it may be in use for another call. It reports
// whether the worker is parked for another task. One that goes on to OnPanic is not: the
// hook may take its time, or end the goroutine.
func (w *worker) finish(b *Bulkhead, t *task) (again bool) {
	c := t.circuit
	won := t.end(finished)
	again = t.warm && !t.goexit && (won || t.panicked == nil)
	if again {
		if explore.On {
			explore.Lock("bulkhead.mu", &b.mu)
		}
		b.mu.Lock()
		b.parkLocked(w)
		b.mu.Unlock()
	}
	if !won {
		if explore.On {
			explore.Write("abandoned")
		}
		c.abandon(-1)
	}
	c.giveBack()
	if won {
		if explore.On {
			explore.Write("told", t)
		}
		t.told <- struct{}{}
	} else if t.panicked != nil {
		c.orphanPanic(t.panicked)
	}
	return again
}
