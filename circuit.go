package quill

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// Circuit is what stands between callers and one dependency: its name, its breaker, its
// bulkhead, its meters and its settings. Commands are functions bound to a circuit;
// commands that share a name within a registry share the circuit. A Circuit is safe for
// concurrent use, holds no goroutine while idle, and need not be closed.
type Circuit struct {
	name       string
	declared   Settings // as given where the circuit was made
	classifier func(error) Verdict
	hooks      []Hooks // OnCall and OnPanic; the notifier has OnTransition
	shared     bool    // whether the bulkhead came by WithBulkhead
	bulkhead   *Bulkhead
	born       time.Time
	cold       bool // made in a synctest bubble: see inBubble

	configuring sync.Mutex
	config      atomic.Pointer[config]

	gate     gate
	meters   meters
	notifier notifier

	counters  window.Counters
	execution window.Histogram
	whole     window.Histogram
}

// config is one version of the settings and what follows from them. A call loads it once.
type config struct {
	Settings          // defaults filled in
	given    Settings // as they were given

	rules rules
	ring  *window.Ring
	last  *window.Last // guarded by gate.mu; nil unless RollingCalls is set

	pooled bool
}

// NewCircuit returns the circuit of that name in [DefaultRegistry] (or in that of
// [WithRegistry]), making it if need be. It panics where [Registry.Circuit] returns an
// error: on a bad name, bad settings, or settings other than those the circuit has.
func NewCircuit(name string, opts ...Option) *Circuit {
	o := gather(opts)
	r := o.registry
	if r == nil {
		r = DefaultRegistry
	}
	c, err := r.circuit(name, o)
	if err != nil {
		panic(err.Error())
	}
	return c
}

// newCircuit makes a circuit from options that have been checked.
func newCircuit(name string, o *options) *Circuit {
	c := &Circuit{
		name: name, declared: o.settings, classifier: o.classifier, hooks: o.hooks,
		bulkhead: o.bulkhead, shared: o.bulkhead != nil, born: time.Now(), cold: inBubble(),
	}
	c.gate.machine = newBreaker()
	c.notifier.hooks = o.hooks
	c.notifier.panic = c.hookPanic
	if !c.shared {
		c.bulkhead = newBulkhead(name, o.settings.WithDefaults())
	}
	c.config.Store(c.newConfig(o.settings, nil, c.now()))
	c.gate.mu.Lock()
	c.publishLocked(false)
	c.gate.mu.Unlock()
	return c
}

// newConfig works out what follows from the given settings. It keeps the window of old if
// they ask for the same.
func (c *Circuit) newConfig(given Settings, old *config, now time.Duration) *config {
	s := given.WithDefaults()
	cfg := &config{Settings: s, given: given, pooled: s.Isolation == Pool, rules: rules{
		volume:       uint64(s.RequestVolumeThreshold), //nolint:gosec // validated: not negative
		errorPercent: s.ErrorPercentThreshold,
		slowPercent:  s.SlowCallPercentThreshold,
		sleep:        s.SleepWindow,
		maxSleep:     s.MaxSleepWindow,
		jitter:       s.SleepWindowJitter / 100,
		probes:       s.Probes,
		lease:        leaseOf(&s),
	}}
	if c.shared {
		cfg.pooled = c.bulkhead.Isolation() == Pool
	}
	if old != nil && sameWindow(&old.Settings, &s) {
		cfg.ring, cfg.last = old.ring, old.last
		return cfg
	}
	cfg.ring = window.NewRing(s.RollingWindow, s.RollingBuckets, now, &c.counters, &c.execution, &c.whole)
	if s.RollingCalls > 0 {
		cfg.last = window.NewLast(s.RollingCalls)
	}
	return cfg
}

// leaseOf is ProbeLease, but so much longer than Timeout that a probe that times out is
// judged before its place is given away.
func leaseOf(s *Settings) time.Duration {
	const atMost = 100 * time.Millisecond
	if s.Timeout == NoTimeout {
		return s.ProbeLease
	}
	return max(s.ProbeLease, s.Timeout+min(s.Timeout, atMost))
}

