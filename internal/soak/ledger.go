package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// ledger is what the harness counts of one circuit, by itself.
type ledger struct {
	entered, returned atomic.Uint64

	seen tally // outcomes, told from the errors that callers got
	told tally // outcomes, as OnCall was told
}

// tally counts outcomes.
type tally [7]atomic.Uint64

func (t *tally) counts() quill.Counts {
	return quill.Counts{
		Success: t[quill.Success].Load(), Failure: t[quill.Failure].Load(), Timeout: t[quill.Timeout].Load(),
		Rejected: t[quill.Rejected].Load(), ShortCircuited: t[quill.ShortCircuited].Load(),
		Ignored: t[quill.Ignored].Load(), Canceled: t[quill.Canceled].Load(),
	}
}

// hall is what the harness counts of the work under one bulkhead: who is alive, whether or
// not somebody still waits for it.
type hall struct {
	began, ended atomic.Int64
	alive, peak  atomic.Int64
	limits       limits
	full, over   atomic.Int64 // how often one began as the last there was room for, and as one too many
}

// enter counts in the work of a call that came then. Of all who are alive somebody was the
// last to be given a slot, after then, and at that moment all of them held one: so they are
// no more than the highest limit that has been in force since.
func (h *hall) enter(then time.Time) {
	h.began.Add(1)
	n := h.alive.Add(1)
	switch most := h.limits.since(then); {
	case n > most:
		h.over.Add(1)
	case n == most:
		h.full.Add(1)
	}
	for {
		most := h.peak.Load()
		if n <= most || h.peak.CompareAndSwap(most, n) {
			return
		}
	}
}

// leave counts out before the slot is given back, so that alive is never above the slots
// that are taken.
func (h *hall) leave() {
	h.alive.Add(-1)
	h.ended.Add(1)
}

var (
	errSick    = errors.New("the dependency is sick")
	errRequest = errors.New("the request was wrong")
	errPanic   = errors.New("what the work panicked with")
)

// outcomeOf tells from an error how a call ended. Fallback steps that failed too are no
// part of that. One thing the error's text leaves open and only the library knows: whether
// a caller's deadline had passed before the call came, which is Canceled, or after.
func outcomeOf(err error) quill.Outcome {
	cameLate := false
	if e, ok := errors.AsType[*quill.Error](err); ok {
		err, cameLate = e.Cause, e.Outcome == quill.Canceled
	}
	switch {
	case err == nil:
		return quill.Success
	case errors.Is(err, quill.ErrOpen):
		return quill.ShortCircuited
	case errors.Is(err, quill.ErrFull):
		return quill.Rejected
	case errors.Is(err, errRequest):
		return quill.Ignored
	case errors.Is(err, errSick), errors.Is(err, errPanic), errors.Is(err, quill.ErrGoexit):
		return quill.Failure
	case errors.Is(err, context.DeadlineExceeded) && !cameLate:
		return quill.Timeout
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return quill.Canceled
	}
	panic(fmt.Sprintf("soak: an error that nobody made: %v", err))
}

// breaches are what went wrong: for each figure how often, and the first case in words.
type breaches struct {
	mu    sync.Mutex
	count map[string]int
	first map[string]string
}

func (b *breaches) addf(figure, format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count == nil {
		b.count, b.first = map[string]int{}, map[string]string{}
	}
	if b.count[figure]++; b.count[figure] == 1 {
		b.first[figure] = fmt.Sprintf(format, args...)
	}
}

func (b *breaches) of(figure string) (n int, first string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count[figure], b.first[figure]
}

func (b *breaches) total() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, c := range b.count {
		n += c
	}
	return n
}
