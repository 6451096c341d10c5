package hystrix_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/seed-f7c3343e/quill/hystrix"
	metricCollector "github.com/seed-f7c3343e/quill/hystrix/metric_collector"
)

// No command and no circuit leaves a goroutine behind, once Flush has let the warm workers go.
func TestMain(m *testing.M) {
	code := m.Run()
	hystrix.Flush()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left after the tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

var (
	errSick  = errors.New("the dependency is sick")
	errSpare = errors.New("the spare failed too")
)

func well() error { return nil }

func sick() error { return errSick }

// bubble runs f in a synctest bubble, and without circuits from before.
func bubble(t *testing.T, f func(t *testing.T, name string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		name := t.Name()
		defer pass(time.Hour) // what was left behind ends
		defer hystrix.Flush()
		hystrix.Flush()
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{})
		f(t, name)
	})
}

var names atomic.Int64

// newName is a name that no command has had yet, also where tests run more than once: settings
// outlive a Flush.
func newName() string { return fmt.Sprint("new name ", names.Add(1)) }

// circuit returns the circuit of a command.
func circuit(t *testing.T, name string) *hystrix.CircuitBreaker {
	t.Helper()
	c, _, err := hystrix.GetCircuit(name)
	require.NoError(t, err)
	return c
}

// book is a collector that writes down what it is told. It has no lock of its own for what
// only its methods touch, as collectors of hystrix-go's users have none: mu is for readers.
type book struct {
	mu      sync.Mutex
	results []metricCollector.MetricResult
	resets  int
	onTold  func(metricCollector.MetricResult)
}

func (b *book) Update(r metricCollector.MetricResult) {
	if b.onTold != nil {
		b.onTold(r)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results = append(b.results, r)
}

func (b *book) Reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.resets++
}

func (b *book) told() []metricCollector.MetricResult {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.results)
}

func (b *book) last(t *testing.T) metricCollector.MetricResult {
	t.Helper()
	all := b.told()
	require.NotEmpty(t, all)
	return all[len(all)-1]
}

var books struct {
	mu   sync.Mutex
	open map[string]*book
	once sync.Once
}

// collect makes the circuit of that name, made from now on, write its results into the book.
func collect(t *testing.T, name string) *book {
	t.Helper()
	books.once.Do(func() {
		metricCollector.Registry.Register(func(name string) metricCollector.MetricCollector {
			books.mu.Lock()
			defer books.mu.Unlock()
			if b := books.open[name]; b != nil {
				return b
			}
			return &book{}
		})
	})
	b := &book{}
	books.mu.Lock()
	defer books.mu.Unlock()
	if books.open == nil {
		books.open = make(map[string]*book)
	}
	books.open[name] = b
	t.Cleanup(func() {
		books.mu.Lock()
		defer books.mu.Unlock()
		delete(books.open, name)
	})
	return b
}

// counts are the counters of results, without their durations.
func counts(all []metricCollector.MetricResult) (sum metricCollector.MetricResult) {
	for _, r := range all {
		sum.Attempts += r.Attempts
		sum.Errors += r.Errors
		sum.Successes += r.Successes
		sum.Failures += r.Failures
		sum.Rejects += r.Rejects
		sum.ShortCircuits += r.ShortCircuits
		sum.Timeouts += r.Timeouts
		sum.FallbackSuccesses += r.FallbackSuccesses
		sum.FallbackFailures += r.FallbackFailures
		sum.ContextCanceled += r.ContextCanceled
		sum.ContextDeadlineExceeded += r.ContextDeadlineExceeded
	}
	return sum
}

// lines is a logger that keeps what it is told.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Printf(format string, items ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, fmt.Sprintf(format, items...))
}

func (l *lines) text() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all)
}

// listen gives the package's log to the test.
func listen(t *testing.T) *lines {
	t.Helper()
	l := &lines{}
	hystrix.SetLogger(l)
	t.Cleanup(func() { hystrix.SetLogger(hystrix.DefaultLogger) })
	return l
}

// hang blocks until the test lets it go, and says when it runs.
type hang struct {
	running chan struct{}
	release chan struct{}
}

func newHang() *hang { return &hang{make(chan struct{}, 1000), make(chan struct{})} }

func (h *hang) run() error {
	h.running <- struct{}{}
	<-h.release
	return nil
}

// pass lets d pass, in a bubble.
func pass(d time.Duration) {
	if time.Now().Year() > 2020 {
		panic("a test sleeps outside a bubble")
	}
	time.Sleep(d)
}
