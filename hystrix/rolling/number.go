package rolling

import (
	"sync"
	"time"
)

// numberSeconds is how far back a Number looks.
const numberSeconds = 10

// Number is a number per second, over the last 10 to 11 seconds. It is made by NewNumber;
// its methods are safe for concurrent use.
type Number struct {
	Buckets map[int64]*numberBucket // by Unix second
	Mutex   *sync.RWMutex           // guards Buckets
}

type numberBucket struct {
	Value float64
}

// NewNumber returns a Number without events.
func NewNumber() *Number {
	return &Number{Buckets: make(map[int64]*numberBucket), Mutex: new(sync.RWMutex)}
}

// Increment adds i to the current second. Adding 0 does nothing.
func (r *Number) Increment(i float64) {
	if i == 0 {
		return
	}
	r.Mutex.Lock()
	defer r.Mutex.Unlock()
	r.currentLocked().Value += i
}

// UpdateMax makes n the value of the current second if that is less.
func (r *Number) UpdateMax(n float64) {
	r.Mutex.Lock()
	defer r.Mutex.Unlock()
	b := r.currentLocked()
	b.Value = max(b.Value, n)
}

// Sum returns the sum of the seconds from 10 before now on.
func (r *Number) Sum(now time.Time) float64 {
	var sum float64
	r.each(now, func(v float64) { sum += v })
	return sum
}

// Max returns the largest value of the seconds from 10 before now on, 0 if none is above it.
func (r *Number) Max(now time.Time) float64 {
	var most float64
	r.each(now, func(v float64) { most = max(most, v) })
	return most
}

// Avg returns a tenth of Sum: the mean per second.
func (r *Number) Avg(now time.Time) float64 { return r.Sum(now) / numberSeconds }

func (r *Number) each(now time.Time, f func(value float64)) {
	r.Mutex.RLock()
	defer r.Mutex.RUnlock()
	oldest := now.Unix() - numberSeconds
	for second, b := range r.Buckets {
		if second >= oldest {
			f(b.Value)
		}
	}
}

// currentLocked returns the bucket of this second, and drops those that are over.
func (r *Number) currentLocked() *numberBucket {
	now := time.Now().Unix()
	b, ok := r.Buckets[now]
	if !ok {
		b = &numberBucket{}
		r.Buckets[now] = b
		for second := range r.Buckets {
			if second <= now-numberSeconds {
				delete(r.Buckets, second)
			}
		}
	}
	return b
}
