package contender

import (
	"context"
	"errors"

	"github.com/sony/gobreaker/v2"
)

const gobreakerModule = "github.com/sony/gobreaker/v2"

// Names of contenders that targets are measured against.
const (
	GobreakerBare    = "gobreaker, bare breaker"
	GobreakerWrapped = "gobreaker + semaphore + context.WithTimeout"
)

func gobreakers() []Contender {
	return []Contender{
		{
			Name: GobreakerBare, Kind: Peer, Module: gobreakerModule, Offers: "breaker",
			Make: only(func(s Setup) Call {
				b := newGobreaker(s)
				return mayBeAsync(s, func(ctx context.Context, req int) (int, error) {
					return orElse(b.Execute(func() (int, error) { return s.Work(ctx, req) }))
				})
			}, Success, MayCancel, Open, Failure, Waits, Async),
		},
		{
			Name: GobreakerWrapped, Kind: Peer, Module: gobreakerModule, Offers: "breaker, limit, timeout (run must obey)",
			Make: only(gobreakerWrapped, Success, MayCancel, Open, Failure, Waits, Async, TimesOut),
		},
	}
}

// newGobreaker has a window that begins afresh each ten seconds: its rolling one costs more.
func newGobreaker(s Setup) *gobreaker.CircuitBreaker[int] {
	least := uint32(s.threshold()) //nolint:gosec // small
	if s.Case == TimesOut {
		least = never
	}
	b := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{
		Name: "bench", Interval: window, Timeout: s.sleep(),
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.Requests >= least && c.TotalFailures*100 >= c.Requests*errorPercent
		},
	})
	for s.Case == Open && b.State() != gobreaker.StateOpen {
		_, _ = b.Execute(func() (int, error) { return 0, ErrWork })
	}
	return b
}

var errFull = errors.New("no slot is free")

func gobreakerWrapped(s Setup) Call {
	b := newGobreaker(s)
	slots := make(chan struct{}, s.room())
	return mayBeAsync(s, func(ctx context.Context, req int) (int, error) {
		return orElse(b.Execute(func() (int, error) {
			select {
			case slots <- struct{}{}:
			default:
				return 0, errFull
			}
			defer func() { <-slots }()
			ctx, cancel := context.WithTimeout(ctx, s.timeout())
			defer cancel()
			return s.Work(ctx, req)
		}))
	})
}

// mayBeAsync is do; where the case asks for it, submitted to a goroutine and awaited, for who
// has nothing of its own for that.
func mayBeAsync(s Setup, do Call) Call {
	if s.Case != Async {
		return do
	}
	return func(ctx context.Context, req int) (int, error) {
		done := make(chan result, 1)
		go func() {
			v, err := do(ctx, req)
			done <- result{v, err}
		}()
		r := <-done
		return r.v, r.err
	}
}
