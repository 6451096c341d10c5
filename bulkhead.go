package quill

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Bulkhead bounds how many calls run at once and how many may wait. Each circuit has one
// of its own; circuits that are given the same one by [WithBulkhead] share its slots
// (Hystrix's thread-pool key). A slot stays taken until the work really returns, also
// after its caller has left. Waiters are served first come, first served. A Bulkhead is
// safe for concurrent use.
type Bulkhead struct {
	name string

	mu        sync.Mutex
	isolation Isolation
	limit     int // Unlimited or > 0
	queueSize int
	taken     int
	abandoned int
	queue     waitQueue
	pool      workers
}

// BulkheadSettings are the numbers of a [Bulkhead] that is made by [NewBulkhead]. Zero
// fields mean the defaults of the fields of the same name in [Settings].
type BulkheadSettings struct {
	Isolation     Isolation `json:"isolation,omitempty"`
	MaxConcurrent int       `json:"maxConcurrent,omitempty"`
	QueueSize     int       `json:"queueSize,omitempty"`
}

// BulkheadStats is what a bulkhead is doing at one moment.
type BulkheadStats struct {
	Name          string
	Isolation     Isolation
	InFlight      int // slots taken, abandoned work included
	Queued        int // callers waiting for a slot
	Abandoned     int // slots held by work that its caller has left
	MaxConcurrent int // or Unlimited
	QueueSize     int
}

// NewBulkhead returns a bulkhead to be shared between circuits with [WithBulkhead]. It
// panics if the name or a number is out of range.
func NewBulkhead(name string, s BulkheadSettings) *Bulkhead {
	if err := CheckName(name); err != nil {
		panic(err.Error())
	}
	filled := Settings{Isolation: s.Isolation, MaxConcurrent: s.MaxConcurrent, QueueSize: s.QueueSize}
	if err := filled.validate(name); err != nil {
		panic(err.Error())
	}
	return newBulkhead(name, filled.WithDefaults())
}

func newBulkhead(name string, s Settings) *Bulkhead {
	return &Bulkhead{
		name: name, isolation: s.Isolation, limit: s.MaxConcurrent, queueSize: s.QueueSize,
	}
}

// Name returns the bulkhead's name: its circuit's, unless it was made by [NewBulkhead].
func (b *Bulkhead) Name() string { return b.name }

// Resize changes the limits while calls run. After shrinking, no call is admitted until
// fewer than maxConcurrent run; after growing, waiters go at once. Waiters beyond a
// smaller queue stay. Numbers out of range give an error that names them, and change
// nothing.
func (b *Bulkhead) Resize(maxConcurrent, queueSize int) error {
	s := Settings{Isolation: b.Isolation(), MaxConcurrent: maxConcurrent, QueueSize: queueSize}
	if maxConcurrent == 0 {
		return fmt.Errorf("quill: bulkhead %q: MaxConcurrent is 0: must be 1 to 1000000, or unlimited (-1)", b.name)
	}
	if err := s.validate(b.name); err != nil {
		return err
	}
	b.resize(s)
	return nil
}

func (b *Bulkhead) resize(s Settings) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.isolation, b.limit, b.queueSize = s.Isolation, s.MaxConcurrent, s.QueueSize
	b.admitWaitersLocked()
}

// Isolation returns where the bulkhead's calls run.
func (b *Bulkhead) Isolation() Isolation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.isolation
}

// Stats returns what the bulkhead is doing, as one consistent value.
func (b *Bulkhead) Stats() BulkheadStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return BulkheadStats{
		Name: b.name, Isolation: b.isolation,
		InFlight: b.taken, Queued: b.queue.length, Abandoned: b.abandoned,
		MaxConcurrent: b.limit, QueueSize: b.queueSize,
	}
}

// acquire takes a slot, or a place in the queue, or neither. A waiter must go on to await.
func (b *Bulkhead) acquire() (w *waiter, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hasRoomLocked() && b.queue.length == 0 {
		b.taken++
		return nil, true
	}
	if b.queue.length >= b.queueSize {
		return nil, false
	}
	w = &waiter{granted: make(chan struct{})}
	b.queue.push(w)
	return w, true
}

// await blocks until w has a slot or gives up: because ctx is done, or after wait (0 or
// less: no limit of its own). It reports whether the slot was granted; if not, none is held.
func (b *Bulkhead) await(ctx context.Context, w *waiter, wait time.Duration) bool {
	var expired <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-w.granted:
		return true
	case <-ctx.Done():
	case <-expired:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.linked {
		b.queue.remove(w)
		return false
	}
	// The grant and the giving up crossed: the slot is ours, so it is passed on.
	b.releaseLocked()
	return false
}

// release gives a slot back.
func (b *Bulkhead) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.releaseLocked()
}

func (b *Bulkhead) releaseLocked() {
	b.taken--
	b.admitWaitersLocked()
}

func (b *Bulkhead) admitWaitersLocked() {
	for b.queue.length > 0 && b.hasRoomLocked() {
		b.taken++
		close(b.queue.pop().granted)
	}
}

func (b *Bulkhead) hasRoomLocked() bool { return b.limit == Unlimited || b.taken < b.limit }

// abandon counts n more slots (or, negative, fewer) as held by work without a caller.
func (b *Bulkhead) abandon(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.abandoned += n
}

// waiter is one place in the queue.
type waiter struct {
	granted    chan struct{} // closed when the slot is the waiter's
	prev, next *waiter
	linked     bool
}

// waitQueue is first in, first out; a waiter that gives up leaves from the middle.
type waitQueue struct {
	first, last *waiter
	length      int
}

func (q *waitQueue) push(w *waiter) {
	w.linked, w.prev = true, q.last
	if q.last != nil {
		q.last.next = w
	} else {
		q.first = w
	}
	q.last = w
	q.length++
}

func (q *waitQueue) pop() *waiter {
	w := q.first
	q.remove(w)
	return w
}

func (q *waitQueue) remove(w *waiter) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	w.prev, w.next, w.linked = nil, nil, false
	q.length--
}
