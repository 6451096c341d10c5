package hystrix

import (
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// result is how the call ended, in the words of the recordings.
func (k *call) result() oracle.Result {
	r := oracle.Result{Count: 1, RunEntered: k.runEntered, FallbackEntered: k.fallbackEntered}
	r.Events = append(r.Events, k.primary)
	if k.secondary != "" {
		r.Events = append(r.Events, k.secondary)
	}
	if k.canceled && k.primary != "CANCELLED" {
		r.Events = append(r.Events, "CANCELLED")
	}
	if k.cause != nil {
		r.ExecutionException = &k.cause.code
	}
	if !k.failedForCaller() {
		r.Outcome, r.Value, r.FromFallback = "value", k.value, k.secondary == "FALLBACK_SUCCESS"
		return r
	}
	r.Outcome, r.Error = "error", k.asError()
	return r
}

func (k *call) asError() *oracle.Error {
	switch {
	case k.canceled:
		return &oracle.Error{Kind: oracle.Cancelled}
	case k.panics():
		return &oracle.Error{Kind: "panic"}
	case k.primary == "BAD_REQUEST":
		return &oracle.Error{Kind: "badRequest"}
	case k.isRaw():
		return &oracle.Error{Kind: "raw"}
	}
	e := &oracle.Error{Kind: "runtime", FailureType: k.failureType()}
	if k.secondary != "FALLBACK_REJECTION" || !k.model().does(CauseLost) {
		e.Cause = &k.cause.code
	}
	if k.fbCause != nil {
		e.FallbackCause = &k.fbCause.code
	}
	return e
}

// panics reports whether the error of run or fallback is, in quill, a panic that goes on to
// the caller.
func (k *call) panics() bool {
	return k.fallbackPanics || (k.primary == "FAILURE" && k.cause.kind == javaError && !k.model().does(ErrorCaught))
}

// isRaw reports whether the error of run comes to the caller as it is.
func (k *call) isRaw() bool {
	if k.primary != "FAILURE" || k.cause.kind != notWrapped || k.secondary == "FALLBACK_REJECTION" {
		return false
	}
	return k.model().does(BareError) || k.secondary != "FALLBACK_FAILURE"
}

// failureType is the word for what went wrong.
func (k *call) failureType() string {
	if k.secondary == "FALLBACK_REJECTION" {
		return "REJECTED_SEMAPHORE_FALLBACK"
	}
	switch k.primary {
	case "TIMEOUT":
		return "TIMEOUT"
	case "SHORT_CIRCUITED":
		return "SHORTCIRCUIT"
	case "SEMAPHORE_REJECTED":
		return "REJECTED_SEMAPHORE_EXECUTION"
	case "THREAD_POOL_REJECTED":
		return "REJECTED_THREAD_EXECUTION"
	}
	return "COMMAND_EXCEPTION"
}

// reuse executes one command object twice. What is recorded of the second time beside the
// error is not known: either nothing, or what the object says of the first.
func (m *model) reuse(s *oracle.Step) []oracle.Observation {
	k := m.newCall(s.Cmd, s.Run, s.Fallback, s.Label)
	k.execute()
	results := []oracle.Result{m.resultOf(k, nil)}
	if !m.does(OneShot) {
		again := m.newCall(s.Cmd, s.Run, s.Fallback, s.Label)
		again.execute()
		o := oracle.Observation{}
		results = append(results, m.resultOf(again, nil))
		m.settle(s, o)
		oracle.PutResults(o, results)
		return []oracle.Observation{o}
	}
	m.pause(s.SettleMS)
	var all []oracle.Observation
	for _, second := range refusals(results[0]) {
		o := oracle.Observation{}
		k.command.breaker.put(o)
		oracle.PutResults(o, []oracle.Result{results[0], second})
		all = append(all, o)
	}
	return all
}

// refusals are what may be recorded of a second execution.
func refusals(first oracle.Result) []oracle.Result {
	illegal := "IllegalStateException"
	var all []oracle.Result
	for _, cause := range []*string{nil, &illegal} {
		for _, exception := range []*string{nil, &illegal, first.ExecutionException} {
			for _, says := range []bool{false, true} {
				r := oracle.Result{Count: 1, Outcome: "error", ExecutionException: exception, Error: &oracle.Error{
					Kind: "runtime", FailureType: "BAD_REQUEST_EXCEPTION", Cause: cause,
				}}
				if says {
					r.Events, r.FromFallback = first.Events, first.FromFallback
					r.RunEntered, r.FallbackEntered = first.RunEntered, first.FallbackEntered
				}
				all = append(all, r)
			}
		}
	}
	return all
}
