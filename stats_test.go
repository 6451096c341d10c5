package quill_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestStatsOfANewCircuit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		given := quill.Settings{Timeout: 2 * time.Second}
		c := newTestCircuit(t, given)
		require.Equal(t, quill.Stats{Name: "dep", Bulkhead: "dep", Settings: given.WithDefaults()}, c.Stats())
		require.Equal(t, given, c.Settings(), "as they were given")
		s := c.Stats()
		require.False(t, s.Open())
		require.Zero(t, s.Execution.Percentile(99), "an empty window has no latency")
		require.Zero(t, s.Execution.Mean())
		for range s.Execution.Buckets() {
			t.Error("an empty window has no buckets")
		}
	})
}

func TestStatsIsAValueThatDoesNotChange(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		command := sick(c).Fallback("spare", answers("spare"))
		_, _ = command.Do(t.Context(), "down")
		before := c.Stats()
		kept := before
		kept.Fallbacks = append([]quill.StepStats(nil), before.Fallbacks...)
		_, _ = command.Do(t.Context(), "down")
		pass(time.Minute)
		require.Equal(t, kept, before)
	})
}

func TestReadingMovesNothing(t *testing.T) {
	// The same calls with and without somebody who reads all the time.
	play := func(read func(c *quill.Circuit)) (reasons []string, last quill.Stats) {
		inBubble(t, func(t *testing.T) {
			var d diary
			c := newTestCircuit(t, quill.Settings{MaxSleepWindow: time.Minute}, d.hooks())
			for n := range 400 {
				err := errSick
				if n%50 > 30 {
					err = nil
				}
				_ = call(t, c, err)
				for range 5 {
					pass(50 * time.Millisecond)
					read(c)
				}
			}
			reasons, last = d.reasons(), c.Stats()
		})
		return reasons, last
	}
	reasons, last := play(func(*quill.Circuit) {})
	read, lastRead := play(func(c *quill.Circuit) {
		_, _, _, _ = c.State(), c.Stats(), c.Settings(), c.Bulkhead().Stats()
	})
	require.Greater(t, len(reasons), 5)
	require.Equal(t, reasons, read)
	require.Equal(t, last, lastRead)
}

func TestLatenciesOfRunAndOfTheWholeCall(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		for n := range 10 {
			_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) {
				pass(time.Duration(n+1) * 10 * time.Millisecond)
				return 0, nil
			})
			require.NoError(t, err)
		}
		s := c.Stats()
		for _, l := range []quill.Latency{s.Execution, s.Whole, s.TotalExecution, s.TotalWhole} {
			require.Equal(t, uint64(10), l.Count())
			require.Equal(t, 550*time.Millisecond, l.Sum())
			require.Equal(t, 55*time.Millisecond, l.Mean())
			require.InEpsilon(t, 50*time.Millisecond, l.Percentile(50), 0.0625)
			require.InEpsilon(t, 100*time.Millisecond, l.Percentile(100), 0.0625)
			var n uint64
			for _, count := range l.Buckets() {
				n += count
			}
			require.Equal(t, uint64(10), n)
		}
		pass(time.Minute)
		s = c.Stats()
		require.Zero(t, s.Execution.Count(), "they leave the window")
		require.Zero(t, s.Whole.Count())
		require.Zero(t, s.Window)
		require.Equal(t, uint64(10), s.TotalExecution.Count())
	})
}

func TestTimesCountFromTheCallHoweverOldTheCircuitIs(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		registry := quill.WithRegistry(quill.NewRegistry())
		c := quill.New("dep", func(_ context.Context, sick bool) (int, error) {
			pass(20 * time.Millisecond)
			if sick {
				return 0, errSick
			}
			return 1, nil
		}, quill.Settings{Isolation: isolation, MaxConcurrent: 1, QueueSize: 1}, registry, d.hooks()).
			Fallback("spare", func(context.Context, bool, error) (int, error) {
				pass(10 * time.Millisecond)
				return 2, nil
			})
		pass(time.Hour)
		for i, sick := range []bool{false, true} {
			before := c.Circuit().Stats()
			free := occupy(t, c.Circuit())
			time.AfterFunc(30*time.Millisecond, free)
			_, err := c.Do(t.Context(), sick)
			require.NoError(t, err)
			whole := time.Duration(50+10*i) * time.Millisecond
			e := d.last(t)
			require.Equal(t, 30*time.Millisecond, e.Wait)
			require.Equal(t, 20*time.Millisecond, e.Execute)
			require.Equal(t, whole, e.Total)
			s := c.Circuit().Stats()
			const occupant = 30 * time.Millisecond
			require.Equal(t, occupant+20*time.Millisecond, s.TotalExecution.Sum()-before.TotalExecution.Sum())
			require.Equal(t, occupant+whole, s.TotalWhole.Sum()-before.TotalWhole.Sum())
			pass(time.Minute)
		}
	})
}

