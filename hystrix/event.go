package hystrix

import (
	"math"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// commandEvent is the event of a command, its fields in hystrix-go's order.
type commandEvent struct {
	Type           string `json:"type"`
	Name           string `json:"name"`
	Group          string `json:"group"`
	Time           int64  `json:"currentTime"`
	ReportingHosts uint32 `json:"reportingHosts"`

	RequestCount       uint32 `json:"requestCount"`
	ErrorCount         uint32 `json:"errorCount"`
	ErrorPercentage    uint32 `json:"errorPercentage"`
	CircuitBreakerOpen bool   `json:"isCircuitBreakerOpen"`

	CollapsedRequests  uint32 `json:"rollingCountCollapsedRequests"`
	ExceptionsThrown   uint32 `json:"rollingCountExceptionsThrown"`
	Failure            uint32 `json:"rollingCountFailure"`
	FallbackFailure    uint32 `json:"rollingCountFallbackFailure"`
	FallbackRejection  uint32 `json:"rollingCountFallbackRejection"`
	FallbackSuccess    uint32 `json:"rollingCountFallbackSuccess"`
	ResponsesFromCache uint32 `json:"rollingCountResponsesFromCache"`
	SemaphoreRejected  uint32 `json:"rollingCountSemaphoreRejected"`
	ShortCircuited     uint32 `json:"rollingCountShortCircuited"`
	Success            uint32 `json:"rollingCountSuccess"`
	ThreadPoolRejected uint32 `json:"rollingCountThreadPoolRejected"`
	Timeout            uint32 `json:"rollingCountTimeout"`

	CurrentConcurrent uint32 `json:"currentConcurrentExecutionCount"`

	LatencyExecuteMean uint32       `json:"latencyExecute_mean"`
	LatencyExecute     eventLatency `json:"latencyExecute"`
	LatencyTotalMean   uint32       `json:"latencyTotal_mean"`
	LatencyTotal       eventLatency `json:"latencyTotal"`

	RequestVolumeThreshold uint32 `json:"propertyValue_circuitBreakerRequestVolumeThreshold"`
	SleepWindow            uint32 `json:"propertyValue_circuitBreakerSleepWindowInMilliseconds"`
	ErrorThreshold         uint32 `json:"propertyValue_circuitBreakerErrorThresholdPercentage"`
	ForceOpen              bool   `json:"propertyValue_circuitBreakerForceOpen"`
	ForceClosed            bool   `json:"propertyValue_circuitBreakerForceClosed"`
	Enabled                bool   `json:"propertyValue_circuitBreakerEnabled"`
	Strategy               string `json:"propertyValue_executionIsolationStrategy"`
	ThreadTimeout          uint32 `json:"propertyValue_executionIsolationThreadTimeoutInMilliseconds"`
	InterruptOnTimeout     bool   `json:"propertyValue_executionIsolationThreadInterruptOnTimeout"`
	PoolKeyOverride        string `json:"propertyValue_executionIsolationThreadPoolKeyOverride"`
	SemaphoreMax           uint32 `json:"propertyValue_executionIsolationSemaphoreMaxConcurrentRequests"`
	FallbackMax            uint32 `json:"propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests"`
	RollingWindow          uint32 `json:"propertyValue_metricsRollingStatisticalWindowInMilliseconds"`
	RequestCacheEnabled    bool   `json:"propertyValue_requestCacheEnabled"`
	RequestLogEnabled      bool   `json:"propertyValue_requestLogEnabled"`
}

type eventLatency struct {
	P0   uint32 `json:"0"`
	P25  uint32 `json:"25"`
	P50  uint32 `json:"50"`
	P75  uint32 `json:"75"`
	P90  uint32 `json:"90"`
	P95  uint32 `json:"95"`
	P99  uint32 `json:"99"`
	P995 uint32 `json:"99.5"`
	P100 uint32 `json:"100"`
}

// poolEvent is the event of a command's pool.
type poolEvent struct {
	Type           string `json:"type"`
	Name           string `json:"name"`
	ReportingHosts uint32 `json:"reportingHosts"`

	ActiveCount        uint32 `json:"currentActiveCount"`
	CompletedTaskCount uint32 `json:"currentCompletedTaskCount"`
	CorePoolSize       uint32 `json:"currentCorePoolSize"`
	LargestPoolSize    uint32 `json:"currentLargestPoolSize"`
	MaximumPoolSize    uint32 `json:"currentMaximumPoolSize"`
	PoolSize           uint32 `json:"currentPoolSize"`
	QueueSize          uint32 `json:"currentQueueSize"`
	TaskCount          uint32 `json:"currentTaskCount"`

	MaxActive uint32 `json:"rollingMaxActiveThreads"`
	Executed  uint32 `json:"rollingCountThreadsExecuted"`

	RollingWindow      uint32 `json:"propertyValue_metricsRollingStatisticalWindowInMilliseconds"`
	RejectionThreshold uint32 `json:"propertyValue_queueSizeRejectionThreshold"`
}

// events are what the stream tells of the circuit at this moment.
func (c *CircuitBreaker) events() (*commandEvent, *poolEvent) {
	c.command.takeOver()
	stats := c.quill.Stats()
	settings := c.adopted.Load().settings
	sums, window := c.tally.sum()
	e := &commandEvent{
		Type: "HystrixCommand", Name: c.Name, Group: c.Name,
		Time: time.Now().UnixMilli(), ReportingHosts: 1,
		RequestCount: sums.attempts, ErrorCount: sums.errors(),
		ErrorPercentage:    percent(sums.errors(), sums.attempts),
		CircuitBreakerOpen: stats.Open(),

		Failure: sums.kinds[failure], Success: sums.kinds[success], Timeout: sums.kinds[timeout],
		ShortCircuited:  sums.kinds[shortCircuit],
		FallbackSuccess: sums.answered, FallbackFailure: sums.unheard,
		CurrentConcurrent: count(stats.InFlight),

		LatencyExecuteMean: ms(stats.Execution.Mean()), LatencyExecute: latencyOf(stats.Execution),
		LatencyTotalMean: ms(stats.Whole.Mean()), LatencyTotal: latencyOf(stats.Whole),

		RequestVolumeThreshold: uint32(min(settings.RequestVolumeThreshold, math.MaxUint32)),
		SleepWindow:            ms(settings.SleepWindow),
		ErrorThreshold:         count(settings.ErrorPercentThreshold),
		ForceOpen:              stats.Override == quill.ForceOpen,
		ForceClosed:            stats.Override == quill.ForceClosed,
		Enabled:                stats.Override != quill.Disabled,
		ThreadTimeout:          ms(settings.Timeout),
		InterruptOnTimeout:     true,
		FallbackMax:            count(stats.Settings.MaxConcurrentFallbacks),
		RollingWindow:          ms(window),
	}
	e.Strategy, e.ThreadPoolRejected = "THREAD", sums.kinds[rejected]
	if stats.Settings.Isolation == quill.Semaphore {
		e.Strategy, e.SemaphoreMax = "SEMAPHORE", count(stats.Settings.MaxConcurrent)
		e.SemaphoreRejected, e.ThreadPoolRejected = e.ThreadPoolRejected, 0
	}
	return e, c.poolEvent(&stats, &sums, window)
}

func (c *CircuitBreaker) poolEvent(stats *quill.Stats, sums *sums, window time.Duration) *poolEvent {
	size := count(stats.Settings.MaxConcurrent)
	done := stats.Total.Success + stats.Total.Failure + stats.Total.Ignored
	return &poolEvent{
		Type: "HystrixThreadPool", Name: c.Name, ReportingHosts: 1,
		ActiveCount: count(stats.InFlight), QueueSize: count(stats.Queued),
		CorePoolSize: size, LargestPoolSize: size, MaximumPoolSize: size, PoolSize: size,
		CompletedTaskCount: uint32(min(done, math.MaxUint32)),
		TaskCount:          uint32(min(done, math.MaxUint32)) + count(stats.InFlight),
		MaxActive:          sums.mostBusy, Executed: sums.executed,
		RollingWindow: ms(window), RejectionThreshold: count(stats.Settings.QueueSize),
	}
}

func latencyOf(l quill.Latency) eventLatency {
	// A percentile is the middle of a bucket, which for calls of a little more than 5 ms is a
	// little less: rounded, not cut, so that the bucket's width does not become a millisecond.
	at := func(p float64) uint32 { return ms(l.Percentile(p).Round(time.Millisecond)) }
	return eventLatency{at(0), at(25), at(50), at(75), at(90), at(95), at(99), at(99.5), at(100)}
}

// percent is the share in per cent, halves rounded up.
func percent(part, whole uint32) uint32 {
	if whole == 0 {
		return 0
	}
	return uint32(float64(part)/float64(whole)*100 + 0.5)
}

// ms is d in whole milliseconds, as far as 32 bits go; 0 below.
func ms(d time.Duration) uint32 {
	return uint32(min(max(d.Milliseconds(), 0), math.MaxUint32))
}

// count is n as far as 32 bits go; 0 below, which is also what no limit shows as.
func count(n int) uint32 {
	return uint32(min(max(int64(n), 0), math.MaxUint32))
}
