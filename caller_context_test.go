package quill_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// A deadline so far away that a Duration does not hold the time until then is none.
func TestACallersDeadlineFarAwayEndsNoCall(t *testing.T) {
	deadlines := map[string]func(context.Context) (context.Context, context.CancelFunc){
		"the longest timeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, math.MaxInt64)
		},
		"the year 9999": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
		},
	}
	for name, with := range deadlines {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation})
				pass(time.Second) // the sum overflows only after some time
				ctx, cancel := with(t.Context())
				defer cancel()
				v, err := quill.Do(ctx, c, func(context.Context) (int, error) { return 7, nil })
				require.NoError(t, err)
				require.Equal(t, 7, v)
			})
		})
	}
}

// A caller's deadline of the wall clock, and one that is over.
func TestACallersDeadlineOfTheWallClockIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		at := time.Now().Round(0).Add(100 * time.Millisecond) // without a monotonic part
		ctx, cancel := context.WithDeadline(t.Context(), at)
		defer cancel()
		began := time.Now()
		_, err := quill.Do(ctx, c, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 100*time.Millisecond, time.Since(began))
		require.EqualValues(t, 1, c.Stats().Total.Timeout)
	})
}

// held is a context whose Err takes its time, once, as if another had the processor.
type held struct {
	context.Context //nolint:containedctx // it is one

	once *bool
}

func (h held) Err() error {
	if !*h.once {
		*h.once = true
		time.Sleep(50 * time.Millisecond)
	}
	return h.Context.Err()
}

// What comes between the beginning of a call and the look at the caller's deadline does not
// bring that deadline nearer.
func TestACallersDeadlineIsNoEarlierThanItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, Timeout: 10 * time.Second})
		parent, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := quill.Do(held{parent, new(bool)}, c, func(context.Context) (int, error) {
			time.Sleep(120 * time.Millisecond)
			return 7, nil
		})
		require.NoError(t, err)
	})
}

// panicking is a context of which one method panics.
type panicking struct {
	context.Context //nolint:containedctx // it is one

	method string
}

func (p panicking) Done() <-chan struct{} {
	if p.method == "Done" {
		panic("Done")
	}
	return p.Context.Done()
}

func (p panicking) Deadline() (time.Time, bool) {
	if p.method == "Deadline" {
		panic("Deadline")
	}
	return p.Context.Deadline()
}

func (p panicking) Err() error {
	if p.method == "Err" {
		panic("Err")
	}
	return p.Context.Err()
}

func TestAContextThatPanicsLeavesNothingHeld(t *testing.T) {
	for _, method := range []string{"Done", "Deadline", "Err"} {
		t.Run(method, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation, RequestVolumeThreshold: 1, SleepWindow: time.Second})
				command := quill.Bind(c, func(context.Context, int) (int, error) { return 7, nil })
				bad := panicking{t.Context(), method}
				ways := map[string]func(){
					"Do":    func() { _, _ = command.Do(bad, 1) },
					"Go":    func() { _, _ = command.Go(bad, 1).Wait(t.Context()) },
					"Begin": func() { _, _ = c.Begin(bad) },
				}
				for name, way := range ways {
					_, _ = catch(way)
					synctest.Wait()
					require.Zero(t, c.Stats().InFlight, name)
					openUp(t, c)
					pass(time.Second)
					_, _ = catch(way)
					synctest.Wait()
					require.Zero(t, c.Stats().InFlight, "%s, as a probe", name)
					require.Zero(t, c.Stats().Probes, "%s, as a probe", name)
					c.Reset()
				}
			})
		})
	}
}

// With a Semaphore the order of deadline and cancel is known only where somebody asked run's
// context for Done: docs/semantics.md says so.
func TestACancelAfterTheDeadlineIsATimeoutIfSomebodyWatched(t *testing.T) {
	for _, asks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, Timeout: 100 * time.Millisecond})
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(200*time.Millisecond, cancel)
			_, err := quill.Do(ctx, c, func(ctx context.Context) (int, error) {
				if asks {
					_ = ctx.Done()
				}
				time.Sleep(300 * time.Millisecond)
				return 7, nil
			})
			if asks {
				require.ErrorIs(t, err, quill.ErrTimeout)
			} else {
				require.ErrorIs(t, err, context.Canceled)
			}
		})
	}
}
