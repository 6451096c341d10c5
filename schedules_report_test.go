//go:build explore

package quill

import (
	"context"
	"errors"
	"testing"
)

// What an operator does after a change of settings, Judge and TakeBack, meets calls,
// openings and other operators: see asInSomeOrder.

// windows are both kinds of evidence, for thresholds as in s.
func windows(t *testing.T, s Settings, f func(t *testing.T, s Settings)) {
	t.Helper()
	t.Run("a time window", func(t *testing.T) { f(t, s) })
	t.Run("the last calls", func(t *testing.T) {
		s.RollingCalls = 3
		f(t, s)
	})
}

func threshold(n float64) deed {
	return configured(func(s *Settings) { s.ErrorPercentThreshold = n })
}

// reported is a result of work that did not come through the circuit, of which others may
// come between the look at the circuit and the count.
func reported(o Outcome) deed {
	var err error
	if o == Failure {
		err = errors.New("sick")
	}
	found := map[*operated]token{}
	parts := []deed{{do: func(x *operated) string {
		found[x] = x.admissionOfReport(x.now).token
		return ""
	}}}
	settle := ending(o, func(x *operated) (token, bool) { return found[x], true })
	for _, part := range append(settle.apart, deed{do: settle.do})[:max(1, len(settle.apart))] {
		parts = append(parts, deed{do: func(x *operated) string { part.do(x); return "" }})
	}
	return deed{func(x *operated) string { x.Report(context.Background(), err, 0); return "" }, parts}
}

func TestC01ReportMeetsResultsAsInSomeOrderInEverySchedule(t *testing.T) {
	s := Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 50}
	windows(t, s, func(t *testing.T, s Settings) {
		half := []deed{ended(Success), ended(Failure)} // open
		asInSomeOrder(t, "three reports", s, nil, []deed{reported(Success)}, []deed{reported(Failure)}, []deed{reported(Success)})
		asInSomeOrder(t, "good and bad", s, half[:1], []deed{reported(Failure)}, []deed{ended(Success)}, []deed{ended(Failure)})
		asInSomeOrder(t, "a reset", s, half, []deed{reported(Failure)}, []deed{begin("a"), end("a", Failure)}, []deed{reset})
		asInSomeOrder(t, "taken back", s, half, []deed{reported(Failure)}, []deed{reported(Success)}, []deed{tookBack})
		asInSomeOrder(t, "forced closed, on and off", s, half[:1], []deed{reported(Failure)}, []deed{ended(Failure)},
			[]deed{overridden(ForceClosed), overridden(NoOverride)})
		asInSomeOrder(t, "disabled, on and off", s, half[:1], []deed{reported(Failure)}, []deed{ended(Failure)},
			[]deed{overridden(Disabled), overridden(NoOverride)})
		asInSomeOrder(t, "half-open", s, append(half[:2:2], later),
			[]deed{begin("a"), end("a", Success)}, []deed{reported(Failure)}, []deed{begin("b"), end("b", Failure)})
	})
}

func TestC01JudgeMeetsResultsAsInSomeOrderInEverySchedule(t *testing.T) {
	s := Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 75}
	windows(t, s, func(t *testing.T, s Settings) {
		half := []deed{ended(Success), ended(Failure)}
		stricter := []deed{threshold(50), judged}
		asInSomeOrder(t, "good and bad", s, half, []deed{ended(Success)}, []deed{ended(Failure)}, stricter)
		asInSomeOrder(t, "the volume is short", s, half[:1], []deed{ended(Success)}, []deed{ended(Failure)}, stricter)
		asInSomeOrder(t, "begins and ends", s, half[1:],
			[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, stricter)
		asInSomeOrder(t, "an opening", s, half, []deed{ended(Failure)}, []deed{ended(Failure)}, []deed{judged})
		asInSomeOrder(t, "two judges", s, half, []deed{ended(Failure)}, stricter, []deed{judged})
		asInSomeOrder(t, "a reset", s, half, []deed{begin("a"), end("a", Failure)}, stricter, []deed{reset})
		asInSomeOrder(t, "a fresh window", s, half, []deed{ended(Failure)}, []deed{judged},
			[]deed{configured(func(s *Settings) { s.RollingBuckets = 2 }), threshold(50)})
		asInSomeOrder(t, "disabled, on and off", s, half, []deed{ended(Failure)}, stricter,
			[]deed{overridden(Disabled), overridden(NoOverride)})
		asInSomeOrder(t, "half-open", s, []deed{ended(Failure), ended(Failure), later},
			[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, []deed{judged})
	})
}

func TestC01TakeBackMeetsResultsAsInSomeOrderInEverySchedule(t *testing.T) {
	s := Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 50}
	windows(t, s, func(t *testing.T, s Settings) {
		half := []deed{ended(Success), ended(Failure)} // open
		back := []deed{threshold(75), tookBack}
		asInSomeOrder(t, "late results", s, half, []deed{ended(Success)}, []deed{ended(Failure)}, back)
		asInSomeOrder(t, "calls", s, half, []deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, back)
		asInSomeOrder(t, "settings that open it again", s, half,
			[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, []deed{tookBack})
		asInSomeOrder(t, "an opening", s, half[:1], []deed{ended(Failure)}, []deed{ended(Failure)}, []deed{tookBack})
		asInSomeOrder(t, "taken back twice", s, half, []deed{begin("a"), end("a", Failure)}, back, []deed{tookBack})
		asInSomeOrder(t, "a reset", s, half, []deed{begin("a"), end("a", Failure)}, back, []deed{reset})
		asInSomeOrder(t, "judged", s, half, []deed{begin("a"), end("a", Failure)}, back, []deed{threshold(50), judged})
		asInSomeOrder(t, "a fresh window", s, half, []deed{begin("a"), end("a", Failure)}, []deed{tookBack},
			[]deed{configured(func(s *Settings) { s.RollingBuckets = 2 })})
		asInSomeOrder(t, "forced open, on and off", s, half, []deed{begin("a"), end("a", Failure)}, back,
			[]deed{overridden(ForceOpen), overridden(NoOverride)})
		asInSomeOrder(t, "half-open", s, append(half[:2:2], later),
			[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, []deed{tookBack})
	})
}
