//go:build explore

package quill

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed-f7c3343e/quill/internal/explore"
	"github.com/seed-f7c3343e/quill/internal/window"
)

// Settings and overrides that change while calls are on their way: whatever the schedule,
// what callers were told, what was announced and what is left is what it would have been had
// everything happened in some order, one after the other.

// deed is one thing that somebody does to a circuit, and what is seen of it.
type deed struct {
	do func(x *operated) string
	// apart are the parts, if any, that others may come between: a success that need not be
	// watched counts itself without the lock, and is then evaluated under it (see countSuccess).
	apart []deed
}

// operated is a circuit under callers and an operator.
type operated struct {
	*explored

	held      map[string]token // of calls under way
	announced []string
	last      Transition
}

func newOperated(s *explore.Scenario, settings Settings) *operated {
	x := &operated{explored: newExplored(s, settings), held: map[string]token{}}
	x.last = x.gate.lastLocked()
	x.shared = true // so that new settings leave the bulkhead alone, of which other tests tell
	s.Value("config", func() uint64 { return configHash(x.config.Load()) })
	s.Value("ring.next", func() uint64 { return x.config.Load().ring.Next() })
	view := func() uint64 { return x.config.Load().ring.View() }
	s.Value("ring.view", view)
	s.Value("ring.mu", view)
	inside := x.valueOfGate
	s.Value("gate.mu", func() uint64 {
		h := explore.Hash(inside(), uint64(x.gate.override.kind), uint64(len(x.announced)))
		for _, text := range x.announced {
			h = explore.Hash(h, explore.HashOf(text))
		}
		return h
	})
	s.Always(x.listen)
	return x
}

// configHash is what tells one configuration from another, window included.
func configHash(cfg *config) uint64 {
	h := explore.Hash(cfg.rules.volume, math.Float64bits(cfg.rules.errorPercent), uint64(cfg.Override),
		uint64(cfg.rules.probes), uint64(cfg.rules.sleep), uint64(cfg.RollingCalls), uint64(cfg.RollingBuckets))
	if cfg.last != nil {
		calls, byBit := cfg.last.Counts()
		h = explore.Hash(h, uint64(calls), uint64(byBit[0]))
	}
	return explore.Hash(h, cfg.ring.View()) // the counters have a Value of their own
}

// listen writes down what was announced since it last looked.
func (x *operated) listen() error {
	if x.gate.lastLocked() != x.last {
		x.last = x.gate.lastLocked()
		x.announced = append(x.announced, fmt.Sprintf("%s under %s: %s", x.last.To, x.last.Override, x.last.Reason))
	}
	return nil
}

// left is what shows of the circuit when all is over, and what one more success brings about.
func (x *operated) left(seen []string) string {
	total := countsOf(x.counters.Sums())
	shows := fmt.Sprintf("%s; %s, override %s/%s, %+v, %d good, %d bad, announced %q", strings.Join(seen, ", "),
		x.verdict(), x.gate.override.kind, x.config.Load().Override, x.healthLocked(x.now), total.Success, total.Failure, x.announced)
	x.settle(token{epoch: x.gate.machine.epoch}, Success)
	return shows + ", then " + x.verdict()
}

// begin is an admission in the name of somebody who settles it later. Like a call it keeps
// the settings that it found.
func begin(who string) deed {
	found := map[*operated]*config{}
	find := func(x *operated) string {
		explore.Read("config")
		found[x] = x.config.Load()
		return ""
	}
	admit := func(x *operated) string {
		a := x.admit(x.now, found[x])
		if !a.ok {
			if a.retryAfter < 0 || a.retryAfter > sleepWindow {
				x.s.Failf("told to retry after %s", a.retryAfter)
			}
			return "refused;"
		}
		x.held[who] = a.token
		return fmt.Sprintf("admitted %d/%d;", a.token.epoch, a.token.probe)
	}
	whole := func(x *operated) string { return find(x) + admit(x) }
	return deed{whole, []deed{{do: find}, {do: admit}}}
}

