package play

// Reason is why quill means to differ from Hystrix, and how.
type Reason struct {
	ID      string
	Hystrix string // what Hystrix does
	Quill   string // what quill does
	Why     string
}

// Reasons are all of them, in the order of the pages.
var Reasons = []Reason{
	{
		ID: "refusal-keeps-probe",
		Hystrix: "A call that is short-circuited while the probe runs reopens the circuit. The probe's " +
			"success is then ignored, and a further sleep window begins.",
		Quill: "The circuit stays half-open until the probe itself ends, and the probe's result decides.",
		Why: "Under traffic Hystrix's circuit may never close, however well the dependency is " +
			"(Netflix/Hystrix#1853). That a call was refused says nothing about the dependency.",
	},
	{
		ID: "probe-place-back",
		Hystrix: "A probe that is canceled, or refused by pool or semaphore, or ends as a bad request, " +
			"reopens the circuit for a whole sleep window.",
		Quill: "Its place is given back: the circuit stays half-open and the next call is the probe. " +
			"(Ten bad requests in a row close it.)",
		Why: "None of these ends says that the dependency is ill; a bad request even says that it " +
			"answered. Hystrix counts none of them but a refusal as an error, either.",
	},
	{
		ID: "late-results",
		Hystrix: "Any success closes a half-open circuit, and any result counts in the health, also of a " +
			"call that was admitted before the circuit opened.",
		Quill: "A result counts only in the epoch that admitted its call: it moves no breaker and is " +
			"not in the health. The counts by outcome and Stats.LateResults have it.",
		Why: "A call of before the outage says nothing about whether it is over (Netflix/Hystrix#1350).",
	},
	{
		ID: "only-calls-move",
		Hystrix: "A timer looks at each breaker all the time, so that a circuit can open without a call, " +
			"as old successes leave the window before old failures do.",
		Quill: "Only the result of a call opens a circuit: the same calls, with one more failure while " +
			"the old ones are in the window, open it.",
		Why: "An idle circuit needs no timer and no goroutine. And with nobody calling there is " +
			"nobody to protect; the next failure is judged against what the window then holds.",
	},
	{
		ID: "permit-free-in-fallback",
		Hystrix: "The permit (and, after a failure, the pool's thread) is held until the fallback ends. " +
			"Until then the call is in flight, and not counted.",
		Quill: "It is given back when run returns, and the call is counted. Fallbacks have a limit of " +
			"their own, MaxConcurrentFallbacks.",
		Why: "The limit protects the dependency, which the fallback does not use. Holding it makes a " +
			"slow fallback take the service down that is well again.",
	},
	{
		ID: "semaphore-hears-timeout",
		Hystrix: "Code under a semaphore is never interrupted: it runs to its end, and the caller waits " +
			"for it although the call has timed out.",
		Quill: "Its context ends at the deadline. A run that obeys its context, as those of the " +
			"recordings do, returns then.",
		Why: "Go's contexts reach code on the caller's own goroutine as well. A run that does not " +
			"listen holds its caller up, as in Hystrix.",
	},
	{
		ID: "no-fallback-after-cancel",
		Hystrix: "The error of a body that a cancel interrupted still runs the fallback, for nobody, and " +
			"notifies a FAILURE.",
		Quill: "A canceled call runs no fallback and has one end: Canceled.",
		Why:   "There is nobody to answer; every call ends in exactly one outcome.",
	},
	{
		ID:      "cause-is-kept",
		Hystrix: "Where the limit of fallbacks refuses, the error does not say why a fallback was needed.",
		Quill:   "The error holds both: its Cause, and ErrFallbackFull for the step.",
		Why:     "The first cause is what an operator looks for.",
	},
	{
		ID: "all-errors-are-told",
		Hystrix: "An error that is marked not to be wrapped reaches the caller bare, also where a " +
			"fallback failed after it.",
		Quill: "Without a fallback every error of run reaches the caller untouched. If a fallback " +
			"failed as well, an Error holds both; errors.Is and errors.As find each.",
		Why: "A failed fallback must hide neither error.",
	},
	{
		ID: "panic-goes-on",
		Hystrix: "A java.lang.Error of run is answered by the fallback, except those that say that the " +
			"virtual machine is at its end; one of the fallback is its error like any other.",
		Quill: "A panic, Go's nearest to it, goes on to the caller. One of run counts as a Failure, and " +
			"no fallback runs.",
		Why: "A panic is a fault of the program, not of the dependency: an answer in its place would " +
			"hide it.",
	},
	{
		ID: "zero-is-default",
		Hystrix: "An error threshold of 0 opens the circuit on volume alone; a timeout of 0 makes every " +
			"call fail before it runs; a rejection threshold of 0 makes a pool with a queue refuse " +
			"every call.",
		Quill: "A zero field of Settings means the default, and QueueSize 0 no queue.",
		Why: "Each is a circuit that serves nobody, which in Hystrix is an accident of its " +
			"arithmetic or of Java's timer. To refuse all calls there is ForceOpen.",
	},
	{
		ID:      "one-override",
		Hystrix: "A disabled breaker that is also forced open admits every call and reports that it is open.",
		Quill:   "There is one Override, Disabled or ForceOpen; what is reported is what happens.",
		Why:     "The two contradict each other.",
	},
	{
		ID:      "one-pool-size",
		Hystrix: "A pool has a core size and a maximum size.",
		Quill: "A pool has one limit, MaxConcurrent, which is Hystrix's maximum; its workers come and " +
			"go by themselves.",
		Why: "The core size is about how many idle threads to keep. Goroutines need no such setting.",
	},
	{
		ID:      "no-snapshots",
		Hystrix: "A health snapshot interval of 0 is refused.",
		Quill:   "There is no such setting: the breaker judges with each result.",
		Why:     "Nothing is gained by judging late.",
	},
	{
		ID:      "commands-are-values",
		Hystrix: "A command object can be executed once; the second time fails.",
		Quill:   "A Command is a value that is executed as often as one likes.",
		Why:     "One-shot objects are a means of Java's.",
	},
	{
		ID: "no-word-for-missing",
		Hystrix: "A fallback that fails with an UnsupportedOperationException counts as missing, and one " +
			"that is missing is a method that fails so: the limit of fallbacks can refuse it.",
		Quill: "It counts as failed; a command without a fallback has none, and nothing to refuse.",
		Why:   "Hystrix needs a word for a method that is not overridden.",
	},
}