func TestASuccessAtTheBoundaryBelongsToTheBucketThatBegins(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, RollingWindow: 10 * time.Second, RollingBuckets: 10})
		calls(t, c, 10, nil)
		pass(time.Second)
		require.NoError(t, call(t, c, nil))
		pass(9 * time.Second)
		require.Equal(t, quill.Counts{Success: 1}, c.Stats().Window, "the bucket of the first ten has left")
		pass(time.Second)
		require.Zero(t, c.Stats().Window)
	})
}

func TestCountsByOutcome(t *testing.T) {
	c := quill.Counts{Success: 1, Failure: 2, Timeout: 3, Rejected: 4, ShortCircuited: 5, Ignored: 6, Canceled: 7}
	for i, o := range quill.Outcomes() {
		require.Equal(t, uint64(i+1), c.Of(o))
	}
	require.Equal(t, uint64(28), c.Total())
	require.Zero(t, c.Of(7), "there is no eighth outcome")
	require.Zero(t, c.Of(200))
}

func TestOpenSaysWhetherCallsAreRefused(t *testing.T) {
	for _, tc := range []struct {
		s    quill.Stats
		want bool
	}{
		{quill.Stats{}, false},
		{quill.Stats{State: quill.Open}, true},
		{quill.Stats{State: quill.HalfOpen}, true},
		{quill.Stats{Override: quill.ForceOpen}, true},
		{quill.Stats{State: quill.Open, Override: quill.ForceClosed}, false},
		{quill.Stats{State: quill.Open, Override: quill.Disabled}, false},
	} {
		require.Equal(t, tc.want, tc.s.Open(), "%+v", tc.s)
	}
}

func TestPercentagesShownNeverReachAThresholdThatWasNot(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 20_000})
		calls(t, c, 10_001, nil)
		calls(t, c, 9_999, errSick)
		require.Equal(t, 49.99, c.Stats().Health.ErrorPercent, "49.995, not rounded up")
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestEveryCallIsInFlightOrHasOneOutcome(t *testing.T) {
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) { // real goroutines, real time
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 3, QueueSize: 2, SleepWindow: time.Millisecond})
			command := quill.Bind(c, func(ctx context.Context, n int) (int, error) {
				switch n % 6 {
				case 0:
					return 0, errSick
				case 1:
					return 0, quill.Ignore(errMine)
				case 2:
					<-ctx.Done()
				case 3:
					panic(n)
				}
				return n, nil
			}).Fallback("spare", func(_ context.Context, n int, _ error) (int, error) { return n, nil })
			const callers, each = 8, 200
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for n := range each {
						ctx, cancel := context.WithTimeout(t.Context(), 200*time.Microsecond)
						func() {
							defer func() { _ = recover() }()
							_, _ = command.Do(ctx, n)
						}()
						cancel()
						require.LessOrEqual(t, c.Stats().Total.Total(), uint64(callers*each))
					}
				})
			}
			wg.Wait()
			allWorkEnds(t, c)
			s := c.Stats()
			require.Equal(t, uint64(callers*each), s.Total.Total())
			requireNothingHeld(t, c)
		})
	}
}

