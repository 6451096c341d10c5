package hystrix

import (
	"math"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// The bounds of quill's settings.
const (
	mostConcurrent = 1_000_000
	mostVolume     = 1_000_000_000
	longestTimeout = time.Hour
	longestSleep   = 24 * time.Hour
)

// effective is what a circuit goes by: s, which says what hystrix-go's settings say, and
// beyond that extra. Whatever s holds, the result is valid.
func effective(s *Settings, extra *quill.Settings) quill.Settings {
	var q quill.Settings
	if extra != nil {
		q = *extra
	}
	q.Timeout = quillTimeout(s.Timeout)
	q.MaxConcurrent = quillConcurrent(s.MaxConcurrentRequests)
	q.SleepWindow = min(max(s.SleepWindow, time.Millisecond), longestSleep)
	q.RequestVolumeThreshold = int(min(max(s.RequestVolumeThreshold, 1), mostVolume))
	if extra == nil || extra.ErrorPercentThreshold == 0 || wholePercent(extra.ErrorPercentThreshold) != s.ErrorPercentThreshold {
		q.ErrorPercentThreshold = quillPercent(s.ErrorPercentThreshold)
	}
	if s.ErrorPercentThreshold > 100 {
		q.RequestVolumeThreshold = mostVolume
	}
	if q.MaxConcurrentFallbacks == 0 {
		q.MaxConcurrentFallbacks = quill.Unlimited
	}
	if q.FallbackTimeout == 0 {
		q.FallbackTimeout = quill.NoTimeout
	}
	fit(&q)
	return q
}

// divided is the reverse of effective: the settings by which a command goes on as q says. What
// zero means to others than quill is filled in.
func divided(q quill.Settings) (*Settings, *quill.Settings) {
	full := q.WithDefaults()
	q.ErrorPercentThreshold = full.ErrorPercentThreshold
	q.MaxConcurrentFallbacks, q.FallbackTimeout = full.MaxConcurrentFallbacks, full.FallbackTimeout
	return &Settings{
		Timeout:                full.Timeout,
		MaxConcurrentRequests:  full.MaxConcurrent,
		RequestVolumeThreshold: uint64(full.RequestVolumeThreshold), //nolint:gosec // valid: not negative
		SleepWindow:            full.SleepWindow,
		ErrorPercentThreshold:  wholePercent(full.ErrorPercentThreshold),
	}, &q
}

func quillTimeout(d time.Duration) time.Duration {
	if d == quill.NoTimeout || d > longestTimeout {
		return quill.NoTimeout
	}
	return max(d, time.Millisecond)
}

func quillConcurrent(n int) int {
	if n < 0 || n > mostConcurrent {
		return quill.Unlimited
	}
	return max(n, 1)
}

// quillPercent is the share from which hystrix-go, which rounds it to the nearest per cent
// and halves upwards, sees the threshold reached.
func quillPercent(threshold int) float64 {
	const least = 0.01
	return min(max(float64(threshold)-0.5, least), 100)
}

// wholePercent is how a threshold of quill's shows in Settings.
func wholePercent(p float64) int { return int(math.Ceil(p)) }

// fit makes what hystrix-go does not know give way to what it does.
func fit(q *quill.Settings) {
	if q.RollingCalls > 0 && q.RequestVolumeThreshold > q.RollingCalls {
		if q.RequestVolumeThreshold == mostVolume && q.Override == quill.NoOverride {
			q.Override = quill.Disabled // never opens
		}
		q.RequestVolumeThreshold = q.RollingCalls
	}
	if q.MaxSleepWindow != 0 {
		q.MaxSleepWindow = max(q.MaxSleepWindow, q.SleepWindow)
	}
	if q.Timeout == quill.NoTimeout || q.MaxConcurrent == quill.Unlimited {
		q.QueueSize = 0
	}
	if q.Timeout == quill.NoTimeout {
		return
	}
	q.SlowCallDuration = min(q.SlowCallDuration, q.Timeout)
	if q.ProbeLease != 0 {
		q.ProbeLease = max(q.ProbeLease, q.Timeout)
	}
}
