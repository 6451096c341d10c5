package quill

import "github.com/seed-f7c3343e/quill/internal/window"

// Unanswered counts the calls that failed, timed out, were rejected or were refused, and
// that no fallback answered: their callers got an error. Each such call is counted once.
// (Hystrix's events FALLBACK_MISSING, FALLBACK_FAILURE and FALLBACK_REJECTION.)
type Unanswered struct {
	Missing  uint64 `json:"missing"`  // the command has no fallback, or none was due
	Failed   uint64 `json:"failed"`   // at least one step was asked, and none answered
	Rejected uint64 `json:"rejected"` // no step was asked: MaxConcurrentFallbacks
}

// Total returns the number of all such calls.
func (u Unanswered) Total() uint64 { return u.Missing + u.Failed + u.Rejected }

// countUnanswered counts a call that is over if nobody answered it. A call that was
// answered, by run or by a fallback, costs a comparison.
func (e *execution) countUnanswered() {
	if e.answered != nil {
		return
	}
	switch e.outcome {
	case Failure, Timeout, Rejected, ShortCircuited:
	case Success, Ignored, Canceled:
		return
	}
	switch {
	case e.asked:
		e.circuit.counters.AddBeside(kindFallbackFailed, e.seat)
	case len(e.failed) > 0:
		e.circuit.counters.AddBeside(kindFallbackFull, e.seat)
	default:
		e.circuit.counters.AddBeside(kindNoFallback, e.seat)
	}
}

func unansweredOf(s window.Sums) Unanswered {
	return Unanswered{s[kindNoFallback], s[kindFallbackFailed], s[kindFallbackFull]}
}
