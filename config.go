package quill

import (
	"math"
	"slices"
	"time"

	"github.com/seed-f7c3343e/quill/internal/window"
)

// terms are what settings say, whatever circuit they are of. They are not written once they are
// made: circuits that are made one after the other with the same settings share them.
type terms struct {
	Settings          // defaults filled in
	given    Settings // as they were given

	rules rules
}

func newTerms(given Settings) *terms {
	s := given.WithDefaults()
	return &terms{Settings: s, given: given, rules: rules{
		volume:       uint64(s.RequestVolumeThreshold), //nolint:gosec // validated: not negative
		errorPercent: s.ErrorPercentThreshold,
		slowPercent:  s.SlowCallPercentThreshold,
		sleep:        s.SleepWindow,
		maxSleep:     s.MaxSleepWindow,
		jitter:       s.SleepWindowJitter / 100,
		probes:       s.Probes,
		lease:        leaseOf(&s),
	}}
}

// declared are the terms of o's settings: those of the circuit before, if they are the same.
func (o *options) declared() *terms {
	if o.terms != nil && o.terms.given == o.settings {
		return o.terms
	}
	return newTerms(o.settings)
}

// config is one version of a circuit's settings and what follows from them, and of what else can be
// changed while calls run. A call loads it once.
type config struct {
	*terms

	timeout    time.Duration // as in terms, which most calls need not look at
	plainBelow time.Duration // a success that takes less only adds to a counter: see execution.isPlain
	ring       *window.Ring
	last       *window.Last // guarded by gate.mu; nil unless RollingCalls is set
	shadow     *shadow      // nil: there is none
	hooks      *[]Hooks     // nil: there are none; one word, so that a config has 64 bytes
	tellsCalls bool         // one of them has OnCall
	pooled     bool
}

// newConfig is a config of these terms. It keeps the window of old if they ask for the same.
func (c *Circuit) newConfig(t *terms, old *config, now time.Duration) *config {
	cfg := &config{terms: t, timeout: t.Timeout, pooled: t.Isolation == Pool}
	if c.shared {
		cfg.pooled = c.bulkhead.Isolation() == Pool
	}
	cfg.setShadow(nil)
	if old != nil {
		cfg.hooks, cfg.tellsCalls = old.hooks, old.tellsCalls
		cfg.setShadow(old.shadow)
		if sameWindow(&old.Settings, &t.Settings) {
			cfg.ring, cfg.last = old.ring, old.last
			return cfg
		}
	}
	cfg.ring = window.NewRing(t.RollingWindow, t.RollingBuckets, now, &c.counters, &c.times)
	if t.RollingCalls > 0 {
		cfg.last = window.NewLast(t.RollingCalls)
	}
	return cfg
}

func (cfg *config) setHooks(hooks []Hooks) {
	cfg.hooks = &hooks
	cfg.tellsCalls = slices.ContainsFunc(hooks, func(h Hooks) bool { return h.OnCall != nil })
}

// setShadow sets the candidate, and with it which successes are plain: none where each call is
// kept or shown to a candidate, all but the slow ones elsewhere.
func (cfg *config) setShadow(s *shadow) {
	cfg.shadow = s
	switch {
	case s != nil || cfg.RollingCalls > 0:
		cfg.plainBelow = 0
	case cfg.SlowCallDuration > 0:
		cfg.plainBelow = cfg.SlowCallDuration
	default:
		cfg.plainBelow = math.MaxInt64
	}
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
