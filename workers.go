package quill

import (
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// keepWarm is how long a pool keeps workers that have nothing to do. A warm worker's
// stack has grown to what the work needs, which spares most of the cost of a goroutine.
const keepWarm = 10 * time.Second

// worker is one goroutine of a pool, and its place among the idle ones. When the goroutine
// has ended, the place waits for another.
type worker struct {
	tasks  chan *task    // holds one; nil dismisses
	number uint32        // its place in workers.all, from 1 on; 0: it is for one task, and never idle
	below  atomic.Uint32 // who lies below it on the stack
	state  atomic.Int32  // busy, stacked
	used   bool          // since the reaper last looked; whoever holds the worker may touch it
	_      [40]byte      // two workers at work do not share a cache line
}

const (
	busy    = 1 // somebody holds the worker
	stacked = 2 // the worker lies on the stack, or its last holder is about to put it there
)

// reusable reports whether w may be kept for another task.
func (w *worker) reusable() bool { return w.number != 0 }

// workers are the workers of a bulkhead that may be idle: a stack. A task that is used again
// first tries the worker that it had last, which stays where it is on the stack meanwhile: so
// a call writes nothing that callers on other processors write, and finds a worker whose
// stack and channel are in the cache of its own processor. A busy worker that is popped off
// the stack is dropped; the call that holds it puts it back on top.
//
// Between reading the top and its below, others may take that worker and put it back on top of
// another one (the ABA problem). So top counts the takes as well: it would need 2^32 of them in
// that time to be the same again.
//
// There are never more workers than slots: a worker is put back before the slot is given
// back, so a call that holds a slot and finds no worker on the stack may start a new one.
type workers struct {
	top atomic.Uint64             // the number of the worker on top, and above it the count
	all atomic.Pointer[[]*worker] // by number; written under Bulkhead.mu

	// watched says that the reaper's timer is set, as it is while workers are on the stack.
	watched atomic.Bool

	// lastAtRest is when a call last found the pool without workers, since the process began.
	lastAtRest atomic.Int64

	// Under Bulkhead.mu.
	vacant []*worker // places whose goroutine has ended
	reaper *time.Timer

	retired atomic.Bool // no worker is kept any more; written under Bulkhead.mu
}

const (
	numberMask = math.MaxUint32
	oneTake    = 1 << 32
)

// takeAgain takes w, if it is not busy.
func (w *worker) takeAgain() bool {
	explore.WriteAt("state", int(w.number))
	return w.state.CompareAndSwap(stacked, stacked|busy)
}

// take takes the first worker on the stack that is not busy. nil: there was none.
func (p *workers) take() *worker {
	for {
		w := p.pop()
		if w == nil {
			return nil
		}
		explore.WriteAt("state", int(w.number))
		if w.state.Swap(busy)&busy == 0 {
			return w
		}
	}
}

// pop takes the worker on top off the stack.
func (p *workers) pop() *worker {
	for {
		explore.Read("idle")
		top := p.top.Load()
		number := int(top & numberMask)
		if number == 0 {
			return nil
		}
		explore.Read("places")
		all := p.all.Load()
		if all == nil || number > len(*all) {
			continue // they were forgotten, so top is another
		}
		w := (*all)[number-1]
		explore.ReadAt("below", int(w.number))
		below := w.below.Load()
		explore.Write("idle")
		if p.top.CompareAndSwap(top, top&^numberMask+oneTake|uint64(below)) {
			return w
		}
		explore.Retry(4)
	}
}

// put gives back w, which nobody else holds. It reports whether w came on the stack by that:
// mostly it lay there all the time.
func (p *workers) put(w *worker) bool {
	if explore.On {
		explore.WriteAt("state", int(w.number))
	}
	if w.state.Add(-busy) == stacked {
		return false
	}
	if explore.On {
		explore.WriteAt("state", int(w.number))
	}
	w.state.Store(stacked)
	p.push(w)
	return true
}

// push puts w, which is not on the stack, on top.
func (p *workers) push(w *worker) {
	for {
		if explore.On {
			explore.Read("idle")
		}
		top := p.top.Load()
		if explore.On {
			explore.WriteAt("below", int(w.number))
		}
		w.below.Store(uint32(top & numberMask))
		if explore.On {
			explore.Write("idle")
		}
		if p.top.CompareAndSwap(top, top&^numberMask|uint64(w.number)) {
			return
		}
		if explore.On {
			explore.Retry(3)
		}
	}
}

// findWorker returns a worker for a call that holds a slot.
func (b *Bulkhead) findWorker() *worker {
	if w := b.pool.take(); w != nil {
		return w
	}
	explore.Read("retired")
	if b.pool.retired.Load() || b.pool.wasAtRest() {
		return b.newSingleUseWorker()
	}
	return b.newWorker()
}

// wasAtRest reports whether the pool has no worker and has had no call for longer than
// keepWarm. The next call may then be as far off, so the worker of this one is not kept: Go
// never returns the memory of a goroutine to the system, and a thousand commands that are
// called now and then would hold a thousand goroutines.
func (p *workers) wasAtRest() bool {
	explore.Read("places")
	if p.all.Load() != nil {
		return false
	}
	now := time.Since(processStart)
	explore.Write("lastAtRest")
	last := time.Duration(p.lastAtRest.Swap(int64(now)))
	return last == 0 || now-last > keepWarm
}

// newWorker returns a worker when none seemed idle: one that is idle after all (the reaper may
// have held them all for a moment), or a new one. Where many calls come at once they all need
// one, so its goroutine is started outside of the lock.
func (b *Bulkhead) newWorker() *worker {
	w, idle := b.takeOrAdd()
	if !idle {
		w.startOn(b)
	}
	return w
}

// takeOrAdd returns a worker that is idle, or a place whose goroutine is yet to be started: a
// vacant one or, if there is none, a new one.
func (b *Bulkhead) takeOrAdd() (w *worker, idle bool) {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pool
	if w = p.take(); w != nil {
		return w, true
	}
	if n := len(p.vacant); n > 0 {
		w = p.vacant[n-1]
		p.vacant = p.vacant[:n-1]
		return w, false
	}
	return p.addLocked(), false
}

// addLocked makes a place, which is busy.
func (p *workers) addLocked() *worker {
	var all []*worker
	if old := p.all.Load(); old != nil {
		all = *old
	}
	w := &worker{tasks: make(chan *task, 1), number: uint32(len(all) + 1)} //nolint:gosec // at most a million
	w.state.Store(busy)
	all = append(all, w) // who has the old slice looks at no more than its length
	explore.Write("places")
	p.all.Store(&all)
	return w
}

// workerExited makes w's place free for another goroutine. When no goroutine is left, all
// places are dropped.
func (b *Bulkhead) workerExited(w *worker) {
	if !w.reusable() {
		return
	}
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pool
	p.vacant = append(p.vacant, w)
	if len(p.vacant) != len(*p.all.Load()) {
		return
	}
	p.take() // clears the stack of places whose goroutine ended itself
	if !p.pushPending() {
		p.vacant = nil
		explore.Write("places")
		p.all.Store(nil)
	}
}

// pushPending reports whether a vacant place is about to be pushed: put has marked it as
// stacked, another task took it again before the push, and the work ended its goroutine. The
// stack is empty then, but the number that is pushed must still mean this place.
func (p *workers) pushPending() bool {
	for _, w := range p.vacant {
		explore.ReadAt("state", int(w.number))
		if w.state.Load()&stacked != 0 {
			return true
		}
	}
	return false
}

// park keeps w for the next task. While workers are idle a timer stands by, so that none
// of them outlasts its use for long; a resting pool has neither.
func (b *Bulkhead) park(w *worker) {
	if !b.pool.put(w) {
		return
	}
	explore.Read("watched")
	if !b.pool.watched.Load() {
		b.watch()
	}
}

func (b *Bulkhead) watch() {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	explore.Read("watched")
	switch {
	case b.pool.watched.Load():
	case b.pool.retired.Load():
		b.pool.dismissLocked()
	default:
		b.pool.watchLocked(b)
	}
}

func (p *workers) watchLocked(b *Bulkhead) {
	explore.Write("watched")
	p.watched.Store(true)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(keepWarm, b.reap)
	} else {
		p.reaper.Reset(keepWarm)
	}
}

