package quill

import (
	"strconv"
	"strings"
	"time"
)

// field is one row of the table that defaults, validation, JSON and documentation share.
// Bounds are float64 whatever the kind: every bound, and every value within bounds, is
// exact in it, NaN fails each comparison, and no integer can overflow.
type field struct {
	name string // as in Settings
	key  string // as in JSON
	kind kind

	def       float64 // the default; 0: off, or the first of the words
	low, high float64 // bounds, inclusive
	over      bool    // the lower bound itself is not allowed
	special   string  // the word for -1 ("none", "unlimited"), if that is allowed
	words     []string

	// derive is the default where it depends on other fields, none of them derived.
	derive func(s Settings) float64
	row    int // its own index
}

type kind uint8

const (
	durationKind kind = iota
	countKind
	percentKind
	flagKind
	wordKind
)

const (
	millisecond = float64(time.Millisecond)
	second      = float64(time.Second)
	hour        = float64(time.Hour)
	million     = 1_000_000
	billion     = 1_000_000_000

	// What derived defaults are computed with.
	usualVolume  = 20
	usualPercent = 50
	usualSleep   = 5 * second
	longestSleep = 24 * hour

	// off is both Unlimited and NoTimeout.
	off = float64(Unlimited)
)

// The rows of the table by their index, in the order of Settings.
const (
	isolationField = iota
	timeoutField
	maxConcurrentField
	queueSizeField
	rollingWindowField
	rollingBucketsField
	rollingCallsField
	requestVolumeThresholdField
	errorPercentThresholdField
	ignoreRejectedField
	slowCallDurationField
	slowCallPercentThresholdField
	sleepWindowField
	maxSleepWindowField
	sleepWindowJitterField
	probesField
	probeLeaseField
	maxConcurrentFallbacksField
	fallbackTimeoutField
	overrideField
	numFields
)

var settingsFields = [numFields]field{
	isolationField: {
		name: "Isolation", key: "isolation", kind: wordKind,
		high: float64(Semaphore), words: isolationNames,
		row: isolationField,
	},
	timeoutField: {
		name: "Timeout", key: "timeout", kind: durationKind,
		def: second, low: millisecond, high: hour, special: "none",
		row: timeoutField,
	},
	maxConcurrentField: {
		name: "MaxConcurrent", key: "maxConcurrent", kind: countKind,
		def: 10, low: 1, high: million, special: "unlimited",
		row: maxConcurrentField,
	},
	queueSizeField: {
		name: "QueueSize", key: "queueSize", kind: countKind,
		high: million,
		row:  queueSizeField,
	},
	// The shortest window in the most buckets still gives buckets of 1ms.
	rollingWindowField: {
		name: "RollingWindow", key: "rollingWindow", kind: durationKind,
		def: 10 * second, low: 100 * millisecond, high: hour,
		row: rollingWindowField,
	},
	rollingBucketsField: {
		name: "RollingBuckets", key: "rollingBuckets", kind: countKind,
		def: 10, low: 1, high: 100,
		row: rollingBucketsField,
	},
	rollingCallsField: {
		name: "RollingCalls", key: "rollingCalls", kind: countKind,
		low: 1, high: 100_000,
		row: rollingCallsField,
	},
	requestVolumeThresholdField: {
		name: "RequestVolumeThreshold", key: "requestVolumeThreshold", kind: countKind,
		def: usualVolume, low: 1, high: billion, derive: defaultVolume,
		row: requestVolumeThresholdField,
	},
	errorPercentThresholdField: {
		name: "ErrorPercentThreshold", key: "errorPercentThreshold", kind: percentKind,
		def: usualPercent, high: 100, over: true,
		row: errorPercentThresholdField,
	},
	ignoreRejectedField: {
		name: "IgnoreRejected", key: "ignoreRejected", kind: flagKind,
		high: 1,
		row:  ignoreRejectedField,
	},
	slowCallDurationField: {
		name: "SlowCallDuration", key: "slowCallDuration", kind: durationKind,
		low: millisecond, high: hour,
		row: slowCallDurationField,
	},
	slowCallPercentThresholdField: {
		name: "SlowCallPercentThreshold", key: "slowCallPercentThreshold", kind: percentKind,
		def: usualPercent, high: 100, over: true, derive: defaultSlowPercent,
		row: slowCallPercentThresholdField,
	},
	sleepWindowField: {
		name: "SleepWindow", key: "sleepWindow", kind: durationKind,
		def: usualSleep, low: millisecond, high: longestSleep,
		row: sleepWindowField,
	},
	maxSleepWindowField: {
		name: "MaxSleepWindow", key: "maxSleepWindow", kind: durationKind,
		low: millisecond, high: longestSleep,
		row: maxSleepWindowField,
	},
	sleepWindowJitterField: {
		name: "SleepWindowJitter", key: "sleepWindowJitter", kind: percentKind,
		high: 100,
		row:  sleepWindowJitterField,
	},
	probesField: {
		name: "Probes", key: "probes", kind: countKind,
		def: 1, low: 1, high: 100,
		row: probesField,
	},
	probeLeaseField: {
		name: "ProbeLease", key: "probeLease", kind: durationKind,
		def: usualSleep, low: millisecond, high: longestSleep, derive: defaultLease,
		row: probeLeaseField,
	},
	maxConcurrentFallbacksField: {
		name: "MaxConcurrentFallbacks", key: "maxConcurrentFallbacks", kind: countKind,
		def: 10, low: 1, high: million, special: "unlimited",
		row: maxConcurrentFallbacksField,
	},
	fallbackTimeoutField: {
		name: "FallbackTimeout", key: "fallbackTimeout", kind: durationKind,
		def: second, low: millisecond, high: hour, special: "none",
		row: fallbackTimeoutField,
	},
	overrideField: {
		name: "Override", key: "override", kind: wordKind,
		high: float64(Disabled), words: overrideNames,
		row: overrideField,
	},
}

