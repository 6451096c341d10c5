// Package fault makes a service sick on purpose: slow, failing, or answering garbage. A
// [Switch] stands before the handler of one instance and can be turned while it serves.
// Being down is not its business: a process that is down refuses connections, so that
// part belongs to whoever owns the listener (package instance).
package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Body is what is wrong with the bodies of an instance's answers.
type Body string

// The wrong bodies.
const (
	Whole   Body = ""
	Garbage Body = "garbage" // status 200, and then no JSON
	Half    Body = "half"    // the connection breaks in the middle
)

// MaxSlow is the most that an instance can be slow by.
const MaxSlow = 30 * time.Second

// Faults are what is wrong with an instance. The zero value is a healthy one.
type Faults struct {
	Down        bool          // refuses connections
	Slow        time.Duration // waits so long before each answer: 0 to MaxSlow
	FailPercent int           // so many of 100 answers are a 500
	Body        Body
}

// Healthy reports whether nothing is wrong.
func (f Faults) Healthy() bool { return f == Faults{} }

// String says what is wrong, in words.
func (f Faults) String() string {
	switch {
	case f.Down:
		return "down"
	case f.Healthy():
		return "healthy"
	}
	var s string
	add := func(format string, args ...any) {
		if s != "" {
			s += ", "
		}
		s += fmt.Sprintf(format, args...)
	}
	if f.Slow > 0 {
		add("slow by %v", f.Slow)
	}
	if f.FailPercent > 0 {
		add("failing %d %%", f.FailPercent)
	}
	if f.Body != Whole {
		add("%s body", f.Body)
	}
	return s
}

// Validate returns an error that names the field which is out of its range.
func (f Faults) Validate() error {
	switch {
	case f.Slow < 0 || f.Slow > MaxSlow:
		return fmt.Errorf("slowMs: must be 0 to %d", MaxSlow.Milliseconds())
	case f.FailPercent < 0 || f.FailPercent > 100:
		return errors.New("failPercent: must be 0 to 100")
	case f.Body != Whole && f.Body != Garbage && f.Body != Half:
		return fmt.Errorf("body: must be %q, %q or empty", Garbage, Half)
	}
	return nil
}

type faultsJSON struct {
	Down        bool  `json:"down"`
	SlowMS      int64 `json:"slowMs"`
	FailPercent int   `json:"failPercent"`
	Body        Body  `json:"body"`
}

// MarshalJSON writes {"down","slowMs","failPercent","body"}.
func (f Faults) MarshalJSON() ([]byte, error) {
	return json.Marshal(faultsJSON{f.Down, f.Slow.Milliseconds(), f.FailPercent, f.Body})
}

// UnmarshalJSON reads what MarshalJSON writes and checks it.
func (f *Faults) UnmarshalJSON(data []byte) error {
	var j faultsJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	slow := min(max(j.SlowMS, -1), MaxSlow.Milliseconds()+1) // no overflow below
	*f = Faults{j.Down, time.Duration(slow) * time.Millisecond, j.FailPercent, j.Body}
	return f.Validate()
}
