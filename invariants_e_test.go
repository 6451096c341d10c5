package quill_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// Timeout and cancel: docs/invariants.md, section E.

// TestE01TheCallerOfAPoolLeavesAtItsDeadline whatever run does; the caller of a semaphore
// is run's own goroutine, and leaves when run returns: with a timeout all the same.
func TestE01TheCallerOfAPoolLeavesAtItsDeadline(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, Timeout: 300 * ms})
		start := time.Now()
		_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { pass(time.Minute); return 1, nil })
		require.ErrorIs(t, err, quill.ErrTimeout)
		want := map[quill.Isolation]time.Duration{quill.Pool: 300 * ms, quill.Semaphore: time.Minute}
		require.Equal(t, want[isolation], time.Since(start))
	})
}

// TestE02RunsContextEndsAtThatVeryMoment for whichever deadline comes first.
func TestE02RunsContextEndsAtThatVeryMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		checkInCase := func(own, callers time.Duration) {
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, Timeout: own})
			ctx, cancel := context.WithTimeoutCause(t.Context(), callers, errMine)
			defer cancel()
			start := time.Now()
			var told time.Duration
			var cause error
			_, err := quill.Do(ctx, c, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				told, cause = time.Since(start), context.Cause(ctx)
				return 0, nil
			})
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, min(own, callers), time.Since(start), "the caller")
			synctest.Wait()
			require.Equal(t, min(own, callers), told, "the work")
			require.Equal(t, own < callers, cause == quill.ErrTimeout, "%v", cause)
		}
		checkInCase(100*ms, 200*ms)
		checkInCase(200*ms, 100*ms)
		checkInCase(100*ms, 100*ms+1)
		checkInCase(100*ms, 100*ms-1)
	})
}

// TestE03AbandonedWorkKeepsItsPermitAndShows: work that has lost its caller goes on being
// counted until it returns, never more than there are slots.
func TestE03AbandonedWorkKeepsItsPermitAndShows(t *testing.T) {
	checkInBubbles(t, func(t *testing.T, rt *rapid.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 3, Timeout: 10 * ms, RequestVolumeThreshold: 1e6})
		var ends []time.Time
		rt.Repeat(map[string]func(*rapid.T){
			"call": func(rt *rapid.T) {
				takes := rapid.SampledFrom([]time.Duration{5 * ms, 30 * ms, 100 * ms}).Draw(rt, "takes")
				begins := time.Now()
				var ran atomic.Bool
				_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { ran.Store(true); pass(takes); return 0, nil })
				if ran.Load() {
					ends = append(ends, begins.Add(takes))
				}
			},
			"wait": func(rt *rapid.T) {
				pass(rapid.SampledFrom([]time.Duration{1, 10 * ms, 50 * ms}).Draw(rt, "time"))
			},
			"": func(rt *rapid.T) {
				synctest.Wait()
				left := 0
				for _, end := range ends {
					if end.After(time.Now()) {
						left++
					}
				}
				s := c.Stats()
				require.Equal(rt, left, s.Abandoned)
				require.Equal(rt, left, s.InFlight)
				require.LessOrEqual(rt, left, 3)
			},
		})
	})
}