// end settles what begin has admitted.
func end(who string, o Outcome) deed {
	return ending(o, func(x *operated) (token, bool) {
		t, ok := x.held[who]
		return t, ok
	})
}

// ended settles a call that the circuit had admitted before all this.
func ended(o Outcome) deed {
	return ending(o, func(*operated) (token, bool) { return token{epoch: 1}, true })
}

func ending(o Outcome, of func(*operated) (token, bool)) deed {
	whole := func(x *operated) string {
		t, ok := of(x)
		if !ok {
			return "nothing to end;"
		}
		return fmt.Sprintf("%s late=%t;", o, x.settle(t, o))
	}
	if o != Success {
		return deed{do: whole}
	}
	looked := map[*operated]bool{}
	look := func(x *operated) string {
		t, ok := of(x)
		_, lets := x.lets(t)
		looked[x] = ok && t.probe == 0 && lets
		return ""
	}
	count := func(x *operated) string {
		if looked[x] = looked[x] && x.config.Load().last == nil; !looked[x] {
			return whole(x)
		}
		x.counters.Add(int(Success), window.NoSeat)
		return fmt.Sprintf("%s late=false;", o)
	}
	weigh := func(x *operated) string {
		if t, _ := of(x); looked[x] && x.overrideLocked(x.now).kind != Disabled {
			x.evaluate(x.now, t)
		}
		return ""
	}
	return deed{whole, []deed{{do: look}, {do: count}, {do: weigh}}}
}

func overridden(o Override) deed {
	return deed{do: func(x *operated) string { return fmt.Sprintf("%v;", x.Override(o, 0, "")) }}
}

// configured changes the settings in force.
func configured(change func(*Settings)) deed {
	return deed{do: func(x *operated) string {
		s := x.Settings()
		s.Isolation = Pool // the shared bulkhead's
		change(&s)
		if err := x.Configure(s); err != nil {
			x.s.Failf("%w", err)
		}
		return "configured;"
	}}
}

var (
	reset    = deed{do: func(x *operated) string { x.Reset(); return "reset;" }}
	judged   = deed{do: func(x *operated) string { x.Judge(); return "judged;" }}
	tookBack = deed{do: func(x *operated) string { x.TakeBack(); return "taken back;" }}
	later    = deed{do: func(x *operated) string { x.now = sleepWindow; return "" }}
)

// taken calls f with the lists as they are, and with their deeds taken apart, in every
// combination.
func taken(lists [][]deed, f func([][]deed)) {
	for i, deeds := range lists {
		for j, d := range deeds {
			if d.apart == nil {
				continue
			}
			for _, parts := range [][]deed{{{do: d.do}}, d.apart} {
				other := slices.Clone(lists)
				other[i] = slices.Replace(slices.Clone(deeds), j, j+1, parts...)
				taken(other, f)
			}
			return
		}
	}
	f(lists)
}

// interleaved calls f with each order of the deeds that keeps the order of each list.
func interleaved(lists [][]deed, f func(order []int)) {
	next := make([]int, len(lists))
	var order []int
	var step func()
	step = func() {
		over := true
		for i := range lists {
			if next[i] == len(lists[i]) {
				continue
			}
			over = false
			next[i]++
			order = append(order, i)
			step()
			order = order[:len(order)-1]
			next[i]--
		}
		if over {
			f(order)
		}
	}
	step()
}

// asInSomeOrder plays what everybody does in every schedule, and compares with all orders. It
// does so in a bubble, in which no time passes, so that a schedule played again is the same.
func asInSomeOrder(t *testing.T, name string, settings Settings, before []deed, lists ...[]deed) {
	t.Helper()
	alone(t) // by time that is real
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			play := func(s *explore.Scenario) *operated {
				x := newOperated(s, settings)
				for _, d := range before {
					d.do(x)
					_ = x.listen()
				}
				return x
			}
			allowed := inOrder(play, lists)
			playAll(t, func(s *explore.Scenario) { meet(s, play(s), lists, allowed) })
		})
	})
}

