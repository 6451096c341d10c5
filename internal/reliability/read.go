package main

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// Each reader turns what an instrument printed into figures. A figure is only as good as the
// line it is read from: one that is not there is a miss. So is one for which less was done than
// there is to do: a test that is skipped, or a package that fell out of a command, fails nothing.

var (
	passedTest   = regexp.MustCompile(`(?m)^--- PASS: (\S+)`)
	skippedTest  = regexp.MustCompile(`(?m)^\s*--- SKIP: (\S+)`)
	agreed       = regexp.MustCompile(`(?m)^(\d+) agree, (\d+) intended differences?, (\d+) not built, (\d+) disagree`)
	scheduled    = regexp.MustCompile(`(\d+) schedules(, drawn,| within (\d+) stops)? of up to \d+ steps, (\d+) states`)
	machineOK    = regexp.MustCompile(`\[rapid\] OK, passed (\d+) tests`)
	overlapping  = regexp.MustCompile(`(\d+) operations, ([\d.]+) % of them overlapped`)
	metOnCores   = regexp.MustCompile(`on (\d+) processors, (\d+) operations, of which ([\d.]+) % overlapped`)
	numbered     = regexp.MustCompile(`^Test([A-Z])0*(\d+)[A-Z]`)
	badRefused   = regexp.MustCompile(`(\d+) bad values refused`)
	fuzzed       = regexp.MustCompile(`(\d+) fuzz targets ran for \S+ each: (\d+) new inputs, at least (\d+) each`)
	covered      = regexp.MustCompile(`tests cover ([\d.]+) %`)
	figuresHold  = regexp.MustCompile(`all (\d+) figures hold`)
	figuresOff   = regexp.MustCompile(`(\d+) of (\d+) figures are off`)
	soaked       = regexp.MustCompile(`(?m)^sum of outcomes\s+= calls entered\s+(\d+)`)
	sabotaged    = regexp.MustCompile(`sabotage: (\d+) faults, (\d+) red, (\d+) survived`)
	mutated      = regexp.MustCompile(`mutation: (.*): ([\d.]+) % of (\d+) mutants killed, (\d+) ran into the time limit`)
	tracesPlayed = regexp.MustCompile(`(\d+) traces, (\d+) steps`)
	modelChecked = regexp.MustCompile(`(?m)^\s+--- PASS: TestC11RecoversFromEveryState/`)
	modelMissed  = regexp.MustCompile(`(?m)^\s+--- FAIL: TestTheModelFindsFaultsOfItsMachine/`)
	modelFaults  = regexp.MustCompile(`(?m)^\s+--- (PASS|FAIL): TestTheModelFindsFaultsOfItsMachine/`)
)

// one is a board of one figure.
func one(name, target string, ok bool, seed, format string, args ...any) board {
	return board{{name: name, target: target, ok: ok, seed: seed, value: fmt.Sprintf(format, args...)}}
}

// missing is the figure of an instrument that did not say what it is for.
func missing(name, target string, code int) board {
	return one(name, target, false, "-", "no figure (exit code %d)", code)
}

func readConformance(least int) func(string, int) board {
	return func(output string, code int) board {
		const name = "conformance with Hystrix's recordings"
		target := fmt.Sprintf("0 disagree, of >= %d", least)
		m := agreed.FindStringSubmatch(output)
		if m == nil {
			return missing(name, target, code)
		}
		enough := number(m[1])+number(m[2])+number(m[3])+number(m[4]) >= least
		return one(name, target, code == 0 && m[4] == "0" && enough, "-",
			"%s agree, %s intended differences, %s not built, %s disagree", m[1], m[2], m[3], m[4])
	}
}

func readSchedules(seed string, least int) func(string, int) board {
	return func(output string, code int) board {
		const name = "explorer: schedules in which a rule is broken"
		target := fmt.Sprintf("0, in >= %d scenarios", least)
		full, within, drawn, states := new(big.Int), new(big.Int), new(big.Int), 0
		fewest, most := 0, 0
		found := scheduled.FindAllStringSubmatch(output, -1)
		for _, m := range found {
			n, _ := new(big.Int).SetString(m[1], 10) // digits
			states += number(m[4])
			switch {
			case m[2] == "":
				full.Add(full, n)
			case m[3] == "":
				drawn.Add(drawn, n)
			default:
				within.Add(within, n)
				if stops := number(m[3]); fewest == 0 || stops < fewest {
					fewest = stops
				}
				most = max(most, number(m[3]))
			}
		}
		if len(found) == 0 {
			return missing(name, target, code)
		}
		if code != 0 {
			return one(name, target, false, seed, "at least 1, in %d scenarios", len(found))
		}
		short := func(n *big.Int) string { return new(big.Float).SetInt(n).Text('g', 3) }
		value := fmt.Sprintf("0 of %s, which are all of their scenarios", short(full))
		if most > 0 {
			value += fmt.Sprintf("; 0 of %s within %d to %d stops", short(within), fewest, most)
		}
		if drawn.Sign() > 0 {
			value += fmt.Sprintf("; 0 of %s drawn", short(drawn))
		}
		return one(name, target, len(found) >= least, seed, "%s; %d states, in %d scenarios", value, states, len(found))
	}
}

