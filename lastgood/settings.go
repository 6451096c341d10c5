package lastgood

import (
	"strconv"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// The defaults of [Settings].
const (
	DefaultMaxEntries = 10_000
	DefaultMaxAge     = time.Hour
)

const (
	maxMaxEntries = 100_000_000
	minMaxAge     = time.Millisecond
	maxMaxAge     = 365 * 24 * time.Hour
)

// Settings bound a [Store]. The zero value means the defaults.
type Settings struct {
	// MaxEntries is how many answers are kept: 1 to 100,000,000, default 10,000.
	MaxEntries int
	// MaxAge is how old an answer may get; one that has reached it is not served: 1ms to
	// 8760h (365 days), default 1h. It is the bound on what is still better than no
	// answer, not on what is fresh.
	MaxAge time.Duration
}

// WithDefaults returns s with each zero field replaced by its default.
func (s Settings) WithDefaults() Settings {
	if s.MaxEntries == 0 {
		s.MaxEntries = DefaultMaxEntries
	}
	if s.MaxAge == 0 {
		s.MaxAge = DefaultMaxAge
	}
	return s
}

// Validate returns nil, or a [*quill.SettingsError] that names every field out of its range.
func (s Settings) Validate() error {
	s = s.WithDefaults()
	var problems []quill.Problem
	if s.MaxEntries < 1 || s.MaxEntries > maxMaxEntries {
		problems = append(problems, quill.Problem{
			Field: "MaxEntries", Value: strconv.Itoa(s.MaxEntries), Allowed: "1 to 100,000,000",
		})
	}
	if s.MaxAge < minMaxAge || s.MaxAge > maxMaxAge {
		problems = append(problems, quill.Problem{
			Field: "MaxAge", Value: s.MaxAge.String(), Allowed: "1ms to 8760h",
		})
	}
	if len(problems) > 0 {
		return &quill.SettingsError{Problems: problems}
	}
	return nil
}
