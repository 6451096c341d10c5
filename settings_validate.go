package quill

import (
	"strconv"
	"strings"
)

// WithDefaults returns s with every field that is zero set to its default. Those defaults
// that depend on other fields (RequestVolumeThreshold, SlowCallPercentThreshold,
// ProbeLease) are computed from the values that then hold. RollingCalls, SlowCallDuration
// and MaxSleepWindow stay zero, which means that there is no such rule. WithDefaults does
// not validate; applied twice it gives the same as once.
func (s Settings) WithDefaults() Settings {
	for i := range settingsFields {
		f := &settingsFields[i]
		if f.derive == nil && f.def != 0 && f.get(&s) == 0 {
			f.set(&s, f.def)
		}
	}
	for i := range settingsFields {
		f := &settingsFields[i]
		if f.derive != nil && f.get(&s) == 0 {
			f.set(&s, f.derive(s))
		}
	}
	return s
}

// defaultVolume keeps the usual threshold within reach of a short window of calls.
func defaultVolume(s Settings) float64 {
	if s.RollingCalls > 0 {
		return min(usualVolume, float64(s.RollingCalls))
	}
	return usualVolume
}

func defaultSlowPercent(s Settings) float64 {
	if s.SlowCallDuration == 0 {
		return 0
	}
	return usualPercent
}

// defaultLease gives a probe all the time that its call has. NoTimeout is negative, so
// that SleepWindow alone counts then.
func defaultLease(s Settings) float64 {
	return min(float64(max(s.Timeout, s.SleepWindow)), longestSleep)
}

// SettingsError says everything that is wrong with settings, at once.
type SettingsError struct {
	// Command is the name of the circuit, "" if the settings belong to none yet.
	Command string
	// Problems holds at least one problem: those of single fields first, then those of
	// fields that contradict each other.
	Problems []Problem
}

// Problem is one fault of settings.
type Problem struct {
	// Field is the field as it is called in [Settings]. For faults of a JSON text it is
	// the key, "document" for the text as a whole, or "name" for the name of a circuit.
	Field string
	// Value is what it was, in words or as it was written; long ones are cut.
	Value string
	// Allowed is what it may be. For faults of a JSON text, words are in quotes there as in
	// the text.
	Allowed string
}

// String says, for example, "Timeout is 5ns: must be 1ms to 1h, or none" or, of a JSON text,
// `timeout is "5ns": must be 1ms to 1h, or "none"`.
func (p Problem) String() string {
	return shown(p.Field) + " is " + p.Value + ": must be " + p.Allowed
}

