package hystrix

import (
	"sync"
	"time"
)

// tallyBuckets is into how many buckets the window of a tally is cut.
const tallyBuckets = 10

// usualWindow is the window of a command whose RollingWindow nobody set.
const usualWindow = 10 * time.Second

// tally counts what the event stream shows and quill does not know: results by hystrix-go's
// names, over the rolling window.
type tally struct {
	mu      sync.Mutex
	born    time.Time
	window  time.Duration
	buckets [tallyBuckets]bucket
}

type bucket struct {
	number int64 // counted from the first window on
	sums   sums
}

// sums are the counts of some time.
type sums struct {
	kinds              [other + 1]uint32
	answered, unheard  uint32 // fallbacks that did and did not answer
	executed           uint32
	mostBusy, attempts uint32
}

func (s *sums) errors() uint32 {
	return s.kinds[failure] + s.kinds[rejected] + s.kinds[shortCircuit] + s.kinds[timeout]
}

// init begins with a window of that length, if it is another one.
func (t *tally) init(window time.Duration) {
	if window <= 0 {
		window = usualWindow
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if window != t.window {
		t.born, t.window, t.buckets = time.Now(), window, [tallyBuckets]bucket{}
	}
}

func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buckets = [tallyBuckets]bucket{}
}

func (t *tally) add(r *result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.numberLocked()
	b := &t.buckets[now%tallyBuckets]
	if b.number != now {
		*b = bucket{number: now}
	}
	s := &b.sums
	s.attempts++
	s.kinds[r.kind]++
	if r.answered {
		s.answered++
	} else if r.fallback {
		s.unheard++
	}
	if r.busy > 0 {
		s.executed++
		s.mostBusy = max(s.mostBusy, uint32(min(r.busy, 1<<31)))
	}
}

// sum returns the counts of the window, and how long that is.
func (t *tally) sum() (all sums, window time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.numberLocked()
	for i := range t.buckets {
		if b := &t.buckets[i]; b.number > now-tallyBuckets {
			all.add(&b.sums)
		}
	}
	return all, t.window
}

func (s *sums) add(o *sums) {
	for k := range s.kinds {
		s.kinds[k] += o.kinds[k]
	}
	s.answered += o.answered
	s.unheard += o.unheard
	s.executed += o.executed
	s.attempts += o.attempts
	s.mostBusy = max(s.mostBusy, o.mostBusy)
}

// numberLocked is the number of the bucket of now.
func (t *tally) numberLocked() int64 {
	since := max(0, time.Since(t.born))                        // below 0 in a synctest bubble, if made outside of it
	return int64(since/(t.window/tallyBuckets)) + tallyBuckets // an empty bucket's number is 0
}
