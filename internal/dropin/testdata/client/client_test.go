// Package client is a small program that uses hystrix-go in the ways that programs do.
package client

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/afex/hystrix-go/hystrix"
	metricCollector "github.com/afex/hystrix-go/hystrix/metric_collector"
	"github.com/afex/hystrix-go/hystrix/rolling"
	"github.com/afex/hystrix-go/plugins"
)

var errOwn = errors.New("own")

func TestErrorsAreTheSame(t *testing.T) {
	for want, err := range map[string]hystrix.CircuitError{
		"hystrix: circuit open":    hystrix.ErrCircuitOpen,
		"hystrix: max concurrency": hystrix.ErrMaxConcurrency,
		"hystrix: timeout":         hystrix.ErrTimeout,
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err.Error(), want)
		}
	}
}

func TestFailureReachesTheCallerAndOpensTheCircuit(t *testing.T) {
	hystrix.ConfigureCommand("fails", hystrix.CommandConfig{Timeout: 1000, RequestVolumeThreshold: 3, ErrorPercentThreshold: 10})
	var err error
	until := time.Now().Add(5 * time.Second) // hystrix-go counts a failure some time after it told it
	for i := 0; time.Now().Before(until) && err != error(hystrix.ErrCircuitOpen); i++ {
		if i > 0 && err != errOwn {
			t.Fatalf("want the very error of run, have %v", err)
		}
		err = hystrix.Do("fails", func() error { return errOwn }, nil)
	}
	if err == nil || err.Error() != "hystrix: circuit open" {
		t.Fatalf("never open: %v", err)
	}
}

func TestTimeoutIsAnsweredByTheFallback(t *testing.T) {
	hystrix.ConfigureCommand("slow", hystrix.CommandConfig{Timeout: 10})
	stuck := make(chan struct{})
	defer close(stuck)
	var cause error
	err := hystrix.DoC(context.Background(), "slow",
		func(context.Context) error { <-stuck; return nil },
		func(_ context.Context, err error) error { cause = err; return nil })
	if err != nil || cause != error(hystrix.ErrTimeout) {
		t.Fatalf("err %v, cause %v", err, cause)
	}
}

func TestEveryPackageIsThere(t *testing.T) {
	n := rolling.NewNumber()
	n.Increment(2)
	if sum := n.Sum(time.Now()); sum != 2 {
		t.Errorf("sum %v", sum)
	}
	metricCollector.Registry.Register(plugins.NewDatadogCollectorWithClient(silent{}))
	var _ = plugins.StatsdCollectorConfig{StatsdAddr: "localhost:8125"}
	if err := hystrix.Do("counted", func() error { return nil }, nil); err != nil {
		t.Error(err)
	}
}

type silent struct{}

func (silent) Count(string, int64, []string, float64) error                { return nil }
func (silent) Gauge(string, float64, []string, float64) error              { return nil }
func (silent) TimeInMilliseconds(string, float64, []string, float64) error { return nil }
