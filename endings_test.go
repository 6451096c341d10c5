package quill_test

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// ending is one of the ten ways in which a call, or the circuit under it, can come to an
// end. cancel ends the caller's context.
type ending struct {
	name   string
	during func(c *quill.Circuit, cancel context.CancelFunc) // what happens while the call is on its way
	run    func(ctx context.Context) error                   // what the work does
}

var endings = []ending{
	{name: "returns", run: sleeper(500*time.Millisecond, nil)},
	{name: "fails", run: sleeper(500*time.Millisecond, errSick)},
	{name: "is ignored", run: sleeper(500*time.Millisecond, quill.Ignore(errMine))},
	{name: "panics", run: func(context.Context) error { pass(500 * time.Millisecond); panic(errMine) }},
	{name: "exits", run: func(context.Context) error { pass(500 * time.Millisecond); runtime.Goexit(); return nil }},
	{name: "times out", run: obedient},
	{name: "times out and goes on", run: sleeper(10*time.Second, nil)},
	{
		name: "is canceled", run: obedient,
		during: func(_ *quill.Circuit, cancel context.CancelFunc) { pass(200 * time.Millisecond); cancel() },
	},
	{
		name: "sees the bulkhead shrink and grow", run: sleeper(500*time.Millisecond, nil),
		during: func(c *quill.Circuit, _ context.CancelFunc) {
			pass(100 * time.Millisecond)
			_ = c.Bulkhead().Resize(1, 0)
			pass(100 * time.Millisecond)
			_ = c.Bulkhead().Resize(50, 50)
		},
	},
	{
		name: "sees the circuit opened, reset and configured", run: sleeper(500*time.Millisecond, errSick),
		during: func(c *quill.Circuit, _ context.CancelFunc) {
			pass(100 * time.Millisecond)
			_ = c.Override(quill.ForceOpen, 50*time.Millisecond, "")
			c.Reset()
			_ = c.Configure(quill.Settings{Isolation: c.Bulkhead().Isolation(), RollingCalls: 7, MaxConcurrent: 2, QueueSize: 2})
		},
	},
}

// stage is where a call is when it ends.
type stage struct {
	name    string
	arrange func(t *testing.T, c *quill.Circuit)
	command func(c *quill.Circuit, run func(context.Context) error) *quill.Command[int, int]
}

func unadorned(c *quill.Circuit, run func(context.Context) error) *quill.Command[int, int] {
	return quill.Bind(c, func(ctx context.Context, _ int) (int, error) { return 0, run(ctx) })
}

var stages = []stage{
	{name: "in run", command: unadorned},
	{
		name: "in the queue", command: unadorned,
		arrange: func(t *testing.T, c *quill.Circuit) {
			require.NoError(t, c.Bulkhead().Resize(1, 5))
			fullFor(300*time.Millisecond)(t, c)
		},
	},
	{
		name: "as a probe", command: unadorned,
		arrange: func(t *testing.T, c *quill.Circuit) { openUp(t, c); pass(5 * time.Second) },
	},
	{
		name: "in a fallback",
		command: func(c *quill.Circuit, run func(context.Context) error) *quill.Command[int, int] {
			return unadorned(c, ends(errSick)).
				Fallback("spare", func(ctx context.Context, _ int, _ error) (int, error) { return 0, run(ctx) }).
				Fallback("other", func(context.Context, int, error) (int, error) { return 0, errSpare })
		},
	},
	{
		name: "in a command inside",
		command: func(c *quill.Circuit, run func(context.Context) error) *quill.Command[int, int] {
			return unadorned(c, func(ctx context.Context) error {
				_, err := quill.Do(ctx, c, func(ctx context.Context) (int, error) { return 0, run(ctx) })
				return err
			})
		},
	},
}

func TestA03NothingIsLeftOverWhateverTheEndAndWherever(t *testing.T) {
	for _, s := range stages {
		for _, e := range endings {
			t.Run(s.name+" "+e.name, func(t *testing.T) {
				onBoth(t, func(t *testing.T, isolation quill.Isolation) {
					c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 4, QueueSize: 4})
					if s.arrange != nil {
						s.arrange(t, c)
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					before := c.Stats().Total.Total()
					go func() {
						if e.during != nil {
							e.during(c, cancel)
						}
					}()
					_, _ = catch(func() { _, _ = s.command(c, e.run).Do(ctx, 1) })
					want := before + 1 + oneIf(s.name == "in a command inside")
					pass(20 * time.Second)
					synctest.Wait()
					require.Equal(t, want, c.Stats().Total.Total(), "every call has one outcome")
					requireNothingHeld(t, c)

					c.Reset()
					require.NoError(t, c.Bulkhead().Resize(1, 0))
					require.NoError(t, call(t, c, nil), "and the next one goes through")
				})
			})
		}
	}
}

