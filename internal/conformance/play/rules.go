package play

import (
	"fmt"
	"slices"

	"github.com/seed-f7c3343e/quill/internal/conformance/hystrix"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// The differences table says exactly what quill does at each step of the recordings that
// are in the tree. A recording that it does not know is held against a model of Hystrix:
// see package hystrix. There each reason for a difference is a switch, a way, that makes the
// model do what Hystrix does rather than what quill does. A difference is intended only if
// the model with all its ways predicts what was recorded and the model without them
// predicts what quill did, to the letter; its reason is the way that makes the difference.

// prediction is what the model says of a scenario. It is made when it is first asked for.
type prediction struct {
	scenario *oracle.Scenario
	made     map[string][][]oracle.Observation // by the ways
}

func newPrediction(s *oracle.Scenario) *prediction {
	return &prediction{s, map[string][][]oracle.Observation{}}
}

// says reports whether the model with these ways may observe the text.
func (p *prediction) says(ways []hystrix.Way, step int, field, text string) bool {
	key := fmt.Sprint(ways)
	steps, made := p.made[key]
	if !made {
		var err error
		if steps, err = hystrix.Predict(p.scenario, ways); err != nil {
			steps = nil // it cannot play the scenario, and explains nothing in it
		}
		p.made[key] = steps
	}
	return step < len(steps) && slices.ContainsFunc(steps[step], func(o oracle.Observation) bool {
		seen, ok := o[field]
		return ok && seen == text
	})
}

// explain returns the reason for a difference, "" if there is none.
func (p *prediction) explain(f *Finding) string {
	if !p.says(hystrix.All(), f.Step, f.Field, f.Want) || !p.says(nil, f.Step, f.Field, f.Got) {
		return ""
	}
	for _, w := range hystrix.All() {
		if !p.says(hystrix.Without(w), f.Step, f.Field, f.Want) {
			return string(w)
		}
	}
	// More than one way would do alone. It is the one that does it, if they come one by one.
	for n, w := range hystrix.All() {
		if p.says(hystrix.All()[:n+1], f.Step, f.Field, f.Want) {
			return string(w)
		}
	}
	return "" // cannot be: the last of them are all
}
