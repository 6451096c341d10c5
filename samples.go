package quill

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of samples.
const (
	mostErrors  = 8  // distinct errors
	mostSlowest = 5  // slowest calls
	errorBurst  = 16 // errors that are kept in a row, before errorPause
	errorPause  = 10 * time.Millisecond
)

// samples keeps the last distinct errors and the slowest calls. A call that is not among the
// slowest costs one load; of many errors a second only some are kept.
type samples struct {
	slowFloor   atomic.Int64 // a run that took longer is among the slowest
	pausedUntil atomic.Int64 // until then no error is kept

	mu      sync.Mutex
	errors  []errorSeen
	slowest []slowSeen // slowest first
	burst   int
}

type errorSeen struct {
	text   string
	last   time.Duration
	recent []errorCount // by bucket of the window, oldest first
	older  uint64       // in buckets that have left it
}

// errorCount is how often an error was seen in the bucket of the window that began at from.
type errorCount struct {
	from time.Duration
	n    uint64
}

// add counts one more, in a bucket that began at from. What began at since or before is no
// longer in the window.
func (e *errorSeen) add(now, from, since time.Duration) {
	e.last = now
	left := 0
	for left < len(e.recent) && e.recent[left].from <= since {
		e.older += e.recent[left].n
		left++
	}
	e.recent = slices.Delete(e.recent, 0, left)
	if n := len(e.recent); n > 0 && e.recent[n-1].from >= from {
		e.recent[n-1].n++
		return
	}
	e.recent = append(e.recent, errorCount{from, 1})
}

// countSince is how often it was seen in the buckets that began after since.
func (e *errorSeen) countSince(since time.Duration) uint64 {
	var sum uint64
	for _, b := range e.recent {
		if b.from > since {
			sum += b.n
		}
	}
	return sum
}

// countOfAll is how often it was seen since the evidence began.
func (e *errorSeen) countOfAll() uint64 { return e.older + e.countSince(math.MinInt64) }

type slowSeen struct {
	took    time.Duration
	at      time.Duration
	outcome Outcome
}

// wants reports whether recordSample would keep anything of this call: mostly it would not.
func (sm *samples) wants(now time.Duration, o Outcome, ran bool, took time.Duration) bool {
	return sm.amongSlowest(ran, took) || sm.wantsError(now, o)
}

// amongSlowest reports whether a run that lasted so long is among the slowest.
func (sm *samples) amongSlowest(ran bool, took time.Duration) bool {
	return ran && int64(took) > sm.slowFloor.Load()
}

// wantsError reports whether the error of a call that ends now as o is to be kept.
func (sm *samples) wantsError(now time.Duration, o Outcome) bool {
	return (o == Failure || o == Timeout || o == Rejected) && int64(now) >= sm.pausedUntil.Load()
}

// recordSample keeps a call among the errors and slow calls if it belongs there. It comes before
// the call is judged, which may open the circuit because of it. ran says whether run was
// called, and took how long it lasted.
func (c *Circuit) recordSample(now time.Duration, o Outcome, ran bool, took time.Duration, err error) {
	if c.samples.amongSlowest(ran, took) {
		c.samples.addSlow(slowSeen{took, now, o})
	}
	if c.samples.wantsError(now, o) {
		cfg := c.config.Load()
		c.samples.addError(now, cfg.bucketBegan(), now-cfg.RollingWindow, c.evidenceText(err))
	}
}

// evidenceText is an error as evidence shows it. It runs the user's code (Error, WithRedact), on
// the goroutine of the call and under no lock.
func (c *Circuit) evidenceText(err error) (text string) {
	if err == nil {
		return "no error"
	}
	if c.redact == nil {
		return oneLine(textOf(err))
	}
	defer func() {
		if recover() != nil {
			text = "an error whose redaction panicked"
		}
	}()
	return oneLine(c.redact(err))
}

// bucketBegan is when the current bucket of the window did.
func (cfg *config) bucketBegan() time.Duration {
	return cfg.ring.Until() - cfg.RollingWindow/time.Duration(cfg.RollingBuckets)
}