// TestE04ACallersOwnCancelIsNoFailure: however many callers leave, and whenever, the
// circuit stays closed and its evidence empty.
func TestE04ACallersOwnCancelIsNoFailure(t *testing.T) {
	checkBoth(t, func(t *testing.T, rt *rapid.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 2, QueueSize: 1000, RequestVolumeThreshold: 1})
		n := rapid.IntRange(1, 50).Draw(rt, "calls")
		var wg sync.WaitGroup
		for range n {
			ctx, cancel := context.WithCancelCause(t.Context())
			leaves := time.Duration(rapid.IntRange(0, 900).Draw(rt, "leaves")) * ms
			time.AfterFunc(leaves, func() { cancel(errMine) })
			wg.Go(func() {
				_, err := unadorned(c, obedient).OrElse(1).Do(ctx, 1)
				if asError(t, err).Outcome != quill.Canceled {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		s := c.Stats()
		require.Equal(rt, quill.Counts{Canceled: uint64(n)}, s.Total)
		require.Zero(rt, s.Health)
		require.Equal(rt, quill.Closed, s.State)
	})
}

// parent is a caller's context that counts who listens for its end.
type parent struct {
	context.Context //nolint:containedctx // it is one

	listeners atomic.Int64
}

func (p *parent) AfterFunc(f func()) (stop func() bool) {
	p.listeners.Add(1)
	was := context.AfterFunc(p.Context, f)
	return func() bool {
		stopped := was()
		if stopped {
			p.listeners.Add(-1)
		}
		return stopped
	}
}

// TestE05NoContextOrGoroutineIsLeftPerCall listens to a caller's context that outlives all
// its calls.
func TestE05NoContextOrGoroutineIsLeftPerCall(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, Timeout: time.Hour, RequestVolumeThreshold: 1e6})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		p := &parent{Context: ctx}
		before := runtime.NumGoroutine()
		for i := range 300 {
			_, _ = catch(func() {
				_, _ = unadorned(c, func(ctx context.Context) error {
					_ = ctx.Done() // makes the context that can be listened to
					switch i % 4 {
					case 0:
						return errSick
					case 1:
						panic(errMine)
					case 2:
						runtime.Goexit()
					}
					return nil
				}).Fallback("spare", func(ctx context.Context, _ int, _ error) (int, error) {
					_ = ctx.Done()
					return 0, errSpare
				}).Do(p, 1)
			})
			k, err := c.Begin(p)
			require.NoError(t, err)
			_, _ = k.End(nil)
		}
		synctest.Wait()
		require.Zero(t, p.listeners.Load())
		require.Less(t, runtime.NumGoroutine(), before+10, "none per call") // the runtime has some of its own
	})
}

// TestE05NoTimerKeepsWhatACallLeft: a call that its caller cancelled, or that has ended,
// leaves nothing that holds its request until the timeout, which may be an hour away.
// Found by this test: the timer of a cancelled call went on.
func TestE05NoTimerKeepsWhatACallLeft(t *testing.T) {
	for name, leaves := range map[string]bool{"its caller left": true, "it ended": false} {
		t.Run(name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{Timeout: time.Hour, MaxConcurrent: 100})
			var requests []weak.Pointer[[1024]byte]
			done := make(chan struct{})
			func() {
				command := quill.Bind(c, func(context.Context, *[1024]byte) (int, error) {
					if leaves {
						<-done
					}
					return 0, nil
				})
				for range 50 {
					ctx, cancel := context.WithCancel(t.Context())
					req := new([1024]byte)
					requests = append(requests, weak.Make(req))
					if leaves {
						time.AfterFunc(100*time.Microsecond, cancel)
					}
					_, err := command.Do(ctx, req)
					require.Equal(t, leaves, err != nil)
					cancel()
				}
			}()
			close(done)
			allWorkEnds(t, c)
			require.Eventually(t, func() bool {
				runtime.GC()
				return left(requests) == 0
			}, 10*time.Second, 10*ms, "requests are still held")
		})
	}
}

// TestE05NoTimerOutlivesACallMadeAdHoc: nothing keeps its task for another call, so its
// timer must go. Found by this test: it stayed until the timeout, one for each call.
func TestE05NoTimerOutlivesACallMadeAdHoc(t *testing.T) {
	c := newTestCircuit(t, quill.Settings{Timeout: time.Hour})
	heap := func(n int) uint64 {
		for i := range n {
			if i%100 == 0 {
				_, _ = catch(func() { _, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { panic(errMine) }) })
			}
			_ = call(t, c, nil) // with quill.Do
		}
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	before := heap(1000)
	require.Less(t, heap(20_000), before+500, "objects on the heap")
}

// left counts what the collector has not collected.
func left[T any](pointers []weak.Pointer[T]) int {
	n := 0
	for _, p := range pointers {
		if p.Value() != nil {
			n++
		}
	}
	return n
}

