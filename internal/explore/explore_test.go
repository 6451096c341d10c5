//go:build explore

package explore_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

func TestEveryScheduleOfStepsThatMeetIsCounted(t *testing.T) {
	seen := map[string]bool{}
	r := explore.Run(func(s *explore.Scenario) {
		var order string
		for _, name := range []string{"a", "b"} {
			s.Go(name, func() {
				for range 3 {
					explore.Write("order")
					order += name
				}
			})
		}
		s.Finally(func() error { seen[order] = true; return nil })
	})
	require.NoError(t, r.Err)
	require.Len(t, seen, 20, "6! / (3! 3!) orders of the writes")
	require.Equal(t, "70", r.Schedules.String(), "8! / (4! 4!) with the first step of each, which meets nobody")
}

func TestStepsThatDoNotMeetAreOrderedInOneWay(t *testing.T) {
	r := explore.Run(func(s *explore.Scenario) {
		for _, name := range []string{"a", "b", "c"} {
			s.Go(name, func() {
				for range 4 {
					explore.Write("of " + name)
					explore.Read("of all")
				}
			})
		}
	})
	require.NoError(t, r.Err)
	require.Equal(t, "227873431500", r.Schedules.String(), "27! / (9! 9! 9!)")
	require.Less(t, r.States, 1100, "10 × 10 × 10 places")
	require.LessOrEqual(t, r.Executions, 200, "the other orders need not be tried")
}

func TestPreemptionsAreBounded(t *testing.T) {
	orders := func(preemptions int) map[string]bool {
		seen := map[string]bool{}
		r := explore.RunWithin(preemptions, func(s *explore.Scenario) {
			var order string
			for _, name := range []string{"a", "b"} {
				s.Go(name, func() {
					for range 2 {
						explore.Write("order")
						order += name
					}
				})
			}
			s.Finally(func() error { seen[order] = true; return nil })
		})
		require.NoError(t, r.Err)
		return seen
	}
	require.Equal(t, map[string]bool{"aabb": true, "bbaa": true}, orders(0))
	require.Equal(t, map[string]bool{"aabb": true, "bbaa": true, "abba": true, "baab": true}, orders(1))
	require.Len(t, orders(2), 6, "all")
	require.Len(t, orders(9), 6)
}

func TestReadingWhatStandsStillIsNoStep(t *testing.T) {
	explorer := func(still, written bool) explore.Report {
		return explore.Run(func(s *explore.Scenario) {
			if still {
				s.Still("settings")
			}
			for _, name := range []string{"a", "b"} {
				s.Go(name, func() {
					explore.Read("settings")
					explore.Write("work")
				})
			}
			if written {
				s.Go("c", func() { explore.Write("settings") })
			}
		})
	}
	require.Equal(t, "20", explorer(false, false).Schedules.String(), "6! / (3! 3!)")
	require.Equal(t, "6", explorer(true, false).Schedules.String(), "4! / (2! 2!)")
	require.EqualError(t, explorer(true, true).Err, "settings was to stand still, and is written")
}

func TestACloseWakesWhoReceivesFromAnEmptyChannelWithRoom(t *testing.T) {
	r := explore.Run(func(s *explore.Scenario) {
		ch := make(chan int, 1)
		got := -1
		s.Go("receiver", func() {
			explore.Receive("ch", ch)
			got = <-ch
		})
		s.Go("closer", func() {
			explore.Write("ch")
			close(ch)
		})
		s.Finally(func() error {
			if got != 0 {
				return fmt.Errorf("received %d", got)
			}
			return nil
		})
	})
	require.NoError(t, r.Err)
}

func TestCheckThenActIsFound(t *testing.T) {
	r := explore.Run(func(s *explore.Scenario) {
		free := 1
		taken := 0
		for i := range 3 {
			s.Go(fmt.Sprint(i), func() {
				explore.Read("free")
				if free > 0 {
					explore.Write("free")
					free--
					taken++
				}
			})
		}
		s.Always(func() error {
			if taken > 1 {
				return fmt.Errorf("%d have taken the last one", taken)
			}
			return nil
		})
	})
	require.EqualError(t, r.Err, "2 have taken the last one")
	require.NotEmpty(t, r.Schedule)
	require.Contains(t, r.Schedule[len(r.Schedule)-1], "explore_test.go:")
}

