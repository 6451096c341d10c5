package quill

import (
	"context"
	"crypto/fips140"
	"runtime"
	"runtime/pprof"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// work is what a pool runs: the typed call behind it keeps request and response.
type work interface {
	execute(ctx context.Context) error
}

// enforcing says that the process refuses what FIPS 140-3 does not approve of. Whether it does is
// a goroutine's, too: see [fips140.WithoutEnforcement].
var enforcing = fips140.Enforced()

// start runs t on a worker. The caller holds a slot, which t.giveBack gives back. A warm task
// tries the worker that it had last, then any idle one, then a new one. If nothing is enforced for
// its caller it has a new goroutine, which inherits that and serves nobody else.
func (b *Bulkhead) start(t *task) {
	w := t.worker
	switch {
	case !t.warm, enforcing && !fips140.Enforced():
		w = b.newSingleUseWorker()
		t.worker = w
	case w == nil || !w.takeAgain():
		w = b.findWorker()
		t.worker = w
	}
	w.used = true
	explore.Write("tasks", w)
	w.tasks <- t // a worker that is free has an empty channel
}

// newSingleUseWorker returns a worker for one task, which is never idle.
func (b *Bulkhead) newSingleUseWorker() *worker {
	w := &worker{tasks: make(chan *task, 1)}
	w.startOn(b)
	return w
}

func (w *worker) startOn(b *Bulkhead) {
	if explore.On {
		explore.Go(func() { w.loop(b) })
	} else {
		go w.loop(b)
	}
}

// loop serves tasks until the worker is dismissed or its goroutine ends. Only here is it known
// that the goroutine does end: work that calls Goexit, and of whose deferred functions one
// panics, looks to recover like work that panicked, and exits all the same.
func (w *worker) loop(b *Bulkhead) {
	var t *task // the one at work
	defer func() {
		defer b.workerExited(w)
		if t != nil {
			t.goexit = true
			w.finish(t)
		}
	}()
	for again := true; again; {
		again = w.serve(&t)
		if over := t; over != nil { // it panicked
			t = nil
			if over.panicked == nil { // by panic(nil), with GODEBUG=panicnil=1
				over.panicked = newPanicError(over.circuit.name, new(runtime.PanicNilError))
			}
			if again = w.finish(over); again {
				dropLabels()
			}
		}
	}
}

// serve runs tasks until it is dismissed, or one of them does not return; *at is that task, and
// nil otherwise. It reports whether the worker goes on. (One deferral for many tasks: it is not
// free.)
func (w *worker) serve(at **task) (again bool) {
	defer func() {
		t := *at
		if t == nil {
			return
		}
		if value := recover(); value != nil {
			t.panicked = newPanicError(t.circuit.name, value)
		}
	}()
	for {
		if explore.On {
			explore.Receive("tasks", w.tasks, w)
		}
		t := <-w.tasks
		if t == nil {
			return false
		}
		*at = t
		if w.reusable() {
			takeLabels(t.ctx) // else a profile would have those of an earlier call
		}
		t.err = t.work.execute(t.ctx)
		*at = nil
		if !w.finish(t) {
			return false
		}
		dropLabels()
	}
}

// dropLabels takes this goroutine's labels away: whoever samples idle workers books them under nothing.
func dropLabels() { pprof.SetGoroutineLabels(context.Background()) }

// takeLabels gives this goroutine the profiler's labels of ctx, if it has any. It is the user's code
// that is asked for them: one that panics has none.
func takeLabels(ctx context.Context) {
	defer func() { _ = recover() }()
	pprof.SetGoroutineLabels(ctx)
}

// finish ends t and notifies the caller. A caller that waits for t gives back worker and slot
// itself (task.giveBack): when it runs again, the worker already waits for its next task, mostly
// on the processor where the caller runs next. If the worker put itself among the idle ones
// before it notified the caller, another processor would take it while it still runs here.
//
// Once notified, the caller owns t, which may already serve another call. finish reports
// whether the worker goes on. It does not if it has called OnPanic: the hook may take long, or
// end the goroutine.
func (w *worker) finish(t *task) (again bool) {
	won := t.tryEnd(finished)
	again = w.reusable() && !t.goexit && (won || t.panicked == nil)
	switch {
	case won && t.completer == nil:
		t.notify(finished)
	case won:
		t.giveBack()
		t.notify(finished)
	default:
		explore.Write("abandoned")
		t.circuit.abandon(-1)
		if again {
			t.circuit.bulkhead.park(w)
		}
		if t.panicked != nil { // before the slot is free, for Registry.Wait
			t.circuit.meters.background.Add(1)
			defer t.circuit.meters.background.Add(-1)
		}
		t.circuit.giveBack(window.NoSeat)
		if t.panicked != nil {
			t.circuit.orphanPanic(t.panicked)
		}
	}
	return again
}

// giveBack gives back the worker and the slot of a task that has ended by its work: before
// anybody else can know of the result, so that callers in sequence are never refused (Hystrix
// refuses them: see docs/semantics.md), and the worker first, so that whoever gets the slot
// finds it.
func (t *task) giveBack() {
	if t.worker.reusable() && !t.goexit {
		t.circuit.bulkhead.park(t.worker)
	}
	t.circuit.giveBack(window.NoSeat)
}