func readMachines(seed string, least int) func(string, int) board {
	return func(output string, code int) board {
		const name = "random runs against models and properties (rapid)"
		target := fmt.Sprintf("all agree, >= %d tests", least)
		found := machineOK.FindAllStringSubmatch(output, -1)
		checks := 0
		for _, m := range found {
			checks += number(m[1])
		}
		if len(found) == 0 {
			return missing(name, target, code)
		}
		return one(name, target, code == 0 && len(found) >= least, seed, "%d tests, %d runs", len(found), checks)
	}
}

// readLinear reads the share of operations that overlap from the schedules that were drawn,
// where nothing but the operations' own steps lets them meet. What met on real processors is
// told beside it: it depends on how many there are, and on what else they do.
func readLinear(seed string, leastDrawn, leastOnCores int) func(string, int) board {
	return func(output string, code int) board {
		const name = "linearizability: histories explained, share of operations that overlap"
		target := fmt.Sprintf("all, >= 5 %%, in >= %d runs", leastDrawn+leastOnCores)
		least, operations := 100.0, 0
		drawn := overlapping.FindAllStringSubmatch(output, -1)
		for _, m := range drawn {
			operations += number(m[1])
			least = min(least, share(m[2]))
		}
		onCores := metOnCores.FindAllStringSubmatch(output, -1)
		if len(drawn) == 0 || len(onCores) == 0 {
			return missing(name, target, code)
		}
		realOperations, met := 0, 0.0
		for _, m := range onCores {
			realOperations += number(m[2])
			met += float64(number(m[2])) * share(m[3])
		}
		enough := len(drawn) >= leastDrawn && len(onCores) >= leastOnCores
		return one(name, target, code == 0 && least >= 5 && enough, seed,
			"%d operations in drawn schedules, at least %.1f %% overlap; %d on %s processors, %.1f %%",
			operations, least, realOperations, onCores[0][1], met/float64(realOperations))
	}
}

// share reads per cent; what cannot be read is 0.
func share(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64)
	return f
}

func readModel(seed string, leastChecks, leastFaults, leastTraces int) func(string, int) board {
	return func(output string, code int) board {
		const name = "model of the breaker with its lease, exhausted (spin)"
		target := fmt.Sprintf("0 errors, in >= %d checks, >= %d faults found, >= %d traces", leastChecks, leastFaults, leastTraces)
		if code == codeAbsent || code == 0 && skippedTest.MatchString(output) {
			return board{{name: name, target: target, absent: true, seed: "-", value: "spin or gcc is not installed: `make deps`"}}
		}
		checks, traces := len(modelChecked.FindAllString(output, -1)), tracesPlayed.FindStringSubmatch(output)
		faults := len(modelFaults.FindAllString(output, -1))
		found := faults - len(modelMissed.FindAllString(output, -1))
		if checks == 0 || found == 0 || traces == nil {
			return missing(name, target, code)
		}
		enough := checks >= leastChecks && found >= leastFaults && number(traces[1]) >= leastTraces
		return one(name, target, code == 0 && found == faults && enough, seed,
			"%d checks hold; they find %d of %d faults put into the model; %s traces of the code agree, %s steps",
			checks, found, faults, traces[1], traces[2])
	}
}

// lastInvariantB is the last invariant of section B; what is numbered B8 and above, and
// stands beside the code it is about, is a known fault.
const lastInvariantB = 7

