package quillstream

import (
	"math"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// command is a message of type HystrixCommand: the fields of Hystrix, in its order.
type command struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Group       string `json:"group"`
	CurrentTime int64  `json:"currentTime"`

	Open            bool   `json:"isCircuitBreakerOpen"`
	ErrorPercentage int64  `json:"errorPercentage"`
	ErrorCount      uint64 `json:"errorCount"`
	RequestCount    uint64 `json:"requestCount"`

	BadRequests        uint64 `json:"rollingCountBadRequests"`
	CollapsedRequests  uint64 `json:"rollingCountCollapsedRequests"`
	Emit               uint64 `json:"rollingCountEmit"`
	ExceptionsThrown   uint64 `json:"rollingCountExceptionsThrown"`
	Failure            uint64 `json:"rollingCountFailure"`
	FallbackEmit       uint64 `json:"rollingCountFallbackEmit"`
	FallbackFailure    uint64 `json:"rollingCountFallbackFailure"`
	FallbackMissing    uint64 `json:"rollingCountFallbackMissing"`
	FallbackRejection  uint64 `json:"rollingCountFallbackRejection"`
	FallbackSuccess    uint64 `json:"rollingCountFallbackSuccess"`
	ResponsesFromCache uint64 `json:"rollingCountResponsesFromCache"`
	SemaphoreRejected  uint64 `json:"rollingCountSemaphoreRejected"`
	ShortCircuited     uint64 `json:"rollingCountShortCircuited"`
	Success            uint64 `json:"rollingCountSuccess"`
	ThreadPoolRejected uint64 `json:"rollingCountThreadPoolRejected"`
	Timeout            uint64 `json:"rollingCountTimeout"`

	Concurrent    int `json:"currentConcurrentExecutionCount"`
	MaxConcurrent int `json:"rollingMaxConcurrentExecutionCount"`

	ExecuteMean int64   `json:"latencyExecute_mean"`
	Execute     latency `json:"latencyExecute"`
	TotalMean   int64   `json:"latencyTotal_mean"`
	Total       latency `json:"latencyTotal"`

	VolumeThreshold     int     `json:"propertyValue_circuitBreakerRequestVolumeThreshold"`
	SleepWindow         int64   `json:"propertyValue_circuitBreakerSleepWindowInMilliseconds"`
	ErrorThreshold      int64   `json:"propertyValue_circuitBreakerErrorThresholdPercentage"`
	ForceOpen           bool    `json:"propertyValue_circuitBreakerForceOpen"`
	ForceClosed         bool    `json:"propertyValue_circuitBreakerForceClosed"`
	BreakerEnabled      bool    `json:"propertyValue_circuitBreakerEnabled"`
	Strategy            string  `json:"propertyValue_executionIsolationStrategy"`
	ThreadTimeout       int64   `json:"propertyValue_executionIsolationThreadTimeoutInMilliseconds"`
	ExecutionTimeout    int64   `json:"propertyValue_executionTimeoutInMilliseconds"`
	InterruptOnTimeout  bool    `json:"propertyValue_executionIsolationThreadInterruptOnTimeout"`
	PoolKeyOverride     *string `json:"propertyValue_executionIsolationThreadPoolKeyOverride"`
	SemaphoreMax        int     `json:"propertyValue_executionIsolationSemaphoreMaxConcurrentRequests"`
	FallbackMax         int     `json:"propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests"`
	RollingWindow       int64   `json:"propertyValue_metricsRollingStatisticalWindowInMilliseconds"`
	RequestCacheEnabled bool    `json:"propertyValue_requestCacheEnabled"`
	RequestLogEnabled   bool    `json:"propertyValue_requestLogEnabled"`

	ReportingHosts int    `json:"reportingHosts"`
	ThreadPool     string `json:"threadPool"`
}

// latency are Hystrix's percentiles, in milliseconds.
type latency struct {
	P0   int64 `json:"0"`
	P25  int64 `json:"25"`
	P50  int64 `json:"50"`
	P75  int64 `json:"75"`
	P90  int64 `json:"90"`
	P95  int64 `json:"95"`
	P99  int64 `json:"99"`
	P995 int64 `json:"99.5"`
	P100 int64 `json:"100"`
}

func latencyOf(l quill.Latency) latency {
	p := func(p float64) int64 { return milliseconds(l.Percentile(p)) }
	return latency{p(0), p(25), p(50), p(75), p(90), p(95), p(99), p(99.5), p(100)}
}

// milliseconds rounds to whole ones, which is what Hystrix's readers can read.
func milliseconds(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }

// unlimited is how Hystrix says that there is no limit.
func unlimited(n int) int {
	if n == quill.Unlimited {
		return math.MaxInt32
	}
	return n
}

// timeout is 0 where there is none.
func timeout(d time.Duration) int64 { return max(0, d.Milliseconds()) }

// commandOf says of a circuit what Hystrix would. now is the wall clock's, pool is its bulkhead's name on the
// stream, r what only several looks tell.
func commandOf(s *quill.Stats, now int64, group, pool string, r recent) command {
	c := command{
		Type: "HystrixCommand", Name: s.Name, Group: group, CurrentTime: now,
		ReportingHosts: 1, ThreadPool: pool,

		Open:            s.Open(),
		ErrorPercentage: int64(s.Health.ErrorPercent),
		ErrorCount:      s.Health.Errors,
		RequestCount:    s.Health.Requests,

		BadRequests:    s.Window.Ignored,
		Failure:        s.Window.Failure,
		ShortCircuited: s.Window.ShortCircuited,
		Success:        s.Window.Success,
		Timeout:        s.Window.Timeout,

		ExceptionsThrown:  r.thrown(),
		FallbackFailure:   r.unanswered.Failed,
		FallbackMissing:   r.unanswered.Missing,
		FallbackRejection: r.unanswered.Rejected,
		FallbackSuccess:   r.answered,

		Concurrent: s.InFlight, MaxConcurrent: r.peak,
		ExecuteMean: milliseconds(s.Execution.Mean()), Execute: latencyOf(s.Execution),
		TotalMean: milliseconds(s.Whole.Mean()), Total: latencyOf(s.Whole),
	}
	c.properties(s)
	if s.Bulkhead != s.Name {
		c.PoolKeyOverride = &c.ThreadPool
	}
	return c
}

// properties are the settings in force, and the counts that depend on them.
func (c *command) properties(s *quill.Stats) {
	c.Strategy, c.ThreadPoolRejected = "THREAD", s.Window.Rejected
	if s.Settings.Isolation == quill.Semaphore {
		c.Strategy, c.ThreadPoolRejected, c.SemaphoreRejected = "SEMAPHORE", 0, s.Window.Rejected
	}
	c.VolumeThreshold = s.Settings.RequestVolumeThreshold
	c.SleepWindow = s.Settings.SleepWindow.Milliseconds()
	c.ErrorThreshold = int64(math.Ceil(s.Settings.ErrorPercentThreshold))
	c.ForceOpen, c.ForceClosed = s.Override == quill.ForceOpen, s.Override == quill.ForceClosed
	c.BreakerEnabled = s.Override != quill.Disabled
	c.ThreadTimeout = timeout(s.Settings.Timeout)
	c.ExecutionTimeout = c.ThreadTimeout
	c.InterruptOnTimeout = true // run's context ends
	c.SemaphoreMax = unlimited(s.Settings.MaxConcurrent)
	c.FallbackMax = unlimited(s.Settings.MaxConcurrentFallbacks)
	c.RollingWindow = s.Settings.RollingWindow.Milliseconds()
}