func sameWindow(a, b *Settings) bool {
	return a.RollingWindow == b.RollingWindow && a.RollingBuckets == b.RollingBuckets && a.RollingCalls == b.RollingCalls
}

// Name returns the circuit's name.
func (c *Circuit) Name() string { return c.name }

// Settings returns the settings in force as they were given: change what is to change and
// give them to [Circuit.Configure]. With the defaults filled in they are in [Stats], or
// ask for Settings().WithDefaults(). The limits of a shared bulkhead are not in them.
func (c *Circuit) Settings() Settings { return c.config.Load().given }

// Bulkhead returns the bulkhead the circuit uses: its own, or a shared one.
func (c *Circuit) Bulkhead() *Bulkhead { return c.bulkhead }

// now is the monotonic time since the circuit was made: the one clock of everything
// below. (time.Since is half the price of time.Now.)
func (c *Circuit) now() time.Duration { return time.Since(c.born) }

// inBubble reports whether the caller runs in a bubble of testing/synctest: its clock
// starts in the year 2000, before this process did. A bubble cannot end while a worker
// waits in it for the next task, so no worker is kept warm there.
func inBubble() bool { return time.Since(processStart) < 0 }

var processStart = time.Now()

// Configure puts s in force while calls run: whole or, if any field is out of range (a
// [*SettingsError] names all that are), not at all. Calls under way keep the settings
// they began with. State and counts stay, except that a changed RollingWindow,
// RollingBuckets or RollingCalls begins a fresh window, which OnTransition is told. A
// circuit with a shared bulkhead takes no Isolation, MaxConcurrent or QueueSize: resize
// the bulkhead.
func (c *Circuit) Configure(s Settings) error {
	if err := c.checkSettings(s); err != nil {
		return err
	}
	c.configuring.Lock()
	defer c.configuring.Unlock()
	c.configure(s)
	return nil
}

func (c *Circuit) checkSettings(s Settings) error {
	if c.shared {
		return s.validateShared(c.name)
	}
	return s.validate(c.name)
}

func (c *Circuit) configure(s Settings) {
	now := c.now()
	c.gate.mu.Lock()
	old := c.config.Load()
	cfg := c.newConfig(s, old, now)
	c.config.Store(cfg)
	c.publishLocked(true)
	if s.Override != old.Override {
		if old.Override == Disabled {
			c.forgetLocked(cfg)
		}
		c.announceLocked(c.gate.machine.state, c.healthLocked(now), overrideText(s.Override, "by its settings", 0))
	}
	if cfg.ring != old.ring {
		c.announceLocked(c.gate.machine.state, c.healthLocked(now), "settings changed: the window begins afresh")
	}
	c.gate.mu.Unlock()
	if !c.shared {
		c.bulkhead.resize(cfg.Settings)
	}
}

// State returns the state of the breaker itself, whatever override lies over it. Reading
// never moves it: a circuit whose sleep window is over stays Open until a call comes.
func (c *Circuit) State() State {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	return c.gate.machine.state
}

// Reset closes the circuit and begins a fresh window, as after a repair by hand. Totals
// and overrides stay; results of calls under way no longer count as evidence.
func (c *Circuit) Reset() {
	now := c.now()
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.config.Load().ring.Restart(now)
	c.movedLocked(now, c.gate.machine.reset(), "")
}

// flight is one call on its way through the circuit: admitted, run, settled.
type flight struct {
	circuit *Circuit
	cfg     *config
	caller  context.Context //nolint:containedctx // lives as long as the call

	admission admission
	timed     bool
	deadline  time.Duration // if timed
	own       bool          // whether the deadline is the command's own and not the caller's

	began time.Duration // when the call came
	ran   time.Duration // when it had its slot
	ended time.Duration // when it was settled

	outcome Outcome
	err     error // nil after Success, unless the classifier said so
	started bool  // run was called, or may be
	settled bool
	stale   bool
}

