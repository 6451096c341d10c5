package play

import (
	"time"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/conformance/hystrix"
)

// settingsOf returns quill's Settings for the same behavior. Where Hystrix gives 0 a meaning of
// its own and quill means its default by it, the nearest value that behaves alike is taken:
// a sleep window of 0 is 1 ms, a volume of 0 is one call. (For less than 0 see
// belowZeroIsZero in hystrix, for limits of 0 occupyFallbacks; where there is no such value, see the
// differences.) An error percentage above 100 says that the breaker never opens: quill's
// word for that is Disabled.
func settingsOf(p *hystrix.CommandProps, ownBulkhead bool) quill.Settings {
	s := quill.Settings{
		Timeout:                time.Duration(p.Timeout) * time.Millisecond,
		RollingWindow:          time.Duration(p.Window) * time.Millisecond,
		RollingBuckets:         p.Buckets,
		RequestVolumeThreshold: max(1, p.Volume),
		ErrorPercentThreshold:  float64(p.ErrorPct),
		SleepWindow:            max(time.Millisecond, time.Duration(p.Sleep)*time.Millisecond),
		MaxConcurrentFallbacks: max(1, p.MaxFallbacks),
		FallbackTimeout:        quill.NoTimeout, // Hystrix has none
		Override:               overrideOf(p),
	}
	if !p.TimeoutEnabled {
		s.Timeout = quill.NoTimeout
	}
	if p.ErrorPct > 100 {
		s.ErrorPercentThreshold = 0
	}
	if ownBulkhead && p.Semaphore {
		s.Isolation, s.MaxConcurrent = quill.Semaphore, p.MaxConcurrent
	}
	return s
}

func overrideOf(p *hystrix.CommandProps) quill.Override {
	switch {
	case !p.BreakerEnabled:
		return quill.Disabled
	case p.ForceOpen:
		return quill.ForceOpen
	case p.ErrorPct > 100:
		return quill.Disabled
	case p.ForceClosed:
		return quill.ForceClosed
	}
	return quill.NoOverride
}
