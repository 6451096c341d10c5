package contender

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/afex/hystrix-go/hystrix"

	dropin "github.com/seed-f7c3343e/quill/hystrix"
)

// HystrixGo and DropIn are the names of the contenders: hystrix-go, and its API on quill.
const (
	HystrixGo = "hystrix-go"
	DropIn    = "hystrix-go's API on quill"
)

var hystrixNames atomic.Int64 // its commands live in a map of the process

func hystrices() []Contender {
	const offers = "breaker, limit, timeout, fallback; run on another goroutine, the caller may leave"
	cases := []Case{Success, MayCancel, Open, Failure, Waits, Async, Deep, TimesOut, Stuck}
	return []Contender{{
		Name: HystrixGo, Kind: Peer, Module: "github.com/afex/hystrix-go", Offers: offers,
		Make: only(func(s Setup) Call { return hystrixGo(s, &theOriginal) }, cases...),
	}, {
		Name: DropIn, Kind: Quill, Offers: offers,
		Make: only(func(s Setup) Call { return hystrixGo(s, &theDropIn) }, cases...),
	}}
}

type (
	runC      = func(context.Context) error
	fallbackC = func(context.Context, error) error
)

// hystrixAPI is what is called of hystrix-go, which both have.
type hystrixAPI struct {
	configure func(name string, c hystrix.CommandConfig)
	doC       func(ctx context.Context, name string, run runC, fallback fallbackC) error
	goC       func(ctx context.Context, name string, run runC, fallback fallbackC) chan error
	isOpen    func(name string) bool
}

var theOriginal = hystrixAPI{
	configure: hystrix.ConfigureCommand,
	doC: func(ctx context.Context, name string, run runC, fallback fallbackC) error {
		return hystrix.DoC(ctx, name, run, fallback)
	},
	goC: func(ctx context.Context, name string, run runC, fallback fallbackC) chan error {
		return hystrix.GoC(ctx, name, run, fallback)
	},
	isOpen: func(name string) bool { c, _, _ := hystrix.GetCircuit(name); return c.IsOpen() },
}

var theDropIn = hystrixAPI{
	configure: func(name string, c hystrix.CommandConfig) { dropin.ConfigureCommand(name, dropin.CommandConfig(c)) },
	doC: func(ctx context.Context, name string, run runC, fallback fallbackC) error {
		return dropin.DoC(ctx, name, run, fallback)
	},
	goC: func(ctx context.Context, name string, run runC, fallback fallbackC) chan error {
		return dropin.GoC(ctx, name, run, fallback)
	},
	isOpen: func(name string) bool { c, _, _ := dropin.GetCircuit(name); return c.IsOpen() },
}

func hystrixGo(s Setup, api *hystrixAPI) Call {
	name := fmt.Sprintf("bench-%d", hystrixNames.Add(1))
	least := s.threshold()
	if s.Case == TimesOut || s.Case == Stuck {
		least = never
	}
	api.configure(name, hystrix.CommandConfig{
		Timeout:                int(s.timeout() / time.Millisecond),
		MaxConcurrentRequests:  s.room(),
		RequestVolumeThreshold: least,
		SleepWindow:            int(s.sleep() / time.Millisecond),
		ErrorPercentThreshold:  errorPercent,
	})
	if s.Case == Open {
		for !api.isOpen(name) { // the original's statistics come over a channel, later
			_ = api.doC(context.Background(), name, func(context.Context) error { return ErrWork }, nil)
		}
	}
	if s.Case == Async {
		return func(ctx context.Context, req int) (int, error) {
			done := make(chan int, 2)
			errs := api.goC(ctx, name, hystrixRun(s, req, done), hystrixFallback(done))
			select {
			case v := <-done:
				return v, nil
			case err := <-errs:
				return 0, err
			}
		}
	}
	return func(ctx context.Context, req int) (int, error) {
		done := make(chan int, 2) // both may answer where the timeout is close
		if err := api.doC(ctx, name, hystrixRun(s, req, done), hystrixFallback(done)); err != nil {
			return 0, err
		}
		return <-done, nil
	}
}

func hystrixRun(s Setup, req int, done chan<- int) func(context.Context) error {
	return func(ctx context.Context) error {
		v, err := s.Work(ctx, req)
		if err == nil {
			done <- v
		}
		return err
	}
}

func hystrixFallback(done chan<- int) func(context.Context, error) error {
	return func(context.Context, error) error {
		done <- FallbackAnswer
		return nil
	}
}
