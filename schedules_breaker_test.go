//go:build explore

package quill

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

const sleepWindow = 5 * time.Second

// explored is a circuit that the explorer can look into.
type explored struct {
	*Circuit

	s   *explore.Scenario
	now time.Duration
}

func newExplored(s *explore.Scenario, settings Settings, hooks ...Hooks) *explored {
	settings.RollingWindow, settings.RollingBuckets = time.Hour, 1
	settings.SleepWindow, settings.Timeout, settings.Isolation = sleepWindow, NoTimeout, Semaphore
	c := newCircuit("dep", &options{settings: settings, hooks: hooks})
	c.cold = true
	x := &explored{Circuit: c, s: s}
	s.Still("config")
	s.Still("loans")
	s.Still("now")
	s.Still("ring.next") // a bucket of an hour ends in no schedule; see internal/window for those in which one does
	s.Still("ring.view")
	s.Value("gate.word", c.gate.word.Load)
	s.Value("gate.openUntil", func() uint64 { return uint64(c.gate.openUntil.Load()) })
	s.Value("counters", func() uint64 {
		sums := c.counters.Sums()
		if _, open := c.counters.Look(); open { // how often it was shut shows to who compares only: Holding
			return explore.Hash(sums[:]...)
		}
		return ^explore.Hash(sums[:]...)
	})
	text := func(p *atomic.Pointer[string]) func() uint64 {
		return func() uint64 {
			if s := p.Load(); s != nil {
				return explore.HashOf(*s)
			}
			return 0
		}
	}
	s.Value("gate.why", text(&c.gate.why))
	s.Value("gate.forced", text(&c.gate.forced))
	s.Value("gate.base", func() uint64 { return explore.Hash(c.gate.base.Load()[:]...) })
	s.Value("gate.mu", x.valueOfGate)
	return x
}

// valueOfGate is what the lock of the gate guards.
func (x *explored) valueOfGate() uint64 {
	m := &x.gate.machine
	h := explore.Hash(x.gate.word.Load(), uint64(m.state), m.epoch, uint64(m.openUntil), uint64(m.reopened),
		m.lastProbe, uint64(m.succeeded), uint64(m.ignored))
	for _, p := range m.probes {
		h = explore.Hash(h, p.number, uint64(p.until))
	}
	return h
}

// at is the present time, for goroutines of a scenario.
func (x *explored) at() time.Duration {
	explore.Read("now")
	return x.now
}

// sleeps lets the sleep window pass, which others see, whatever they do.
func (x *explored) sleeps() {
	explore.Write("now")
	x.now = sleepWindow
}

// timePasses says that somebody sleeps.
func (x *explored) timePasses() { x.s.Value("now", func() uint64 { return uint64(x.now) }) }

// ask is an admission at the present time, judged by what was to be seen as it began.
func (x *explored) ask() admission {
	now := x.at()
	explore.Read("gate.word")
	refused := x.gate.word.Load()&refuses != 0
	epoch := x.gate.word.Load() >> epochShift
	a := x.admit(now, x.config.Load())
	if refused && now < sleepWindow {
		if a.ok {
			x.s.Failf("admitted %+v though the circuit was open", a.token)
		} else if a.state == Open && a.retryAfter != sleepWindow-now {
			x.s.Failf("told to retry after %s, not %s", a.retryAfter, sleepWindow-now)
		} else if a.state == Open && !strings.HasPrefix(a.detail(), "opened") {
			x.s.Failf("told that it is open for %q, which is no reason to be", a.detail())
		}
	}
	if a.ok && a.token.epoch < epoch {
		x.s.Failf("admitted into epoch %d, when %d was seen already", a.token.epoch, epoch)
	}
	return a
}

func (x *explored) settle(t token, o Outcome) (stale bool) {
	var err error
	if o == Failure {
		err = errors.New("sick")
	}
	now := x.at()
	x.advanceWindow(now)
	return x.judge(now, t, o, true, false, err, window.NoSeat)
}

// inTurn is what a fresh circuit comes to if calls admitted together end one after another.
func inTurn(settings Settings, order []Outcome) string {
	x := newExplored(new(explore.Scenario).Apart(), settings)
	for _, o := range order {
		x.settle(token{epoch: 1}, o)
	}
	return x.verdict()
}

