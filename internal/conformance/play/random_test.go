package play

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/conformance/hystrix"
	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
)

// Random scenarios hold the model without its ways against quill where no recording does.
func TestTheModelWithoutItsWaysIsQuillInRandomScenarios(t *testing.T) {
	for seed := range uint64(randomScenarios) {
		r := &random{Rand: rand.New(rand.NewPCG(seed, 1))}
		s := r.scenario()
		seen := Observe(t, s)
		steps, err := hystrix.Predict(s, nil)
		require.NoError(t, err)
		for i, step := range s.Steps {
			for _, field := range seen[i].Fields() {
				got, want := seen[i][field], steps[i][0][field]
				if field == "chronological" { // of what ends at one moment, any may be told first
					got, want = sorted(got), sorted(want)
				}
				if got != want {
					t.Fatalf("seed %d: step %d (%s) %s: quill %q, the model %q\n%s", seed, i, step.Op, field, got, want, r.script())
				}
			}
		}
	}
}

const randomScenarios = 300

func sorted(list string) string {
	all := strings.Split(list, ", ")
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// random makes scenarios of one command.
type random struct {
	*rand.Rand
	s       *oracle.Scenario
	waiting []string // handles, at gates of their names
	behind  bool     // whether the gates are those of fallbacks
}

func oneOf[T any](r *random, all ...T) T { return all[r.IntN(len(all))] }

// script shows the scenario.
func (r *random) script() string {
	var b strings.Builder
	fmt.Fprintln(&b, r.s.Commands, r.s.Pools)
	for i, step := range r.s.Steps {
		fmt.Fprintf(&b, "%d %+v", i, *step)
		for _, body := range []*oracle.Body{step.Run, step.Fallback} {
			if body != nil {
				fmt.Fprintf(&b, " %+v", *body)
			}
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

func (r *random) scenario() *oracle.Scenario {
	number := func(all ...float64) any { return oneOf(r, all...) }
	r.behind = r.IntN(3) == 0
	props := map[string]any{
		"metrics.rollingStats.timeInMilliseconds":             5000.0,
		"metrics.rollingStats.numBuckets":                     50.0,
		"circuitBreaker.requestVolumeThreshold":               number(3, 4, 5),
		"circuitBreaker.sleepWindowInMilliseconds":            1000.0,
		"circuitBreaker.errorThresholdPercentage":             number(0, 33, 50, 50, 50),
		"execution.isolation.thread.timeoutInMilliseconds":    number(0, 300, 5000),
		"execution.isolation.thread.interruptOnTimeout":       r.IntN(4) > 0,
		"execution.isolation.thread.interruptOnFutureCancel":  r.IntN(2) == 0,
		"fallback.isolation.semaphore.maxConcurrentRequests":  number(1, 10),
		"fallback.enabled":                                    r.IntN(10) > 0,
		"circuitBreaker.enabled":                              r.IntN(8) > 0,
		"circuitBreaker.forceOpen":                            r.IntN(10) == 0,
		"circuitBreaker.forceClosed":                          r.IntN(10) == 0,
		"execution.isolation.strategy":                        oneOf(r, "THREAD", "SEMAPHORE"),
		"execution.isolation.semaphore.maxConcurrentRequests": number(1, 2, 10),
	}
	if !r.behind {
		// Fallbacks that wait nowhere are refused only if two begin at one moment (a call that times
		// out, and the one that gets its slot by that), and then it is chance.
		props["fallback.isolation.semaphore.maxConcurrentRequests"] = 10.0
	}
	pool := map[string]any{
		"coreSize": number(1, 2, 10), "maximumSize": 3.0, "allowMaximumSizeToDivergeFromCoreSize": r.IntN(3) == 0,
		"maxQueueSize": number(-1, 2), "queueSizeRejectionThreshold": number(0, 1, 2, 3, 5),
	}
	r.s = &oracle.Scenario{
		ID: "random", Commands: map[string]oracle.Command{"A": {Props: props, Pool: "P"}},
		Pools: map[string]map[string]any{"P": pool},
	}
	for range 4 + r.IntN(10) {
		r.step(props["execution.isolation.strategy"] == "SEMAPHORE")
	}
	return r.s
}

func (r *random) add(steps ...*oracle.Step) { r.s.Steps = append(r.s.Steps, steps...) }

// step adds a step, or a few that belong together.
func (r *random) step(semaphore bool) {
	switch r.IntN(10) {
	case 0, 1, 2:
		r.add(&oracle.Step{
			Op: "call", Cmd: "A", Run: r.body(), Fallback: r.fallback(), Times: 1 + r.IntN(5), SettleMS: 403,
			ElapsedBand: []int{0, 350},
		})
	case 3, 4:
		r.start()
	case 5:
		r.end(semaphore)
	case 6:
		r.add(&oracle.Step{Op: "wait", MS: oneOf(r, 503, 1211, 6007)})
	case 7:
		r.add(&oracle.Step{Op: "wait", MS: 353}, &oracle.Step{Op: "health", Cmd: "A"}, &oracle.Step{Op: "counters", Cmd: "A"})
	case 8:
		r.add(&oracle.Step{Op: "bodies", Cmd: "A"}, &oracle.Step{Op: "circuit", Cmd: "A"}, &oracle.Step{Op: "runOrder"})
		if !r.behind {
			r.add(&oracle.Step{Op: "notifications", Cmd: "A"})
		}
		if !semaphore {
			r.add(&oracle.Step{Op: "pool", Pool: "P", Counts: true})
		}
	case 9:
		name := oneOf(r, "circuitBreaker.forceOpen", "circuitBreaker.forceClosed")
		r.add(&oracle.Step{Op: "set", Cmd: "A", Prop: name, Value: r.IntN(2) == 0})
		if !semaphore {
			r.add(&oracle.Step{Op: "set", Pool: "P", Prop: "coreSize", Value: float64(1 + r.IntN(4))})
		}
	}
}

func (r *random) start() {
	name := fmt.Sprint("h", len(r.s.Steps))
	r.waiting = append(r.waiting, name)
	step := &oracle.Step{
		Op: "start", Handles: []string{name}, Cmd: "A", Until: "submitted", Mode: "queue",
		Run:      &oracle.Body{Do: "gate", Gate: name, Then: &oracle.Body{Do: oneOf(r, "value", "fail")}},
		Fallback: r.fallback(),
	}
	if r.behind {
		step.Run, step.Fallback = &oracle.Body{Do: "fail"}, step.Run
	}
	r.add(step)
}

// end ends a call that waits at its gate.
func (r *random) end(semaphore bool) {
	if len(r.waiting) == 0 {
		return
	}
	i := r.IntN(len(r.waiting))
	name := r.waiting[i]
	r.waiting = slices.Delete(r.waiting, i, i+1)
	if !semaphore && !r.behind && r.IntN(2) == 0 {
		r.add(&oracle.Step{Op: "cancel", Handle: name, Cmd: "A", Interrupt: r.IntN(2) == 0, SettleMS: 407})
		return
	}
	r.add(&oracle.Step{Op: "release", Gate: name},
		&oracle.Step{Op: "await", Handles: []string{name}, Cmd: "A", SettleMS: 401})
}

func (r *random) body() *oracle.Body {
	simple := &oracle.Body{Do: oneOf(r, "value", "value", "fail", "fail", "fail", "badRequest", "notWrapped", "unsupported", "javaError")}
	if r.IntN(4) > 0 {
		return simple
	}
	return &oracle.Body{Do: "sleep", MS: oneOf(r, 101, 202, 404, 505), Then: simple, Stubborn: r.IntN(4) == 0}
}

func (r *random) fallback() *oracle.Body {
	return oneOf(r,
		nil, &oracle.Body{Do: "value", Value: "fb"}, &oracle.Body{Do: "value", Value: "fb"}, &oracle.Body{Do: "fail"},
		&oracle.Body{Do: oneOf(r, "badRequest", "unsupported", "javaError")},
		&oracle.Body{Do: "sleep", MS: 107, Then: &oracle.Body{Do: "value", Value: "late"}})
}
