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
	"syscall"
	"time"
)

// instrument is one way to find a fault. It runs commands, from the root of the repository,
// and reads figures from what they print.
type instrument struct {
	name     string
	fast     bool // within what fits into a minute
	seconds  int  // about how many it takes on an idle core, if more than some
	needs    string
	commands [][]string
	figures  func(output string, code int) board
}

// codeAbsent is the exit code of an instrument whose program is not there.
const codeAbsent = -1

// run runs the commands until one fails, and returns all they print and its exit code.
func (i instrument) run(ctx context.Context) (output string, code int) {
	if i.needs != "" {
		if _, err := exec.LookPath(i.needs); err != nil {
			return i.needs + " is not installed (`make deps` installs it)", codeAbsent
		}
	}
	var out bytes.Buffer
	for _, args := range i.commands {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Stdout, cmd.Stderr = &out, &out
		cmd.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		cmd.WaitDelay = 5 * time.Second
		if err := cmd.Run(); err != nil {
			fmt.Fprintln(&out, args[0], "failed:", err)
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
	return []instrument{
		{
			name: "conformance", fast: true,
			commands: [][]string{{"go", "run", "./internal/conformance", "internal/conformance/testdata/scenarios.json"}},
			figures:  readConformance,
		},
		{
			name: "schedules", fast: true, seconds: pick(o.fast, 40, 85),
			commands: [][]string{
				goTest("-tags=explore", "./internal/explore"),
				thorough(o, seed, "-tags=explore", "-timeout=6m", "-skip=Linearizable"+pick(o.fast, longScenarios, ""),
					"-run=EverySchedule|SchedulesWithinStops|SampledSchedules", ".", "./internal/window"),
			},
			figures: readSchedules(seed, pick(o.fast, 191, 290)),
		},
		{
			name: "state machines", fast: true,
			commands: [][]string{
				append(goTest("-run="+randomTests("."), "."), rapid...),
				append(goTest("-run="+randomTests("internal/window"), "./internal/window"), rapid...),
				append(goTest("-run="+randomTests("lastgood"), "./lastgood"), rapid...),
			},
			figures: readMachines(seed, 39),
		},
		{
			name: "linearizability", fast: true,
			commands: [][]string{
				seeded(seed, goTest("-tags=explore", "-run=LinearizableInSampledSchedules", ".")),
				seeded(seed, goTest("-run=Linearizable", ".")),
			},
			figures: readLinear(seed),
		},
		{
			name: "model", needs: "spin", seconds: 40,
			commands: [][]string{append([]string{"env", "QUILL_THOROUGH=1", "QUILL_SEED=" + seed},
				goTest("-run=^(TestC11RecoversFromEveryState|TestTheModelFindsFaultsOfItsMachine|"+
					"TestC01TracesOfTheMachineAgreeWithTheModel)$", ".")...)},
			figures: readModel(seed),
		},
		{
			name: "invariants", fast: true, seconds: pick(o.fast, 8, 24),
			commands: [][]string{
				append(thorough(o, seed, numbers, skip, ".", "./internal/window", "./lastgood"), rapid[0]),
				thorough(o, seed, numbers, skip, "./quillhttp", "./quillstream", "./quillprom"),
			},
			figures: readInvariants(seed, pick(o.fast, 69, 70)),
		},
		{
			name: "regressions", fast: true, seconds: pick(o.fast, 5, 25),
			commands: [][]string{thorough(o, seed, "./regressions")},
			figures:  readRegressions(47),
		},
		{
			name: "bad configurations", fast: true,
			commands: [][]string{goTest("-run=^TestEveryBadValueIsRefusedWithFieldValueAndRange$", ".")},
			figures:  readBad,
		},
	}
}

// trials try to find what the tests do not see.
func trials(o options) []instrument {
	const mutants = "60" // drawn from all of the root package and internal/window
	seed := strconv.FormatUint(o.seed, 10)
	return []instrument{
		{
			name: "fuzz", seconds: 62,
			commands: [][]string{{"env", "FUZZ_WORKERS=1", "bash", ".ci/fuzz.sh", "3s", "."}}, // others run beside it
			figures:  readFuzz(11),
		},
		{
			name:     "coverage", // in CI a stage of its own
			commands: [][]string{{"bash", ".ci/cover.sh", "97"}},
			figures:  readCoverage,
		},
		{
			name: "soak", fast: true, seconds: pick(o.fast, 15, 80),
			commands: [][]string{{"go", "run", "./internal/soak", "-d", pick(o.fast, "8s", "60s"), "-seed", seed}},
			figures:  readSoak(seed),
		},
		{
			name: "sabotage", fast: true, seconds: pick(o.fast, 35, 130),
			commands: [][]string{{
				"go", "run", "./internal/sabotage", "-switch", "-j", "1", "-some", pick(o.fast, "6", "0"), "-seed", seed,
			}},
			figures: readSabotage(pick(o.fast, seed, "-")),
		},
		{
			name: "mutation", seconds: 280,
			commands: [][]string{{"go", "run", "./internal/mutation", "-core", "-sample", mutants, "-seed", seed, "-j", "1"}},
			figures:  readMutation(seed),
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

func goTest(args ...string) []string {
	return append([]string{"go", "test", "-count=1", "-v"}, args...)
}

// thorough has the tests do all that their texts say, unless there is only a minute: then the
// largest are played at a tenth of their scale, as CI plays them whole in another stage.
func thorough(o options, seed string, args ...string) []string {
	if o.fast {
		return seeded(seed, goTest(append([]string{"-short"}, args...)...))
	}
	return append([]string{"env", "QUILL_THOROUGH=1"}, seeded(seed, goTest(args...))...)
}

// seeded has the tests that draw lots by themselves draw those of the seed.
func seeded(seed string, args []string) []string {
	return append([]string{"env", "QUILL_SEED=" + seed}, args...)
}

func pick[T any](fast bool, ifFast, ifNot T) T {
	if fast {
		return ifFast
	}
	return ifNot
}
