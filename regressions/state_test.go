package regressions_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestB10StateAndTimeTogether (real time)
//
// S: 16 goroutines call a circuit that opens at each failure, and some of them reset it as
// often: tens of thousands of transitions, with QUILL_THOROUGH set in the environment two millions.
// T: results race with each other, with resets, and with the end of the sleep window.
// C: state and times change together. Whoever looks finds an open circuit with the time
// when it opened; the transitions form one chain; no refusal promises that the circuit
// stays open beyond its sleep window; and when all is over the circuit recovers.
//
// Source: Hystrix#1781, #1806, #1861, #1863 (open for ever in production);
// sentinel-golang#408; opossum#385; rubyist/circuitbreaker#40; cockroach#8372.
func TestB10StateAndTimeTogether(t *testing.T) {
	const sleep = time.Millisecond
	enough, most := 20_000, 10*time.Second
	switch {
	case os.Getenv("QUILL_THOROUGH") != "":
		enough, most = 2_000_000, 90*time.Second
	case raceDetector || testing.Short():
		enough = 5000
	}
	var told chain
	c := newCircuit(t, quill.Settings{
		Isolation: quill.Semaphore, MaxConcurrent: quill.Unlimited,
		RequestVolumeThreshold: 1, SleepWindow: sleep, ProbeLease: time.Second,
	}, told.hook())

	stop := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			s := c.Stats()
			if s.State != s.LastTransition.To || s.RetryAfter > sleep || s.State != quill.Open && s.RetryAfter != 0 {
				t.Errorf("torn state: %s, retry after %s, last transition to %s",
					s.State, s.RetryAfter, s.LastTransition.To)
				return
			}
			runtime.Gosched()
		}
	})
	// A storm is as large as the queue of transitions that are to be told has room for. In each
	// eighth nobody resets, and the first to come is a probe.
	storm := func(resets bool) {
		together(16, func(i int) {
			for n := range 32 {
				run := down
				if (i+n)%4 == 0 {
					run = ok
				}
				came := time.Now()
				err := call(c, run)
				// The promise counts from when the call came, which may have been held up since.
				if refused, is := errors.AsType[*quill.Error](err); is && refused.RetryAfter > sleep+time.Since(came) {
					t.Errorf("a refusal promises %s, %s after it came", refused.RetryAfter, time.Since(came))
				}
				if resets && i < 8 {
					c.Reset()
				}
			}
		})
	}
	settled := func() bool { return told.last() == c.Stats().LastTransition }
	for began := time.Now(); told.count() < enough && time.Since(began) < most; {
		for i := range 8 {
			if i == 7 {
				time.Sleep(sleep)
			}
			storm(i < 7)
			require.Eventually(t, settled, 10*time.Second, 50*time.Microsecond)
		}
	}
	close(stop)
	watcher.Wait()

	require.Eventually(t, func() bool { return call(c, ok) == nil && c.State() == quill.Closed },
		10*time.Second, sleep)
	require.Eventually(t, settled, 10*time.Second, sleep)
	require.Empty(t, told.broken)
	t.Logf("%d transitions, %d of them after a sleep window", told.count(), told.probes)
	require.Greater(t, told.count(), 1000, "the circuit hardly moved: nothing was proved")
	require.Positive(t, told.probes)
	require.Zero(t, c.Stats().NotificationsDropped)
	require.Zero(t, c.Stats().InFlight)
}

// chain is told transitions, too many to keep, and sees that each starts where the one before
// it ended.
type chain struct {
	mu            sync.Mutex
	moves, probes int
	latest        quill.Transition
	broken        []string
}

