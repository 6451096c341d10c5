package hystrix

import (
	"fmt"
	"maps"
	"slices"
)

// CommandProps are the properties of a Hystrix command that change what can be observed.
type CommandProps struct {
	Semaphore         bool // THREAD otherwise
	Timeout           int  // ms
	TimeoutEnabled    bool
	InterruptOnTime   bool // whether the body hears of its timeout
	InterruptOnCancel bool // and of a cancel that asks for it
	MaxConcurrent     int  // of a semaphore
	MaxFallbacks      int
	FallbackEnabled   bool

	BreakerEnabled          bool
	ForceOpen, ForceClosed  bool
	Volume, Sleep, ErrorPct int
	Window, Buckets         int // ms, count
	Snapshot                int // ms between two looks at the health
}

// DefaultCommandProps are Hystrix's defaults.
func DefaultCommandProps() CommandProps {
	return CommandProps{
		Timeout: 1000, TimeoutEnabled: true, InterruptOnTime: true, MaxConcurrent: 10, MaxFallbacks: 10,
		FallbackEnabled: true, BreakerEnabled: true, Volume: 20, Sleep: 5000, ErrorPct: 50,
		Window: 10_000, Buckets: 10, Snapshot: 500,
	}
}

// commandProperties sets each property of a command by its name. Those with nil have no
// meaning here: they tune what cannot be observed, or what quill does not have.
var commandProperties = map[string]func(p *CommandProps) any{
	"execution.isolation.strategy":                        func(p *CommandProps) any { return (*strategy)(&p.Semaphore) },
	"execution.isolation.thread.timeoutInMilliseconds":    func(p *CommandProps) any { return &p.Timeout },
	"execution.timeout.enabled":                           func(p *CommandProps) any { return &p.TimeoutEnabled },
	"execution.isolation.thread.interruptOnTimeout":       func(p *CommandProps) any { return &p.InterruptOnTime },
	"execution.isolation.thread.interruptOnFutureCancel":  func(p *CommandProps) any { return &p.InterruptOnCancel },
	"execution.isolation.semaphore.maxConcurrentRequests": func(p *CommandProps) any { return &p.MaxConcurrent },
	"fallback.isolation.semaphore.maxConcurrentRequests":  func(p *CommandProps) any { return &p.MaxFallbacks },
	"fallback.enabled":                                    func(p *CommandProps) any { return &p.FallbackEnabled },
	"circuitBreaker.enabled":                              func(p *CommandProps) any { return &p.BreakerEnabled },
	"circuitBreaker.forceOpen":                            func(p *CommandProps) any { return &p.ForceOpen },
	"circuitBreaker.forceClosed":                          func(p *CommandProps) any { return &p.ForceClosed },
	"circuitBreaker.requestVolumeThreshold":               func(p *CommandProps) any { return &p.Volume },
	"circuitBreaker.sleepWindowInMilliseconds":            func(p *CommandProps) any { return &p.Sleep },
	"circuitBreaker.errorThresholdPercentage":             func(p *CommandProps) any { return &p.ErrorPct },
	"metrics.rollingStats.timeInMilliseconds":             func(p *CommandProps) any { return &p.Window },
	"metrics.rollingStats.numBuckets":                     func(p *CommandProps) any { return &p.Buckets },
	"metrics.healthSnapshot.intervalInMilliseconds":       func(p *CommandProps) any { return &p.Snapshot },
	"metrics.rollingPercentile.enabled":                   nil,
	"metrics.rollingPercentile.timeInMilliseconds":        nil,
	"metrics.rollingPercentile.numBuckets":                nil,
	"metrics.rollingPercentile.bucketSize":                nil,
	"requestCache.enabled":                                nil,
	"requestLog.enabled":                                  nil,
}