// reap dismisses the workers that nobody needed since it last looked.
func (b *Bulkhead) reap() {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.pool
	if p.retired.Load() { // since the timer fired
		p.dismissLocked()
		return
	}
	var kept []*worker
	for w := p.take(); w != nil; w = p.take() { // callers who find none meanwhile wait for mu: see newWorker
		if w.used {
			w.used = false
			kept = append(kept, w)
		} else {
			w.dismiss()
		}
	}
	for _, w := range slices.Backward(kept) {
		p.put(w)
	}
	// Whoever parks a worker looks at watched after that, and here it is the other way round:
	// one of the two sees the other, and no worker is idle without a watch.
	explore.Write("watched")
	p.watched.Store(false)
	explore.Read("idle")
	if p.top.Load()&numberMask != 0 {
		p.watchLocked(b)
	} else if p.reaper != nil {
		p.reaper.Stop() // it may not have been what called
		p.reaper = nil  // a pool at rest has none
	}
}

// dismiss ends the goroutine of w, which is idle and was taken off the stack.
func (w *worker) dismiss() {
	explore.Write("tasks", w)
	w.tasks <- nil // one that is idle has an empty channel
}

// retire is for the bulkhead of a circuit that its registry has forgotten: the idle workers go at
// once, and those at work as soon as they are done. If other circuits have it, it goes on.
func (b *Bulkhead) retire() {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.borrowed {
		return
	}
	explore.Write("retired")
	b.pool.retired.Store(true)
	b.pool.dismissLocked()
}

// markBorrowed is for a bulkhead given by WithBulkhead: that one of its circuits is removed retires
// it no more, and if it was retired before it keeps workers again.
func (b *Bulkhead) markBorrowed() {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.borrowed = true
	explore.Write("retired")
	b.pool.retired.Store(false)
}

// dismissLocked dismisses all idle workers and returns how many. Whoever parks one meanwhile
// either is seen here or sees that nobody watches: see reap.
func (p *workers) dismissLocked() (dismissed int) {
	if p.reaper != nil {
		p.reaper.Stop()
		p.reaper = nil
	}
	explore.Write("watched")
	p.watched.Store(false)
	for w := p.take(); w != nil; w = p.take() {
		w.dismiss()
		dismissed++
	}
	return dismissed
}