// addError takes note of an error, in the bucket of the window that began at from. What
// began at since or before has left the window.
func (sm *samples) addError(now, from, since time.Duration, text string) {
	sm.mu.Lock()
	defer sm.mu.Unlock()
	if sm.burst++; sm.burst >= errorBurst {
		sm.pausedUntil.Store(int64(now + errorPause))
	}
	i := slices.IndexFunc(sm.errors, func(e errorSeen) bool { return e.text == text })
	if i < 0 {
		if len(sm.errors) == mostErrors {
			sm.errors = slices.Delete(sm.errors, 0, 1)
		}
		sm.errors = append(sm.errors, errorSeen{text: strings.Clone(text)})
	} else { // to the end, where the latest are
		seen := sm.errors[i]
		sm.errors = append(slices.Delete(sm.errors, i, i+1), seen)
	}
	sm.errors[len(sm.errors)-1].add(now, from, since)
}

func (sm *samples) addSlow(s slowSeen) {
	sm.mu.Lock()
	defer sm.mu.Unlock()
	i, _ := slices.BinarySearchFunc(sm.slowest, s, func(a, b slowSeen) int { return cmp.Compare(b.took, a.took) })
	if i == mostSlowest {
		return // others were faster to be slower
	}
	if len(sm.slowest) == mostSlowest {
		sm.slowest = sm.slowest[:mostSlowest-1]
	}
	sm.slowest = slices.Insert(sm.slowest, i, s)
	sm.setFloorLocked()
}

func (sm *samples) setFloorLocked() {
	if len(sm.slowest) < mostSlowest {
		sm.slowFloor.Store(-1)
		return
	}
	sm.slowFloor.Store(int64(sm.slowest[mostSlowest-1].took))
}

// expire forgets what is older than since, once a bucket of the window.
func (sm *samples) expire(since time.Duration) {
	sm.mu.Lock()
	defer sm.mu.Unlock()
	sm.burst = 0
	sm.pausedUntil.Store(0)
	sm.slowest = slices.DeleteFunc(sm.slowest, func(s slowSeen) bool { return s.at < since })
	sm.setFloorLocked()
}

// forgetErrors begins the evidence afresh, as the breaker does when it closes.
func (sm *samples) forgetErrors() {
	sm.mu.Lock()
	defer sm.mu.Unlock()
	sm.errors, sm.burst = nil, 0
	sm.pausedUntil.Store(0)
}

// forget begins the evidence afresh, as the window does.
func (sm *samples) forget() {
	sm.forgetErrors()
	sm.mu.Lock()
	defer sm.mu.Unlock()
	sm.slowest = nil
	sm.setFloorLocked()
}

// inWindow returns the errors, latest first, and the slow calls of the window that began at
// since; with ageless, errors of any age. at is the wall clock's time for now.
func (sm *samples) inWindow(at time.Time, now, since time.Duration, ageless bool) ([]ErrorSample, []SlowCall) {
	sm.mu.Lock()
	defer sm.mu.Unlock()
	var errs []ErrorSample
	for _, e := range slices.Backward(sm.errors) {
		n := e.countSince(since)
		if ageless {
			n = e.countOfAll()
		}
		if n > 0 {
			errs = append(errs, ErrorSample{Text: e.text, Count: n, Last: at.Add(e.last - now)})
		}
	}
	var slow []SlowCall
	for _, s := range sm.slowest {
		if s.at >= since {
			slow = append(slow, SlowCall{Duration: s.took, Outcome: s.outcome, At: at.Add(s.at - now)})
		}
	}
	return errs, slow
}

// samplesInWindow returns the samples of the window that ends at now.
func (c *Circuit) samplesInWindow(at time.Time, now time.Duration, cfg *config) ([]ErrorSample, []SlowCall) {
	return c.samples.inWindow(at, now, now-cfg.RollingWindow, cfg.RollingCalls > 0) // the last calls have no age
}
