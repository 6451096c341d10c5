package metricCollector

import (
	"sync"

	"github.com/seed-f7c3343e/quill/hystrix/rolling"
)

// DefaultMetricCollector keeps the numbers of a circuit over the last seconds. It is the
// first collector that InitializeMetricCollectors makes; its zero value is not usable. Its
// methods are safe for concurrent use. (The circuits of package hystrix do not need it: they
// judge by quill's window.)
type DefaultMetricCollector struct {
	mutex *sync.RWMutex
	now   numbers
}

// numbers are replaced as a whole by Reset.
type numbers struct {
	numRequests, errors                                   *rolling.Number
	successes, failures, rejects, shortCircuits, timeouts *rolling.Number
	contextCanceled, contextDeadlineExceeded              *rolling.Number
	fallbackSuccesses, fallbackFailures                   *rolling.Number
	totalDuration, runDuration                            *rolling.Timing
}

func newDefaultMetricCollector() *DefaultMetricCollector {
	d := &DefaultMetricCollector{mutex: new(sync.RWMutex)}
	d.Reset()
	return d
}

// Reset forgets everything.
func (d *DefaultMetricCollector) Reset() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.now = numbers{
		numRequests: rolling.NewNumber(), errors: rolling.NewNumber(),
		successes: rolling.NewNumber(), failures: rolling.NewNumber(), rejects: rolling.NewNumber(),
		shortCircuits: rolling.NewNumber(), timeouts: rolling.NewNumber(),
		contextCanceled: rolling.NewNumber(), contextDeadlineExceeded: rolling.NewNumber(),
		fallbackSuccesses: rolling.NewNumber(), fallbackFailures: rolling.NewNumber(),
		totalDuration: rolling.NewTiming(), runDuration: rolling.NewTiming(),
	}
}

// Update adds the result of a command.
func (d *DefaultMetricCollector) Update(r MetricResult) {
	d.mutex.RLock()
	defer d.mutex.RUnlock()
	n := &d.now
	n.numRequests.Increment(r.Attempts)
	n.errors.Increment(r.Errors)
	n.successes.Increment(r.Successes)
	n.failures.Increment(r.Failures)
	n.rejects.Increment(r.Rejects)
	n.shortCircuits.Increment(r.ShortCircuits)
	n.timeouts.Increment(r.Timeouts)
	n.contextCanceled.Increment(r.ContextCanceled)
	n.contextDeadlineExceeded.Increment(r.ContextDeadlineExceeded)
	n.fallbackSuccesses.Increment(r.FallbackSuccesses)
	n.fallbackFailures.Increment(r.FallbackFailures)
	n.totalDuration.Add(r.TotalDuration)
	n.runDuration.Add(r.RunDuration)
}

func (d *DefaultMetricCollector) numbers() numbers {
	d.mutex.RLock()
	defer d.mutex.RUnlock()
	return d.now
}

// NumRequests returns the commands, however they ended.
func (d *DefaultMetricCollector) NumRequests() *rolling.Number { return d.numbers().numRequests }

// Errors returns the failures, rejections, short circuits and timeouts.
func (d *DefaultMetricCollector) Errors() *rolling.Number { return d.numbers().errors }

// Successes returns the commands whose run returned nil.
func (d *DefaultMetricCollector) Successes() *rolling.Number { return d.numbers().successes }

// Failures returns the commands whose run returned an error.
func (d *DefaultMetricCollector) Failures() *rolling.Number { return d.numbers().failures }

// Rejects returns the commands for which there was no room.
func (d *DefaultMetricCollector) Rejects() *rolling.Number { return d.numbers().rejects }

// ShortCircuits returns the commands that the open circuit refused.
func (d *DefaultMetricCollector) ShortCircuits() *rolling.Number { return d.numbers().shortCircuits }

// Timeouts returns the commands that took longer than their Timeout.
func (d *DefaultMetricCollector) Timeouts() *rolling.Number { return d.numbers().timeouts }

// ContextCanceled returns the commands that their caller cancelled.
func (d *DefaultMetricCollector) ContextCanceled() *rolling.Number {
	return d.numbers().contextCanceled
}

// ContextDeadlineExceeded returns the commands whose caller's deadline passed.
func (d *DefaultMetricCollector) ContextDeadlineExceeded() *rolling.Number {
	return d.numbers().contextDeadlineExceeded
}

// FallbackSuccesses returns the fallbacks that returned nil.
func (d *DefaultMetricCollector) FallbackSuccesses() *rolling.Number {
	return d.numbers().fallbackSuccesses
}

// FallbackFailures returns the fallbacks that returned an error.
func (d *DefaultMetricCollector) FallbackFailures() *rolling.Number {
	return d.numbers().fallbackFailures
}

// TotalDuration returns how long the commands took, fallbacks included.
func (d *DefaultMetricCollector) TotalDuration() *rolling.Timing { return d.numbers().totalDuration }

// RunDuration returns how long run took.
func (d *DefaultMetricCollector) RunDuration() *rolling.Timing { return d.numbers().runDuration }
