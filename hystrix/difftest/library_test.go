package difftest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	original "github.com/afex/hystrix-go/hystrix"
	originalCollector "github.com/afex/hystrix-go/hystrix/metric_collector"

	"github.com/seed-f7c3343e/quill/hystrix"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
	_ "github.com/seed-f7c3343e/quill/hystrix/plugins"
)

// library is one of the two, so that one program runs on either.
type library struct {
	name      string
	do        func(ctx context.Context, name string, run func(context.Context) error, fallback func(context.Context, error) error) error
	start     func(name string, run func() error) chan error
	configure func(name string, c config)
	write     func(name string, c config) // through GetCircuitSettings
	isOpen    func(name string) bool
	inFlight  func(name string) int // nil: the library does not tell
	report    func(name string, events []string, start time.Time, run time.Duration) error
	sentinels map[string]error
	flush     func()
	books     *books
}

// config is a CommandConfig.
type config struct{ timeout, max, volume, sleep, percent int }

var theOriginal = library{
	name: "hystrix-go",
	do: func(ctx context.Context, name string, run func(context.Context) error, fallback func(context.Context, error) error) error {
		return original.DoC(ctx, name, run, fallback)
	},
	start: func(name string, run func() error) chan error { return original.Go(name, run, nil) },
	configure: func(name string, c config) {
		original.ConfigureCommand(name, original.CommandConfig{
			Timeout: c.timeout, MaxConcurrentRequests: c.max, RequestVolumeThreshold: c.volume,
			SleepWindow: c.sleep, ErrorPercentThreshold: c.percent,
		})
	},
	write: func(name string, c config) {
		s := original.GetCircuitSettings()[name]
		s.RequestVolumeThreshold, s.ErrorPercentThreshold = uint64(c.volume), c.percent
	},
	isOpen: func(name string) bool { c, _, _ := original.GetCircuit(name); return c.IsOpen() },
	report: func(name string, events []string, start time.Time, run time.Duration) error {
		c, _, _ := original.GetCircuit(name)
		return c.ReportEvent(events, start, run)
	},
	sentinels: map[string]error{
		"timeout": original.ErrTimeout, "open": original.ErrCircuitOpen, "full": original.ErrMaxConcurrency,
	},
	flush: original.Flush,
	books: newBooks(),
}

var theDropIn = library{
	name: "quill/hystrix",
	do: func(ctx context.Context, name string, run func(context.Context) error, fallback func(context.Context, error) error) error {
		return hystrix.DoC(ctx, name, run, fallback)
	},
	start: func(name string, run func() error) chan error { return hystrix.Go(name, run, nil) },
	configure: func(name string, c config) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{
			Timeout: c.timeout, MaxConcurrentRequests: c.max, RequestVolumeThreshold: c.volume,
			SleepWindow: c.sleep, ErrorPercentThreshold: c.percent,
		})
	},
	write: func(name string, c config) {
		s := hystrix.GetCircuitSettings()[name]
		s.RequestVolumeThreshold, s.ErrorPercentThreshold = uint64(c.volume), c.percent
	},
	isOpen:   func(name string) bool { c, _, _ := hystrix.GetCircuit(name); return c.IsOpen() },
	inFlight: func(name string) int { return hystrix.QuillCircuit(name).Stats().InFlight },
	report: func(name string, events []string, start time.Time, run time.Duration) error {
		c, _, _ := hystrix.GetCircuit(name)
		return c.ReportEvent(events, start, run)
	},
	sentinels: map[string]error{
		"timeout": hystrix.ErrTimeout, "open": hystrix.ErrCircuitOpen, "full": hystrix.ErrMaxConcurrency,
	},
	flush: hystrix.Flush,
	books: newBooks(),
}

// TestMain makes the collectors of both libraries write into the books, and lets programs,
// which wait most of their time, run beside each other.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(lanes)); err != nil {
		panic(err)
	}
	originalCollector.Registry.Register(func(name string) originalCollector.MetricCollector {
		return originalBook{theOriginal.books.open(name)}
	})
	metricCollector.Registry.Register(func(name string) metricCollector.MetricCollector {
		return ourBook{theDropIn.books.open(name)}
	})
	os.Exit(m.Run())
}

// event is what a collector is told of one command, durations left out.
type event struct {
	attempts, errors, successes, failures, rejects, shortCircuits, timeouts float64
	answered, unheard, canceled, deadline                                   float64
	ran                                                                     bool // RunDuration is not 0
}

// book is a collector that writes down what it is told.
type book struct {
	mu     sync.Mutex
	events []event
	resets int
	more   chan struct{}
}

func (b *book) add(e event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
	select {
	case b.more <- struct{}{}:
	default:
	}
}

func (b *book) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resets++
}

// wait returns the events, at least n of them, and how often it was reset.
func (b *book) wait(n int) ([]event, int, error) {
	patience := time.After(5 * time.Second)
	for {
		b.mu.Lock()
		events, resets := b.events, b.resets
		b.mu.Unlock()
		if len(events) >= n {
			return events, resets, nil
		}
		select {
		case <-b.more:
		case <-patience:
			return events, resets, fmt.Errorf("%d of %d events came", len(events), n)
		}
	}
}

type originalBook struct{ *book }

// Update waits first: the original tells its collectors at the same time, and the one that it
// judges by must have been told when a program looks.
func (b originalBook) Update(r originalCollector.MetricResult) {
	<-time.After(2 * time.Millisecond) // real time: nothing says when the original is done
	for range 20 {
		runtime.Gosched()
	}
	b.add(event{
		r.Attempts, r.Errors, r.Successes, r.Failures, r.Rejects, r.ShortCircuits, r.Timeouts,
		r.FallbackSuccesses, r.FallbackFailures, r.ContextCanceled, r.ContextDeadlineExceeded, r.RunDuration > 0,
	})
}

type ourBook struct{ *book }

func (b ourBook) Update(r metricCollector.MetricResult) {
	b.add(event{
		r.Attempts, r.Errors, r.Successes, r.Failures, r.Rejects, r.ShortCircuits, r.Timeouts,
		r.FallbackSuccesses, r.FallbackFailures, r.ContextCanceled, r.ContextDeadlineExceeded, r.RunDuration > 0,
	})
}

// books are the collectors of a library by name.
type books struct {
	mu     sync.Mutex
	byName map[string]*book
}

func newBooks() *books { return &books{byName: make(map[string]*book)} }

func (b *books) open(name string) *book {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byName[name] == nil {
		b.byName[name] = &book{more: make(chan struct{}, 1)}
	}
	return b.byName[name]
}
