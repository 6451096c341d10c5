package quill

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Explanation is why a circuit is in its present state: what it counted, by which rule it
// judges, and which transitions led here. Its JSON has durations as "300ms" and
// times as RFC 3339 has them.
type Explanation struct {
	Command string
	State   State
	Since   time.Time // when the state began; zero: it never changed
	At      time.Time // when it was asked for

	Override       Override
	OverrideReason string
	OverrideLeft   time.Duration // 0: until it is changed

	NextProbe time.Time // when an open circuit lets a probe through; zero: it is not open
	Rule      string    // when the breaker opens, in words
	Health    Health    // what the breaker judges
	Window    Counts    // by outcome, of the last RollingWindow

	Errors  []ErrorSample // the last distinct errors of the window, latest first, at most 8
	Slowest []SlowCall    // the slowest calls of the window, slowest first, at most 5

	// The last 32, oldest first. The last change of state is always among them.
	Transitions []Evidence
}

// Evidence is a transition and what it was decided on.
type Evidence struct {
	Transition

	Window    Counts        // by outcome, of the last RollingWindow
	Rule      string        // when the breaker opens, in words
	Settings  Settings      // in force then, defaults filled in
	NextProbe time.Time     // when the next probe was due; zero if the circuit was not open
	Errors    []ErrorSample // the last distinct errors, latest first, at most 8
	Slowest   []SlowCall    // the slowest calls, slowest first, at most 5
}

// ErrorSample is one of the last distinct errors of a circuit, told apart by their text
// (see [WithRedact]). When there are many a second only some are sampled: the first 16 in
// each bucket of the window, then one every 10 ms.
type ErrorSample struct {
	Text  string    `json:"text"`
	Count uint64    `json:"count"` // of the samples in the window; with RollingCalls, of those since the circuit last closed
	Last  time.Time `json:"last"`
}

// SlowCall is one of the slowest calls of a circuit.
type SlowCall struct {
	Duration time.Duration // time in run, but no longer than the caller waited
	Outcome  Outcome
	At       time.Time // when it ended
}

// WithRedact makes f write the text of errors wherever a circuit shows them: in [Circuit.Explain],
// in the reason of a transition, and so in errors of refused calls, on dashboards and in logs of
// transitions. It is for errors whose own text, from Error(), may hold secrets. Errors returned by
// calls and CallEvent.Err are not changed. The text is cut to 200 bytes and one line. f is called
// on the goroutine of the call that failed, and from many goroutines at once. If it panics, the
// text says so.
func WithRedact(f func(err error) string) Option {
	return optionFunc(func(o *options) {
		if f == nil {
			o.problems = append(o.problems, "WithRedact(nil): needs a function")
		}
		o.redact = f
	})
}

// Explain returns why the circuit is in the state it is in. It waits for no call and moves
// nothing. It is safe for concurrent use.
func (c *Circuit) Explain() Explanation {
	g := &c.gate
	c.lockGate()
	defer c.unlockGate()
	now, cfg := c.now(), c.config.Load()
	e := Explanation{
		Command: c.name, State: g.machine.state, At: time.Now(),
		Override: cfg.Override, Rule: cfg.describeTrip(),
		Health: c.healthLocked(now), Window: countsOf(cfg.ring.Sums(now)),
		Transitions: slices.Clone(g.history),
	}
	e.NextProbe = c.nextProbeLocked(e.At, now)
	if g.override.inForce(now) {
		e.Override, e.OverrideReason = g.override.kind, g.override.reason
		e.OverrideLeft = max(0, g.override.until-now)
	}
	if t := e.lastMove(); t != nil {
		e.Since = t.At
	}
	e.Errors, e.Slowest = c.samplesInWindow(e.At, now, cfg)
	return e
}

// lastMove is the last transition that changed the state, nil if none is remembered.
func (e Explanation) lastMove() *Evidence {
	for i := range slices.Backward(e.Transitions) {
		if t := &e.Transitions[i]; moves(*t) {
			return t
		}
	}
	return nil
}

// Line returns the explanation in one line.
func (e Explanation) Line() string {
	var b strings.Builder
	if e.Since.IsZero() {
		b.WriteString(e.Command + " is " + e.State.String())
	} else {
		b.WriteString(e.Command + " has been " + e.State.String() + " for " + short(e.At.Sub(e.Since)))
	}
	switch {
	case e.NextProbe.IsZero():
	case e.NextProbe.After(e.At):
		b.WriteString(", the next probe may go in " + short(e.NextProbe.Sub(e.At)))
	default:
		b.WriteString(", the next call is a probe")
	}
	if e.Override != NoOverride {
		b.WriteString(", " + e.Override.String())
		if e.OverrideLeft > 0 {
			b.WriteString(" for " + short(e.OverrideLeft) + " more")
		}
		b.WriteString(suffix(": ", e.OverrideReason))
	}
	if t := e.lastMove(); t != nil {
		b.WriteString("; " + t.Reason)
	}
	return b.String()
}

// String returns the explanation as a text of some lines, the first of them [Explanation.Line].
func (e Explanation) String() string {
	var b strings.Builder
	b.WriteString(e.Line() + "\n")
	b.WriteString("  it " + e.Rule + "\n")
	b.WriteString("  judged: " + e.Health.inWords() + "; in the window: " + e.Window.inWords() + "\n")
	writeSamples(&b, "  ", "ago", e.At, e.Errors, e.Slowest)
	for _, t := range e.Transitions {
		fmt.Fprintf(&b, "  %s %s\n", t.At.Format(time.TimeOnly), t.Reason)
		writeSamples(&b, "    ", "before that", t.At, t.Errors, t.Slowest)
	}
	return b.String()
}

// writeSamples writes what was sampled up to at. (The counts are of samples: see [ErrorSample].)
func writeSamples(b *strings.Builder, indent, before string, at time.Time, errs []ErrorSample, slow []SlowCall) {
	for _, s := range errs {
		fmt.Fprintf(b, "%serror, at least %s, last %s %s: %s\n",
			indent, count(int(s.Count), "time"), short(at.Sub(s.Last)), before, s.Text) //nolint:gosec // small
	}
	if len(slow) == 0 {
		return
	}
	texts := make([]string, len(slow))
	for i, s := range slow {
		texts[i] = short(s.Duration) + " (" + s.Outcome.String() + ")"
	}
	b.WriteString(indent + "slowest: " + strings.Join(texts, ", ") + "\n")
}

// failedInWords says how many calls failed, and apart how many of these never reached the
// dependency: "12 of 20 calls failed, 7 of them rejected by the bulkhead".
func (h Health) failedInWords() string {
	text := fmt.Sprintf("%d of %d calls failed", h.Errors, h.Requests)
	if h.Rejected > 0 {
		text += fmt.Sprintf(", %d of them rejected by the bulkhead", h.Rejected)
	}
	return text
}

// inWords tells what is judged, such as "12 of 20 calls failed (60 %)".
func (h Health) inWords() string {
	text := fmt.Sprintf("%s (%s)", h.failedInWords(), percent(h.ErrorPercent))
	if h.Slow > 0 {
		text += fmt.Sprintf(", %d were slow (%s)", h.Slow, percent(h.SlowPercent))
	}
	return text
}

// inWords lists the outcomes that occurred, such as "8 success, 12 failure".
func (c Counts) inWords() string {
	var parts []string
	for _, o := range Outcomes() {
		if n := c.Of(o); n > 0 {
			parts = append(parts, strconv.FormatUint(n, 10)+" "+o.String())
		}
	}
	if parts == nil {
		return "no calls"
	}
	return strings.Join(parts, ", ")
}
