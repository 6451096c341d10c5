package contender

import (
	"context"
	"fmt"
)

// Case is what happens to a call.
type Case uint8

// The cases.
const (
	Success   Case = iota // run returns a number
	MayCancel             // the same, and the caller's context can be cancelled, as that of a request
	Open                  // the circuit is open, a fallback value answers
	Failure               // run fails, a fallback value answers
	Waits                 // run waits for its context or a channel that is ready
	Async                 // the call is submitted, then awaited
	Deep                  // run needs 20 KB of stack
	TimesOut              // run waits for its context only
	Stuck                 // run heeds no context
)

var caseNames = []string{
	"success", "success, caller may cancel", "open, fallback", "failure, fallback", "waits on its context",
	"submit and await", "20 KB of stack", "timeout, run obeys", "timeout, run stuck",
}

// String names the case.
func (c Case) String() string {
	if int(c) < len(caseNames) {
		return caseNames[c]
	}
	return fmt.Sprintf("Case(%d)", uint8(c))
}

// ParseCase is the inverse of String.
func ParseCase(name string) (Case, error) {
	for i, n := range caseNames {
		if n == name {
			return Case(i), nil
		}
	}
	return 0, fmt.Errorf("there is no case %q, only %q", name, caseNames)
}

// MarshalText writes the name.
func (c Case) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads the name.
func (c *Case) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCase(string(text))
	return err
}

// Want is what each call of the case must answer to the given request.
func (c Case) Want(req int) int {
	switch c {
	case Open, Failure, TimesOut, Stuck:
		return FallbackAnswer
	case Success, MayCancel, Waits, Async, Deep:
	}
	return req + 1
}

// Work returns what is called in the case by so many callers. release ends work that is
// stuck.
func (c Case) Work(callers int) (w Work, release func()) {
	release = func() {}
	switch c {
	case Open, Failure:
		return func(context.Context, int) (int, error) { return 0, ErrWork }, release
	case Waits:
		return waits(callers), release
	case Deep:
		return func(_ context.Context, req int) (int, error) { return req + 1 + deep(depth, req) - req, nil }, release
	case TimesOut:
		return func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}, release
	case Stuck:
		until := make(chan struct{})
		return func(context.Context, int) (int, error) {
			<-until
			return 0, ErrWork
		}, func() { close(until) }
	case Success, MayCancel, Async:
	}
	return func(_ context.Context, req int) (int, error) { return req + 1, nil }, release
}

// Context returns the caller's context.
func (c Case) Context() (context.Context, context.CancelFunc) {
	if c == MayCancel {
		return context.WithCancel(context.Background())
	}
	return context.Background(), func() {}
}

// waits looks at its context as all that waits for something does. Each caller has a channel
// of its own, so that they do not meet at its lock.
func waits(callers int) Work {
	ready := make([]chan int, callers)
	for i := range ready {
		ready[i] = make(chan int)
		close(ready[i])
	}
	return func(ctx context.Context, req int) (int, error) {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case zero := <-ready[req]:
			return zero + req + 1, nil
		}
	}
}

// depth makes deep use some 20 KB of stack: a frame of it has 128 bytes or so.
const depth = 160

//go:noinline
func deep(n, x int) int {
	var page [12]int
	page[n%len(page)] = x
	if n == 0 {
		return page[0]
	}
	return deep(n-1, x) + page[(n+1)%len(page)]
}
