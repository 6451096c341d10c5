package main

import (
	"slices"
	"sync/atomic"
	"time"
)

// limits are those that a bulkhead was given, the newest last. One goroutine changes them;
// all that begin work ask.
type limits struct{ given atomic.Pointer[[]limit] }

// limit may have been in force until then; the zero time: it still may.
type limit struct {
	most  int64
	until time.Time
}

// kept is how many limits are remembered: those of more than two seconds.
const kept = 256

// set puts a limit in force by change. While change runs, both it and the one before may be.
func (l *limits) set(most int, change func() error) error {
	var now []limit
	if given := l.given.Load(); given != nil {
		now = append(now, (*given)[max(0, len(*given)-kept):]...)
	}
	l.store(append(now, limit{most: int64(most)}))
	err := change()
	for i := range now {
		if now[i].until.IsZero() {
			now[i].until = time.Now()
		}
	}
	l.store(append(now, limit{most: int64(most)}))
	return err
}

// store publishes a copy: who asks reads what nobody writes.
func (l *limits) store(all []limit) {
	given := append([]limit(nil), all...)
	l.given.Store(&given)
}

// since is the highest limit that may have been in force since then; mostConcurrent if that
// is not remembered.
func (l *limits) since(then time.Time) (most int64) {
	given := l.given.Load()
	if given == nil {
		return mostConcurrent
	}
	for _, g := range slices.Backward(*given) {
		if !g.until.IsZero() && g.until.Before(then) {
			return most
		}
		most = max(most, g.most)
	}
	return mostConcurrent
}
