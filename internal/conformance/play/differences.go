package play

import (
	"maps"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// The texts and states that the table uses more than once.
const (
	ran           = `1 x value "ok", SUCCESS, run entered`
	refused       = `1 x value "fb", FALLBACK_SUCCESS+SHORT_CIRCUITED, from fallback, fallback entered, because shortCircuited`
	canceledProbe = "halfopen-cancelled-probe"
	panics        = `1 x error panic, FAILURE, run entered, because javaError:`
)

var (
	closed       = oracle.Observation{"status": "CLOSED", "open": "false", "allowsRequest": "true"}
	probeRuns    = oracle.Observation{"status": "HALF_OPEN"} // and refuses others, as Hystrix's OPEN does
	halfOpen     = oracle.Observation{"status": "HALF_OPEN", "open": "true", "allowsRequest": "false"}
	probeMayRun  = oracle.Observation{"status": "HALF_OPEN", "allowsRequest": "true"}
	notOpen      = oracle.Observation{"open": "false"}
	fiveOfFive   = oracle.Observation{"health": "total 5, errors 5, 100 %"}
	simplyRuns   = result(ran)
	runsAndClose = with(closed, "results", ran)
	stillRefuses = with(halfOpen, "results", refused)
)

func with(o oracle.Observation, field, text string) oracle.Observation {
	o = maps.Clone(o)
	o[field] = text
	return o
}

func result(text string) oracle.Observation { return oracle.Observation{"results": text} }

func sums(text string) oracle.Observation {
	return oracle.Observation{"rolling": text, "cumulative": text}
}

// Differences is the one table of intended differences. A line is exact: the scenario
// disagrees if quill does anything else there, and also if it comes to do what Hystrix did.
var Differences = []Difference{
	{"halfopen-concurrent-calls-then-failure", 3, "refusal-keeps-probe", probeRuns},
	{"halfopen-concurrent-no-fallback", 3, "refusal-keeps-probe", probeRuns},
	{"halfopen-concurrent-no-fallback", 4, "refusal-keeps-probe", probeRuns},
	{"halfopen-concurrent-no-fallback", 6, "refusal-keeps-probe", closed},
	{"halfopen-concurrent-no-fallback", 7, "refusal-keeps-probe", closed},
	{"halfopen-second-probe-while-first-runs", 4, "refusal-keeps-probe", probeRuns},
	{"halfopen-second-probe-while-first-runs", 5, "refusal-keeps-probe", probeRuns},
	{"halfopen-second-probe-while-first-runs", 7, "refusal-keeps-probe", stillRefuses},
	{"halfopen-second-probe-while-first-runs", 8, "refusal-keeps-probe", halfOpen},
	{"halfopen-burst", 6, "refusal-keeps-probe", closed},

	{"halfopen-badrequest", 2, "probe-place-back", probeMayRun},
	{"halfopen-badrequest", 3, "probe-place-back", probeMayRun},
	{"halfopen-badrequest", 4, "probe-place-back", runsAndClose},
	{canceledProbe, 4, "probe-place-back", probeMayRun},
	{canceledProbe, 5, "probe-place-back", probeMayRun},
	{canceledProbe, 6, "probe-place-back", runsAndClose},

	{"semaphore-rejections-open", 8, "late-results", fiveOfFive},
	{"pool-rejections-open", 8, "late-results", fiveOfFive},
	{"halfopen-straggler-success", 6, "late-results", halfOpen},
	{"halfopen-straggler-success", 7, "late-results", halfOpen},
	{"halfopen-straggler-success", 8, "late-results", stillRefuses},

	{"window-expiry-of-successes", 6, "only-calls-move", result(
		`5 x error COMMAND_EXCEPTION, cause user:boom, FAILURE+FALLBACK_MISSING, run entered, because user:boom`)},
	{"window-expiry-of-successes", 7, "only-calls-move", fiveOfFive},

	{"semaphore-held-in-fallback", 1, "permit-free-in-fallback", simplyRuns},

	{"timeout-semaphore", 0, "semaphore-hears-timeout", result(`1 x value "fb", FALLBACK_SUCCESS+TIMEOUT, ` +
		`from fallback, run entered, fallback entered, because timeout, not in its time`)},
	{"timeout-semaphore", 1, "semaphore-hears-timeout", oracle.Observation{
		"bodies": "runs entered 1, finished 1, interrupted 1, fallbacks entered 1",
	}},

	{"cancel-running-interrupt", 2, "no-fallback-after-cancel", oracle.Observation{
		"bodies": "runs entered 1, finished 1, interrupted 1, fallbacks entered 0",
	}},
	{"cancel-running-interrupt", 3, "no-fallback-after-cancel", oracle.Observation{
		"result of h": "error " + oracle.Cancelled + ", " + eventCancelled + ", run entered",
	}},
	{"cancel-running-interrupt", 4, "no-fallback-after-cancel", oracle.Observation{"chronological": eventCancelled}},

	{"fallback-rejected-shortcircuit", 0, "cause-is-kept", result(`1 x error REJECTED_SEMAPHORE_FALLBACK, ` +
		`cause shortCircuited, FALLBACK_REJECTION+SHORT_CIRCUITED, because shortCircuited`)},

	{"not-wrapped-no-fallback", 2, "all-errors-are-told", result(`1 x error COMMAND_EXCEPTION, cause notWrapped:plain, ` +
		`fallback's cause user:boom, FAILURE+FALLBACK_FAILURE, run entered, fallback entered, because notWrapped:plain`)},

	{"java-error-fallback", 0, "panic-goes-on", result(panics + "Error")},
	{"java-error-fallback", 1, "panic-goes-on", result(panics + "StackOverflowError")},
	{"java-error-fallback", 2, "panic-goes-on", result(panics + "Error")},
	{"java-error-fallback", 5, "panic-goes-on", sums("FAILURE 3")},

	{"percent-0-all-success", 2, "zero-is-default", closed},
	{"percent-0-all-success", 4, "zero-is-default", runsAndClose},
	{"timeout-0-call", 0, "zero-is-default", simplyRuns},
	{"timeout-0-call", 2, "zero-is-default", oracle.Observation{"health": "total 1, errors 0, 0 %"}},
	{"timeout-0-call", 3, "zero-is-default", with(sums("SUCCESS 1"), "maxConcurrent", "1")},
	{"pool-queue-threshold-0", 0, "zero-is-default", simplyRuns},
	{"pool-queue-threshold-0", 1, "zero-is-default", simplyRuns},

	{"breaker-disabled-force-open", 0, "one-override", notOpen},
	{"breaker-disabled-force-open", 1, "one-override", notOpen},

	{"pool-maximum-diverges", 1, "one-pool-size", oracle.Observation{"core": "3"}},

	{"config-snapshot-0", 0, "no-snapshots", oracle.Observation{"outcome": "ok"}},
}
