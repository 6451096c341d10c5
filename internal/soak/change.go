package main

import (
	"math/rand/v2"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// change gives the circuits other settings, limits and overrides until the end, and then
// takes the overrides away.
func (s *soak) change(r *rand.Rand, end <-chan struct{}) {
	tick := time.NewTicker(changeEvery)
	defer tick.Stop()
	for {
		select {
		case <-end:
			for _, d := range s.deps {
				s.must(d.Override(quill.NoOverride, 0, ""))
			}
			return
		case <-tick.C:
		}
		for _, d := range s.deps {
			next := d.newSettings(r)
			change := func() error { return d.Configure(next) }
			if d.shared {
				s.must(change())
			} else {
				s.must(d.hall.limits.set(next.MaxConcurrent, change))
			}
			s.sometimes(d, r)
			s.changes++
		}
		for _, b := range s.shared {
			n, queue := 1+r.IntN(mostConcurrent), r.IntN(1+mostQueued)
			s.must(b.hall.limits.set(n, func() error { return b.Resize(n, queue) }))
			s.changes++
		}
	}
}

// sometimes does what operators do less often. It also gives settings that must be refused.
func (s *soak) sometimes(d *dependency, r *rand.Rand) {
	switch r.IntN(30) {
	case 0:
		d.Reset()
	case 1:
		s.must(d.Override(quill.ForceOpen, time.Duration(1+r.IntN(4))*time.Millisecond, "soak"))
	case 2:
		s.must(d.Override(quill.ForceClosed, time.Duration(1+r.IntN(20))*time.Millisecond, "soak"))
	case 3:
		s.must(d.Override(quill.Disabled, time.Duration(1+r.IntN(20))*time.Millisecond, "soak"))
	case 4, 5:
		before, refused := d.Settings(), d.Stats().ConfigRejected
		err := d.Configure(quill.Settings{Timeout: 1, Probes: -5})
		if err == nil || d.Settings() != before || d.Stats().ConfigRejected != refused+1 {
			s.breaches.addf(figureSettings, "%s: settings out of range were taken, or not counted", d.Name())
		}
	}
}

func (s *soak) must(err error) {
	if err != nil {
		s.breaches.addf(figureSettings, "%v", err)
	}
}

// newSettings are any that make sense for calls of a millisecond or so.
func (d *dependency) newSettings(r *rand.Rand) quill.Settings {
	millis := func(low, high int) time.Duration { return time.Duration(low+r.IntN(high-low+1)) * time.Millisecond }
	some := func(n int) bool { return r.IntN(n) == 0 }
	s := quill.Settings{
		Timeout:                millis(2, 8),
		RollingWindow:          d.Settings().RollingWindow,
		RollingBuckets:         d.Settings().RollingBuckets,
		RollingCalls:           d.Settings().RollingCalls,
		ErrorPercentThreshold:  float64(30 + r.IntN(71)),
		IgnoreRejected:         some(2),
		SleepWindow:            millis(1, 20),
		SleepWindowJitter:      float64(r.IntN(50)),
		Probes:                 1 + r.IntN(3),
		MaxConcurrentFallbacks: 1 + r.IntN(10),
		FallbackTimeout:        millis(1, 8),
	}
	s.RequestVolumeThreshold = 1 + r.IntN(30)
	if some(10) { // a fresh window
		s.RollingWindow, s.RollingBuckets, s.RollingCalls = millis(100, 500), 1+r.IntN(20), 0
		if some(3) {
			s.RollingCalls = 30 + r.IntN(100)
		}
	}
	if some(3) {
		s.SlowCallDuration = 2 * time.Millisecond
	}
	if some(3) {
		s.MaxSleepWindow = s.SleepWindow * 3
	}
	if some(40) {
		s.Override = quill.Override(r.IntN(4)) //nolint:gosec // one of the four
	}
	if d.shared {
		return s
	}
	s.Isolation = d.Settings().Isolation
	if d.flipping {
		s.Isolation = quill.Isolation(r.IntN(2)) //nolint:gosec // one of the two
	}
	s.MaxConcurrent, s.QueueSize = 1+r.IntN(mostConcurrent), r.IntN(1+mostQueued)
	return s
}