func TestLastTransitionSaysWhyInWords(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Probes: 2})
		openUp(t, c)
		last := c.Stats().LastTransition
		require.Equal(t, quill.Transition{
			Command: "dep", From: quill.Closed, To: quill.Open, At: time.Now(),
			Reason: "opened for 5s: 20 of 20 calls failed (100 %, threshold 50 %) in the last 10s",
			Health: quill.Health{Requests: 20, Errors: 20, ErrorPercent: 100},
		}, last)
		pass(5 * time.Second)
		require.Equal(t, last, c.Stats().LastTransition)
		_ = call(t, c, nil)
		require.Equal(t, "half-open: the sleep window of 5s is over, 2 probes may go", c.Stats().LastTransition.Reason)
		_ = call(t, c, errSick)
		require.Equal(t, `opened again for 5s: a probe failed: "the dependency is sick"`, c.Stats().LastTransition.Reason)
		pass(5 * time.Second)
		calls(t, c, 2, nil)
		require.Equal(t, "closed: 2 probes succeeded", c.Stats().LastTransition.Reason)
	})
}

func TestGaugesShowWhatIsUnderWay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, QueueSize: 2})
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(3 * time.Second); return 0, nil })
		synctest.Wait()
		quill.Go(t.Context(), c, func(context.Context) (int, error) { return 0, nil })
		synctest.Wait()
		s := c.Stats()
		require.Equal(t, []int{1, 1, 0}, []int{s.InFlight, s.Queued, s.Abandoned})
		_, _ = f.Wait(t.Context())
		synctest.Wait()
		s = c.Stats()
		require.Equal(t, []int{1, 0, 1}, []int{s.InFlight, s.Queued, s.Abandoned})
	})
}

// TestStatsAsJSONHaveTheirLatencies: a Latency has no exported field, so without a method of
// its own it would be {}.
func TestStatsAsJSONHaveTheirLatencies(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		empty, err := json.Marshal(c.Stats().Whole)
		require.NoError(t, err)
		require.JSONEq(t, `{"count": 0, "meanMs": 0, "p50Ms": 0, "p90Ms": 0, "p99Ms": 0, "p999Ms": 0, "maxMs": 0}`, string(empty))

		for ms := range 1000 {
			c.Report(t.Context(), nil, time.Duration(ms+1)*time.Millisecond)
		}
		s := c.Stats()
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var all map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(text, &all))
		for name, l := range map[string]quill.Latency{
			"Execution": s.Execution, "Whole": s.Whole,
			"TotalExecution": s.TotalExecution, "TotalWhole": s.TotalWhole,
		} {
			var got map[string]float64
			require.NoError(t, json.Unmarshal(all[name], &got), name)
			ms := func(p float64) float64 { return float64(l.Percentile(p)) / 1e6 }
			require.Equal(t, map[string]float64{
				"count": 1000, "meanMs": 500.5,
				"p50Ms": ms(50), "p90Ms": ms(90), "p99Ms": ms(99), "p999Ms": ms(99.9), "maxMs": ms(100),
			}, got, name)
			require.InEpsilon(t, 1000, got["maxMs"], 0.0625)
		}
	})
}

// TestOrdinarySuccessesAreTimedAndToldAsAllOthers: one that is none of the slowest, on the
// caller's goroutine, takes a short way to its end, unless it waited or somebody listens.
func TestOrdinarySuccessesAreTimedAndToldAsAllOthers(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		for _, listening := range []bool{false, true} {
			var d diary
			opts := []quill.Option{
				quill.Settings{Isolation: isolation, MaxConcurrent: 1, QueueSize: 1},
				quill.WithRegistry(quill.NewRegistry()),
			}
			if listening {
				opts = append(opts, d.hooks())
			}
			command := quill.New("dep", func(_ context.Context, takes time.Duration) (int, error) {
				pass(takes)
				return 7, nil
			}, opts...)
			circuit := command.Circuit()
			do := func(takes time.Duration) {
				v, err := command.Do(t.Context(), takes)
				require.NoError(t, err)
				require.Equal(t, 7, v)
			}
			pass(time.Hour)
			for range 10 {
				do(50 * time.Millisecond) // from now on the others are none of the slowest
			}
			before, told := circuit.Stats(), len(d.calls)
			do(10 * time.Millisecond)
			free := occupy(t, circuit)
			time.AfterFunc(20*time.Millisecond, free)
			do(10 * time.Millisecond)
			s := circuit.Stats()
			require.Equal(t, 40*time.Millisecond, s.TotalExecution.Sum()-before.TotalExecution.Sum())
			require.Equal(t, 60*time.Millisecond, s.TotalWhole.Sum()-before.TotalWhole.Sum())
			if listening {
				require.Len(t, d.calls, told+3)
			}
		}
	})
}
