// Package lastgood keeps the last good answer for each request in memory, for
// [quill.Command.FallbackLast]: while a dependency is down, its previous answer is often
// better than an error or a default.
//
//	var movies = lastgood.New[string, Movie](lastgood.Settings{MaxAge: 10 * time.Minute})
//	var getMovie = quill.New("movie-info", fetchMovie).FallbackLast(movies)
//
// A [Store] is bounded by the number of answers and by their age, starts no goroutine that
// stays, and needs no closing. It lives in one process: what several instances should share
// belongs in a store of its own over the cache that they share.
package lastgood

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/seed-f7c3343e/quill"
)

// Store is a [quill.Store] in memory. Its methods may be called from many goroutines at
// once and do not wait for one another longer than a map access takes.
//
// Answers are shared, not copied: the value that Save was given is the value that Last
// returns, to every caller. Do not change what a returned slice, map or pointer leads to.
//
// The bound counts answers, not bytes. When the store is full, the answers that were
// asked for or renewed least often and least recently make room, so a single pass over
// many requests does not push out those that matter.
type Store[Req, Resp any] struct {
	cache  *otter.Cache[any, Resp]
	key    func(ctx context.Context, req Req) (key any, ok bool)
	maxAge time.Duration

	hits, misses, evicted, expired atomic.Uint64
}

// New returns an empty store whose key is the request itself. Like [quill.New] it panics
// if s is not valid; settings that come from outside the program go through
// [Settings.Validate] first.
//
// A request type that is an interface must hold only comparable values. Use [NewKeyed]
// for requests that are not comparable, and wherever the answer depends on more than the
// request: who asks, the language, the tenant.
func New[Req comparable, Resp any](s Settings) *Store[Req, Resp] {
	return open[Req, Resp]("New", s, func(_ context.Context, req Req) (any, bool) {
		key := any(req)
		return key, same(key, key) // a NaN equals nothing: it could never be found again
	})
}

// NewKeyed returns an empty store that files each answer under what key returns for the
// request and its context. Two requests of the same key share an answer, so the key must
// hold all that the answer depends on; build it with [Key], which keeps parts apart. A
// request whose key is "" is not stored and never answered: return "" when something that
// belongs in the key, such as the tenant, is missing.
//
// NewKeyed panics if s is not valid or key is nil. The key function is called once for
// each Save, Last and Forget, from many goroutines at once; it should be quick.
func NewKeyed[Req, Resp any](
	s Settings, key func(ctx context.Context, req Req) string,
) *Store[Req, Resp] {
	if key == nil {
		panic("lastgood: NewKeyed: needs a key function")
	}
	return open[Req, Resp]("NewKeyed", s, func(ctx context.Context, req Req) (any, bool) {
		k := key(ctx, req)
		return k, k != ""
	})
}

func open[Req, Resp any](
	caller string, s Settings, key func(context.Context, Req) (any, bool),
) *Store[Req, Resp] {
	if err := s.Validate(); err != nil {
		panic("lastgood: " + caller + ": " + err.Error())
	}
	s = s.WithDefaults()
	st := &Store[Req, Resp]{key: key, maxAge: s.MaxAge}
	st.cache = otter.Must(&otter.Options[any, Resp]{
		MaximumSize:      s.MaxEntries,
		ExpiryCalculator: otter.ExpiryWriting[any, Resp](s.MaxAge),
		OnAtomicDeletion: st.count,
		Clock:            clock{start: time.Now()},
		// On the caller's goroutine: the bounds then hold as soon as Save returns, and
		// nothing of ours is called back there but count, which only adds.
		Executor: func(task func()) { task() },
	})
	return st
}

// Save keeps resp as the last good answer to req. It returns nil always. The context is
// given to the key function and is not otherwise heeded: a good answer is worth keeping
// even if its caller has left.
func (s *Store[Req, Resp]) Save(ctx context.Context, req Req, resp Resp) error {
	if key, ok := s.key(ctx, req); ok {
		s.cache.Set(key, resp)
	}
	return nil
}

// Last returns the last good answer to req with its age, which is below MaxAge, or
// [quill.ErrNoAnswer] if there is none or it has reached MaxAge.
func (s *Store[Req, Resp]) Last(ctx context.Context, req Req) (quill.Stored[Resp], error) {
	if key, ok := s.key(ctx, req); ok {
		if e, found := s.cache.GetEntry(key); found {
			s.hits.Add(1)
			return quill.Stored[Resp]{Value: e.Value, Age: s.maxAge - e.ExpiresAfter()}, nil
		}
	}
	s.misses.Add(1)
	return quill.Stored[Resp]{}, quill.ErrNoAnswer
}

// Forget drops the answer to req, for example after the data behind it was deleted. It
// reports whether there was one.
func (s *Store[Req, Resp]) Forget(ctx context.Context, req Req) bool {
	key, ok := s.key(ctx, req)
	if !ok {
		return false
	}
	_, found := s.cache.Invalidate(key)
	return found
}

// Len returns how many answers the store holds: never more than MaxEntries. Answers that
// reached MaxAge in the last two seconds or so may be among them; they are not served.
func (s *Store[Req, Resp]) Len() int {
	s.cache.CleanUp()
	return s.cache.EstimatedSize()
}

// Stats are totals of a [Store] since it was made, and its size.
type Stats struct {
	Entries int    // answers held now
	Hits    uint64 // calls of Last that found an answer
	Misses  uint64 // calls of Last that found none
	Evicted uint64 // answers that made room for others
	Expired uint64 // answers that reached MaxAge and were dropped
}

// Stats returns the totals and the size. They are read one after another, not at one instant.
func (s *Store[Req, Resp]) Stats() Stats {
	return Stats{
		Entries: s.Len(),
		Hits:    s.hits.Load(),
		Misses:  s.misses.Load(),
		Evicted: s.evicted.Load(),
		Expired: s.expired.Load(),
	}
}

// count runs under a lock of the cache: it may not call it.
func (s *Store[Req, Resp]) count(e otter.DeletionEvent[any, Resp]) {
	switch e.Cause {
	case otter.CauseOverflow:
		s.evicted.Add(1)
	case otter.CauseExpiration:
		s.expired.Add(1)
	case otter.CauseInvalidation, otter.CauseReplacement:
	}
}

func same(a, b any) bool { return a == b }

// clock is monotonic, and without ticks, so that the cache keeps no goroutine for its
// periodic cleaning: it cleans up as it is used.
type clock struct{ start time.Time }

func (c clock) NowNano() int64                    { return int64(time.Since(c.start)) }
func (clock) Tick(time.Duration) <-chan time.Time { return nil }
