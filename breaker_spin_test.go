package quill

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// spin runs Debian's spin, a model checker, in a directory that holds the models.
func spin(t *testing.T, args ...string) string {
	t.Helper()
	return spinOn(t, func(machine string) string { return machine }, args...)
}

// spinOn does so after an edit of the machine.
func spinOn(t *testing.T, edit func(machine string) string, args ...string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("spin takes its time")
	}
	path, err := exec.LookPath("spin")
	if err != nil {
		t.Skip("spin is not installed: `make deps` installs it")
	}
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed, and spin needs it: `make deps` installs it")
	}
	dir, err := filepath.Abs("internal/model")
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Dir = t.TempDir()
	for _, name := range []string{"machine.pml", "free.pml"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		if name == "machine.pml" {
			text = []byte(edit(string(text)))
		}
		require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, name), text, 0o600))
	}
	if len(args) > 0 && strings.HasSuffix(args[len(args)-1], "trace.pml") {
		require.NoError(t, os.Rename(args[len(args)-1], filepath.Join(cmd.Dir, "trace.pml")))
		cmd.Args[len(cmd.Args)-1] = "trace.pml"
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// spinSafety and spinRecovery are the arguments of the checks of free.pml.
func spinSafety(callers string) []string {
	return []string{"-DCALLERS=" + callers, "-search", "-safety", "-noclaim"}
}

func spinRecovery(callers string) []string {
	return []string{"-DCALLERS=" + callers, "-search", "-a", "-f", "-ltl", "recovers"}
}

// The model of the breaker with its lease is exhausted: no state in which an assertion of
// free.pml is broken (its head says what they promise, with the bounds of the recovery), and
// none from which callers of a healthy dependency do not bring the circuit to closed. With
// QUILL_THOROUGH set in the environment, three callers are tried as well.
func TestC11RecoversFromEveryState(t *testing.T) {
	checks := map[string][]string{
		"safety and bounds, two callers":       spinSafety("2"),
		"closes and stays closed, two callers": spinRecovery("2"),
	}
	if os.Getenv("QUILL_THOROUGH") != "" { // 2 million states, ten seconds
		checks["safety and bounds, three callers"] = spinSafety("3")
	}
	for name, args := range checks {
		t.Run(name, func(t *testing.T) {
			out := spin(t, append(args, "-m1000000", "free.pml")...)
			require.Contains(t, out, "errors: 0", out)
			require.NotContains(t, out, "max search depth too small", out)
		})
	}
}

// The checks of the model are worth something: with a fault in the machine, one line each,
// they find an error. Where it is the recovery that must find it, assertions are off.
func TestTheModelFindsFaultsOfItsMachine(t *testing.T) {
	const (
		assertion = "assertion violated"
		never     = "acceptance cycle (" // round which callers go and never close the circuit
	)
	for name, fault := range map[string]struct{ old, new, finds string }{
		"no lease":                        {"holder == NOBODY || leaseLeft == 0", "holder == NOBODY", assertion},
		"no lease, never closes":          {"holder == NOBODY || leaseLeft == 0", "holder == NOBODY", never},
		"an earlier epoch counts":         {"stale[k] = admitted[k]", "skip", assertion},
		"a late probe counts":             {"bool late = leaseLeft == 0", "bool late = false", assertion},
		"an ousted probe counts":          {"-> stale[k] = true", "-> skip", assertion},
		"a cancelled probe stays":         {"how == neutral -> skip", "how == neutral -> holder = i", assertion},
		"any number of probes":            {"(holder == NOBODY || leaseLeft == 0)", "true", assertion},
		"a good probe does not close":     {"how == success -> newEpoch(closed)", "how == success -> skip", never},
		"evidence outlives its epoch":     {"state = to; requests = 0;", "state = to;", assertion},
		"a sleep window that is too long": {"sleepLeft = SLEEP }", "sleepLeft = SLEEP+1 }", assertion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // most of it is the C compiler
			args := spinSafety("2")
			if fault.finds == never {
				args = append(spinRecovery("2"), "-A")
			}
			args = append(args, "-O0", "-m10000", "-w20", "free.pml") // an error is near
			out := spinOn(t, func(machine string) string {
				require.Equal(t, 1, strings.Count(machine, fault.old), "one line has the fault")
				return strings.Replace(machine, fault.old, fault.new, 1)
			}, args...)
			require.Regexp(t, `errors: [1-9]`, out, "the checks do not see it:\n%s", out)
			require.Contains(t, out, fault.finds, out)
		})
	}
}

