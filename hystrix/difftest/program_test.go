package difftest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"
)

// A program is a configuration and what is done with the command, step by step.
type program struct {
	config config
	steps  []step
}

// step is one thing that a program does.
type step struct {
	what     string
	result   string // of run: see resultOf
	fallback string // "", "answers", "fails"
	config   config
	burst    int
	blind    bool // nobody asks afterwards whether the circuit is open
}

func (s step) String() string {
	if s.blind {
		s.blind = false
		return "blindly " + s.String()
	}
	switch s.what {
	case "do":
		return fmt.Sprintf("do(run returns %q, fallback %q)", s.result, s.fallback)
	case "burst":
		return fmt.Sprintf("burst of %d", s.burst)
	case "configure", "write":
		return fmt.Sprintf("%s %+v", s.what, s.config)
	case "report":
		return "report " + s.result
	}
	return s.what + " fallback " + s.fallback
}

// The times of a program. Classes are far apart, so that a busy machine does not blur them.
const (
	shortTimeout = 40 * time.Millisecond // of commands that are to time out
	longTimeout  = 30 * time.Second      // of all others
	shortSleep   = 150 * time.Millisecond
	longSleep    = time.Hour
	hasty        = 100 * time.Millisecond // what was to be at once took longer: the program says nothing
)

var (
	errSick  = errors.New("the dependency is sick")
	errSpare = errors.New("the spare failed too")
)

// results are what run can return.
var results = []string{
	"nil", "nil", "nil", "sick", "sick", "sick", "sick", "timeout", "open", "full", "canceled", "deadline", "wrapped",
}

func (l *library) resultOf(name string) error {
	switch name {
	case "nil":
		return nil
	case "sick":
		return errSick
	case "canceled":
		return context.Canceled
	case "deadline":
		return context.DeadlineExceeded
	case "wrapped":
		return fmt.Errorf("wrapped: %w", l.sentinels["timeout"])
	}
	return l.sentinels[name]
}

// spelled is an error by its text, and by which value it is.
func (l *library) spelled(err error) string {
	if err == nil {
		return "nil"
	}
	for name, sentinel := range l.sentinels {
		if err == sentinel {
			return err.Error() + " (== " + name + ")"
		}
	}
	if slices.Contains([]error{errSick, context.Canceled, context.DeadlineExceeded}, err) {
		return err.Error() + " (itself)"
	}
	return err.Error()
}

// programs draws a program.
func programs() *rapid.Generator[program] {
	return rapid.Custom(func(t *rapid.T) program {
		return program{
			config: config{
				timeout: int(longTimeout.Milliseconds()),
				max:     rapid.IntRange(1, 4).Draw(t, "max"),
				volume:  rapid.SampledFrom([]int{1, 2, 3, 5, 8, 20, -1}).Draw(t, "volume"),
				sleep:   int(rapid.SampledFrom([]time.Duration{shortSleep, shortSleep, longSleep}).Draw(t, "sleep").Milliseconds()),
				percent: rapid.SampledFrom([]int{1, 25, 33, 50, 67, 100, 101}).Draw(t, "percent"),
			},
			steps: rapid.SliceOfN(steps(), 8, 30).Draw(t, "steps"),
		}
	})
}

func steps() *rapid.Generator[step] {
	return rapid.Custom(func(t *rapid.T) step {
		s := step{
			what: rapid.SampledFrom([]string{
				"do", "do", "do", "do", "do", "do", "do", "do", "do", "do", "do", "do", "do", "do", "do", "do",
				"timeout", "cancel", "deadline", "sleep", "sleep", "sleep", "sleep", "sleep", "sleep", "burst", "configure", "configure", "configure", "write", "write", "report", "report",
			}).Draw(t, "what"),
			fallback: rapid.SampledFrom([]string{"", "answers", "fails"}).Draw(t, "fallback"),
			blind:    rapid.Bool().Draw(t, "blind"),
		}
		switch s.what {
		case "do":
			s.result = rapid.SampledFrom(results).Draw(t, "result")
		case "report":
			s.result = rapid.SampledFrom([]string{"success", "failure", "timeout", "rejected", "nonsense"}).Draw(t, "event")
		case "burst":
			s.burst = rapid.IntRange(1, 6).Draw(t, "burst")
		case "configure", "write":
			s.config.volume = rapid.IntRange(1, 6).Draw(t, "new volume")
			s.config.percent = rapid.SampledFrom([]int{20, 50, 80, 101}).Draw(t, "new percent")
		}
		return s
	})
}
