package rolling

import (
	"math"
	"slices"
	"sync"
	"time"
)

// timingSeconds is how far back a Timing looks.
const timingSeconds = 60

// Timing keeps durations, each for 60 to 61 seconds. It is made by NewTiming; its methods
// are safe for concurrent use.
type Timing struct {
	Buckets map[int64]*timingBucket // by Unix second
	Mutex   *sync.RWMutex           // guards all fields

	CachedSortedDurations []time.Duration // what was sorted last
	LastCachedTime        int64           // when, in Unix nanoseconds
}

type timingBucket struct {
	Durations []time.Duration
}

// NewTiming returns a Timing without durations.
func NewTiming() *Timing {
	return &Timing{Buckets: make(map[int64]*timingBucket), Mutex: new(sync.RWMutex)}
}

// Add keeps one more duration.
func (r *Timing) Add(duration time.Duration) {
	r.Mutex.Lock()
	defer r.Mutex.Unlock()
	now := time.Now().Unix()
	b, ok := r.Buckets[now]
	if !ok {
		b = &timingBucket{}
		r.Buckets[now] = b
		for second := range r.Buckets {
			if second <= now-timingSeconds {
				delete(r.Buckets, second)
			}
		}
	}
	b.Durations = append(b.Durations, duration)
}

// SortedDurations returns the durations of the last 60 seconds, shortest first. It sorts
// once a second at most: durations added since are not in it. The slice is the caller's.
func (r *Timing) SortedDurations() []time.Duration {
	return slices.Clone(r.sorted())
}

// sorted returns the cached durations, which nobody may change.
func (r *Timing) sorted() []time.Duration {
	r.Mutex.Lock()
	defer r.Mutex.Unlock()
	now := time.Now()
	if now.UnixNano() < r.LastCachedTime+int64(time.Second) {
		return r.CachedSortedDurations
	}
	var all []time.Duration
	for second, b := range r.Buckets {
		if second >= now.Unix()-timingSeconds {
			all = append(all, b.Durations...)
		}
	}
	slices.Sort(all)
	r.CachedSortedDurations, r.LastCachedTime = all, now.UnixNano()
	return all
}

// Percentile returns the duration, in milliseconds, that p per cent of the durations do not
// exceed; p below 0 is 0, above 100 is 100. It returns 0 if there are none.
func (r *Timing) Percentile(p float64) uint32 {
	all := r.sorted()
	if len(all) == 0 {
		return 0
	}
	rank := 1
	if p > 0 { // and no NaN
		rank = int(math.Ceil(min(p, 100) / 100 * float64(len(all))))
	}
	return milliseconds(all[rank-1])
}

// Mean returns the mean of the durations in milliseconds, 0 if there are none.
func (r *Timing) Mean() uint32 {
	all := r.sorted()
	if len(all) == 0 {
		return 0
	}
	var sum float64 // a sum of durations could overflow
	for _, d := range all {
		sum += float64(d)
	}
	return uint32(min(max(sum/float64(len(all))/float64(time.Millisecond), 0), math.MaxUint32))
}

// milliseconds is d in whole milliseconds, as far as 32 bits go.
func milliseconds(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), math.MaxUint32))
}
