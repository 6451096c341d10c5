package quill

import (
	"fmt"
	"slices"
	"time"
)

// Values of Settings that switch a limit off.
const (
	// Unlimited, as MaxConcurrent or MaxConcurrentFallbacks, sets no limit.
	Unlimited = -1
	// NoTimeout, as Timeout or FallbackTimeout, sets no deadline.
	NoTimeout time.Duration = -1
)

// Isolation is where run executes.
type Isolation uint8

// The kinds of isolation.
const (
	// Pool runs the work on a worker of the circuit's bounded pool: the caller leaves at
	// its deadline whatever run does. The default.
	Pool Isolation = iota
	// Semaphore runs the work on the caller's goroutine: the cheapest, and it trusts run
	// to obey its context. A call by [Go] has no such goroutine: its work runs on a worker
	// of the circuit, as in a Pool, or on a goroutine that ends with the call.
	Semaphore
)

var isolationNames = []string{"pool", "semaphore"}

// String returns "pool" or "semaphore".
func (i Isolation) String() string {
	if int(i) < len(isolationNames) {
		return isolationNames[i]
	}
	return fmt.Sprintf("Isolation(%d)", uint8(i))
}

// MarshalText writes the name.
func (i Isolation) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads the name.
func (i *Isolation) UnmarshalText(text []byte) error {
	at := slices.Index(isolationNames, string(text))
	if at < 0 {
		return fmt.Errorf("quill: isolation %q: must be one of %q", text, isolationNames)
	}
	*i = Isolation(at) //nolint:gosec // an index of isolationNames
	return nil
}

// Override is what an operator can put over the breaker's own judgement.
type Override uint8

// The overrides.
const (
	// NoOverride leaves the breaker to itself.
	NoOverride Override = iota
	// ForceOpen refuses every call, probes too.
	ForceOpen
	// ForceClosed admits every call. The breaker goes on judging underneath, so that
	// ending the override may find it open.
	ForceClosed
	// Disabled admits every call and does not judge; the statistics go on. When it ends the
	// breaker begins to judge afresh.
	Disabled
)

var overrideNames = []string{"none", "forced-open", "forced-closed", "disabled"}

// String returns "none", "forced-open", "forced-closed" or "disabled".
func (o Override) String() string {
	if int(o) < len(overrideNames) {
		return overrideNames[o]
	}
	return fmt.Sprintf("Override(%d)", uint8(o))
}

// MarshalText writes the name.
func (o Override) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the name.
func (o *Override) UnmarshalText(text []byte) error {
	at := slices.Index(overrideNames, string(text))
	if at < 0 {
		return fmt.Errorf("quill: override %q: must be one of %q", text, overrideNames)
	}
	*o = Override(at) //nolint:gosec // an index of overrideNames
	return nil
}

// Settings are the numbers of a circuit: plain data, comparable with ==, and JSON (with
// durations as "300ms"). Every zero field means its documented default. The terms and the
// defaults are Hystrix's where it has them.
type Settings struct {
	// Isolation is where run executes: Pool (default) or Semaphore.
	Isolation Isolation `json:"isolation,omitempty"`
	// Timeout is how long a call may take, its wait in the queue included: 1ms to 1h,
	// default 1s, or NoTimeout.
	Timeout time.Duration `json:"timeout,omitempty"`
	// MaxConcurrent is how many calls may run at once: 1 to 1,000,000, default 10, or
	// Unlimited.
	MaxConcurrent int `json:"maxConcurrent,omitempty"`
	// QueueSize is how many calls may wait for a slot: 0 (default) to 1,000,000. It needs
	// a Timeout, which bounds the wait, and a MaxConcurrent to wait for.
	QueueSize int `json:"queueSize,omitempty"`

	// RollingWindow is how far back statistics and judgement look: 100ms to 1h, default 10s.
	RollingWindow time.Duration `json:"rollingWindow,omitempty"`
	// RollingBuckets is into how many buckets the window is cut: 1 to 100, default 10. A
	// bucket must last 1ms or more.
	RollingBuckets int `json:"rollingBuckets,omitempty"`
	// RollingCalls, if set, makes the breaker judge the last n calls in place of those of
	// the last RollingWindow: 1 to 100,000. Statistics keep to RollingWindow.
	RollingCalls int `json:"rollingCalls,omitempty"`

	// RequestVolumeThreshold is how many calls must be in the window before the breaker
	// judges: 1 to 1,000,000,000, but not above RollingCalls; default 20 (or RollingCalls,
	// if that is smaller).
	RequestVolumeThreshold int `json:"requestVolumeThreshold,omitempty"`
	// ErrorPercentThreshold opens the circuit when at least so many per cent of the calls
	// in the window were errors: more than 0, at most 100, default 50.
	ErrorPercentThreshold float64 `json:"errorPercentThreshold,omitempty"`
	// IgnoreRejected leaves calls that the bulkhead rejected out of the window. By default
	// they count as errors, as in Hystrix.
	IgnoreRejected bool `json:"ignoreRejected,omitempty"`
	// SlowCallDuration, if set, makes a call slow that ran that long or longer, whatever
	// it returned: 1ms to 1h, and not above Timeout, which no call outlasts.
	SlowCallDuration time.Duration `json:"slowCallDuration,omitempty"`
	// SlowCallPercentThreshold opens the circuit when at least so many per cent of the
	// calls in the window were slow: more than 0, at most 100, default 50. Only with
	// SlowCallDuration.
	SlowCallPercentThreshold float64 `json:"slowCallPercentThreshold,omitempty"`

	// SleepWindow is how long an open circuit refuses everything before it lets a probe
	// through: 1ms to 24h, default 5s.
	SleepWindow time.Duration `json:"sleepWindow,omitempty"`
	// MaxSleepWindow, if set, lets the sleep window double with each probe that fails, up
	// to this: SleepWindow to 24h. By default the window does not grow.
	MaxSleepWindow time.Duration `json:"maxSleepWindow,omitempty"`
	// SleepWindowJitter lengthens each sleep window by a random share of up to so many
	// per cent, so that a fleet does not probe in step: 0 (default) to 100.
	SleepWindowJitter float64 `json:"sleepWindowJitter,omitempty"`
	// Probes is how many calls a half-open circuit admits at once, and how many of them
	// must succeed to close it: 1 (default) to 100.
	Probes int `json:"probes,omitempty"`
	// ProbeLease is how long a probe may be out before its place is given to another:
	// 1ms to 24h, default the longer of Timeout and SleepWindow. It must not be shorter
	// than Timeout: a result that comes after the lease is dropped, so calls that
	// outlast it could never close the circuit, even if they end within Timeout.
	ProbeLease time.Duration `json:"probeLease,omitempty"`

	// MaxConcurrentFallbacks is how many fallback chains may run at once: 1 to 1,000,000,
	// default 10, or Unlimited. OrElse is exempt.
	MaxConcurrentFallbacks int `json:"maxConcurrentFallbacks,omitempty"`
	// FallbackTimeout is how long each fallback step may take, by its context: 1ms to 1h,
	// default 1s, or NoTimeout.
	FallbackTimeout time.Duration `json:"fallbackTimeout,omitempty"`

	// Override forces the circuit open or closed or disables its breaker. An override set
	// by [Circuit.Override] goes before this one while it lasts.
	Override Override `json:"override,omitempty"`
}

// isSlow reports whether a run that took so long is a slow call. It expects defaults filled in.
func isSlow(s *Settings, took time.Duration) bool {
	return s.SlowCallDuration > 0 && took >= s.SlowCallDuration
}
