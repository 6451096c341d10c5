package quill

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// Circuit is what stands between callers and one dependency: its name, its breaker, its
// bulkhead, its meters and its settings. Commands are functions bound to a circuit;
// commands that share a name within a registry share the circuit. A Circuit is safe for
// concurrent use and need not be closed. It holds no goroutine while idle, except that workers,
// on which the calls of Pool isolation and those by [Go] run, stay for up to 20 s after the last
// of these. Circuits are made by [NewCircuit] and [Registry.Circuit]; the zero value is not usable.
type Circuit struct {
	name       string
	declared   *terms // those that the circuit was made with
	classifier func(error) Verdict
	_          [24]byte // what every call reads and what calls count are on lines of their own: config_internal_test.go
	redact     func(error) string
	shared     bool // whether the bulkhead came by WithBulkhead
	bulkhead   *Bulkhead
	born       time.Duration // since the process began
	cold       bool          // keeps no worker warm: made so, or in a synctest bubble (see inBubble)

	configuring sync.Mutex
	config      atomic.Pointer[config]

	gate     gate
	samples  samples
	notifier *notifier // made at the first transition that a hook is told; under gate.mu
	meters   meters
	times    window.Times
	counters window.Counters // last: what comes after it would be on the lines that it writes
}

// NewCircuit returns the circuit of that name in [DefaultRegistry] (or in that of
// [WithRegistry]), making it if need be. It panics where [Registry.Circuit] returns an
// error: on a bad name, bad settings, or settings other than those the circuit was made with.
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
		name: name, classifier: o.classifier, redact: o.redact,
		bulkhead: o.bulkhead, shared: o.bulkhead != nil, born: time.Since(processStart), cold: o.coldPool || inBubble(),
	}
	c.gate.machine = newBreaker()
	c.gate.base.Store(&nothingYet)
	c.declared = o.declared()
	if !c.shared {
		c.bulkhead = newBulkhead(name, c.declared.Settings)
	}
	cfg := c.newConfig(c.declared, nil, 0)
	if o.hooks != nil {
		cfg.setHooks(o.hooks)
	}
	if o.shadow != nil {
		cfg.setShadow(c.newShadow(*o.shadow))
	}
	c.samples.slowFloor.Store(-1)
	c.config.Store(cfg)
	c.lockGate()
	c.publishLocked(false)
	c.unlockGate()
	return c
}

// nothingYet is what the counters of a new circuit hold.
var nothingYet window.Sums

// Name returns the circuit's name.
func (c *Circuit) Name() string { return c.name }

// Settings returns the settings in force as they were given, so that they can be changed and
// passed to [Circuit.Configure]. [Stats] has them with the defaults filled in, as does
// Settings().WithDefaults(). The limits of a shared bulkhead are not in them.
func (c *Circuit) Settings() Settings { return c.config.Load().given }

// Bulkhead returns the bulkhead the circuit uses: its own, or a shared one.
func (c *Circuit) Bulkhead() *Bulkhead { return c.bulkhead }

// current is the version of the settings that is in force.
func (c *Circuit) current() *config {
	explore.Read("config")
	return c.config.Load()
}

// now is the monotonic time since the circuit was made: the one clock of everything
// below. (time.Since is half the price of time.Now.)
func (c *Circuit) now() time.Duration { return time.Since(processStart) - c.born }

// timeOf is t by the clock of now. That clock is read only for a t that has no monotonic part.
// What is further off than a Duration holds is far off.
func (c *Circuit) timeOf(t time.Time) time.Duration {
	const farOff = 100 * 365 * 24 * time.Hour // may be added to any time

	monotonic := t != t.Round(0) // which strips that part
	if monotonic {
		return min(max(t.Sub(processStart), -farOff), farOff) - c.born
	}
	return c.now() + min(max(time.Until(t), -farOff), farOff)
}

// inBubble reports whether the caller runs in a bubble of testing/synctest: its clock
// starts in the year 2000, before this process did. A bubble cannot end while a worker
// waits in it for the next task, so no worker is kept warm there.
func inBubble() bool { return time.Since(processStart) < 0 }

var processStart = time.Now()

// Configure puts s in force while calls run. All fields are replaced: a zero field falls to its
// default. To change one field, start from [Circuit.Settings]. If any field is out of range
// Configure changes nothing, counts that in [Stats].ConfigRejected, and returns a [*SettingsError]
// that names all such fields. Calls under way keep the settings they began with. State and counts
// stay, except that a changed RollingWindow, RollingBuckets or RollingCalls begins a fresh window,
// of which OnTransition is notified. For a circuit with a shared bulkhead, Isolation, MaxConcurrent
// and QueueSize must be zero: use [Bulkhead.Resize].
func (c *Circuit) Configure(s Settings) error {
	if err := c.checkSettings(s); err != nil {
		c.meters.configRejected.Add(1)
		return err
	}
	explore.Lock("configuring", &c.configuring)
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
	c.lockGate()
	old := c.config.Load()
	explore.Read("counters") // a fresh window begins with what they hold
	cfg := c.newConfig(newTerms(s), old, now)
	explore.Write("config")
	c.config.Store(cfg)
	c.publishLocked(true)
	if s.Override != old.Override {
		if old.Override == Disabled {
			c.forgetLocked(cfg)
		}
		c.announceLocked(now, c.gate.machine.state, c.healthLocked(now), overrideText(s.Override, "by its settings", 0))
	}
	if cfg.ring != old.ring {
		c.samples.forget()
		c.announceLocked(now, c.gate.machine.state, c.healthLocked(now), "settings changed: the window begins afresh")
	}
	c.unlockGate()
	if !c.shared {
		c.bulkhead.resize(cfg.Settings)
	}
}

// State returns the state of the breaker itself, whatever override lies over it. Reading
// never moves it: a circuit whose sleep window is over stays Open until a call comes.
func (c *Circuit) State() State {
	c.lockGate()
	defer c.unlockGate()
	return c.gate.machine.state
}

// Reset closes the circuit and begins a fresh window, as after a repair by hand. Totals
// and overrides stay; results of calls under way no longer count as evidence.
func (c *Circuit) Reset() {
	now := c.now()
	c.lockGate()
	defer c.unlockGate()
	c.config.Load().ring.Restart(now)
	c.samples.forget()
	c.movedLocked(now, c.gate.machine.reset(), "")
}

// giveBack frees the slot of a call whose work is over. A circuit that has its bulkhead
// for itself need not count its calls: they are the slots taken. Else the call is counted
// out first, so that InFlight is never above the limit. As to seat see [window.Seat].
func (c *Circuit) giveBack(seat uint32) {
	if c.shared {
		c.meters.inFlight.Add(-1)
	}
	c.bulkhead.release(seat)
}

// held returns how many slots the circuit's calls hold, and how many of these are held by work
// without a caller.
func (c *Circuit) held() (inFlight, abandoned int) { return c.heldOf(c.bulkhead.Stats()) }

// heldOf is held by what the bulkhead does: if it is the circuit's own, these are its calls.
func (c *Circuit) heldOf(b BulkheadStats) (inFlight, abandoned int) {
	if c.shared {
		return int(c.meters.inFlight.Load()), int(c.meters.abandoned.Load())
	}
	return b.InFlight, b.Abandoned
}

// abandon counts n more slots (or, negative, fewer) as held by work without a caller.
func (c *Circuit) abandon(n int64) {
	c.bulkhead.abandoned.Add(n)
	if c.shared {
		c.meters.abandoned.Add(n)
	}
}
