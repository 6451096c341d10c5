package contender

import (
	"context"
	"time"

	"github.com/afex/hystrix-go/hystrix"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/timeout"
	"github.com/sony/gobreaker/v2"

	"github.com/seed-f7c3343e/quill"
)

// Idle makes commands with default settings, which then wait for calls.
type Idle struct {
	Name string
	Once int  // so many and more are made once only: they take gigabytes; 0: none does
	Busy bool // its goroutines never go
	Make func(name string) Call
}

// Idles are the contenders that have something to make.
func Idles() []Idle {
	registry := quill.NewRegistry()
	work, _ := Success.Work(1)
	command := func(isolation quill.Isolation) func(name string) Call {
		return func(name string) Call {
			return quill.New(name, work, quill.Settings{Isolation: isolation}, quill.WithRegistry(registry)).Do
		}
	}
	return []Idle{
		{Name: Semaphore, Make: command(quill.Semaphore)},
		{Name: Pool, Make: command(quill.Pool)},
		{Name: GobreakerBare, Make: func(name string) Call {
			b := gobreaker.NewCircuitBreaker[int](gobreaker.Settings{Name: name, Interval: window})
			return func(ctx context.Context, req int) (int, error) {
				return b.Execute(func() (int, error) { return work(ctx, req) })
			}
		}},
		{Name: GobreakerWrapped, Make: func(string) Call {
			return gobreakerWrapped(Setup{Case: Success, Work: work, Callers: 1})
		}},
		{Name: ResiliencyFull, Make: func(string) Call {
			return resiliencyFull(Setup{Case: Success, Work: work, Callers: 1})
		}},
		{Name: FailsafeFull, Make: func(string) Call {
			e := failsafe.With[int](
				fallback.NewWithResult(FallbackAnswer),
				circuitbreaker.NewBuilder[int]().WithFailureRateThreshold(0.5, volume, window).WithDelay(5*time.Second).Build(),
				bulkhead.New[int](maxParallel), timeout.New[int](time.Second))
			return func(ctx context.Context, req int) (int, error) {
				return e.WithContext(ctx).Get(func() (int, error) { return work(ctx, req) })
			}
		}},
		{Name: HystrixGo, Once: 100_000, Busy: true, Make: func(name string) Call {
			hystrix.ConfigureCommand(name, hystrix.CommandConfig{})
			if _, _, err := hystrix.GetCircuit(name); err != nil {
				panic(err)
			}
			return func(ctx context.Context, req int) (v int, err error) {
				err = hystrix.DoC(ctx, name, func(ctx context.Context) (err error) {
					v, err = work(ctx, req)
					return err
				}, nil)
				return v, err
			}
		}},
	}
}