func TestValuesJoinWhatOrdersTellApart(t *testing.T) {
	sums := map[int]bool{}
	explorer := func(value bool) explore.Report {
		return explore.Run(func(s *explore.Scenario) {
			n := 0
			if value {
				s.Value("n", func() uint64 { return uint64(n) })
			}
			for i := range 3 {
				s.Go(fmt.Sprint(i), func() {
					for k := range 3 {
						explore.Write("n")
						n++
						if value {
							explore.Here(k)
						}
					}
				})
			}
			s.Finally(func() error { sums[n] = true; return nil })
		})
	}
	ordered, valued := explorer(false), explorer(true)
	require.NoError(t, valued.Err)
	require.Equal(t, map[int]bool{9: true}, sums)
	require.Equal(t, ordered.Schedules, valued.Schedules)
	require.Equal(t, "34650", valued.Schedules.String(), "12! / (4! 4! 4!)")
	require.Less(t, valued.States, 126, "5 × 5 × 5 places")
	require.Greater(t, ordered.States, 2000)
}

func TestDeadlockIsFound(t *testing.T) {
	r := explore.Run(func(s *explore.Scenario) {
		var a, b sync.Mutex
		cross := func(first, second *sync.Mutex, names ...string) {
			explore.Lock(names[0], first)
			first.Lock()
			explore.Lock(names[1], second)
			second.Lock()
			second.Unlock() //nolint:staticcheck // to hold it is all
			first.Unlock()
		}
		s.Go("one", func() { cross(&a, &b, "a", "b") })
		s.Go("two", func() { cross(&b, &a, "b", "a") })
	})
	require.ErrorContains(t, r.Err, "deadlock: ")
}

func TestSelectTakesEachReadyWay(t *testing.T) {
	ways := map[string]bool{}
	r := explore.Run(func(s *explore.Scenario) {
		x, y := make(chan struct{}), make(chan struct{}, 1)
		s.Go("closer", func() { explore.Write("x"); close(x) })
		s.Go("sender", func() { explore.Write("y"); y <- struct{}{} })
		s.Go("waiter", func() {
			var a, b <-chan struct{} = x, y
			explore.Select("x and y", nil, &a, &b)
			select {
			case <-a:
				ways["closed"] = true
			case <-b:
				ways["sent"] = true
			}
		})
	})
	require.NoError(t, r.Err)
	require.Equal(t, map[string]bool{"closed": true, "sent": true}, ways)
}

func TestGoroutinesStartedOnTheWayAreScheduled(t *testing.T) {
	sums := map[int]bool{}
	r := explore.Run(func(s *explore.Scenario) {
		n, done := 1, make(chan struct{})
		s.Go("parent", func() {
			explore.Go(func() { explore.Write("n"); n *= 3; close(done) })
			explore.Write("n")
			n += 4
			explore.Receive("n", done)
			explore.Read("n")
			sums[n] = true
		})
	})
	require.NoError(t, r.Err)
	require.Equal(t, map[int]bool{7: true, 15: true}, sums)
}

func TestPanicOfAGoroutineFailsTheScenario(t *testing.T) {
	r := explore.Run(func(s *explore.Scenario) { s.Go("a", func() { panic("boom") }) })
	require.EqualError(t, r.Err, "a did not return: boom")
}

// TestAGoroutineThatHasEndedServesAgain: the executions of a scenario do not pay for new ones.
func TestAGoroutineThatHasEndedServesAgain(t *testing.T) {
	before := runtime.NumGoroutine()
	most := 0
	r := explore.Run(func(s *explore.Scenario) {
		most = max(most, runtime.NumGoroutine()-before)
		for _, name := range []string{"a", "b"} {
			s.Go(name, func() {
				explore.Write("x")
				explore.Go(func() { explore.Write("x"); runtime.Goexit() })
				explore.Write("x")
			})
		}
	})
	require.NoError(t, r.Err)
	require.Greater(t, r.Executions, 20)
	require.LessOrEqual(t, most, 4)
	for runtime.NumGoroutine() > before { // they were told to end
		runtime.Gosched()
	}
}

func TestOfTwoOrdersThatLeadToTheSameBothAreCounted(t *testing.T) {
	setup := func(s *explore.Scenario) {
		x, y := uint64(0), uint64(0)
		s.Value("x", func() uint64 { return x })
		s.Value("y", func() uint64 { return y })
		for i, name := range []string{"a", "b", "c"} {
			s.Go(name, func() {
				explore.Write("x")
				x = x*3 + uint64(i)
				mine := x
				explore.Read("y")
				if mine%2 == y%2 {
					explore.Write("y")
					y++
				}
			})
		}
	}
	forwards, backwards := explore.Run(setup), explore.RunBackwards(setup)
	within := explore.RunWithin(1000, setup) // in which each order is tried
	require.NoError(t, forwards.Err)
	require.NoError(t, within.Err)
	require.Equal(t, within.Schedules, forwards.Schedules)
	require.Equal(t, within.Schedules, backwards.Schedules)
	require.Less(t, forwards.Executions, within.Executions)
}