// What the real machine does, step for step, is what the model allows: random steps of three
// callers are played on both. QUILL_SEED, set in the environment, repeats the steps of an
// earlier run.
func TestC01TracesOfTheMachineAgreeWithTheModel(t *testing.T) {
	const traces, most, steps = 20, 100, 100
	wanted := []string{
		"closed to open", "open to half-open", "half-open to open", "half-open to closed",
		"probe success", "probe failure", "probe neutral", "probe ignoring", "late", "refused", "lease over",
	}
	seed := drawSeed(t)
	met := map[string]int{}
	played := 0
	// Some more, if chance has left out something so far.
	lacks := func() bool { return slices.ContainsFunc(wanted, func(step string) bool { return met[step] == 0 }) }
	for i := uint64(0); i < traces || i < most && lacks(); i++ {
		played++
		file := filepath.Join(t.TempDir(), "trace.pml")
		require.NoError(t, os.WriteFile(file, []byte(breakerTrace(seed+i, steps, met)), 0o600))
		out := spin(t, "-DENOUGH=10", "-u1000000", "-B", file)
		require.NotContains(t, out, "assertion violated", "seed %d\n%s", seed, out)
		require.Contains(t, out, "the trace agrees", "seed %d\n%s", seed, out)
	}
	t.Logf("seed %d: %d traces, %d steps, %v", seed, played, met["step"], met)
	for _, step := range wanted {
		require.Positive(t, met[step], "seed %d: no trace has met %q", seed, step)
	}
}

// breakerTrace plays random steps on the real machine and writes them down as a model
// that repeats them and asserts the same state after each. It counts what it met. The
// model opens on errors alone: after a success it stays closed for good, so a trace that has
// stayed there for a while ends, and successes are rare where they would end it.
func breakerTrace(seed uint64, steps int, met map[string]int) string {
	random := rand.New(rand.NewPCG(seed, 1))
	const callers, tick = 3, time.Second
	r := rules{volume: 2, errorPercent: 100, sleep: 2 * tick, probes: 1, lease: 3 * tick}
	b := newBreaker()
	tokens := make([]*token, callers)
	var now time.Duration
	var n tally // of this epoch
	epoch := b.epoch

	var p strings.Builder
	p.WriteString("#include \"machine.pml\"\nactive proctype replay() {\n  byte k;\n")
	for stuck := 0; steps > 0 && stuck < 10; steps-- {
		met["step"]++
		if n.requests > n.errors {
			stuck++
		}
		i, was := random.IntN(callers), b.state
		switch {
		case random.IntN(3) == 0:
			now += tick
			p.WriteString("  tick();")
		case tokens[i] == nil:
			tok, _, ok := b.admit(now, &r)
			if ok {
				tokens[i] = &tok
			} else {
				met["refused"]++
			}
			fmt.Fprintf(&p, "  admit(%d); assert(admitted[%d] == %t);", i, i, ok)
		default:
			how := settleAtRandom(random, &b, &r, now, *tokens[i], &n, met)
			tokens[i] = nil
			fmt.Fprintf(&p, "  settle(%d, %s);", i, how)
		}
		if b.state != was {
			met[was.String()+" to "+b.state.String()]++
		}
		if b.epoch != epoch {
			epoch, n = b.epoch, tally{}
		}
		fmt.Fprintf(&p, " assert(state == %s)\n", strings.ReplaceAll(b.state.String(), "-", ""))
		p.WriteString("  ;\n")
	}
	p.WriteString("  printf(\"the trace agrees\\n\")\n}\n")
	return p.String()
}

func settleAtRandom(random *rand.Rand, b *breaker, r *rules, now time.Duration, tok token, n *tally, met map[string]int) string {
	ends := []struct {
		name string
		e    resultClass
	}{{"success", good}, {"failure", bad}, {"neutral", nothing}, {"ignoring", ignored}}
	end := ends[random.IntN(len(ends))]
	if end.e == good && b.state == Closed && random.IntN(4) > 0 {
		end = ends[1]
	}
	late := tok.epoch != b.epoch
	if late {
		met["late"]++
	}
	if tok.probe != 0 {
		if _, ok := b.settleProbe(now, r, tok, end.e, 0, 0); ok {
			met["probe "+end.name]++
		} else if !late {
			met["lease over"]++
		}
		return end.name
	}
	if !late && (end.e == good || end.e == bad) {
		n.requests++
		if end.e == bad {
			n.errors++
		}
		b.judge(now, r, *n, 0, 0)
	}
	return end.name
}
