package main

import (
	"slices"
	"strings"
)

// suite is a part of the tests. All parts together are what must not stay green; each fault
// names the one that is likely to find it, which goes first.
type suite struct {
	name string
	dirs []string // of its packages
	tags []string
	run  string   // which tests, if not all
	skip string   // which not
	args []string // more for go test
	slow bool     // to run out of time says nothing
}

// Left out everywhere is what a fault in the code cannot move or what is slow: the models
// that spin exhausts have a code of their own, allocations are counted without -N, and some
// tests build a program or start one.
const leftOut = "^(TestC11RecoversFromEveryState|TestTheModelFinds.*|TestAllocations.*|TestNothingRemains.*|TestM02.*|TestRootNeeds.*)$"

var (
	// fast compiles without optimizations, which halves the time for the root package.
	fast = []string{"-gcflags=-N -l", "-ldflags=-s -w"}
	root = []string{"."}

	quick = suite{name: "root", dirs: root, skip: leftOut, args: append(fast, "-timeout=60s")}
	inner = suite{name: "window", dirs: []string{"./internal/window"}, skip: leftOut, args: append(fast, "-timeout=60s")}
	// schedules are those tests that play every interleaving.
	schedules = suite{
		name: "schedules", dirs: root, tags: []string{"explore"}, run: "EverySchedule|SchedulesWithinStops|SampledSchedules", slow: true,
	}
	windowSchedules = suite{
		name: "schedules of the window", dirs: []string{"./internal/window"}, tags: []string{"explore"}, run: "EverySchedule",
	}
	// A lock left out is what the race detector is for.
	racedBreaker = suite{name: "race of the breaker", dirs: root, run: "Breaker|Probe|Herd|Linear", args: []string{"-race"}, slow: true}
	racedFuture  = suite{name: "race of futures", dirs: root, run: "Future|^TestH0", args: []string{"-race"}, slow: true}

	// What shows circuits has tests of its own. A stream that is held up hangs.
	streams = suite{
		name: "streams", dirs: []string{"./quillstream"}, skip: "Dashboard|History", args: append(fast, "-timeout=20s"),
	}
	scrapes = suite{
		name: "scrapes", dirs: []string{"./quillprom"}, skip: "Promtool|RealPrometheus|TestRules|Dashboard",
		args: append(fast, "-timeout=60s"),
	}

	raced  = suite{name: "race", dirs: root, skip: leftOut, args: []string{"-race"}, slow: true}
	others = suite{
		name: "others", dirs: []string{"./internal/window", "./regressions", "./quillhttp", "./lastgood"},
		skip: leftOut, slow: true,
	}
)

// suites are what no fault may pass.
var suites = []suite{quick, schedules, windowSchedules, others, raced}

// dir is the directory of a suite of one package.
func (s suite) dir() string { return s.dirs[0] }

// arguments are those of go test.
func (s suite) arguments() []string {
	args := slices.Clone(s.args)
	if s.tags != nil {
		args = append(args, "-tags="+strings.Join(s.tags, ","))
	}
	if s.run != "" {
		args = append(args, "-run="+s.run)
	}
	if s.skip != "" {
		args = append(args, "-skip="+s.skip)
	}
	return append(args, s.dirs...)
}

// buildTags are those by which go test chooses files.
func (s suite) buildTags() []string {
	if slices.Contains(s.args, "-race") {
		return append([]string{"race"}, s.tags...)
	}
	return s.tags
}

// order is all suites, those given first.
func order(first []suite) []suite {
	all := slices.Clone(first)
	for _, s := range suites {
		if !slices.ContainsFunc(first, func(other suite) bool { return other.name == s.name }) {
			all = append(all, s)
		}
	}
	return all
}
