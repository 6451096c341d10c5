package contender

import (
	"context"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/timeout"
)

const failsafeModule = "github.com/failsafe-go/failsafe-go"

// Names of contenders that targets are measured against.
const (
	FailsafeBreaker = "failsafe-go, breaker"
	FailsafeFull    = "failsafe-go, fallback + breaker + bulkhead + timeout"
)

func failsafes() []Contender {
	return []Contender{
		{
			Name: FailsafeBreaker, Kind: Peer, Module: failsafeModule, Offers: "breaker",
			Make: only(func(s Setup) Call {
				e := failsafe.With[int](failsafeCircuit(s))
				if s.Case == Async {
					return func(ctx context.Context, req int) (int, error) {
						return orElse(e.GetAsync(func() (int, error) { return s.Work(ctx, req) }).Get())
					}
				}
				return func(ctx context.Context, req int) (int, error) {
					return orElse(e.Get(func() (int, error) { return s.Work(ctx, req) }))
				}
			}, Success, MayCancel, Open, Failure, Waits, Async),
		},
		{
			Name: FailsafeFull, Kind: Peer, Module: failsafeModule, Offers: "breaker, limit, timeout (run must obey), fallback",
			Make: only(failsafeFull, Success, MayCancel, Open, Failure, Waits, Async, TimesOut),
		},
	}
}

func failsafeCircuit(s Setup) circuitbreaker.CircuitBreaker[int] {
	least := uint(s.threshold())
	if s.Case == TimesOut {
		least = never
	}
	b := circuitbreaker.NewBuilder[int]().
		WithFailureRateThreshold(float64(errorPercent)/100, least, window).
		WithSuccessThreshold(1).WithDelay(s.sleep()).Build()
	if s.Case == Open {
		b.Open()
	}
	return b
}

func failsafeFull(s Setup) Call {
	e := failsafe.With[int](
		fallback.NewWithResult(FallbackAnswer), failsafeCircuit(s),
		bulkhead.New[int](uint(s.room())),
		timeout.New[int](s.timeout()))
	get := func(req int) func(failsafe.Execution[int]) (int, error) {
		return func(x failsafe.Execution[int]) (int, error) { return s.Work(x.Context(), req) }
	}
	if s.Case == Async {
		return func(ctx context.Context, req int) (int, error) {
			return e.WithContext(ctx).GetAsyncWithExecution(get(req)).Get()
		}
	}
	return func(ctx context.Context, req int) (int, error) {
		return e.WithContext(ctx).GetWithExecution(get(req))
	}
}