// TestE06DeadlinesOfEveryKind: none, past, now, and centuries away.
func TestE06DeadlinesOfEveryKind(t *testing.T) {
	forever := time.Duration(1<<63 - 1)
	for _, tc := range []struct {
		name    string
		own     time.Duration
		callers time.Duration // from now; 0: none
		run     func(context.Context) error
		outcome quill.Outcome
		takes   time.Duration
	}{
		{"none at all", quill.NoTimeout, 0, sleeper(100*time.Hour, nil), quill.Success, 100 * time.Hour},
		{"the default", 0, 0, obedient, quill.Timeout, time.Second},
		{"the shortest", ms, 0, obedient, quill.Timeout, ms},
		{"the longest", time.Hour, 0, obedient, quill.Timeout, time.Hour},
		{"the caller's is past", time.Second, -1, obedient, quill.Canceled, 0},
		{"the caller's is long past", quill.NoTimeout, -forever, obedient, quill.Canceled, 0},
		{"the caller's is next", time.Second, 1, obedient, quill.Timeout, 1},
		{"the caller's is centuries away", time.Second, forever, obedient, quill.Timeout, time.Second},
		{"only the caller's, centuries away", quill.NoTimeout, forever, sleeper(time.Minute, nil), quill.Success, time.Minute},
		{"only the caller's", quill.NoTimeout, time.Minute, obedient, quill.Timeout, time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation, Timeout: tc.own})
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if tc.callers != 0 {
					ctx, cancel = context.WithDeadline(ctx, time.Now().Add(tc.callers))
				}
				defer cancel()
				start := time.Now()
				_, _ = unadorned(c, tc.run).Do(ctx, 1)
				require.Equal(t, tc.takes, time.Since(start))
				require.EqualValues(t, 1, c.Stats().Total.Of(tc.outcome), "%+v", c.Stats().Total)
				synctest.Wait()
				requireNothingHeld(t, c)
			})
		})
	}
}

// TestE07ResultAndDeadlineAtOneInstant: the deadline wins, always, and everybody agrees: the
// caller, the counters, and, of the work, its slot.
func TestE07ResultAndDeadlineAtOneInstant(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		// All of them have their fallback at one instant: that none is refused one must not hang on
		// when Go's collector lets each of them go on.
		c := newTestCircuit(t, quill.Settings{
			Isolation: isolation, MaxConcurrent: 50, MaxConcurrentFallbacks: 50, RequestVolumeThreshold: 1e6,
		}, d.hooks())
		const rounds, n = 20, 50
		var answered, failed, asked atomic.Int64
		for range rounds {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					v, err := unadorned(c, sleeper(time.Second, nil)).
						Fallback("spare", func(context.Context, int, error) (int, error) { asked.Add(1); return 7, nil }).
						Do(t.Context(), 1)
					if err != nil || v != 7 {
						failed.Add(1)
					} else {
						answered.Add(1)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
		}
		require.Zero(t, failed.Load())
		require.EqualValues(t, rounds*n, answered.Load())
		require.EqualValues(t, rounds*n, asked.Load(), "one fallback for each")
		require.Equal(t, quill.Counts{Timeout: rounds * n}, c.Stats().Total)
		require.Equal(t, rounds*n, d.len())
		requireNothingHeld(t, c)
	})
}

// TestE07CancelAndResultAtOneInstant: either may win; what the caller gets, what is counted
// and what is told is the same one.
func TestE07CancelAndResultAtOneInstant(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Isolation: isolation}, d.hooks())
		var got quill.Counts
		for range 300 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(500*ms, cancel)
			a, err := unadorned(c, sleeper(500*ms, nil)).Answer(ctx, 1)
			require.Equal(t, a.Outcome == quill.Success, err == nil)
			require.Equal(t, a.Outcome, d.last(t).Outcome)
			if err == nil {
				got.Success++
			} else {
				require.ErrorIs(t, err, context.Canceled)
				got.Canceled++
			}
			synctest.Wait()
			requireNothingHeld(t, c)
			cancel()
		}
		require.Equal(t, got, c.Stats().Total)
	})
}
