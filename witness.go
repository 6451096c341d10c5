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

// Bounds of what a witness keeps.
const (
	mostErrors  = 8  // distinct errors
	mostSlowest = 5  // slowest calls
	errorBurst  = 16 // errors that are looked at in a row, before errorPause
	errorPause  = 10 * time.Millisecond
)

// witness keeps the last distinct errors and the slowest calls. Calls pass it with one
// load unless they are among the slowest; of many errors a second it looks at some only.
type witness struct {
	floor atomic.Int64 // a run that took longer is among the slowest
	quiet atomic.Int64 // until then no error is looked at

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

// wants reports whether saw would take note of a call that ended so: of most it would not.
func (w *witness) wants(now time.Duration, o Outcome, ran bool, took time.Duration) bool {
	return w.isSlow(ran, took) || w.looksAt(now, o)
}

// isSlow reports whether a run that lasted so long is among the slowest.
func (w *witness) isSlow(ran bool, took time.Duration) bool {
	return ran && int64(took) > w.floor.Load()
}

// looksAt reports whether the error of a call that ends now as o is looked at.
func (w *witness) looksAt(now time.Duration, o Outcome) bool {
	return (o == Failure || o == Timeout || o == Rejected) && int64(now) >= w.quiet.Load()
}

// saw takes note of how a call ended, before it is judged: it may be what opens the
// circuit. ran says whether run was called, and took how long that lasted.
func (c *Circuit) saw(now time.Duration, o Outcome, ran bool, took time.Duration, err error) {
	if c.witness.isSlow(ran, took) {
		c.witness.addSlow(slowSeen{took, now, o})
	}
	if c.witness.looksAt(now, o) {
		cfg := c.config.Load()
		c.witness.addError(now, cfg.bucketBegan(), now-cfg.RollingWindow, c.evidenceText(err))
	}
}

// evidenceText is an error as evidence shows it. It is the user's code that runs here, on
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
func (w *witness) addError(now, from, since time.Duration, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.burst++; w.burst >= errorBurst {
		w.quiet.Store(int64(now + errorPause))
	}
	i := slices.IndexFunc(w.errors, func(e errorSeen) bool { return e.text == text })
	if i < 0 {
		if len(w.errors) == mostErrors {
			w.errors = slices.Delete(w.errors, 0, 1)
		}
		w.errors = append(w.errors, errorSeen{text: strings.Clone(text)})
	} else { // to the end, where the latest are
		seen := w.errors[i]
		w.errors = append(slices.Delete(w.errors, i, i+1), seen)
	}
	w.errors[len(w.errors)-1].add(now, from, since)
}

func (w *witness) addSlow(s slowSeen) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i, _ := slices.BinarySearchFunc(w.slowest, s, func(a, b slowSeen) int { return cmp.Compare(b.took, a.took) })
	if i == mostSlowest {
		return // others were faster to be slower
	}
	if len(w.slowest) == mostSlowest {
		w.slowest = w.slowest[:mostSlowest-1]
	}
	w.slowest = slices.Insert(w.slowest, i, s)
	w.setFloorLocked()
}

func (w *witness) setFloorLocked() {
	if len(w.slowest) < mostSlowest {
		w.floor.Store(-1)
		return
	}
	w.floor.Store(int64(w.slowest[mostSlowest-1].took))
}

// expire forgets what is older than since, once a bucket of the window.
func (w *witness) expire(since time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.burst = 0
	w.quiet.Store(0)
	w.slowest = slices.DeleteFunc(w.slowest, func(s slowSeen) bool { return s.at < since })
	w.setFloorLocked()
}

// forgetErrors begins the evidence afresh, as the breaker does when it closes.
func (w *witness) forgetErrors() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errors, w.burst = nil, 0
	w.quiet.Store(0)
}

// forget begins the evidence afresh, as the window does.
func (w *witness) forget() {
	w.forgetErrors()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slowest = nil
	w.setFloorLocked()
}

// remembered returns errors, latest first, and slow calls: those of the window that began
// at since, but errors of any age if they have none. It is now, which people call at.
func (w *witness) remembered(at time.Time, now, since time.Duration, ageless bool) ([]ErrorSample, []SlowCall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []ErrorSample
	for _, e := range slices.Backward(w.errors) {
		n := e.countSince(since)
		if ageless {
			n = e.countOfAll()
		}
		if n > 0 {
			errs = append(errs, ErrorSample{Text: e.text, Count: n, Last: at.Add(e.last - now)})
		}
	}
	var slow []SlowCall
	for _, s := range w.slowest {
		if s.at >= since {
			slow = append(slow, SlowCall{Duration: s.took, Outcome: s.outcome, At: at.Add(s.at - now)})
		}
	}
	return errs, slow
}

// remembered is what the circuit's witness has to say of the window that ends at now.
func (c *Circuit) remembered(at time.Time, now time.Duration, cfg *config) ([]ErrorSample, []SlowCall) {
	return c.witness.remembered(at, now, now-cfg.RollingWindow, cfg.RollingCalls > 0) // the last calls have no age
}