func (c *chain) hook() quill.Option {
	return quill.WithHooks(quill.Hooks{OnTransition: func(m quill.Transition) {
		c.mu.Lock()
		defer c.mu.Unlock()
		at := quill.Closed
		if c.moves > 0 {
			at = c.latest.To
		}
		stays := m.From == m.To && !strings.Contains(m.Reason, "reset by hand") // a reset may come to a closed circuit
		if (m.From != at || stays || m.At.Before(c.latest.At)) && len(c.broken) < 10 {
			c.broken = append(c.broken, fmt.Sprintf("transition %d, from %s at %s: %+v", c.moves, at, c.latest.At, m))
		}
		c.moves, c.latest = c.moves+1, m
		if m.To == quill.HalfOpen {
			c.probes++
		}
	}})
}

func (c *chain) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moves
}

func (c *chain) last() quill.Transition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.latest
}

// requireChain proves that each transition starts where the one before it ended.
func requireChain(t *testing.T, moves []quill.Transition) {
	t.Helper()
	at := quill.Closed
	for i, m := range moves {
		require.Equal(t, at, m.From, "transition %d", i)
		require.NotEqual(t, m.From, m.To, "transition %d", i)
		at = m.To
	}
}

// TestB11OwnRefusalsAreNoEvidence
//
// S: the circuit is open.
// T: 10,000 calls are refused; then a probe succeeds and calls follow.
// C: the window holds executed calls only, and the circuit stays closed.
//
// Source: Hystrix#235, #1031, #1034; go-zero#3837, #5551.
func TestB11OwnRefusalsAreNoEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{SleepWindow: sleepWindow})
		trip(t, c)
		const refusals = 10_000
		for range refusals {
			requireRefused(t, c)
			time.Sleep(sleepWindow / refusals)
		}
		require.Equal(t, quill.Health{Requests: 20, Errors: 20, ErrorPercent: 100}, c.Stats().Health)
		require.EqualValues(t, refusals, c.Stats().Total.ShortCircuited)
		requireProbeAdmitted(t, c) // nor do they prolong the sleep window
		for range 30 {
			require.NoError(t, call(c, ok))
		}
		require.Equal(t, quill.Closed, c.State())
		require.Equal(t, quill.Health{Requests: 31}, c.Stats().Health)
	})
}

// TestB12WindowClearedOnClose
//
// S: a circuit has opened and one probe has closed it, all within one window.
// T: the next call fails.
// C: one failure does not open it, and neither do 18 more: the volume counts from when the
// circuit closed. It opens with the 20th call, the probe included.
//
// Source: Hystrix#235, #250; hystrix-go#49; resilience4j#39.
func TestB12WindowClearedOnClose(t *testing.T) {
	play := func(name string, s quill.Settings) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s.SleepWindow = time.Second
				c := newCircuit(t, s)
				trip(t, c)
				time.Sleep(time.Second)
				requireProbeAdmitted(t, c)
				require.Equal(t, quill.Health{Requests: 1}, c.Stats().Health)
				for range 18 {
					require.ErrorIs(t, call(c, down), errDown)
					require.Equal(t, quill.Closed, c.State())
				}
				require.EqualValues(t, 38, c.Stats().Total.Failure, "the statistics forget nothing")
				require.EqualValues(t, 38, c.Stats().Window.Failure)
				_ = call(c, down)
				require.Equal(t, quill.Open, c.State())
			})
		})
	}
	play("of time", quill.Settings{})
	play("of calls", quill.Settings{RollingCalls: 30, RequestVolumeThreshold: 20})
}