// belowZeroIsZero are the numbers of which Hystrix only asks whether something is below or
// above them that is never negative itself (and the timeout, which its timer refuses either
// way): less than 0 does what 0 does.
var belowZeroIsZero = map[string]bool{
	"execution.isolation.thread.timeoutInMilliseconds":    true,
	"execution.isolation.semaphore.maxConcurrentRequests": true,
	"fallback.isolation.semaphore.maxConcurrentRequests":  true,
	"circuitBreaker.requestVolumeThreshold":               true,
	"circuitBreaker.sleepWindowInMilliseconds":            true,
	"circuitBreaker.errorThresholdPercentage":             true,
	"queueSizeRejectionThreshold":                         true,
}

// strategy is true for SEMAPHORE.
type strategy bool

// PoolProps are the properties of a Hystrix thread pool.
type PoolProps struct {
	Core, Maximum, Queue, Threshold int
	Diverge                         bool
	Window                          int // ms
}

// DefaultPoolProps are Hystrix's defaults.
func DefaultPoolProps() PoolProps {
	return PoolProps{Core: 10, Maximum: 10, Queue: -1, Threshold: 5, Window: 10_000}
}

var poolProperties = map[string]func(p *PoolProps) any{
	"coreSize":                                func(p *PoolProps) any { return &p.Core },
	"maximumSize":                             func(p *PoolProps) any { return &p.Maximum },
	"maxQueueSize":                            func(p *PoolProps) any { return &p.Queue },
	"queueSizeRejectionThreshold":             func(p *PoolProps) any { return &p.Threshold },
	"allowMaximumSizeToDivergeFromCoreSize":   func(p *PoolProps) any { return &p.Diverge },
	"keepAliveTimeMinutes":                    nil,
	"metrics.rollingStats.timeInMilliseconds": func(p *PoolProps) any { return &p.Window },
	"metrics.rollingStats.numBuckets":         nil,
}

// Set sets a property by its name.
func (p *CommandProps) Set(name string, value any) error {
	return assign(p, commandProperties, name, value)
}

// SetAll sets properties by their names.
func (p *CommandProps) SetAll(values map[string]any) error { return setAll(p.Set, values) }

// Set sets a property by its name.
func (p *PoolProps) Set(name string, value any) error { return assign(p, poolProperties, name, value) }

// SetAll sets properties by their names.
func (p *PoolProps) SetAll(values map[string]any) error { return setAll(p.Set, values) }

func setAll(set func(name string, value any) error, values map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := set(name, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// assign sets a property of p by its name.
func assign[P any](p *P, known map[string]func(*P) any, name string, value any) error {
	at, ok := known[name]
	switch {
	case !ok:
		return fmt.Errorf("the property %q is not known", name)
	case at == nil:
		return nil
	}
	switch to := at(p).(type) {
	case *int:
		n, isNumber := value.(float64)
		if !isNumber || n != float64(int(n)) {
			return fmt.Errorf("the property %q is %v: must be a whole number", name, value)
		}
		*to = int(n)
		if belowZeroIsZero[name] {
			*to = max(0, *to)
		}
	case *bool:
		b, isBool := value.(bool)
		if !isBool {
			return fmt.Errorf("the property %q is %v: must be true or false", name, value)
		}
		*to = b
	case *strategy:
		if value != "THREAD" && value != "SEMAPHORE" {
			return fmt.Errorf("the property %q is %v: must be THREAD or SEMAPHORE", name, value)
		}
		*to = value == "SEMAPHORE"
	}
	return nil
}

// Limits are what quill's one limit and its queue are for the pool: its number of slots and
// of waiting places. Hystrix's pool grows beyond its core only where its queue can fill up,
// that is, where the rejection threshold is above the queue's size.
func (p *PoolProps) Limits() (maxConcurrent, queueSize int) {
	most := p.Core
	if p.Diverge {
		most = max(p.Core, p.Maximum)
	}
	switch {
	case p.Queue <= 0:
		return most, 0
	case p.Threshold <= p.Queue:
		return p.Core, max(0, p.Threshold)
	}
	return most, p.Queue
}