// inOrder is what is left when everybody acts one after the other, in each order.
func inOrder(play func(*explore.Scenario) *operated, lists [][]deed) map[string]bool {
	allowed := map[string]bool{}
	taken(lists, func(lists [][]deed) {
		interleaved(lists, func(order []int) {
			x := play(new(explore.Scenario).Apart())
			next, seen := make([]int, len(lists)), make([]string, len(lists))
			for _, i := range order {
				seen[i] += lists[i][next[i]].do(x)
				next[i]++
				_ = x.listen()
			}
			allowed[x.left(seen)] = true
		})
	})
	return allowed
}

// meet lets everybody act at once, and holds what is left against what may be.
func meet(s *explore.Scenario, x *operated, lists [][]deed, allowed map[string]bool) {
	seen := make([]string, len(lists))
	for i, deeds := range lists {
		s.Go(string(rune('a'+i)), func() {
			for _, d := range deeds {
				seen[i] += d.do(x)
				explore.Here(int(explore.HashOf(seen[i])))
			}
		})
	}
	s.Finally(func() error {
		_ = x.listen()
		if got := x.left(seen); !allowed[got] {
			return fmt.Errorf("%s\nwhich no order gives. These are given:\n%s",
				got, strings.Join(slices.Sorted(maps.Keys(allowed)), "\n"))
		}
		return nil
	})
}

func TestC09OverridesMeetResultsAsInSomeOrderInEverySchedule(t *testing.T) {
	half := Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 50}
	for _, o := range []Override{ForceOpen, ForceClosed, Disabled} {
		t.Run(o.String(), func(t *testing.T) {
			operator := []deed{overridden(o), overridden(NoOverride)}
			asInSomeOrder(t, "good and bad", half, nil, []deed{ended(Success)}, []deed{ended(Failure)}, []deed{overridden(o)})
			asInSomeOrder(t, "bad and bad, on and off", half, nil, []deed{ended(Failure)}, []deed{ended(Failure)}, operator)
			asInSomeOrder(t, "good and bad, on and off", half, nil, []deed{ended(Success)}, []deed{ended(Failure)}, operator)
			asInSomeOrder(t, "begins and ends", half, []deed{ended(Failure)},
				[]deed{begin("a"), end("a", Failure)}, []deed{begin("b"), end("b", Success)}, operator)
			asInSomeOrder(t, "over an open circuit", half, []deed{ended(Failure), ended(Failure), later},
				[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, operator)
			asInSomeOrder(t, "over an open circuit that sleeps", half, []deed{ended(Failure), ended(Failure)},
				[]deed{begin("a")}, []deed{begin("b")}, operator)
			asInSomeOrder(t, "ends as calls of before its end do", half, []deed{ended(Failure), overridden(o), begin("a"), begin("b")},
				[]deed{end("a", Success)}, []deed{end("b", Failure)}, []deed{overridden(NoOverride)})
			asInSomeOrder(t, "ends over an open circuit", half, []deed{ended(Failure), ended(Failure), overridden(o), begin("a"), begin("b")},
				[]deed{end("a", Success)}, []deed{end("b", Failure)}, []deed{overridden(NoOverride), reset})
			asInSomeOrder(t, "by settings", half, nil, []deed{ended(Success)}, []deed{ended(Failure)}, []deed{
				configured(func(s *Settings) { s.Override = o }),
			})
		})
	}
}