// TestB13ReadingMovesNothing
//
// S: the same calls, twice.
// T: the second time somebody reads state, statistics and settings all the time.
// C: the transitions are the same to the nanosecond.
//
// Source: Hystrix#236, #250 (recovered only once the dashboard was closed); hystrix-go
// (by its source: a read opens the circuit).
func TestB13ReadingMovesNothing(t *testing.T) {
	play := func(t *testing.T, poll time.Duration) (moves []string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			var told recorder
			began := time.Now()
			c := newCircuit(t, quill.Settings{SleepWindow: sleepWindow}, told.hook())
			ctx, cancel := context.WithCancel(t.Context())
			if poll > 0 {
				go func() {
					for ctx.Err() == nil {
						s := c.Stats()
						_, _, _ = c.State(), s.Open(), c.Settings()
						time.Sleep(poll)
					}
				}()
			}
			for i := range 600 {
				run := ok
				if i/40%2 == 0 {
					run = down
				}
				_ = call(c, run)
				time.Sleep(73 * time.Millisecond)
			}
			cancel()
			synctest.Wait()
			for _, m := range told.all() {
				moves = append(moves, fmt.Sprint(m.At.Sub(began), m.From, m.To, m.Reason))
			}
			time.Sleep(poll)
		})
		return moves
	}
	alone := play(t, 0)
	require.Greater(t, len(alone), 5)
	require.Equal(t, alone, play(t, 10*time.Millisecond))
}

// TestB14VolumeDoesNotHoldProbes
//
// S: a volume of 100, five probes.
// T: (a) five probes succeed; (b) one fails.
// C: the probes decide; nobody waits for 100 of them.
//
// Source: opossum#119, #276; resilience4j#903, #994, #1568.
func TestB14VolumeDoesNotHoldProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{SleepWindow: sleepWindow, RequestVolumeThreshold: 100, Probes: 5})
		trip(t, c)
		time.Sleep(sleepWindow)
		require.NoError(t, call(c, ok))
		_ = call(c, down)
		require.Equal(t, quill.Open, c.State(), "(b)")
		time.Sleep(sleepWindow)
		for range 4 {
			require.NoError(t, call(c, ok))
			require.Equal(t, quill.HalfOpen, c.State())
		}
		requireProbeAdmitted(t, c) // (a)
	})
}

// TestB15StateWithoutTraffic
//
// S: the circuit is open.
// T: the sleep window passes, nobody calls, somebody looks.
// C: reading moves nothing, so the state is still Open, but with nothing left to wait for:
// RetryAfter is 0, and the next call is a probe.
//
// Source: failsafe-go#97; failsafe-lib#378; resilience4j#2093, #2167.
func TestB15StateWithoutTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{SleepWindow: sleepWindow})
		trip(t, c)
		time.Sleep(sleepWindow - 1)
		require.Equal(t, time.Duration(1), c.Stats().RetryAfter)
		requireRefused(t, c)
		for range 3 {
			time.Sleep(sleepWindow)
			require.Equal(t, quill.Open, c.State())
			require.Zero(t, c.Stats().RetryAfter)
		}
		requireProbeAdmitted(t, c)
	})
}

// TestB16Overrides
//
// S: a circuit that an operator forces.
// T: (a) open, for three sleep windows; (b) closed, for 100 failures; (c) disabled, for
// 100 failures; each is then ended.
// C: forced open runs nothing, not even a probe; forced closed and disabled run
// everything; no event ends an override; and after it the state is what it would have been.
//
// Source: circuit#92, #93 and da534a6; resilience4j#991; Hystrix#770.
func TestB16Overrides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{SleepWindow: sleepWindow})
		require.NoError(t, c.Override(quill.ForceOpen, 0, "maintenance")) // (a)
		for range 3 {
			require.ErrorContains(t, call(c, ok), "maintenance")
			requireRefused(t, c)
			time.Sleep(sleepWindow)
		}
		require.Equal(t, quill.Closed, c.State(), "of the breaker itself")
		require.Equal(t, quill.ForceOpen, c.Stats().Override)
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		require.NoError(t, call(c, ok))

		trip(t, c)
		require.NoError(t, c.Override(quill.ForceOpen, 0, ""))
		time.Sleep(3 * sleepWindow)
		requireRefused(t, c)
		require.Equal(t, quill.Open, c.State(), "no probe was let through")
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		requireProbeAdmitted(t, c)
	})
	forced := func(o quill.Override, after quill.State) func(t *testing.T) {
		return func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCircuit(t, quill.Settings{SleepWindow: sleepWindow})
				require.NoError(t, c.Override(o, time.Minute, ""))
				for range 100 {
					require.ErrorIs(t, call(c, down), errDown)
				}
				require.Equal(t, o, c.Stats().Override)
				require.EqualValues(t, 100, c.Stats().Total.Failure)
				require.Equal(t, after, c.State())
				require.NoError(t, call(c, ok), "forced, it runs all the same")
				require.Equal(t, after, c.State(), "a success under force is no probe")
				time.Sleep(time.Minute)
				if after == quill.Open {
					require.Zero(t, c.Stats().RetryAfter)
				}
				requireProbeAdmitted(t, c)
				require.Equal(t, quill.NoOverride, c.Stats().Override)
			})
		}
	}
	t.Run("b", forced(quill.ForceClosed, quill.Open))
	t.Run("c", forced(quill.Disabled, quill.Closed))
}

