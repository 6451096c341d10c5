package play

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// commandProps are the properties of a Hystrix command that mean something to quill, with
// Hystrix's defaults.
type commandProps struct {
	semaphore         bool
	timeout           int // ms
	timeoutEnabled    bool
	interruptOnTime   bool // whether the body hears of its timeout
	interruptOnCancel bool // and of a cancel that asks for it
	maxConcurrent     int  // of a semaphore
	maxFallbacks      int
	fallbackEnabled   bool

	breakerEnabled          bool
	forceOpen, forceClosed  bool
	volume, sleep, errorPct int
	window, buckets         int // ms, count
	snapshot                int // ms; quill judges at once, so it needs none
}

func defaultCommandProps() commandProps {
	return commandProps{
		timeout: 1000, timeoutEnabled: true, interruptOnTime: true, maxConcurrent: 10, maxFallbacks: 10,
		fallbackEnabled: true, breakerEnabled: true, volume: 20, sleep: 5000, errorPct: 50,
		window: 10_000, buckets: 10, snapshot: 500,
	}
}

// commandProperties sets each property of a command by its name. Those with nil have no
// meaning for quill: they tune what it does not have.
var commandProperties = map[string]func(p *commandProps) any{
	"execution.isolation.strategy":                        func(p *commandProps) any { return (*strategy)(&p.semaphore) },
	"execution.isolation.thread.timeoutInMilliseconds":    func(p *commandProps) any { return &p.timeout },
	"execution.timeout.enabled":                           func(p *commandProps) any { return &p.timeoutEnabled },
	"execution.isolation.thread.interruptOnTimeout":       func(p *commandProps) any { return &p.interruptOnTime },
	"execution.isolation.thread.interruptOnFutureCancel":  func(p *commandProps) any { return &p.interruptOnCancel },
	"execution.isolation.semaphore.maxConcurrentRequests": func(p *commandProps) any { return &p.maxConcurrent },
	"fallback.isolation.semaphore.maxConcurrentRequests":  func(p *commandProps) any { return &p.maxFallbacks },
	"fallback.enabled":                                    func(p *commandProps) any { return &p.fallbackEnabled },
	"circuitBreaker.enabled":                              func(p *commandProps) any { return &p.breakerEnabled },
	"circuitBreaker.forceOpen":                            func(p *commandProps) any { return &p.forceOpen },
	"circuitBreaker.forceClosed":                          func(p *commandProps) any { return &p.forceClosed },
	"circuitBreaker.requestVolumeThreshold":               func(p *commandProps) any { return &p.volume },
	"circuitBreaker.sleepWindowInMilliseconds":            func(p *commandProps) any { return &p.sleep },
	"circuitBreaker.errorThresholdPercentage":             func(p *commandProps) any { return &p.errorPct },
	"metrics.rollingStats.timeInMilliseconds":             func(p *commandProps) any { return &p.window },
	"metrics.rollingStats.numBuckets":                     func(p *commandProps) any { return &p.buckets },
	"metrics.healthSnapshot.intervalInMilliseconds":       func(p *commandProps) any { return &p.snapshot },
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

// poolProps are the properties of a Hystrix thread pool.
type poolProps struct {
	core, maximum, queue, threshold int
	diverge                         bool
}

func defaultPoolProps() poolProps { return poolProps{core: 10, maximum: 10, queue: -1, threshold: 5} }

var poolProperties = map[string]func(p *poolProps) any{
	"coreSize":                                func(p *poolProps) any { return &p.core },
	"maximumSize":                             func(p *poolProps) any { return &p.maximum },
	"maxQueueSize":                            func(p *poolProps) any { return &p.queue },
	"queueSizeRejectionThreshold":             func(p *poolProps) any { return &p.threshold },
	"allowMaximumSizeToDivergeFromCoreSize":   func(p *poolProps) any { return &p.diverge },
	"keepAliveTimeMinutes":                    nil,
	"metrics.rollingStats.timeInMilliseconds": nil,
	"metrics.rollingStats.numBuckets":         nil,
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

func assignAll[P any](p *P, known map[string]func(*P) any, values map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := assign(p, known, name, values[name]); err != nil {
			return err
		}
	}
	return nil
}

// settings are quill's Settings for the same behavior. Where Hystrix gives 0 a meaning of
// its own and quill means its default by it, the nearest value that behaves alike is taken:
// a sleep window of 0 is 1 ms, a volume of 0 is one call. (For less than 0 see
// belowZeroIsZero, for limits of 0 occupyFallbacks; where there is no such value, see the
// differences.) An error percentage above 100 says that the breaker never opens: quill's
// word for that is Disabled.
func (p *commandProps) settings(ownBulkhead bool) quill.Settings {
	s := quill.Settings{
		Timeout:                time.Duration(p.timeout) * time.Millisecond,
		RollingWindow:          time.Duration(p.window) * time.Millisecond,
		RollingBuckets:         p.buckets,
		RequestVolumeThreshold: max(1, p.volume),
		ErrorPercentThreshold:  float64(p.errorPct),
		SleepWindow:            max(time.Millisecond, time.Duration(p.sleep)*time.Millisecond),
		MaxConcurrentFallbacks: max(1, p.maxFallbacks),
		FallbackTimeout:        quill.NoTimeout, // Hystrix has none
		Override:               p.override(),
	}
	if !p.timeoutEnabled {
		s.Timeout = quill.NoTimeout
	}
	if p.errorPct > 100 {
		s.ErrorPercentThreshold = 0
	}
	if ownBulkhead && p.semaphore {
		s.Isolation, s.MaxConcurrent = quill.Semaphore, p.maxConcurrent
	}
	return s
}

func (p *commandProps) override() quill.Override {
	switch {
	case !p.breakerEnabled:
		return quill.Disabled
	case p.forceOpen:
		return quill.ForceOpen
	case p.forceClosed:
		return quill.ForceClosed
	case p.errorPct > 100:
		return quill.Disabled
	}
	return quill.NoOverride
}

// limits are a pool's number of slots and of waiting places. Hystrix's pool grows beyond
// its core only where its queue can fill up, that is, where the rejection threshold is
// above the queue's size.
func (p *poolProps) limits() (maxConcurrent, queueSize int) {
	most := p.core
	if p.diverge {
		most = max(p.core, p.maximum)
	}
	switch {
	case p.queue <= 0:
		return most, 0
	case p.threshold <= p.queue:
		return p.core, max(0, p.threshold)
	}
	return most, p.queue
}