// Error names the circuit and every problem.
func (e *SettingsError) Error() string {
	var b strings.Builder
	b.WriteString("quill: settings")
	if e.Command != "" {
		b.WriteString(" of ")
		b.WriteString(strconv.Quote(shorten(e.Command)))
	}
	for i, p := range e.Problems {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// Validate returns nil if a circuit can work by s, zero fields standing for their
// defaults, and otherwise a [*SettingsError] that holds every problem. Beside the range
// of each field it checks what the fields say together:
//
//   - RequestVolumeThreshold must not be above RollingCalls: the breaker could never judge;
//   - SlowCallPercentThreshold needs SlowCallDuration;
//   - SlowCallDuration must not be above Timeout: no call could be slow;
//   - MaxSleepWindow must not be below SleepWindow;
//   - ProbeLease must not be below Timeout: good probes could come too late to count;
//   - QueueSize must be 0 with NoTimeout (a call could wait for ever) and with Unlimited
//     (no call ever waits).
func (s Settings) Validate() error { return s.validate("") }

// validate is Validate for the settings of the named circuit.
func (s Settings) validate(command string) error {
	var c checker
	c.check(s)
	return c.err(command)
}

// checker collects problems. What is known to be bad takes no part in contradictions: its
// repair may end those.
type checker struct {
	problems []Problem
	bad      uint32 // a bit for each row of settingsFields
	inJSON   bool   // the settings come from a JSON text: problems are told in its terms
	given    uint32 // the fields that this text sets, likewise
}

func (c *checker) isGiven(field int) bool { return c.given&(1<<field) != 0 }

// name is what whoever wrote the settings calls the field.
func (c *checker) name(field int) string {
	if c.inJSON {
		return settingsFields[field].key
	}
	return settingsFields[field].name
}

// word is a word such as "none", as whoever wrote the settings would write it.
func (c *checker) word(w string) string {
	if c.inJSON {
		return strconv.Quote(w)
	}
	return w
}

// allowed is what the field may be, as whoever wrote the settings would write it.
func (c *checker) allowed(field int) string {
	if c.inJSON {
		return settingsFields[field].allowedInJSON()
	}
	return settingsFields[field].allowed()
}

func (c *checker) refuse(field int, value, allowed string) {
	c.bad |= 1 << field
	c.problems = append(c.problems, Problem{c.name(field), value, allowed})
}

// check collects the problems of s, whose zero fields stand for their defaults, but for those of
// fields that are known to be bad.
func (c *checker) check(s Settings) {
	for i := range settingsFields {
		f := &settingsFields[i]
		v := f.get(&s)
		if v != 0 && (f.special == "" || v != off) && !f.inBounds(v) && c.bad&(1<<i) == 0 {
			c.refuse(i, c.value(&s, i), c.allowed(i))
		}
	}
	c.contradictions(s)
}

// value is the value of a field, and says so if it is none of the text's.
func (c *checker) value(s *Settings, field int) string {
	text := settingsFields[field].text(s)
	if c.inJSON && !c.isGiven(field) {
		text += ", which this text does not set"
	}
	return text
}

func (c *checker) err(command string) error {
	if len(c.problems) == 0 {
		return nil
	}
	return &SettingsError{Command: command, Problems: c.problems}
}

// contradictions checks the fields against each other. What a field is compared with may
// be a default.
func (c *checker) contradictions(given Settings) {
	s := given.WithDefaults()
	c.contradictionsOfRules(&s)
	if given.ProbeLease != 0 && s.Timeout != NoTimeout && s.ProbeLease < s.Timeout {
		c.contradict(&s, probeLeaseField, timeoutField, "not below")
	}
	c.contradictionsOfQueue(&s)
}

// contradictionsOfRules checks what the breaker judges and sleeps by.
func (c *checker) contradictionsOfRules(s *Settings) {
	if s.RollingCalls != 0 && s.RequestVolumeThreshold > s.RollingCalls {
		c.contradict(s, requestVolumeThresholdField, rollingCallsField, "not above")
	}
	if s.SlowCallPercentThreshold != 0 && s.SlowCallDuration == 0 {
		c.depend(s, slowCallPercentThresholdField, slowCallDurationField,
			"left out unless "+c.name(slowCallDurationField)+" is set")
	}
	if s.Timeout != NoTimeout && s.SlowCallDuration > s.Timeout {
		c.contradict(s, slowCallDurationField, timeoutField, "not above")
	}
	if s.MaxSleepWindow != 0 && s.MaxSleepWindow < s.SleepWindow {
		c.contradict(s, maxSleepWindowField, sleepWindowField, "not below")
	}
}

// contradictionsOfQueue checks that a call in the queue can wait, and not for ever.
func (c *checker) contradictionsOfQueue(s *Settings) {
	if s.QueueSize != 0 && s.Timeout == NoTimeout {
		c.depend(s, queueSizeField, timeoutField,
			"0 where "+c.name(timeoutField)+" is "+c.word("none")+" (a call could wait for ever)")
	}
	if s.QueueSize != 0 && s.MaxConcurrent == Unlimited {
		c.depend(s, queueSizeField, maxConcurrentField,
			"0 where "+c.name(maxConcurrentField)+" is "+c.word("unlimited")+" (no call ever waits)")
	}
}

// contradict refuses a field that breaks a limit set by another.
func (c *checker) contradict(s *Settings, field, other int, relation string) {
	c.depend(s, field, other,
		c.allowed(field)+", and "+relation+" "+c.name(other)+" ("+settingsFields[other].text(s)+")")
}

// depend refuses a field for what another one is, unless either is bad by itself.
func (c *checker) depend(s *Settings, field, other int, allowed string) {
	if c.bad&(1<<field|1<<other) != 0 {
		return
	}
	c.problems = append(c.problems, Problem{c.name(field), c.value(s, field), allowed})
}