func TestJ03NewSettingsMeetResultsAsInSomeOrderInEverySchedule(t *testing.T) {
	changes := map[string]func(*Settings){
		"a lower threshold":  func(s *Settings) { s.ErrorPercentThreshold = 25 },
		"a higher threshold": func(s *Settings) { s.ErrorPercentThreshold = 75 },
		"a higher volume":    func(s *Settings) { s.RequestVolumeThreshold = 3 },
		"a lower volume":     func(s *Settings) { s.RequestVolumeThreshold = 1 },
		"a fresh window":     func(s *Settings) { s.RollingBuckets = 2 },
		"the last calls":     func(s *Settings) { s.RollingCalls = 3 },
		"more probes":        func(s *Settings) { s.Probes = 2 },
	}
	half := Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 50}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			asInSomeOrder(t, "good and bad", half, nil, []deed{ended(Success)}, []deed{ended(Failure)}, []deed{configured(change)})
			asInSomeOrder(t, "one before, good and bad", half, []deed{ended(Success)},
				[]deed{ended(Success)}, []deed{ended(Failure)}, []deed{configured(change)})
			asInSomeOrder(t, "begins and ends", half, []deed{ended(Failure)},
				[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, []deed{configured(change)})
			asInSomeOrder(t, "half-open", half, []deed{ended(Failure), ended(Failure), later},
				[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, []deed{configured(change)})
		})
	}
}

func TestC01TheLastCallsAreJudgedAsInSomeOrderInEverySchedule(t *testing.T) {
	for volume := 1; volume <= 3; volume++ {
		last := Settings{RequestVolumeThreshold: volume, ErrorPercentThreshold: 50, RollingCalls: 3}
		t.Run(fmt.Sprintf("volume %d", volume), func(t *testing.T) {
			asInSomeOrder(t, "three end", last, []deed{ended(Success)},
				[]deed{ended(Failure)}, []deed{ended(Success)}, []deed{ended(Failure)})
			asInSomeOrder(t, "two calls and a reset", last, []deed{ended(Success)},
				[]deed{begin("a"), end("a", Failure)}, []deed{begin("b"), end("b", Success)}, []deed{reset})
			asInSomeOrder(t, "two calls and another window", last, []deed{ended(Success)},
				[]deed{begin("a"), end("a", Failure)}, []deed{begin("b"), end("b", Success)},
				[]deed{configured(func(s *Settings) { s.RollingCalls = 0 })})
			asInSomeOrder(t, "two calls and more of the last", last, []deed{ended(Success)},
				[]deed{begin("a"), end("a", Failure)}, []deed{begin("b"), end("b", Success)},
				[]deed{configured(func(s *Settings) { s.RollingCalls = 4 })})
			asInSomeOrder(t, "probes", last, []deed{ended(Failure), ended(Failure), ended(Failure), later},
				[]deed{begin("a"), end("a", Success)}, []deed{begin("b"), end("b", Failure)}, []deed{begin("c")})
		})
	}
}

// TestC09NobodyIsAdmittedOnceForcedOpenInEverySchedule: what Override promises holds as soon as it has returned.
func TestC09NobodyIsAdmittedOnceForcedOpenInEverySchedule(t *testing.T) {
	for name, force := range map[string]struct {
		open  deed
		calls int
	}{
		"by Override": {overridden(ForceOpen), 2},
		"by settings": {configured(func(s *Settings) { s.Override = ForceOpen }), 1},
	} {
		everySchedule(t, name, func(s *explore.Scenario) {
			x := newOperated(s, Settings{RequestVolumeThreshold: 1, ErrorPercentThreshold: 1})
			forced := false
			s.Value("forced", func() uint64 {
				if forced {
					return 1
				}
				return 0
			})
			for _, name := range []string{"a", "b"} {
				s.Go(name, func() {
					for range force.calls {
						explore.Read("forced")
						refused := forced
						a := x.admit(x.now, x.config.Load())
						if refused && a.ok {
							s.Failf("admitted %+v though forced open", a.token)
						}
						if a.ok {
							_ = x.judge(x.now, a.token, Success, true, false, nil, window.NoSeat)
						}
					}
				})
			}
			s.Go("operator", func() {
				force.open.do(x)
				explore.Write("forced")
				forced = true
			})
		})
	}
}