// meaningless are observed fields that mean nothing to quill: Hystrix's properties for what
// quill does not have (the left side) and why they are not compared.
var meaningless = map[string]string{
	"execution.isolation.thread.interruptOnTimeout":      "run's context always ends at the deadline; a run may ignore it",
	"execution.isolation.thread.interruptOnFutureCancel": "run's context always ends with the caller's; a run may ignore it",
	"fallback.enabled": "a command has a fallback or has none",
	"metrics.healthSnapshot.intervalInMilliseconds": "the breaker judges with each result",
	"metrics.rollingPercentile.enabled":             "latencies are always measured",
	"metrics.rollingPercentile.timeInMilliseconds":  "latencies have the window of the counts",
	"metrics.rollingPercentile.numBuckets":          "latencies have the window of the counts",
	"metrics.rollingPercentile.bucketSize":          "latencies are a histogram",
	"requestCache.enabled":                          notBuilt,
	"requestLog.enabled":                            notBuilt,
	"pool queueSizeRejectionThreshold":              "QueueSize can be changed while calls run",
	"pool keepAliveTimeMinutes":                     "idle workers go by themselves",
	"pool allowMaximumSizeToDivergeFromCoreSize":    "a pool has one size",
	"collapser maxRequestsInBatch":                  notBuilt,
	"collapser timerDelayInMilliseconds":            notBuilt,
	"collapser requestCache.enabled":                notBuilt,
}

const notBuilt = "not built"