func TestAbandonedWorkKeepsItsSlotAndShows(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 2, Timeout: 10 * time.Millisecond, RequestVolumeThreshold: 1000})
		var running, most atomic.Int32
		for range 10 {
			_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) {
				most.Store(max(most.Load(), running.Add(1))) // all begin one after the other
				pass(200 * time.Millisecond)
				running.Add(-1)
				return 0, nil
			})
			require.Error(t, err)
		}
		s := c.Stats()
		require.Equal(t, int32(2), most.Load(), "never more than MaxConcurrent are alive")
		require.Equal(t, quill.Counts{Timeout: 2, Rejected: 8}, s.Total)
		require.Equal(t, 2, s.Abandoned)
		require.Equal(t, 2, s.InFlight)
		require.Equal(t, 2, c.Bulkhead().Stats().Abandoned)
		pass(200 * time.Millisecond)
		requireNothingHeld(t, c)
		require.Equal(t, quill.Counts{Timeout: 2, Rejected: 8}, c.Stats().Total, "the late results are nobody's")
		require.NoError(t, call(t, c, nil))
	})
}

func TestCallersLeaveAtTheirDeadlineHoweverManyTimeOut(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1000, RequestVolumeThreshold: 1_000_000})
		start := time.Now()
		futures := make([]*quill.Future[int], 1000)
		for i := range futures {
			futures[i] = quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(time.Minute); return 0, nil })
		}
		for _, f := range futures {
			_, err := f.Wait(t.Context())
			require.ErrorIs(t, err, quill.ErrTimeout)
		}
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, 1000, c.Stats().Abandoned)
		pass(time.Minute)
		requireNothingHeld(t, c)
	})
}

func TestRunSeesTheDeadlineAndItsCause(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		start := time.Now()
		var ctxErr, cause error
		var left time.Duration
		var when time.Duration
		_, _ = quill.Do(t.Context(), c, func(ctx context.Context) (int, error) {
			at, _ := ctx.Deadline()
			left = time.Until(at)
			<-ctx.Done()
			when, ctxErr, cause = time.Since(start), ctx.Err(), context.Cause(ctx)
			return 0, nil
		})
		synctest.Wait()
		require.Equal(t, time.Second, left)
		require.Equal(t, time.Second, when, "at that very moment")
		require.Equal(t, context.DeadlineExceeded, ctxErr)
		require.Equal(t, quill.ErrTimeout, cause)
	})
}

func TestRunSeesTheCallersEndAndItsCause(t *testing.T) {
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancel": canceledAfter(time.Millisecond, errMine), "deadline": within(time.Millisecond, errMine),
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation})
				ctx, cancel := end(t.Context())
				defer cancel()
				var cause error
				_, _ = quill.Do(ctx, c, func(ctx context.Context) (int, error) {
					<-ctx.Done()
					cause = context.Cause(ctx)
					return 0, nil
				})
				synctest.Wait()
				require.Equal(t, errMine, cause)
			})
		})
	}
}

func TestRunsContextEndsWithTheCall(t *testing.T) {
	for name, end := range map[string]func() error{
		"returns":               func() error { return nil },
		"fails":                 func() error { return errSick },
		"panics":                func() error { panic(errMine) },
		"exits":                 func() error { runtime.Goexit(); return nil },
		"the classifier panics": func() error { return errMine },
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation}, quill.WithClassifier(func(err error) quill.Verdict {
					if err == errMine {
						panic(err)
					}
					return quill.CountFailure
				}))
				for _, way := range []func(context.Context, func(context.Context) (int, error)){
					func(ctx context.Context, run func(context.Context) (int, error)) { _, _ = quill.Do(ctx, c, run) },
					func(ctx context.Context, run func(context.Context) (int, error)) {
						_, _ = quill.Go(ctx, c, run).Wait(ctx)
					},
				} {
					var kept context.Context
					_, _ = catch(func() {
						way(t.Context(), func(ctx context.Context) (int, error) { kept = ctx; return 0, end() }) //nolint:fatcontext // looked at after the call
					})
					require.Equal(t, context.Canceled, kept.Err(), "what run left behind with its context must stop")
				}
			})
		})
	}
}

func TestWorkThatWaitsInTheQueueTooLongNeverRuns(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1, QueueSize: 5})
		free := c.Bulkhead().TakeSlot()
		ran := false
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { ran = true; return 0, nil })
		_, err := f.Wait(t.Context())
		require.ErrorIs(t, err, quill.ErrTimeout)
		free()
		pass(time.Minute)
		require.False(t, ran)
		require.Zero(t, c.Stats().TotalExecution.Count())
		requireNothingHeld(t, c)
	})
}