// verdict is what shows of the circuit when nothing moves.
func (x *explored) verdict() string {
	return fmt.Sprintf("%s with %d errors", x.gate.machine.state, x.healthLocked(x.now).Errors)
}

// orders are all orders of some outcomes.
func orders(outcomes []Outcome) [][]Outcome {
	if len(outcomes) == 0 {
		return [][]Outcome{nil}
	}
	var all [][]Outcome
	for i, first := range outcomes {
		for _, rest := range orders(slices.Delete(slices.Clone(outcomes), i, i+1)) {
			all = append(all, append([]Outcome{first}, rest...))
		}
	}
	return all
}

func TestC01ResultsThatMeetAreJudgedAsInSomeOrderInEverySchedule(t *testing.T) {
	mixes := map[string][]Outcome{
		"FFF": {Failure, Failure, Failure},
		"FFS": {Failure, Failure, Success},
		"FSS": {Failure, Success, Success},
		"FTI": {Failure, Timeout, Ignored},
	}
	for name, mix := range mixes {
		for volume := 1; volume <= 3; volume++ {
			for _, percent := range []float64{33, 50, 60} {
				settings := Settings{RequestVolumeThreshold: volume, ErrorPercentThreshold: percent}
				allowed := map[string]bool{}
				for _, order := range orders(mix) {
					allowed[inTurn(settings, order)] = true
				}
				everySchedule(t, fmt.Sprintf("%s volume %d percent %v", name, volume, percent), func(s *explore.Scenario) {
					x := newExplored(s, settings)
					for i, o := range mix {
						s.Go(fmt.Sprintf("%s %d", o, i), func() { x.settle(token{epoch: 1}, o) })
					}
					s.Finally(func() error {
						if got := x.verdict(); !allowed[got] {
							return fmt.Errorf("%s, but one after the other it is one of %v", got, allowed)
						}
						return nil
					})
				})
			}
		}
	}
}

func TestC03NobodyIsAdmittedWhileOpenInEverySchedule(t *testing.T) {
	for _, reset := range []bool{false, true} {
		everySchedule(t, fmt.Sprintf("after a reset %t", reset), func(s *explore.Scenario) {
			x := newExplored(s, Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 100})
			epoch := uint64(1)
			if reset { // what is left of an earlier, longer sleep window must mislead nobody
				x.judge(0, token{epoch: 1}, Failure, true, false, nil, window.NoSeat)
				x.judge(0, token{epoch: 1}, Failure, true, false, RetryAfter(errors.New("sick"), time.Minute), window.NoSeat)
				x.Reset()
				epoch = 3
			}
			for _, name := range []string{"a", "b", "c"} {
				s.Go(name, func() {
					first := token{epoch: epoch}
					if name == "c" {
						first = x.ask().token
						explore.Here(int(first.epoch))
					}
					if first.epoch != 0 {
						x.settle(first, Failure)
					}
					explore.Here(-1)
					x.ask()
				})
			}
			s.Finally(func() error {
				if x.gate.machine.state != Open {
					return fmt.Errorf("%s", x.verdict())
				}
				return nil
			})
		})
	}
}

// tripped opens the circuit and lets the sleep window pass.
func (x *explored) tripped() {
	x.settle(token{epoch: 1}, Failure)
	if x.gate.machine.state != Open {
		x.s.Failf("not open")
	}
	x.now = sleepWindow
}

func TestC04NoMoreProbesThanAllowedInEverySchedule(t *testing.T) {
	ends := map[string][]Outcome{
		"good": {Success, Success, Success}, "bad": {Failure, Failure, Failure},
		"silent": {Canceled, Rejected, Canceled}, "mixed": {Success, Failure, Canceled},
	}
	for name, outcomes := range ends {
		for _, probes := range []int{1, 2} {
			everySchedule(t, fmt.Sprintf("%s, %d at once", name, probes), func(s *explore.Scenario) {
				x := newExplored(s, Settings{RequestVolumeThreshold: 1, ErrorPercentThreshold: 1, Probes: probes})
				x.tripped()
				out := 0
				for i, o := range outcomes {
					s.Go(fmt.Sprintf("%s %d", o, i), func() {
						a := x.ask()
						if !a.ok {
							return
						}
						if a.token.probe != 0 {
							out++
							explore.Read("work")
							out--
						}
						x.settle(a.token, o)
					})
				}
				s.Always(func() error {
					if out > probes || len(x.gate.machine.probes) > probes {
						return fmt.Errorf("%d probes are out, %d may be", out, probes)
					}
					return nil
				})
				s.Finally(func() error {
					if n := len(x.gate.machine.probes); n > 0 {
						return fmt.Errorf("%d places are lost", n)
					}
					return nil
				})
			})
		}
	}
}

