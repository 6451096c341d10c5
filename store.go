package quill

import (
	"context"
	"time"
)

// Store keeps the last good answer for each request, for [Command.FallbackLast]. The
// package lastgood has one in memory; a shared one can be written over any cache. Its
// methods are called from many goroutines at once and never under a lock.
type Store[Req, Resp any] interface {
	// Save keeps resp as the last good answer to req. It is called after each primary
	// success, on its caller's goroutine (of a call by [Go], on one of the library's),
	// never with the answer of a fallback. ctx ends after FallbackTimeout. An error does not change the answer of the call; it is
	// counted in Stats.StoreErrors.
	Save(ctx context.Context, req Req, resp Resp) error

	// Last returns the last good answer to req, or [ErrNoAnswer].
	Last(ctx context.Context, req Req) (Stored[Resp], error)
}

// Stored is an answer as a [Store] kept it.
type Stored[Resp any] struct {
	Value Resp
	Age   time.Duration // how long ago the answer was good; 0 or more
}

// Answer is the result of a call with its history: what [Command.Answer] returns where
// [Command.Do] returns the value alone.
type Answer[Resp any] struct {
	// Value is what the caller asked for.
	Value Resp
	// Outcome is how the primary call ended, whoever answered.
	Outcome Outcome
	// Step names the fallback step that answered; "" means that run did.
	Step string
	// Cause is why run gave no answer, or the error it returned; nil if it returned none.
	Cause error
	// Stale says that Value is an earlier answer, out of a [Store], and Age how old it is.
	Stale bool
	Age   time.Duration
}
