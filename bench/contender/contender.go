// Package contender makes the same call through quill, through other libraries and through
// the bare means that each of them is built on.
package contender

import (
	"context"
	"errors"
	"runtime/debug"
	"time"
)

// Work is what is called: it returns req+1 where it succeeds.
type Work func(ctx context.Context, req int) (int, error)

// Call is one call through a contender. req is the number of the caller, from 0 on: no two
// calls of one number are ever under way at once.
type Call func(ctx context.Context, req int) (int, error)

// Kind is what a contender is.
type Kind uint8

// The kinds of contenders.
const (
	Floor Kind = iota // bare means, no protection
	Quill
	Peer
)

// Contender is one way to make a call.
type Contender struct {
	Name   string
	Kind   Kind
	Module string // of a peer
	Offers string // what a call through it has
	Own    bool   // it wants a process of its own, in which no timer is set
	// Make readies a contender; it returns nil if it has no such case. release lets go of
	// what was made, and may be nil.
	Make func(s Setup) (call Call, release func())
}

// Setup is what a contender is made for.
type Setup struct {
	Case    Case
	Work    Work
	Callers int           // how many there are at once
	Timeout time.Duration // 0: Hystrix's default of a second
}

func (s Setup) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return time.Second
}

// room is a limit that never rejects one of the callers. Where goroutines are counted it is
// no wider than that.
func (s Setup) room() int {
	if s.Case == TimesOut || s.Case == Stuck {
		return s.Callers
	}
	return max(2*s.Callers, 100)
}

// Hystrix's defaults, where a contender offers them.
const (
	window       = 10 * time.Second
	buckets      = 10
	volume       = 20
	errorPercent = 50
	maxParallel  = 10

	never = 1_000_000_000 // a volume that is never reached: the breaker stays closed
)

// sleep is how long an open circuit refuses everything: longer than it is measured in Open.
func (s Setup) sleep() time.Duration {
	if s.Case == Open {
		return time.Hour
	}
	return 5 * time.Second
}

// threshold is how many calls a breaker of the case must have seen to judge.
func (s Setup) threshold() int {
	if s.Case == Failure {
		return never
	}
	return volume
}

// FallbackAnswer is what each fallback answers.
const FallbackAnswer = -7

// ErrWork is what work returns where it fails.
var ErrWork = errors.New("the dependency failed")

// orElse is the fallback of who has none of its own: the caller's.
func orElse(v int, err error) (int, error) {
	if err != nil {
		return FallbackAnswer, nil //nolint:nilerr // the fallback's answer
	}
	return v, nil
}

// All are the contenders, floors first.
func All() []Contender {
	var all []Contender
	for _, some := range [][]Contender{floors(), quills(), gobreakers(), failsafes(), resiliencies(), hystrices()} {
		all = append(all, some...)
	}
	return all
}

// Versions are the modules of the peers with their versions, as they were built in.
func Versions() map[string]string {
	versions := make(map[string]string)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			versions[m.Path] = m.Version
		}
	}
	return versions
}

// Released is when the versions of bench/go.mod were published.
var Released = map[string]string{
	"github.com/afex/hystrix-go":           "2018-05-02",
	"github.com/sony/gobreaker/v2":         "2026-01-01",
	"github.com/failsafe-go/failsafe-go":   "2026-09-30",
	"github.com/eapache/go-resiliency":     "2024-07-19",
	"github.com/seed-f7c3343e/quill":       "this tree",
	"github.com/seed-f7c3343e/quill/bench": "this tree",
}
