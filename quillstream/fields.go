package quillstream

// rule says how the values that several hosts have for one field become one.
type rule uint8

const (
	// sum adds numbers up. The dashboard divides by reportingHosts what is no count:
	// errorPercentage, latencies, and the settings of a pool.
	sum rule = iota
	// spread adds up the numbers of an object, key by key.
	spread
	// newest takes the largest number: of times, the last.
	newest
	// open is isCircuitBreakerOpen: false if no host's is, the number of hosts if all
	// are, and otherwise an object that says how many are and how many are not.
	open
	// common takes the value that all hosts have, and otherwise an object that says how
	// many have which.
	common
	// most takes the value that most hosts have, for what must be a single one.
	most
	// every is true if it is on every host.
	every
)

// kind says of what kind a field is whose values are not added up.
type kind uint8

const (
	number kind = iota
	boolean
	text
)

// field is one field of a message, beside type, name and reportingHosts.
type field struct {
	name string
	rule rule
	kind kind
}

// messageTypes are the types of messages that are summed, in the order in which they are
// sent, with their fields in Hystrix's order.
var messageTypes = []struct {
	name   string
	fields []field
}{
	{"HystrixCommand", commandFields},
	{"HystrixThreadPool", poolFields},
	{"HystrixCollapser", collapserFields},
}

var commandFields = []field{
	{"group", most, text},
	{"currentTime", newest, number},
	{"isCircuitBreakerOpen", open, boolean},
	{"errorPercentage", sum, number},
	{"errorCount", sum, number},
	{"requestCount", sum, number},
	{"rollingCountBadRequests", sum, number},
	{"rollingCountCollapsedRequests", sum, number},
	{"rollingCountEmit", sum, number},
	{"rollingCountExceptionsThrown", sum, number},
	{"rollingCountFailure", sum, number},
	{"rollingCountFallbackEmit", sum, number},
	{"rollingCountFallbackFailure", sum, number},
	{"rollingCountFallbackMissing", sum, number},
	{"rollingCountFallbackRejection", sum, number},
	{"rollingCountFallbackSuccess", sum, number},
	{"rollingCountResponsesFromCache", sum, number},
	{"rollingCountSemaphoreRejected", sum, number},
	{"rollingCountShortCircuited", sum, number},
	{"rollingCountSuccess", sum, number},
	{"rollingCountThreadPoolRejected", sum, number},
	{"rollingCountTimeout", sum, number},
	{"currentConcurrentExecutionCount", sum, number},
	{"rollingMaxConcurrentExecutionCount", sum, number},
	{"latencyExecute_mean", sum, number},
	{"latencyExecute", spread, number},
	{"latencyTotal_mean", sum, number},
	{"latencyTotal", spread, number},
	{"propertyValue_circuitBreakerRequestVolumeThreshold", common, number},
	{"propertyValue_circuitBreakerSleepWindowInMilliseconds", common, number},
	{"propertyValue_circuitBreakerErrorThresholdPercentage", common, number},
	{"propertyValue_circuitBreakerForceOpen", every, boolean},
	{"propertyValue_circuitBreakerForceClosed", every, boolean},
	{"propertyValue_circuitBreakerEnabled", common, boolean},
	{"propertyValue_executionIsolationStrategy", most, text},
	{"propertyValue_executionIsolationThreadTimeoutInMilliseconds", common, number},
	{"propertyValue_executionTimeoutInMilliseconds", common, number},
	{"propertyValue_executionIsolationThreadInterruptOnTimeout", common, boolean},
	{"propertyValue_executionIsolationThreadPoolKeyOverride", common, text},
	{"propertyValue_executionIsolationSemaphoreMaxConcurrentRequests", common, number},
	{"propertyValue_fallbackIsolationSemaphoreMaxConcurrentRequests", common, number},
	// The dashboard computes with it and does not divide: it must be one number.
	{"propertyValue_metricsRollingStatisticalWindowInMilliseconds", most, number},
	{"propertyValue_requestCacheEnabled", common, boolean},
	{"propertyValue_requestLogEnabled", common, boolean},
	{"threadPool", most, text},
}

var poolFields = []field{
	{"currentTime", newest, number},
	{"currentActiveCount", sum, number},
	{"currentCompletedTaskCount", sum, number},
	{"currentCorePoolSize", sum, number},
	{"currentLargestPoolSize", sum, number},
	{"currentMaximumPoolSize", sum, number},
	{"currentPoolSize", sum, number},
	{"currentQueueSize", sum, number},
	{"currentTaskCount", sum, number},
	{"rollingCountThreadsExecuted", sum, number},
	{"rollingMaxActiveThreads", sum, number},
	{"rollingCountCommandRejections", sum, number},
	{"propertyValue_queueSizeRejectionThreshold", sum, number},
	{"propertyValue_metricsRollingStatisticalWindowInMilliseconds", sum, number},
}

var collapserFields = []field{
	{"currentTime", newest, number},
	{"rollingCountRequestsBatched", sum, number},
	{"rollingCountBatches", sum, number},
	{"rollingCountResponsesFromCache", sum, number},
	{"batchSize_mean", sum, number},
	{"batchSize", spread, number},
	{"propertyValue_requestCacheEnabled", common, boolean},
	{"propertyValue_maxRequestsInBatch", common, number},
	{"propertyValue_timerDelayInMilliseconds", common, number},
}