func TestC06ProbeWhoseLeaseIsOverMovesNothingInEverySchedule(t *testing.T) {
	for _, o := range []Outcome{Success, Failure, Canceled} {
		everySchedule(t, o.String(), func(s *explore.Scenario) {
			x := newExplored(s, Settings{RequestVolumeThreshold: 1, ErrorPercentThreshold: 1})
			x.tripped()
			hanging := x.admit(x.now, x.config.Load())
			x.now += x.config.Load().rules.lease
			s.Go("late", func() {
				if !x.settle(hanging.token, o) {
					s.Failf("the late result counted")
				}
			})
			admitted := 0
			for _, name := range []string{"a", "b"} {
				s.Go(name, func() {
					if a := x.ask(); a.ok {
						admitted++
					}
				})
			}
			s.Finally(func() error {
				m := &x.gate.machine
				if admitted != 1 || m.state != HalfOpen || len(m.probes) != 1 {
					return fmt.Errorf("%s, %d admitted, %d probes out", m.state, admitted, len(m.probes))
				}
				return nil
			})
		})
	}
}

func TestC07AResultCountsInItsOwnGenerationInEverySchedule(t *testing.T) {
	for _, o := range []Outcome{Failure, Success} {
		everySchedule(t, o.String(), func(s *explore.Scenario) {
			x := newExplored(s, Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 50})
			x.timePasses()
			s.Go("of the first generation", func() { x.settle(token{epoch: 1}, o) })
			s.Go("mover", func() {
				x.settle(token{epoch: 1}, Failure)
				x.settle(token{epoch: 1}, Failure)
				x.sleeps()
				a := x.admit(x.at(), x.config.Load())
				if a.token.probe == 0 {
					s.Failf("no probe: %+v", a)
					return
				}
				x.settle(a.token, Success)
			})
			s.Finally(func() error {
				most := uint64(1) // the probe's success
				if o == Success {
					most = 2 // what is let pass, and no more: see countSuccess
				}
				h := x.healthLocked(x.now)
				if x.gate.machine.state != Closed || h.Errors != 0 || h.Requests < 1 || h.Requests > most {
					return fmt.Errorf("%s, %+v: the new window holds the probe's success alone", x.gate.machine.state, h)
				}
				return nil
			})
		})
	}
}

func TestC08TransitionsAreToldInOrderAndAfterTheyAreSeenInEverySchedule(t *testing.T) {
	everySchedule(t, "open, half-open, closed or open", func(s *explore.Scenario) {
		var x *explored
		var told []Transition
		x = newExplored(s, Settings{RequestVolumeThreshold: 1, ErrorPercentThreshold: 1}, Hooks{
			OnTransition: func(e Transition) {
				told = append(told, e)
				explore.Read("gate.word")
				word := x.gate.word.Load()
				if int(word>>epochShift) < 1+len(told) {
					s.Failf("told of %s to %s before anybody could see it", e.From, e.To)
				}
			},
		})
		x.timePasses()
		s.Value("told", func() uint64 {
			h := uint64(0)
			for _, e := range told {
				h = explore.Hash(h, uint64(e.From), uint64(e.To))
			}
			return h
		})
		s.Go("mover", func() {
			x.settle(token{epoch: 1}, Failure)
			x.sleeps()
			if a := x.admit(x.at(), x.config.Load()); a.ok {
				x.settle(a.token, Success)
			}
		})
		s.Go("another", func() {
			if a := x.admit(x.at(), x.config.Load()); a.ok {
				x.settle(a.token, Failure)
			}
		})
		s.Finally(func() error {
			state := Closed
			for _, e := range told {
				if e.From != state || e.To == e.From {
					return fmt.Errorf("%s to %s was told in state %s", e.From, e.To, state)
				}
				state = e.To
			}
			if state != x.gate.machine.state || uint64(1+len(told)) != x.gate.machine.epoch {
				return fmt.Errorf("%d transitions were told, the last to %s; it is %s", len(told), state, x.gate.machine.state)
			}
			return nil
		})
	})
}
