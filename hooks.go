package quill

import (
	"context"
	"slices"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// Hooks are functions that a circuit calls as things happen; each may be nil. None is
// called under a lock, so each may call any method of the circuit. All may be called from many
// goroutines at once. One circuit calls OnTransition one at a time; several circuits that were
// given the same function may call it at once.
type Hooks struct {
	// OnCall is called once for each call, after it is settled and before its caller gets
	// the answer, on the caller's goroutine (of a call by [Go], on one of the library's): a
	// slow hook delays that call and no other. If it panics, the panic goes to the caller;
	// the call is already counted and its slot given back.
	OnCall func(ctx context.Context, e CallEvent)

	// OnTransition is called for each change of state or override of a circuit, in order, one
	// at a time for that circuit, on a goroutine of its own that lives while there is something to deliver. A
	// slow hook delays no call: up to 1,024 notifications wait. Beyond that, some are
	// dropped and counted in Stats.NotificationsDropped, but the latest is always
	// delivered. If it panics or ends its goroutine, that is counted in Stats.HookPanics
	// and the next notification is delivered.
	OnTransition func(t Transition)

	// OnPanic is called for each panic that no caller is sure to get: of abandoned work, of
	// OnTransition, and of a call by [Go], whether or not somebody waits for it and so gets
	// the panic as well. It is called once for each, on a goroutine of the library, and
	// delays no caller; its own panics are dropped.
	OnPanic func(p *PanicError)
}

// CallEvent tells how one call went.
type CallEvent struct {
	Command string        // the circuit's name
	Outcome Outcome       // how run's part of it ended
	Err     error         // run's error or a sentinel; nil after a Success, unless the classifier made one of an error
	State   State         // the breaker's state when the call was admitted or refused
	Probe   bool          // whether the call was a probe of a half-open circuit
	Late    bool          // whether the result came too late to count: the breaker had moved on
	Wait    time.Duration // time in the bulkhead's queue
	Execute time.Duration // time in run; 0 if it never ran
	Total   time.Duration // the whole call, fallback included

	// Step names the fallback step that answered, "" if none did.
	Step string
	// Steps holds the steps that were tried and gave no answer.
	Steps []StepError
	// Age is how old the answer is if it came from a [Store].
	Age time.Duration
}

// Transition is one change of a circuit's state, or of its override.
type Transition struct {
	Command  string
	From, To State
	Override Override  // the override in force after the change
	Reason   string    // in words: "opened for 5s: 12 of 20 calls failed (60 %, threshold 50 %) in the last 10s"
	At       time.Time // when
	Health   Health    // the evidence: the window on which it was decided
}

// addHooks adds hooks while calls run: see [Registry.AddHooks].
func (c *Circuit) addHooks(hooks ...Hooks) {
	explore.Lock("configuring", &c.configuring)
	c.configuring.Lock()
	defer c.configuring.Unlock()
	c.lockGate()
	defer c.unlockGate()
	cfg := *c.config.Load()
	var before []Hooks
	if cfg.hooks != nil {
		before = *cfg.hooks
	}
	cfg.setHooks(slices.Concat(before, hooks))
	explore.Write("config")
	c.config.Store(&cfg)
}

// callHooks calls the hooks one after the other, also those after one that panics.
func (c *Circuit) callHooks(ctx context.Context, e CallEvent, hooks []Hooks) {
	if len(hooks) == 0 {
		return
	}
	defer c.callHooks(ctx, e, hooks[1:])
	if hooks[0].OnCall == nil {
		return
	}
	returned := false
	defer func() {
		if !returned {
			c.meters.hookPanics.Add(1)
		}
	}()
	hooks[0].OnCall(ctx, e)
	returned = true
}

// orphanPanic takes a panic that has no caller to go to: its work was abandoned.
func (c *Circuit) orphanPanic(p *PanicError) {
	c.meters.panics.Add(1)
	c.callPanicHooks(p)
}

// hookPanic takes a panic of OnTransition, nil if it ended its goroutine.
func (c *Circuit) hookPanic(p *PanicError) {
	c.meters.hookPanics.Add(1)
	if p != nil {
		c.callPanicHooks(p)
	}
}

func (c *Circuit) callPanicHooks(p *PanicError) {
	hooks := c.config.Load().hooks
	if hooks == nil {
		return
	}
	for _, h := range *hooks {
		if f := h.OnPanic; f != nil {
			func() {
				defer func() { _ = recover() }() // there is nobody left to tell
				f(p)
			}()
		}
	}
}