// TestB17NothingRestsPerCircuit
//
// S: 10,000 circuits.
// T: each opens and closes.
// C: not one goroutine or timer is left; a circuit that is forgotten is garbage (B35).
//
// Source: resilience4j#351, #2034; gofr#2376; opossum#635; mercari (by its source: a
// ticker a breaker).
func TestB17NothingRestsPerCircuit(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		many := 10_000
		if raceDetector || s.Isolation == quill.Pool {
			many = 1000
		}
		s.RequestVolumeThreshold = 1
		r := quill.NewRegistry()
		circuits := make([]*quill.Circuit, many)
		before := runtime.NumGoroutine()
		for i := range circuits {
			c, err := r.Circuit(fmt.Sprint("dependency ", i), s)
			require.NoError(t, err)
			_ = call(c, down)
			circuits[i] = c
		}
		synctest.Wait()
		requireNoGoroutinesBeyond(t, before)
		time.Sleep(sleepWindow)
		for _, c := range circuits {
			require.NoError(t, call(c, ok))
			require.Equal(t, quill.Closed, c.State())
		}
		synctest.Wait()
		requireNoGoroutinesBeyond(t, before)
		require.Equal(t, many, r.Len())
	})
}

// TestB18TinySleepWindow
//
// S: sleep windows of 0, less than 0, 1ns, 1ms.
// T: a circuit trips with each.
// C: what makes no sense is refused by the name of its field; 0 is the default; with 1ms
// the call that opens the circuit is not a probe, and every failed probe sleeps again.
//
// Source: Hystrix#1550; resilience4j#2038; gobreaker#26; Polly#99.
func TestB18TinySleepWindow(t *testing.T) {
	for _, bad := range []time.Duration{-time.Second, -1, 1, time.Millisecond - 1} {
		_, err := quill.NewRegistry().Circuit("c", quill.Settings{SleepWindow: bad})
		problem, isSettings := errors.AsType[*quill.SettingsError](err)
		require.True(t, isSettings, "%s", bad)
		require.Equal(t, "SleepWindow", problem.Problems[0].Field)
	}
	synctest.Test(t, func(t *testing.T) {
		require.Equal(t, 5*time.Second, newCircuit(t, quill.Settings{}).Stats().Settings.SleepWindow)

		c := newCircuit(t, quill.Settings{SleepWindow: time.Millisecond})
		trip(t, c)
		for range 1000 {
			require.Equal(t, quill.Open, c.State())
			require.Equal(t, time.Millisecond, c.Stats().RetryAfter)
			time.Sleep(time.Millisecond / 2)
			requireRefused(t, c)
			time.Sleep(time.Millisecond / 2)
			require.ErrorIs(t, call(c, down), errDown)
		}
		require.EqualValues(t, 1020, c.Stats().Total.Failure)
		time.Sleep(time.Millisecond)
		requireProbeAdmitted(t, c)
	})
}
