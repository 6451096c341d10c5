package quill

import (
	"context"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// work is what a pool runs: the typed call behind it keeps request and response.
type work interface {
	execute(ctx context.Context) error
}

// start runs t on a worker. The caller holds a slot, which the worker gives back.
func (b *Bulkhead) start(t *task) {
	var w *worker
	if t.warm {
		if w = b.pool.take(); w == nil {
			w = b.hire()
		}
		w.used = true
	} else {
		w = &worker{tasks: make(chan *task, 1)}
		w.startOn(b)
	}
	if explore.On {
		explore.Write("tasks", w)
	}
	w.tasks <- t // a worker that is free has an empty channel
}

func (w *worker) startOn(b *Bulkhead) {
	if explore.On {
		explore.Go(func() { w.loop(b) })
	} else {
		go w.loop(b)
	}
}

func (w *worker) loop(b *Bulkhead) {
	defer b.retire(w)
	for w.serve(b) {
	}
}

// serve runs tasks until it is dismissed, or one of them does not return: it reports whether
// the worker goes on after that. If the work ends its goroutine, the deferred half runs all
// the same, and the pool makes another when needed. (One deferral for many tasks: it is not
// free.)
func (w *worker) serve(b *Bulkhead) (again bool) {
	var t *task // the one at work
	defer func() {
		if t == nil {
			return
		}
		if value := recover(); value != nil {
			t.panicked = newPanicError(t.circuit.name, value)
		} else {
			t.goexit = true
		}
		again = w.finish(b, t)
	}()
	for {
		if explore.On {
			explore.Receive("tasks", w.tasks, w)
		}
		if t = <-w.tasks; t == nil {
			return false
		}
		t.err = t.work.execute(t.ctx)
		over := t
		t = nil
		if !w.finish(b, over) {
			return false
		}
	}
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
		b.park(w)
	}
	if !won {
		if explore.On {
			explore.Write("abandoned")
		}
		c.abandon(-1)
	}
	c.giveBack()
	if won {
		t.tell(finished)
	} else if t.panicked != nil {
		c.orphanPanic(t.panicked)
	}
	return again
}