func TestAValueThatLeavesSomethingOutIsFound(t *testing.T) {
	r := explore.Run(func(s *explore.Scenario) {
		hidden := false
		s.Value("n", func() uint64 { return 0 })
		s.Value("elsewhere", func() uint64 { return 0 })
		s.Go("hider", func() {
			explore.Put("n")
			hidden = true
		})
		s.Go("seeker", func() {
			explore.Read("n")
			if hidden {
				explore.Put("n")
			}
			explore.Read("elsewhere")
		})
	})
	require.ErrorContains(t, r.Err, "states that differ are taken for one, so some Value leaves something out; now ")
}

// TestBackwardsTriesTheWaysInTheOppositeOrder: else it would agree with Run whatever is wrong.
func TestBackwardsTriesTheWaysInTheOppositeOrder(t *testing.T) {
	orders := func(search func(func(*explore.Scenario)) explore.Report) (all []string) {
		require.NoError(t, search(func(s *explore.Scenario) {
			order := ""
			for _, name := range []string{"a", "b"} {
				s.Go(name, func() {
					explore.Write("x")
					order += name
				})
			}
			s.Finally(func() error {
				all = append(all, order)
				return nil
			})
		}).Err)
		return all
	}
	require.Equal(t, "ab", orders(explore.Run)[0])
	require.Equal(t, "ba", orders(explore.RunBackwards)[0])
}

// TestAValueThatLeavesSomethingOutIsFoundBackwards: where the ways to go on are the same in both
// of the states that are taken for one, the other order finds another number of schedules.
func TestAValueThatLeavesSomethingOutIsFoundBackwards(t *testing.T) {
	setup := func(s *explore.Scenario) {
		hidden := false
		s.Value("n", func() uint64 { return 0 })
		s.Go("hider", func() {
			explore.Put("n")
			hidden = true
			explore.Write("elsewhere")
		})
		s.Go("seeker", func() {
			explore.Read("n")
			steps := 1
			if hidden {
				steps = 3
			}
			for range steps {
				explore.Write("elsewhere")
			}
		})
	}
	forwards, backwards := explore.Run(setup), explore.RunBackwards(setup)
	require.NoError(t, forwards.Err)
	require.NoError(t, backwards.Err)
	require.NotEqual(t, forwards.Schedules, backwards.Schedules)
}

// TestAScenarioThatIsNotRepeatableIsFound: one that depends on how often it was played.
func TestAScenarioThatIsNotRepeatableIsFound(t *testing.T) {
	for name, steps := range map[string]struct{ first, then []string }{
		"another step": {[]string{"x", "x"}, []string{"x", "y"}},
		"a step less":  {[]string{"x", "x"}, []string{"x"}},
		"no step":      {[]string{"x"}, nil},
	} {
		played := 0
		r := explore.Run(func(s *explore.Scenario) {
			objects := steps.first
			if played++; played > 1 {
				objects = steps.then
			}
			for _, name := range []string{"a", "b"} {
				s.Go(name, func() {
					for _, o := range objects {
						explore.Write(o)
					}
				})
			}
		})
		require.ErrorContains(t, r.Err, "the scenario is not repeatable", name)
	}

	played := uint64(0)
	r := explore.Run(func(s *explore.Scenario) {
		played++
		n := played
		s.Value("n", func() uint64 { return n })
		for _, name := range []string{"a", "b"} {
			s.Go(name, func() { explore.Write("n") })
		}
	})
	require.ErrorContains(t, r.Err, "the scenario is not repeatable", "another value")
}

// TestALoopThatBeginsAnewForgetsNoMoreThanTheLoop: a point of what stands still is no step, but
// one of the points that are counted.
func TestALoopThatBeginsAnewForgetsNoMoreThanTheLoop(t *testing.T) {
	for _, still := range []bool{false, true} {
		setup := func(s *explore.Scenario) {
			if still {
				s.Still("settings")
			}
			word := 0
			s.Value("word", func() uint64 { return uint64(word) })
			s.Go("a", func() {
				explore.Read("word")
				first := word
				for {
					explore.Read("word")
					seen := word
					explore.Read("settings")
					explore.Write("word")
					if word == seen {
						word += 10
						break
					}
					explore.Retry(3)
				}
				for range first {
					explore.Read("another")
				}
			})
			s.Go("b", func() {
				for range 2 {
					explore.Put("word")
					word++
				}
			})
		}
		r := explore.Run(setup)
		require.NoError(t, r.Err, "still %t", still)
		require.Equal(t, r.Schedules, explore.RunBackwards(setup).Schedules, "still %t", still)
	}
}
