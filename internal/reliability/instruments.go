package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill/internal/family"
)

// instrument is one way to find a fault. It runs commands and tests, and reads figures from
// what they print.
type instrument struct {
	name    string
	fast    bool // within what fits into a minute
	seconds int  // about how many it takes on an idle core, if more than some
	waits   bool // for most of its time
	needs   string
	steps   []step
	figures func(output string, code int) board
}

// codeAbsent is the exit code of an instrument whose program is not there.
const codeAbsent = -1

// run runs the steps until one fails, and returns all they print and its exit code.
func (i instrument) run(ctx context.Context, p programs) (output string, code int) {
	if i.needs != "" {
		if _, err := exec.LookPath(i.needs); err != nil {
			return i.needs + " is not installed (`make deps` installs it)", codeAbsent
		}
	}
	var out bytes.Buffer
	for _, s := range i.steps {
		cmd := p.cmd(ctx, s)
		cmd.Stdout, cmd.Stderr = &out, &out
		family.Bind(cmd)
		cmd.WaitDelay = 5 * time.Second
		if err := cmd.Run(); err != nil {
			fmt.Fprintln(&out, cmd.Path, "failed:", err)
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				return out.String(), exit.ExitCode()
			}
			return out.String(), 1
		}
	}
	return out.String(), 0
}

// instruments are all there are.
func instruments(o options) []instrument {
	return append(proofs(o), trials(o)...)
}

// numbers are the tests of invariants, skip those that another instrument has.
const numbers, skip = "-run=^Test[A-Z][0-9]+[A-Z]", "-skip=^TestC11RecoversFromEveryState$"

// longScenarios are left to the whole: they take half of the time of all schedules.
const longScenarios = "|TestC01JudgeMeets|TestC01ReportMeets|TestC01FailuresThatTakeNoLock|TestA03EverySlotComesBack" +
	"|TestA04AResizeHolds|TestA08WarmWorkersAreLentOnce|TestA08TwoTasksKeepOneWorker|TestA02ThreeWaiters"

// proofs are the tests that say what must hold.
func proofs(o options) []instrument {
	seed := strconv.FormatUint(o.seed, 10)
	rapid := []string{"-rapid.seed=" + seed, "-rapid.checks=" + pick(o.fast, "100", "300")}
	random := func(pkg string) step { return tests(pkg, append(rapid, "-run="+randomTests(pkg))...) }
	schedules := func(pkg string) step {
		return thorough(o, tests(pkg, "-tags=explore", "-timeout=6m", "-skip=Linearizable"+pick(o.fast, longScenarios, ""),
			"-run=EverySchedule|SchedulesWithinStops|SampledSchedules"))
	}
	invariants := func(pkg string, more ...string) step {
		return thorough(o, tests(pkg, append(more, numbers, skip)...))
	}
	return []instrument{
		{
			name: "conformance", fast: true,
			steps:   runs("go", "run", "./internal/conformance", "internal/conformance/testdata/scenarios.json"),
			figures: readConformance(108),
		},
		{
			name: "schedules", fast: true, seconds: pick(o.fast, 40, 85),
			steps:   []step{tests("./internal/explore", "-tags=explore"), schedules("."), schedules("./internal/window")},
			figures: readSchedules(seed, pick(o.fast, 191, 290)),
		},
		{
			name: "state machines", fast: true,
			steps:   []step{random("."), random("./internal/window"), random("./lastgood")},
			figures: readMachines(seed, 39),
		},
		{
			name: "linearizability", fast: true,
			steps:   []step{tests(".", "-tags=explore", "-run=LinearizableInSampledSchedules"), tests(".", "-run=Linearizable")},
			figures: readLinear(seed, 4, 4),
		},
		{
			name: "model", needs: "spin", seconds: 40,
			steps: []step{thorough(options{}, tests(".", "-run=^(TestC11RecoversFromEveryState|TestTheModelFindsFaultsOfItsMachine|"+
				"TestC01TracesOfTheMachineAgreeWithTheModel)$"))},
			figures: readModel(seed, 3, 10, 20),
		},
		{
			name: "invariants", fast: true, seconds: pick(o.fast, 8, 24),
			steps: []step{
				invariants(".", rapid[0]), invariants("./internal/window", rapid[0]), invariants("./lastgood", rapid[0]),
				invariants("./quillhttp"), invariants("./quillstream"), invariants("./quillprom"),
			},
			figures: readInvariants(seed, pick(o.fast, 69, 70), pick(o.fast, 106, 108)),
		},
		{
			name: "regressions", fast: true, seconds: pick(o.fast, 5, 25),
			steps:   []step{thorough(o, tests("./regressions"))},
			figures: readRegressions(47),
		},
		{
			name: "bad configurations", fast: true,
			steps:   []step{tests(".", "-run=^TestEveryBadValueIsRefusedWithFieldValueAndRange$")},
			figures: readBad,
		},
	}
}

// trials try to find what the tests do not see.
func trials(o options) []instrument {
	seed := strconv.FormatUint(o.seed, 10)
	return []instrument{
		{
			name: "fuzz", seconds: 62,
			steps:   runs("env", "FUZZ_WORKERS=1", "bash", ".ci/fuzz.sh", "3s", "."), // others run beside it
			figures: readFuzz(11),
		},
		{
			name:    "coverage", // in CI a stage of its own
			steps:   runs("bash", ".ci/cover.sh", "97"),
			figures: readCoverage,
		},
		{
			name: "soak", fast: true, waits: o.fast, seconds: pick(o.fast, 15, 80),
			steps:   runs("go", "run", "./internal/soak", "-d", pick(o.fast, "6s", "60s"), "-seed", seed),
			figures: readSoak(seed, 20, pick(o.fast, 50_000, 1_000_000)),
		},
		{
			name: "sabotage", fast: true, seconds: pick(o.fast, 35, 130),
			steps: runs("go", "run", "./internal/sabotage", "-switch", "-j", "1",
				"-some", pick(o.fast, "6", "0"), "-seed", seed),
			figures: readSabotage(pick(o.fast, seed, "-"), pick(o.fast, 6, 149)),
		},
		{
			name: "mutation", seconds: 280,
			steps:   runs("go", "run", "./internal/mutation", "-anew", "-j", "2"), // what takes longest: in the end it has both cores
			figures: readMutation(1000),
		},
	}
}

// chosenByRapid is what calls rapid, directly or by a func that stands beside the tests.
var chosenByRapid = regexp.MustCompile(`\b(rapid\.Check|checkInBubbles|checkBoth)\(`)

// randomTests is the expression for the tests of a directory that let rapid choose.
func randomTests(dir string) string {
	const function = "\nfunc "
	var names []string
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go")) // the pattern is sound
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // it was there a moment ago: its tests are missing from the figure
		}
		for part := range strings.SplitSeq(string(data), function) {
			name, _, _ := strings.Cut(part, "(")
			if strings.HasPrefix(name, "Test") && chosenByRapid.MatchString(part) {
				names = append(names, name)
			}
		}
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// thorough has the tests do all that their texts say, unless there is only a minute: then the
// largest are played at a tenth of their scale, as CI plays them whole in another stage.
func thorough(o options, s step) step {
	if o.fast {
		s.args = append(s.args, "-test.short")
	} else {
		s.env = append(s.env, "QUILL_THOROUGH=1")
	}
	return s
}

func pick[T any](fast bool, ifFast, ifNot T) T {
	if fast {
		return ifFast
	}
	return ifNot
}