func readInvariants(seed string, least, leastTests int) func(string, int) board {
	return func(output string, code int) board {
		numbers, tests := map[string]bool{}, 0
		for _, m := range passedTest.FindAllStringSubmatch(output, -1) {
			n := numbered.FindStringSubmatch(m[1])
			if n != nil && (n[1] != "B" || number(n[2]) <= lastInvariantB) {
				numbers[n[1]+n[2]] = true
				tests++
			}
		}
		return one("invariants with a test of that number", fmt.Sprintf("all pass, >= %d, >= %d tests", least, leastTests),
			code == 0 && len(numbers) >= least && tests >= leastTests, seed, "%d invariants, %d tests", len(numbers), tests)
	}
}

func readRegressions(least int) func(string, int) board {
	return func(output string, code int) board {
		numbers := map[string]bool{}
		for _, m := range passedTest.FindAllStringSubmatch(output, -1) {
			if n := numbered.FindStringSubmatch(m[1]); n != nil && n[1] == "B" {
				numbers[n[2]] = true
			}
		}
		return one("known faults of today's libraries, kept out", fmt.Sprintf("all, >= %d", least),
			code == 0 && len(numbers) >= least, "-", "%d", len(numbers))
	}
}

func readBad(output string, code int) board {
	const name, target = "bad configurations refused with field, value and range", ">= 300"
	m := badRefused.FindStringSubmatch(output)
	if m == nil {
		return missing(name, target, code)
	}
	return one(name, target, code == 0 && number(m[1]) >= 300, "-", "%s", m[1])
}

func readFuzz(least int) func(string, int) board {
	return func(output string, code int) board {
		const name = "fuzz targets that find nothing in 3 s each"
		target := fmt.Sprintf("all, >= %d", least)
		m := fuzzed.FindStringSubmatch(output)
		if m == nil {
			return missing(name, target, code)
		}
		return one(name, target, code == 0 && number(m[1]) >= least, "random", "%s, %s new inputs, at least %s each", m[1], m[2], m[3])
	}
}

func readCoverage(output string, code int) board {
	const name, target = "statements of the root package covered", ">= 97 %"
	m := covered.FindStringSubmatch(output)
	if m == nil {
		return missing(name, target, code)
	}
	return one(name, target, code == 0, "-", "%s %%", m[1])
}

func readSoak(seed string, least, leastCalls int) func(string, int) board {
	return func(output string, code int) board {
		const name = "soak: books that agree"
		target := fmt.Sprintf("all, >= %d, of >= %d calls", least, leastCalls)
		calls := "0"
		if m := soaked.FindStringSubmatch(output); m != nil {
			calls = m[1]
		}
		if m := figuresHold.FindStringSubmatch(output); m != nil && code == 0 {
			return one(name, target, number(m[1]) >= least && number(calls) >= leastCalls, seed, "%s of %s, %s calls", m[1], m[1], calls)
		}
		if m := figuresOff.FindStringSubmatch(output); m != nil {
			return one(name, target, false, seed, "%d of %s", number(m[2])-number(m[1]), m[2])
		}
		return missing(name, target, code)
	}
}

func readSabotage(seed string, least int) func(string, int) board {
	return func(output string, code int) board {
		const name = "one-line faults that turn the tests red within 2 minutes"
		target := fmt.Sprintf("all, >= %d", least)
		m := sabotaged.FindStringSubmatch(output)
		if m == nil {
			return missing(name, target, code)
		}
		return one(name, target, code == 0 && m[1] == m[2] && number(m[1]) >= least, seed, "%s of %s", m[2], m[1])
	}
}

// readMutation reads the share of the core and, last, that of all.
func readMutation(least int) func(string, int) board {
	return func(output string, code int) board {
		const name = "mutation efficacy"
		found := mutated.FindAllStringSubmatch(output, -1)
		if len(found) == 0 {
			return missing(name, ">= 95 %", code)
		}
		var b board
		for i, m := range found {
			target, enough := ">= 95 %", true
			if i == len(found)-1 {
				target = fmt.Sprintf(">= 95 %%, of >= %d mutants", least)
				enough = number(m[3]) >= least
			}
			// Where many ran into the time limit the machine was too busy to tell.
			told := 10*number(m[4]) <= number(m[3])
			b = append(b, one(name+", "+m[1], target, told && enough && share(m[2]) >= 95, "-",
				"%s %% of %s mutants, %s ran into the time limit", m[2], m[3], m[4])...)
		}
		if code != 0 && b.failed() == 0 { // it failed at something else
			b[0].ok, b[0].value = false, fmt.Sprintf("%s (exit code %d)", b[0].value, code)
		}
		return b
	}
}

// number reads digits; what is too large for an int is 0.
func number(s string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(s))
	return n
}
