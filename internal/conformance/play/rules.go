package play

import (
	"slices"
	"strings"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// The differences table says exactly what quill does at each step of the recordings that
// are in the tree. A recording that it does not know may meet the same situations. For
// those the runner notes, command by command, which situations it met, and takes a
// difference for intended only if a situation of that command explains that field.

// meet notes a situation. The caller holds world.mu.
func (c *command) meet(reason string) { c.met[reason] = true }

// meetCall notes what the end of a call tells. The caller holds world.mu.
func (c *command) meetCall(k *call) {
	e := &k.event
	switch {
	case e.Outcome == quill.ShortCircuited && e.State == quill.HalfOpen:
		c.meet("refusal-keeps-probe")
	case e.Probe && (e.Outcome == quill.Ignored || e.Outcome == quill.Canceled || e.Outcome == quill.Rejected):
		c.meet("probe-place-back")
	case e.Late:
		c.meet("late-results")
	}
	c.meetEnd(k)
}

// meetEnd notes what has nothing to do with the breaker. The caller holds world.mu.
func (c *command) meetEnd(k *call) {
	e := &k.event
	if e.Outcome == quill.Timeout && c.props.semaphore && c.props.timeout > 0 {
		c.meet("semaphore-hears-timeout")
	}
	if e.Outcome == quill.Canceled && k.hasFallback() {
		c.meet("no-fallback-after-cancel")
	}
	if k.fallbackEvent() == "FALLBACK_REJECTION" {
		c.meet("cause-is-kept")
	}
}

// meetFreePermit notes a run that Hystrix would have refused, because fallbacks hold
// permits there. The caller holds world.mu.
func (c *command) meetFreePermit() {
	limit := c.props.maxConcurrent
	if !c.props.semaphore {
		limit = 10
		if c.pool != nil {
			limit, _ = c.pool.props.limits()
		}
	}
	if c.fallback > 0 && c.alive+c.fallback > limit {
		c.meet("permit-free-in-fallback")
	}
}

// meetExpiry notes a closed circuit whose window has come to say that it should be open
// without a call: Hystrix would open it now.
func (c *command) meetExpiry() {
	if c.circuit == nil {
		return
	}
	s := c.circuit.Stats()
	if s.State == quill.Closed && s.Override == quill.NoOverride &&
		s.Health.Requests >= uint64(s.Settings.RequestVolumeThreshold) && //nolint:gosec // not negative
		s.Health.Errors > 0 && s.Health.ErrorPercent >= s.Settings.ErrorPercentThreshold {
		c.world.mu.Lock()
		defer c.world.mu.Unlock()
		c.meet("only-calls-move")
	}
}

// meetProps notes what the properties tell. The caller holds world.mu.
func (c *command) meetProps() {
	p := &c.props
	if p.errorPct == 0 || p.timeout == 0 || (c.pool != nil && c.pool.props.queue > 0 && c.pool.props.threshold == 0) {
		c.meet("zero-is-default")
	}
	if !p.breakerEnabled && p.forceOpen {
		c.meet("one-override")
	}
	if p.snapshot == 0 {
		c.meet("no-snapshots")
	}
}

// meetStep notes what a step's own text tells.
func (w *world) meetStep(s *oracle.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.commands {
		c.meetProps()
	}
	c := w.commands[s.Cmd]
	if c == nil {
		return
	}
	if s.Op == "reuse" {
		c.meet("commands-are-values")
	}
	if s.Run != nil {
		switch s.Run.Do {
		case "javaError", "stackOverflow":
			c.meet("panic-goes-on")
		case "notWrapped":
			c.meet("all-errors-are-told")
		}
	}
	if s.Fallback != nil && s.Fallback.Do == "unsupported" {
		c.meet("no-word-for-missing")
	}
}

// state are the fields of a breaker's state; totals those that add calls up.
var (
	state  = []string{"status", "open", "allowsRequest"}
	totals = []string{"health", "rolling", "cumulative", "bodies", "chronological", "order", "maxConcurrent", "current"}
)

// explains are the fields that each situation can change.
var explains = map[string]func(field, want, got string) bool{
	"refusal-keeps-probe":      breakerField,
	"probe-place-back":         breakerField,
	"late-results":             breakerField,
	"only-calls-move":          breakerField,
	"permit-free-in-fallback":  refusalField,
	"semaphore-hears-timeout":  timeField,
	"no-fallback-after-cancel": textField("fallbacks entered", "fallback entered", eventCancelled),
	"cause-is-kept":            textField("REJECTED_SEMAPHORE_FALLBACK"),
	"all-errors-are-told":      textField("error raw"),
	"panic-goes-on":            panicField,
	"zero-is-default":          callField,
	"one-override":             anyField,
	"no-snapshots":             fields("outcome"),
	"commands-are-values":      anyField,
	"no-word-for-missing":      textField("FALLBACK_MISSING", "FALLBACK_FAILURE"),
}

func anyField(string, string, string) bool { return true }

// callField: what calls did, and what follows in states and sums.
func callField(field, _, _ string) bool {
	return slices.Contains(state, field) || slices.Contains(totals, field) || isResult(field)
}

func fields(names ...string) func(field, want, got string) bool {
	return func(field, _, _ string) bool { return slices.Contains(names, field) }
}

// breakerField: the state, whether a call was short-circuited, and what follows in sums.
func breakerField(field, want, got string) bool {
	if isStart(field) || slices.Contains(state, field) || slices.Contains(totals, field) {
		return true
	}
	return isResult(field) && strings.Contains(want, "SHORT_CIRCUITED") != strings.Contains(got, "SHORT_CIRCUITED")
}

// refusalField: whether a call was refused, and what follows.
func refusalField(field, want, got string) bool {
	if isStart(field) || slices.Contains(state, field) || slices.Contains(totals, field) {
		return true
	}
	return isResult(field) && strings.Contains(want, "_REJECTED") && !strings.Contains(got, "_REJECTED")
}

// timeField: when the caller was back, and how the body ended.
func timeField(field, want, got string) bool {
	return field == "bodies" || (isResult(field) &&
		strings.ReplaceAll(want, "not in its time", "in its time") == strings.ReplaceAll(got, "not in its time", "in its time"))
}

func panicField(field, _, got string) bool {
	return slices.Contains(totals, field) || (isResult(field) && strings.Contains(got, "error panic"))
}

// textField: fields whose recorded text has one of these words.
func textField(words ...string) func(field, want, got string) bool {
	return func(_, want, _ string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(want, word) })
	}
}

func isResult(field string) bool { return strings.HasPrefix(field, "result") }

func isStart(field string) bool { return strings.HasPrefix(field, "start of ") }

// explain names the situation of the step's command that explains a difference, "" if none
// does.
func (w *world) explain(s *oracle.Step, field, want, got string) string {
	if s.Op == "pool" && field == "core" && w.pools[s.Pool].props.diverge {
		return "one-pool-size"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range Reasons {
		rule := explains[r.ID]
		for _, c := range w.commands {
			if rule != nil && c.met[r.ID] && c.concerns(s) && rule(field, want, got) {
				return r.ID
			}
		}
	}
	return ""
}

// concerns reports whether a step looks at the command, or at all commands of its pool, or
// at all there are.
func (c *command) concerns(s *oracle.Step) bool {
	if s.Cmd != "" {
		return c.name == s.Cmd
	}
	return s.Pool == "" || c.pool == c.world.pools[s.Pool]
}
