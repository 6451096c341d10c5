package quill

import "fmt"

// Outcome is how one call through a circuit ended. Every call has exactly one.
type Outcome uint8

// The outcomes. "In the window" means that the call counts as evidence about the
// dependency; their share of errors is compared with ErrorPercentThreshold.
const (
	// Success: run returned nil in time, or an error that the classifier calls a success. In the
	// window.
	Success Outcome = iota
	// Failure: run returned an error, panicked, or ended by Goexit. In the window, an error.
	Failure
	// Timeout: the command's or the caller's deadline passed first. In the window, an error.
	Timeout
	// Rejected: the bulkhead was full. In the window, an error, unless IgnoreRejected is set.
	Rejected
	// ShortCircuited: the breaker refused. Not in the window.
	ShortCircuited
	// Ignored: the caller's own fault ([Ignore], or the classifier). Not in the window.
	Ignored
	// Canceled: the caller cancelled, or came with a context already done. Not in the window.
	Canceled

	numOutcomes = int(Canceled) + 1
)

var outcomeNames = [numOutcomes]string{
	"success", "failure", "timeout", "rejected", "short-circuited", "ignored", "canceled",
}

// Outcomes lists all outcomes, in their order.
func Outcomes() []Outcome {
	all := make([]Outcome, numOutcomes)
	for i := range all {
		all[i] = Outcome(i)
	}
	return all
}

// String returns the outcome's name in lower case, such as "short-circuited".
func (o Outcome) String() string {
	if int(o) < numOutcomes {
		return outcomeNames[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// MarshalText writes the name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the name.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("quill: outcome %q: must be one of %q", text, outcomeNames)
}

// State is the state of a circuit's breaker.
type State uint8

// The states of the breaker.
const (
	// Closed: calls pass; their results are counted.
	Closed State = iota
	// Open: calls are refused until the sleep window has passed.
	Open
	// HalfOpen: a few probes pass; all other calls are refused.
	HalfOpen

	numStates = int(HalfOpen) + 1
)

var stateNames = [numStates]string{"closed", "open", "half-open"}

// String returns "closed", "open" or "half-open".
func (s State) String() string {
	if int(s) < numStates {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText writes the name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("quill: state %q: must be one of %q", text, stateNames)
}
