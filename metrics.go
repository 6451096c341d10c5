package quill

import (
	"iter"
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// Stats is the state and the counters of a circuit at one moment. It is a copy: it does not
// change after [Circuit.Stats] has returned it. The counters in Total only grow.
type Stats struct {
	Name string

	State          State         // of the breaker itself
	Override       Override      // what lies over it
	OverrideReason string        // as given to Circuit.Override
	OverrideLeft   time.Duration // how long the override still lasts; 0: until changed
	RetryAfter     time.Duration // until an open circuit lets a probe through; 0: at once, or not open
	LastTransition Transition    // the zero Transition if there was none

	Health Health // what the breaker judges
	Window Counts // the calls of the last RollingWindow, by outcome
	Total  Counts // all calls since the circuit was made, by outcome

	InFlight          int // calls of this circuit that hold a slot, abandoned work included
	Queued            int // calls waiting for a slot
	Abandoned         int // work whose caller has left and that still holds its slot
	Probes            int // probes that are out
	FallbacksInFlight int

	Execution      Latency // time in run, of the calls of the window that started
	Whole          Latency // the same calls from entry to answer, queue and fallback included
	TotalExecution Latency // the same since the circuit was made
	TotalWhole     Latency

	Fallbacks  []StepStats // the fallback steps, in the order in which they were declared
	Unanswered Unanswered  // failed calls since the circuit was made that no fallback answered

	Panics               uint64 // runs, classifiers, fallback steps and stores that panicked or ended by Goexit
	HookPanics           uint64 // hooks that panicked or ended by Goexit
	LateResults          uint64 // results that came too late to move the breaker
	StoreErrors          uint64 // answers that a Store could not keep
	NotificationsDropped uint64 // transitions that OnTransition did not get, since too many waited
	ConfigRejected       uint64 // calls of Circuit.Configure, Registry.Configure or Registry.Overlay that were refused: nothing changed

	// Settings are those in force, with defaults filled in. Isolation and limits are those
	// of the bulkhead, which Bulkhead names.
	Settings Settings
	Bulkhead string
}

// Open reports whether the circuit refuses calls now: it is forced open, or its breaker is open
// or half-open and neither forced closed nor disabled.
func (s Stats) Open() bool {
	switch s.Override {
	case ForceOpen:
		return true
	case ForceClosed, Disabled:
		return false
	case NoOverride:
	}
	return s.State != Closed
}

// Counts are numbers of calls by outcome.
type Counts struct {
	Success        uint64 `json:"success"`
	Failure        uint64 `json:"failure"`
	Timeout        uint64 `json:"timeout"`
	Rejected       uint64 `json:"rejected"`
	ShortCircuited uint64 `json:"shortCircuited"`
	Ignored        uint64 `json:"ignored"`
	Canceled       uint64 `json:"canceled"`
}

// Of returns the number of calls that ended as o.
func (c Counts) Of(o Outcome) uint64 {
	all := [numOutcomes]uint64{
		c.Success, c.Failure, c.Timeout, c.Rejected, c.ShortCircuited, c.Ignored, c.Canceled,
	}
	if int(o) >= numOutcomes {
		return 0
	}
	return all[o]
}

// Total returns the number of all calls.
func (c Counts) Total() uint64 {
	return c.Success + c.Failure + c.Timeout + c.Rejected + c.ShortCircuited + c.Ignored + c.Canceled
}

func countsOf(s window.Sums) Counts {
	apart := s[kindApart:]
	return Counts{
		s[Success] + apart[Success], s[Failure] + apart[Failure], s[Timeout] + apart[Timeout],
		s[Rejected] + apart[Rejected], s[ShortCircuited] + s[kindAnsweredOpen], s[Ignored], s[Canceled],
	}
}

// Health is the evidence on which a breaker judges: those calls of its window that say
// something about the dependency. Calls from before the breaker last closed are not in it.
type Health struct {
	Requests     uint64  `json:"requests"`
	Errors       uint64  `json:"errors"`   // failures, timeouts and calls that the bulkhead rejected
	Rejected     uint64  `json:"rejected"` // the last of these, which never reached the dependency
	Slow         uint64  `json:"slow"`
	ErrorPercent float64 `json:"errorPercent"` // 0 without requests
	SlowPercent  float64 `json:"slowPercent"`
}

func newHealth(requests, errs, rejected, slow uint64) Health {
	h := Health{Requests: requests, Errors: errs, Rejected: rejected, Slow: slow}
	if requests > 0 {
		h.ErrorPercent = rounded(float64(errs) * 100 / float64(requests))
		h.SlowPercent = rounded(float64(slow) * 100 / float64(requests))
	}
	return h
}

// rounded keeps two digits after the point, downwards, so that what is shown never reaches
// a threshold that the breaker does not see reached.
func rounded(p float64) float64 { return float64(int64(p*100)) / 100 }

// Latency is a distribution of durations. Count and sum are exact. A percentile between 256ns
// and 137s is off by at most 6.25 per cent; below 256ns by at most 128ns, and what is longer
// than 137s counts as 137s.
type Latency struct{ dist window.Dist }

// Count returns how many durations there are.
func (l Latency) Count() uint64 { return l.dist.Count() }

// Sum returns their sum.
func (l Latency) Sum() time.Duration { return l.dist.Sum() }

// Mean returns their mean, 0 if there are none.
func (l Latency) Mean() time.Duration { return l.dist.Mean() }

// Percentile returns the duration that p per cent of them do not exceed; p below 0 or NaN
// is 0, above 100 is 100. It returns 0 if there are none.
func (l Latency) Percentile(p float64) time.Duration { return l.dist.Percentile(p) }

// Buckets yields the upper bound of each bucket that is not empty and the number of
// durations in it, in ascending order.
func (l Latency) Buckets() iter.Seq2[time.Duration, uint64] { return l.dist.Buckets() }

// StepStats are the numbers of one fallback step since the circuit was made.
type StepStats struct {
	Step     string `json:"step"`
	Answered uint64 `json:"answered"`
	Failed   uint64 `json:"failed"`
	Rejected uint64 `json:"rejected"` // not tried: MaxConcurrentFallbacks
}

// Stats returns what the circuit knows of itself. It waits for no call and moves nothing;
// it is right without traffic.
func (c *Circuit) Stats() Stats {
	g := &c.gate
	steps := c.stepStats() // before the calls: each is counted before its fallback answers
	c.lockGate()
	now, cfg := c.now(), c.config.Load()
	// A call is counted, then its time in run is recorded, then its whole time. They are
	// read the other way round, and the window before the totals, so that calls that end
	// meanwhile never make a part larger than the whole (invariant B7).
	execution, whole := cfg.ring.Dists(now)
	totalExecution, totalWhole := c.times.Snapshot()
	unanswered := unansweredOf(c.counters.Sums()) // a call is counted there last
	total := c.counters.Sums()
	s := Stats{
		Execution: Latency{execution}, Whole: Latency{whole},
		TotalExecution: Latency{totalExecution}, TotalWhole: Latency{totalWhole},

		Name:           c.name,
		State:          g.machine.state,
		RetryAfter:     g.machine.retryAfter(now),
		LastTransition: g.lastLocked(),
		Health:         c.healthOfLocked(now, total),
		Window:         countsOf(cfg.ring.SumsOf(now, total, window.Sums{})),
		Total:          countsOf(total),
		Unanswered:     unanswered,
		Probes:         g.machine.probesOut(now),
		Settings:       cfg.Settings,
		Override:       cfg.Override,
	}
	if g.override.inForce(now) {
		s.Override, s.OverrideReason = g.override.kind, g.override.reason
		s.OverrideLeft = max(0, g.override.until-now)
	}
	s.NotificationsDropped = c.notifier.droppedSoFar()
	c.unlockGate()

	m := &c.meters
	s.Queued, s.FallbacksInFlight = int(m.queued.Load()), int(m.fallbacks.Load())
	s.Panics, s.HookPanics, s.LateResults = m.panics.Load(), m.hookPanics.Load(), m.stale.Load()
	s.StoreErrors = m.storeErrors.Load()
	s.Fallbacks, s.ConfigRejected = steps, m.configRejected.Load()
	b := c.bulkhead.Stats()
	s.InFlight, s.Abandoned = c.heldOf(b)
	s.Bulkhead = b.Name
	s.Settings.Isolation, s.Settings.MaxConcurrent, s.Settings.QueueSize = b.Isolation, b.MaxConcurrent, b.QueueSize
	return s
}
