package contender

import (
	"context"
	"time"

	"github.com/eapache/go-resiliency/breaker"
	"github.com/eapache/go-resiliency/deadline"
	"github.com/eapache/go-resiliency/semaphore"
)

const resiliencyModule = "github.com/eapache/go-resiliency"

// Names of the contenders of go-resiliency.
const (
	ResiliencyBreaker = "go-resiliency, breaker"
	ResiliencyFull    = "go-resiliency, breaker + semaphore + deadline"
)

// resiliencies count errors in a row, not in a window, and have no context.
func resiliencies() []Contender {
	return []Contender{
		{
			Name: ResiliencyBreaker, Kind: Peer, Module: resiliencyModule, Offers: "breaker (errors in a row)",
			Make: only(func(s Setup) Call {
				b := newResiliency(s)
				return mayBeAsync(s, func(ctx context.Context, req int) (v int, err error) {
					err = b.Run(func() (err error) {
						v, err = s.Work(ctx, req)
						return err
					})
					return orElse(v, err)
				})
			}, Success, MayCancel, Open, Failure, Waits, Async),
		},
		{
			Name: ResiliencyFull, Kind: Peer, Module: resiliencyModule,
			Offers: "breaker (errors in a row), limit, timeout; run on another goroutine, the caller may leave",
			Make:   only(resiliencyFull, Success, MayCancel, Open, Failure, Waits, Async, Stuck),
		},
	}
}

func newResiliency(s Setup) *breaker.Breaker {
	errorsInARow := volume
	if s.Case == Failure || s.Case == Stuck {
		errorsInARow = never
	}
	b := breaker.New(errorsInARow, 1, s.sleep())
	for s.Case == Open && b.GetState() != breaker.Open {
		_ = b.Run(func() error { return ErrWork })
	}
	return b
}

func resiliencyFull(s Setup) Call {
	b, slots, limit := newResiliency(s), semaphore.New(s.room(), time.Second), deadline.New(s.timeout())
	return mayBeAsync(s, func(ctx context.Context, req int) (int, error) {
		var v int
		err := b.Run(func() error {
			if err := slots.Acquire(); err != nil {
				return err
			}
			defer slots.Release()
			done := make(chan int, 1) // run may outlive the call
			err := limit.Run(func(<-chan struct{}) error {
				v, err := s.Work(ctx, req)
				done <- v
				return err
			})
			if err == nil {
				v = <-done
			}
			return err
		})
		return orElse(v, err)
	})
}