// take brings a call as far as a slot: breaker, then bulkhead. If it reports false the
// flight is settled.
func (f *flight) take(ctx context.Context, c *Circuit) bool {
	f.circuit, f.caller, f.cfg = c, ctx, c.config.Load()
	f.began = c.now()
	f.ran = f.began
	if ctx.Err() != nil {
		f.admission.state = c.State()
		f.settle(Canceled, callerCause(ctx), f.began)
		return false
	}
	f.admission = c.admit(f.began, f.cfg)
	if !f.admission.ok {
		f.settle(ShortCircuited, ErrOpen, f.began)
		return false
	}
	f.setDeadline()
	return f.takeSlot()
}

// setDeadline finds the earlier of the command's and the caller's deadline, the caller's if
// they are the same: a fallback would come too late.
func (f *flight) setDeadline() {
	if f.cfg.Timeout != NoTimeout {
		f.deadline, f.timed, f.own = f.began+f.cfg.Timeout, true, true
	}
	if at, ok := f.caller.Deadline(); ok {
		if d := f.began + time.Until(at); !f.timed || d <= f.deadline {
			f.deadline, f.timed, f.own = d, true, false
		}
	}
}

func (f *flight) takeSlot() bool {
	c := f.circuit
	w, ok := c.bulkhead.acquire()
	if !ok {
		f.settle(Rejected, ErrFull, f.began)
		return false
	}
	if w != nil && !f.queue(w) {
		return false
	}
	if c.shared {
		c.meters.inFlight.Add(1)
	}
	f.started = true
	return true
}

// queue waits for a slot. A call whose deadline passes meanwhile never runs.
func (f *flight) queue(w *waiter) bool {
	c := f.circuit
	c.meters.queued.Add(1)
	var wait time.Duration
	if f.own {
		wait = max(1, f.deadline-f.began)
	}
	granted := c.bulkhead.await(f.caller, w, wait)
	c.meters.queued.Add(-1)
	f.ran = c.now()
	if granted && !f.late(f.ran) && f.caller.Err() == nil {
		return true
	}
	if granted {
		c.bulkhead.release()
	}
	f.settleLost(f.caller.Err(), f.ran)
	return false
}

func (f *flight) late(now time.Duration) bool { return f.timed && now >= f.deadline }

// settleLost settles a call that its deadline or its caller ended, whichever was first:
// ended is what the call's context says.
func (f *flight) settleLost(ended error, now time.Duration) {
	switch {
	case ended == context.Canceled: //nolint:errorlint // Err returns it bare
		f.settle(Canceled, callerCause(f.caller), now)
	case f.own:
		f.settle(Timeout, ErrTimeout, now)
	case ended != nil:
		f.settle(Timeout, callerCause(f.caller), now)
	default:
		f.settle(Timeout, context.DeadlineExceeded, now)
	}
}

// settle ends the call: one outcome, counted once.
func (f *flight) settle(o Outcome, err error, now time.Duration) {
	c := f.circuit
	f.outcome, f.err, f.ended, f.settled = o, err, now, true
	slow := f.started && f.cfg.SlowCallDuration > 0 && now-f.ran >= f.cfg.SlowCallDuration
	f.stale = c.judge(now, f.admission.token, o, f.started, slow, err)
	if f.stale {
		c.meters.stale.Add(1)
	}
	if f.started {
		c.execution.Record(now - f.ran)
	}
}

// giveBack frees the slot of a call whose work is over. A circuit that has its bulkhead
// for itself need not count its calls: they are the slots taken. Else the call is counted
// out first, so that InFlight is never above the limit.
func (c *Circuit) giveBack() {
	if c.shared {
		c.meters.inFlight.Add(-1)
	}
	c.bulkhead.release()
}

// abandon counts n more slots (or, negative, fewer) as held by work without a caller.
func (c *Circuit) abandon(n int64) {
	c.bulkhead.abandoned.Add(n)
	if c.shared {
		c.meters.abandoned.Add(n)
	}
}
