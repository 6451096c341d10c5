package quill

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// Bulkhead bounds how many calls run at once and how many may wait. Each circuit has one
// of its own; circuits that are given the same one by [WithBulkhead] share its slots
// (Hystrix's thread-pool key). A slot stays taken until the work really returns, also
// after its caller has left. Waiters are served first come, first served. A Bulkhead is
// safe for concurrent use. Bulkheads are made by [NewBulkhead] and [OpenBulkhead]; the
// zero value is not usable.
type Bulkhead struct {
	// What every call writes is at the end of slots and at the beginning of pool. Nothing else
	// that is written often is within a cache line of it.
	slots slots
	pool  workers
	_     [16]byte

	name      string
	queueSize atomic.Int64 // written under mu
	abandoned atomic.Int64

	borrowed bool // a circuit has it by WithBulkhead; under mu

	mu        sync.Mutex
	isolation Isolation
	queue     waitQueue
}

// BulkheadSettings are the numbers of a [Bulkhead] that is made by [NewBulkhead] or
// [OpenBulkhead]. Zero fields mean the defaults of the fields of the same name in [Settings].
type BulkheadSettings struct {
	Isolation     Isolation `json:"isolation,omitempty"`
	MaxConcurrent int       `json:"maxConcurrent,omitempty"`
	QueueSize     int       `json:"queueSize,omitempty"`
}

// Validate returns nil if a bulkhead can work by s, zero fields standing for their
// defaults, and otherwise a [*SettingsError] that holds every problem: fields out of the
// ranges that [Settings] has for them, and a QueueSize with Unlimited (no call ever waits).
func (s BulkheadSettings) Validate() error { return s.settings().validate("") }

func (s BulkheadSettings) settings() Settings {
	return Settings{Isolation: s.Isolation, MaxConcurrent: s.MaxConcurrent, QueueSize: s.QueueSize}
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
// panics where [OpenBulkhead], which is for names and numbers that are known only at run
// time, returns an error.
func NewBulkhead(name string, s BulkheadSettings) *Bulkhead {
	b, err := OpenBulkhead(name, s)
	if err != nil {
		panic(err.Error())
	}
	return b
}

// OpenBulkhead returns a bulkhead to be shared between circuits with [WithBulkhead], a new
// one each time, or an error if the name is not fit ([CheckName]) or the settings are not
// ([BulkheadSettings.Validate]). It needs no closing.
func OpenBulkhead(name string, s BulkheadSettings) (*Bulkhead, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	filled := s.settings()
	if err := filled.validate(name); err != nil {
		return nil, err
	}
	return newBulkhead(name, filled.WithDefaults()), nil
}

func newBulkhead(name string, s Settings) *Bulkhead {
	b := &Bulkhead{name: name, isolation: s.Isolation}
	b.slots.setLimit(s.MaxConcurrent, s.Isolation == Semaphore)
	b.queueSize.Store(int64(s.QueueSize))
	return b
}

// Name returns the name given to [NewBulkhead], or that of the circuit whose own bulkhead it is.
func (b *Bulkhead) Name() string { return b.name }

// Resize changes the limits while calls run. After shrinking, no call is admitted until
// fewer than maxConcurrent run; after growing, waiting calls start at once. Calls that already
// wait stay in the queue even if it is now smaller. If a number is out of range, Resize
// returns a [*SettingsError] that names it and changes nothing; 0 for maxConcurrent is out of
// range, as there is no default here. A resize of a circuit's own bulkhead lasts until the next
// [Circuit.Configure].
func (b *Bulkhead) Resize(maxConcurrent, queueSize int) error {
	s := Settings{Isolation: b.Isolation(), MaxConcurrent: maxConcurrent, QueueSize: queueSize}
	var c checker
	if maxConcurrent == 0 {
		f := &settingsFields[maxConcurrentField]
		c.refuse(maxConcurrentField, f.text(&s), f.allowed())
	}
	c.check(s)
	if err := c.err(b.name); err != nil {
		return err
	}
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Isolation = b.isolation // which Configure may have changed meanwhile
	b.resizeLocked(s)
	return nil
}

func (b *Bulkhead) resize(s Settings) {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resizeLocked(s)
}

func (b *Bulkhead) resizeLocked(s Settings) {
	b.isolation = s.Isolation
	b.slots.setLimit(s.MaxConcurrent, s.Isolation == Semaphore)
	explore.Write("queueSize")
	b.queueSize.Store(int64(s.QueueSize))
	b.admitWaitersLocked()
}

// Isolation returns where the bulkhead's calls run.
func (b *Bulkhead) Isolation() Isolation {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.isolation
}

// Stats returns what the bulkhead is doing, as one consistent value.
func (b *Bulkhead) Stats() BulkheadStats {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	explore.Read("slots")
	return BulkheadStats{
		Name: b.name, Isolation: b.isolation,
		InFlight: b.slots.taken(), Queued: b.queue.length, Abandoned: int(b.abandoned.Load()),
		MaxConcurrent: b.slots.limit(), QueueSize: int(b.queueSize.Load()),
	}
}

// acquire takes a slot, or a place in the queue, or neither. A waiter must go on to await.
func (b *Bulkhead) acquire(seat uint32) (w *waiter, ok bool) {
	if b.slots.take(false, seat) {
		return nil, true
	}
	explore.Read("queueSize")
	if b.queueSize.Load() == 0 {
		return nil, false
	}
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	if int64(b.queue.length) >= b.queueSize.Load() {
		return nil, false
	}
	w = &waiter{granted: make(chan struct{})}
	b.queue.push(w)
	b.slots.setWaiting(true)
	// A slot given back before the flag was set came to nobody: look once more.
	b.admitWaitersLocked()
	return w, true
}

// await blocks until w has a slot or gives up: because gaveUp is closed, or after wait (0 or
// less: no limit of its own). It reports whether the slot was granted; if not, none is held.
func (b *Bulkhead) await(gaveUp <-chan struct{}, w *waiter, wait time.Duration) bool {
	var expired <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		expired = timer.C
	}
	var granted, ended <-chan struct{} = w.granted, gaveUp
	if explore.On {
		explore.Select("granted", nil, &granted, &ended)
	}
	select {
	case <-granted:
		return true
	case <-ended:
	case <-expired:
	}
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	if w.linked {
		b.queue.remove(w)
		b.admitWaitersLocked()
		return false
	}
	// The slot was granted just before w gave up, so it is given back.
	b.slots.giveBack(window.NoSeat)
	b.admitWaitersLocked()
	return false
}

// release gives a slot back.
func (b *Bulkhead) release(seat uint32) {
	if b.slots.giveBack(seat) {
		b.admitWaiters()
	}
}

func (b *Bulkhead) admitWaiters() {
	explore.Lock("bulkhead.mu", &b.mu)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.admitWaitersLocked()
}

// admitWaitersLocked gives free slots to those who wait, in their order.
func (b *Bulkhead) admitWaitersLocked() {
	for b.queue.length > 0 && b.slots.take(true, window.NoSeat) {
		close(b.queue.pop().granted)
	}
	if b.queue.length == 0 {
		b.slots.setWaiting(false)
	}
}
