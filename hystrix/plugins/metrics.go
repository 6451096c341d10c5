package plugins

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// metrics are counters and timers by name.
type metrics struct {
	mu       sync.Mutex
	counters map[string]int64
	timers   map[string]*timer
}

func newMetrics() *metrics {
	return &metrics{counters: make(map[string]int64), timers: make(map[string]*timer)}
}

func (m *metrics) count(name string, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters[name] += n
}

func (m *metrics) time(name string, d time.Duration, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.timers[name]
	if !ok {
		t = &timer{began: now, ticked: now}
		m.timers[name] = t
	}
	t.add(d, now)
}

// lines are all metrics as "name value", sorted.
func (m *metrics) lines(now time.Time) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m.counters)) {
		lines = append(lines, fmt.Sprintf("%s.count %d", name, m.counters[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(m.timers)) {
		for _, v := range m.timers[name].values(now) {
			lines = append(lines, name+"."+v)
		}
	}
	return lines
}

// sampled is of how many durations, the last ones, a timer knows the distribution.
const sampled = 1028

// timer knows how many durations there were, how often they come, and what the last ones
// were like.
type timer struct {
	n      int64
	last   []time.Duration // a ring, once it is full
	began  time.Time
	ticked time.Time // when the rates were worked out last
	since  int64     // durations since then
	rates  [3]float64
	rated  bool
}

// The rates forget in these minutes, and are worked out every few seconds.
var rateMinutes = [3]float64{1, 5, 15}

const (
	rateTick  = 5 * time.Second
	forgotten = 24 * time.Hour // without events: all rates are 0 by then
)

func (t *timer) add(d time.Duration, now time.Time) {
	t.tick(now)
	if len(t.last) < sampled {
		t.last = append(t.last, d)
	} else {
		t.last[t.n%sampled] = d
	}
	t.n++
	t.since++
}

// tick works the rates out for the ticks that have passed: moving averages, per second.
func (t *timer) tick(now time.Time) {
	if now.Sub(t.ticked) > forgotten {
		t.rates, t.since, t.ticked = [3]float64{}, 0, now
	}
	for ; now.Sub(t.ticked) >= rateTick; t.ticked = t.ticked.Add(rateTick) {
		present := float64(t.since) / rateTick.Seconds()
		for i, minutes := range rateMinutes {
			if t.rated {
				t.rates[i] += (1 - math.Exp(-rateTick.Minutes()/minutes)) * (present - t.rates[i])
			} else {
				t.rates[i] = present
			}
		}
		t.rated, t.since = true, 0
	}
}

func (t *timer) values(now time.Time) []string {
	t.tick(now)
	sorted := slices.Sorted(slices.Values(t.last))
	mean, deviation := moments(sorted)
	values := []string{
		fmt.Sprintf("count %d", t.n),
		fmt.Sprintf("min %d", int64(sorted[0])),
		fmt.Sprintf("max %d", int64(sorted[len(sorted)-1])),
		fmt.Sprintf("mean %.2f", mean),
		fmt.Sprintf("std-dev %.2f", deviation),
	}
	for _, p := range []struct {
		name  string
		share float64
	}{{"50", 0.5}, {"75", 0.75}, {"95", 0.95}, {"99", 0.99}, {"999", 0.999}} {
		values = append(values, fmt.Sprintf("%s-percentile %.2f", p.name, percentile(sorted, p.share)))
	}
	for i, name := range []string{"one-minute", "five-minute", "fifteen-minute"} {
		values = append(values, fmt.Sprintf("%s %.2f", name, t.rates[i]))
	}
	var perSecond float64
	if passed := now.Sub(t.began).Seconds(); passed > 0 {
		perSecond = float64(t.n) / passed
	}
	return append(values, fmt.Sprintf("mean-rate %.2f", perSecond))
}

func moments(all []time.Duration) (mean, deviation float64) {
	for _, d := range all {
		mean += float64(d)
	}
	mean /= float64(len(all))
	for _, d := range all {
		deviation += (float64(d) - mean) * (float64(d) - mean)
	}
	return mean, math.Sqrt(deviation / float64(len(all)))
}

// percentile interpolates between the two durations next to the share.
func percentile(sorted []time.Duration, share float64) float64 {
	at := share * float64(len(sorted)+1)
	i := int(at)
	switch {
	case i < 1:
		return float64(sorted[0])
	case i >= len(sorted):
		return float64(sorted[len(sorted)-1])
	}
	low, high := float64(sorted[i-1]), float64(sorted[i])
	return low + (at-float64(i))*(high-low)
}
