package quill

import (
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// Shadow is what a candidate setting would have done with the calls of a circuit, while it
// refused none of them: see [Circuit.SetShadow].
type Shadow struct {
	Since    time.Time // when it was set; it tells one candidate from the next
	Settings Settings  // the candidate, defaults filled in
	State    State     // of its breaker
	Health   Health    // what its breaker judges

	Calls          uint64 // the calls that really ran since it was set
	ShortCircuited uint64 // of Calls: those its breaker would have refused
	Rejected       uint64 // of Calls: those its bulkhead would have rejected
	TimedOut       uint64 // of Calls: those that ran for its Timeout or longer and did not end as a Timeout

	RefusedFailed     uint64 // of ShortCircuited and Rejected: those that failed or timed out
	RefusedSucceeded  uint64 // of ShortCircuited and Rejected: those that succeeded
	TimedOutSucceeded uint64 // of TimedOut: those that succeeded

	Explanation Explanation // of its state, with its transitions
}

// PassThrough returns settings that refuse nothing, cut nothing and judge nothing: with
// [WithShadow] they are shadow mode for a whole circuit, which is how to introduce a
// breaker into a running system.
func PassThrough() Settings {
	return Settings{Isolation: Semaphore, Timeout: NoTimeout, MaxConcurrent: Unlimited, Override: Disabled}
}

// WithShadow sets a candidate beside the settings in force, as [Circuit.SetShadow] does.
func WithShadow(candidate Settings) Option {
	return optionFunc(func(o *options) {
		if o.shadow != nil {
			o.problems = append(o.problems, "two shadows are given")
		}
		o.shadow = &candidate
	})
}

// SetShadow sets a candidate beside the settings in force, and replaces a former one. A
// breaker and a bulkhead run with the candidate on the real calls, and refuse none of them.
// [Circuit.Shadow] returns what they would have done. It returns a [*SettingsError], and changes nothing, if a
// field is out of range. It is safe for concurrent use; calls under way are not seen.
//
// The candidate sees only calls that really run, none that the settings in force refuse. A
// call that it would have refused does not count as evidence for it. A call that ran for its
// Timeout or longer counts as a Timeout however it ended, but only when the call ends, not
// at the Timeout. The candidate has no queue: its QueueSize is added to its MaxConcurrent.
// The time that a call waited for the real slot does not count towards its Timeout.
func (c *Circuit) SetShadow(candidate Settings) error {
	if err := candidate.validate(c.name); err != nil {
		return err
	}
	c.putShadow(c.newShadow(candidate))
	return nil
}

// EndShadow takes the candidate away, if there is one.
func (c *Circuit) EndShadow() { c.putShadow(nil) }

func (c *Circuit) putShadow(s *shadow) {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	c.lockGate()
	defer c.unlockGate()
	cfg := *c.config.Load()
	cfg.setShadow(s)
	c.config.Store(&cfg)
}

// Shadow returns what the candidate would have done so far. It reports false if there is
// none. It waits for no call and moves nothing.
func (c *Circuit) Shadow() (Shadow, bool) {
	s := c.config.Load().shadow
	if s == nil {
		return Shadow{}, false
	}
	r := Shadow{Since: s.since, Settings: s.candidate, Explanation: s.twin.Explain()}
	r.State, r.Health = r.Explanation.State, r.Explanation.Health
	// What a call adds first is read last, so that no part is larger than its whole.
	r.RefusedFailed, r.RefusedSucceeded = s.refusedFailed.Load(), s.refusedSucceeded.Load()
	r.TimedOutSucceeded = s.timedOutSucceeded.Load()
	r.TimedOut = s.timedOut.Load()
	r.ShortCircuited, r.Rejected = s.shortCircuited.Load(), s.rejected.Load()
	r.Calls = s.calls.Load()
	return r, true
}

// shadow runs a candidate: its machine is a circuit of its own, which no caller ever sees
// and which is told what the real one's calls did.
type shadow struct {
	twin      *Circuit
	candidate Settings // defaults filled in
	since     time.Time

	calls, shortCircuited, rejected, timedOut          atomic.Uint64
	refusedFailed, refusedSucceeded, timedOutSucceeded atomic.Uint64
}

func (c *Circuit) newShadow(candidate Settings) *shadow {
	s := candidate
	s.Isolation = Semaphore // where the work runs is not the candidate's to say
	if s = s.WithDefaults(); s.MaxConcurrent != Unlimited {
		s.MaxConcurrent += s.QueueSize
	}
	s.QueueSize = 0
	twin := newCircuit(c.name, &options{settings: s, redact: c.redact})
	twin.born = c.born // so that the one's times are the other's
	return &shadow{twin: twin, candidate: candidate.WithDefaults(), since: time.Now()}
}

// shadowCall is one call as the candidate sees it.
type shadowCall struct {
	shadow   *shadow
	token    token
	admitted bool
}

// enter asks the candidate whether it would let a call run, at now, when it does.
func (s *shadow) enter(now time.Duration) *shadowCall {
	t := s.twin
	s.calls.Add(1)
	k := &shadowCall{shadow: s}
	a := t.admit(now, t.config.Load())
	if !a.ok {
		s.shortCircuited.Add(1)
		t.advanceWindow(now)
		t.judge(now, token{}, ShortCircuited, false, false, ErrOpen, window.NoSeat)
		return k
	}
	if _, ok := t.bulkhead.acquire(window.NoSeat); !ok {
		s.rejected.Add(1)
		t.advanceWindow(now)
		t.recordSample(now, Rejected, false, 0, ErrFull)
		t.judge(now, a.token, Rejected, false, false, ErrFull, window.NoSeat)
		return k
	}
	k.token, k.admitted = a.token, true
	return k
}

// settle tells the candidate how the call ended that ran for took.
func (k *shadowCall) settle(now time.Duration, o Outcome, took time.Duration, err error) {
	s, t := k.shadow, k.shadow.twin
	if !k.admitted {
		switch o {
		case Success:
			s.refusedSucceeded.Add(1)
		case Failure, Timeout:
			s.refusedFailed.Add(1)
		case Rejected, ShortCircuited, Ignored, Canceled:
		}
		return
	}
	t.giveBack(window.NoSeat)
	if limit := s.candidate.Timeout; limit != NoTimeout && took >= limit && o != Timeout {
		s.timedOut.Add(1)
		if o == Success {
			s.timedOutSucceeded.Add(1)
		}
		o, err = Timeout, ErrTimeout
	}
	slow := isSlow(&s.candidate, took)
	t.advanceWindow(now)
	t.recordSample(now, o, true, took, err)
	t.judge(now, k.token, o, true, slow, err, window.NoSeat)
	t.times.Record(took, window.NoSeat)
}