// fieldOfKey returns the index of the field with that JSON key, or -1.
func fieldOfKey(key string) int {
	for i := range settingsFields {
		if settingsFields[i].key == key {
			return i
		}
	}
	return -1
}

// at points to the field's place in s: *time.Duration, *int, *float64, *bool, *Isolation or
// *Override, according to kind. (A function in each row would be shorter, but what is given
// to one that the compiler does not know is allocated, and each circuit asks 60 times.)
//
//nolint:cyclop,gocyclo // a table
func (f *field) at(s *Settings) any {
	switch f.row {
	case isolationField:
		return &s.Isolation
	case timeoutField:
		return &s.Timeout
	case maxConcurrentField:
		return &s.MaxConcurrent
	case queueSizeField:
		return &s.QueueSize
	case rollingWindowField:
		return &s.RollingWindow
	case rollingBucketsField:
		return &s.RollingBuckets
	case rollingCallsField:
		return &s.RollingCalls
	case requestVolumeThresholdField:
		return &s.RequestVolumeThreshold
	case errorPercentThresholdField:
		return &s.ErrorPercentThreshold
	case ignoreRejectedField:
		return &s.IgnoreRejected
	case slowCallDurationField:
		return &s.SlowCallDuration
	case slowCallPercentThresholdField:
		return &s.SlowCallPercentThreshold
	case sleepWindowField:
		return &s.SleepWindow
	case maxSleepWindowField:
		return &s.MaxSleepWindow
	case sleepWindowJitterField:
		return &s.SleepWindowJitter
	case probesField:
		return &s.Probes
	case probeLeaseField:
		return &s.ProbeLease
	case maxConcurrentFallbacksField:
		return &s.MaxConcurrentFallbacks
	case fallbackTimeoutField:
		return &s.FallbackTimeout
	case overrideField:
		return &s.Override
	}
	return nil
}

// get returns the field's value in s as a number.
func (f *field) get(s *Settings) float64 {
	switch p := f.at(s).(type) {
	case *time.Duration:
		return float64(*p)
	case *int:
		return float64(*p)
	case *float64:
		return *p
	case *Isolation:
		return float64(*p)
	case *Override:
		return float64(*p)
	case *bool:
		if *p {
			return 1
		}
	}
	return 0
}

// set puts v, which must be within the field's bounds, into s.
func (f *field) set(s *Settings, v float64) {
	switch p := f.at(s).(type) {
	case *time.Duration:
		*p = time.Duration(v)
	case *int:
		*p = int(v)
	case *float64:
		*p = v
	case *Isolation:
		*p = Isolation(v)
	case *Override:
		*p = Override(v)
	case *bool:
		*p = v != 0
	}
}

// inBounds says whether v lies within the bounds, special values aside.
func (f *field) inBounds(v float64) bool {
	return v >= f.low && v <= f.high && (v > f.low || !f.over)
}

// text writes the field's value in s as an operator would.
func (f *field) text(s *Settings) string {
	if f.special != "" && f.get(s) == off {
		return f.special
	}
	switch p := f.at(s).(type) {
	case *time.Duration:
		return durationText(*p)
	case *int:
		return strconv.Itoa(*p)
	case *bool:
		return strconv.FormatBool(*p)
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	}
	if v := int(f.get(s)); v >= len(f.words) {
		return strconv.Itoa(v)
	}
	return f.words[int(f.get(s))]
}

// allowed says in words what the field may be.
func (f *field) allowed() string { return f.allowedWith(func(word string) string { return word }) }

// allowedInJSON is allowed in the terms of JSON, which has words in quotes.
func (f *field) allowedInJSON() string { return f.allowedWith(strconv.Quote) }

// allowedWith is allowed with each word as word writes it.
func (f *field) allowedWith(word func(string) string) string {
	var text string
	switch f.kind {
	case flagKind:
		return "true or false"
	case wordKind:
		words := make([]string, len(f.words))
		for i, w := range f.words {
			words[i] = word(w)
		}
		last := len(words) - 1
		return strings.Join(words[:last], ", ") + " or " + words[last]
	case durationKind:
		text = durationText(time.Duration(f.low)) + " to " + durationText(time.Duration(f.high))
	default:
		text = numberText(f.low) + " to " + numberText(f.high)
		if f.over {
			text = "more than " + numberText(f.low) + ", at most " + numberText(f.high)
		}
	}
	if f.special != "" {
		text += ", or " + word(f.special)
	}
	return text
}

func numberText(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// durationText is d.String() without the zero units at its end: "1h", not "1h0m0s".
func durationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
