package contender

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/afex/hystrix-go/hystrix"
)

// HystrixGo is the name of the contender.
const HystrixGo = "hystrix-go"

var hystrixNames atomic.Int64 // its commands live in a map of the process

func hystrices() []Contender {
	return []Contender{{
		Name: HystrixGo, Kind: Peer, Module: "github.com/afex/hystrix-go",
		Offers: "breaker, limit, timeout, fallback; run on another goroutine, the caller may leave",
		Make:   only(hystrixGo, Success, MayCancel, Open, Failure, Waits, Async, Deep, TimesOut, Stuck),
	}}
}

func hystrixGo(s Setup) Call {
	name := fmt.Sprintf("bench-%d", hystrixNames.Add(1))
	least := s.threshold()
	if s.Case == TimesOut || s.Case == Stuck {
		least = never
	}
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{
		Timeout:                int(s.timeout() / time.Millisecond),
		MaxConcurrentRequests:  s.room(),
		RequestVolumeThreshold: least,
		SleepWindow:            int(s.sleep() / time.Millisecond),
		ErrorPercentThreshold:  errorPercent,
	})
	if s.Case == Open {
		openHystrix(name)
	}
	if s.Case == Async {
		return func(ctx context.Context, req int) (int, error) {
			done := make(chan int, 2)
			errs := hystrix.GoC(ctx, name, hystrixRun(s, req, done), hystrixFallback(done))
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
		if err := hystrix.DoC(ctx, name, hystrixRun(s, req, done), hystrixFallback(done)); err != nil {
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

// openHystrix fails until the circuit is open: its statistics come over a channel, later.
func openHystrix(name string) {
	circuit, _, err := hystrix.GetCircuit(name)
	if err != nil {
		panic(err)
	}
	for !circuit.IsOpen() {
		_ = hystrix.Do(name, func() error { return ErrWork }, nil)
	}
}
