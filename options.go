package quill

import (
	"errors"
	"strconv"
)

// Option is what [New], [NewCircuit] and [Registry.Circuit] take beside the name: a
// [Settings] value, or the result of [WithRegistry], [WithBulkhead], [WithClassifier],
// [WithHooks], [WithColdPool], [WithRedact] or [WithShadow].
type Option interface{ apply(o *options) }

type options struct {
	settings    Settings
	hasSettings bool
	registry    *Registry
	bulkhead    *Bulkhead
	classifier  func(error) Verdict
	hooks       []Hooks
	coldPool    bool
	redact      func(error) string
	shadow      *Settings
	terms       *terms // of the circuit that the registry made last; nil: of none
	problems    []string
}

func gather(opts []Option) *options {
	o := &options{}
	for _, opt := range opts {
		if opt == nil {
			o.problems = append(o.problems, "an option is nil")
			continue
		}
		opt.apply(o)
	}
	return o
}

type optionFunc func(o *options)

func (f optionFunc) apply(o *options) { f(o) }

func (s Settings) apply(o *options) {
	if o.hasSettings {
		o.problems = append(o.problems, "Settings are given twice")
	}
	o.settings, o.hasSettings = s, true
}

// WithRegistry puts the circuit into r rather than into [DefaultRegistry].
func WithRegistry(r *Registry) Option {
	return optionFunc(func(o *options) {
		if r == nil {
			o.problems = append(o.problems, "WithRegistry(nil): needs a registry")
		}
		if o.registry != nil && o.registry != r {
			o.problems = append(o.problems, "two registries are given")
		}
		o.registry = r
	})
}

// WithBulkhead makes the circuit use b, which other circuits may use as well (Hystrix's
// thread-pool key). The limits are then those of b: Isolation, MaxConcurrent and QueueSize must
// be zero in the circuit's Settings. A call of a circuit with NoTimeout waits in b's queue
// until a slot is free or its context ends.
func WithBulkhead(b *Bulkhead) Option {
	return optionFunc(func(o *options) {
		if b == nil {
			o.problems = append(o.problems, "WithBulkhead(nil): needs a bulkhead")
		}
		o.bulkhead = b
	})
}

// Verdict is what a classifier says about an error that run returned.
type Verdict uint8

// The verdicts of a classifier.
const (
	// CountFailure counts the call as [Failure]: the default for any error.
	CountFailure Verdict = iota
	// CountIgnored counts the call as [Ignored], as [Ignore] does: the caller's own fault.
	CountIgnored
	// CountSuccess counts the call as [Success]: the dependency answered as it should,
	// although run returned an error. The caller gets the error; no fallback runs.
	CountSuccess
)

// WithClassifier lets f judge the errors that run returns, for errors of packages that
// know nothing of quill. f is called once for each non-nil error that came in time and
// does not carry the mark of [Ignore]; it may be called from many goroutines at once.
func WithClassifier(f func(error) Verdict) Option {
	return optionFunc(func(o *options) {
		if f == nil {
			o.problems = append(o.problems, "WithClassifier(nil): needs a function")
		}
		o.classifier = f
	})
}

// WithHooks adds h to the circuit's hooks. It may be given several times.
func WithHooks(h Hooks) Option {
	return optionFunc(func(o *options) { o.hooks = append(o.hooks, h) })
}

// WithColdPool makes [Pool] isolation, and [Go] with either isolation, run each call on a goroutine of
// its own that ends with the work, and keep no worker for the next call. Calls cost more; in return no goroutine is
// left once the last work has returned, as leak detectors expect at the end of a test.
func WithColdPool() Option {
	return optionFunc(func(o *options) { o.coldPool = true })
}

// validateShared is validate for a circuit whose limits are those of a shared bulkhead.
func (s Settings) validateShared(command string) error {
	var c checker
	const why = "left zero: the circuit has a shared Bulkhead, resize that"
	if s.Isolation != Pool {
		c.problems = append(c.problems, Problem{"Isolation", s.Isolation.String(), why})
	}
	if s.MaxConcurrent != 0 {
		c.problems = append(c.problems, Problem{"MaxConcurrent", strconv.Itoa(s.MaxConcurrent), why})
	}
	if s.QueueSize != 0 {
		c.problems = append(c.problems, Problem{"QueueSize", strconv.Itoa(s.QueueSize), why})
	}
	s.Isolation, s.MaxConcurrent, s.QueueSize = Pool, 0, 0
	if err, ok := errors.AsType[*SettingsError](s.validate(command)); ok {
		c.problems = append(c.problems, err.Problems...)
	}
	return c.err(command)
}
