//go:build explore

package explore

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
)

// Report is what an exploration has found.
type Report struct {
	Schedules  *big.Int // how many there are
	Which      string   // of all those there are, if not all
	States     int      // that they pass through, alike orders counted once
	Executions int      // that it took to see all states
	Longest    int      // steps of the longest schedule
	Err        error    // what the first schedule that failed broke
	Schedule   []string // that schedule, step by step
}

func (r Report) String() string {
	text := fmt.Sprintf("%v schedules%s of up to %d steps, %d states, %d executions",
		r.Schedules, r.Which, r.Longest, r.States, r.Executions)
	if r.Err != nil {
		text += fmt.Sprintf("\n%v, after\n  %s", r.Err, strings.Join(r.Schedule, "\n  "))
	}
	return text
}

// Run explores every schedule of the scenario that setup makes anew for each execution, and
// stops at the first that fails.
func Run(setup func(*Scenario)) Report { return RunWithin(anyNumber, setup) }

// RunBackwards is Run that tries the ways at each decision from the last one to the first. It
// must find as many schedules: if it does not, states that differ were taken for one, because
// some Value leaves out what can be read there.
func RunBackwards(setup func(*Scenario)) Report {
	return searchAll(&search{preemptions: anyNumber, backwards: true}, setup)
}

const anyNumber = -1

// RunWithin is Run for the schedules in which no more than so many times a goroutine is
// stopped that could have gone on. It is for what is too large for Run: most faults need one
// or two such stops.
func RunWithin(preemptions int, setup func(*Scenario)) Report {
	r := searchAll(&search{preemptions: preemptions}, setup)
	if preemptions != anyNumber {
		r.Which = fmt.Sprintf(" within %d stops", preemptions)
	}
	return r
}

func searchAll(s *search, setup func(*Scenario)) Report {
	s.nodes = map[uint64]*node{}
	defer s.begin()()
	for {
		x := s.execute(setup, nil)
		s.report.Executions++
		s.report.Longest = max(s.report.Longest, x.depth)
		if x.err != nil {
			s.report.Err = x.err
			s.report.Schedule = s.execute(setup, x.taken).story
			break
		}
		if !s.backtrack() {
			break
		}
	}
	s.report.States = len(s.nodes)
	s.report.Schedules = s.count(s.root, map[uint64]*big.Int{})
	return s.report
}

// Sample runs n schedules of the scenario that are drawn at random, for what is too large to
// be explored. The same seed draws the same ones.
func Sample(seed uint64, n int, setup func(*Scenario)) Report {
	s := &search{preemptions: anyNumber, random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // to be repeated
	defer s.begin()()
	for s.report.Err == nil && s.report.Executions < n {
		x := s.execute(setup, nil)
		s.report.Executions++
		s.report.Longest = max(s.report.Longest, x.depth)
		s.report.Err = x.err
	}
	s.report.Schedules, s.report.Which = big.NewInt(int64(s.report.Executions)), ", drawn,"
	return s.report
}
