package quill_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestNoMoreRunAndWaitThanAllowed(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 3, QueueSize: 5})
		var running, most atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) {
					n := running.Add(1)
					defer running.Add(-1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					pass(100 * time.Millisecond)
					return 0, nil
				})
			})
		}
		synctest.Wait()
		s := c.Stats()
		require.Equal(t, 3, s.InFlight)
		require.Equal(t, 5, s.Queued)
		require.Equal(t, uint64(12), s.Total.Rejected)
		wg.Wait()
		require.Equal(t, int32(3), most.Load())
		require.Equal(t, uint64(8), c.Stats().Total.Success)
		requireNothingHeld(t, c)
	})
}

func TestWaitersAreServedFirstComeFirstServed(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1, QueueSize: 10})
		free := c.Bulkhead().TakeSlot()
		var order []int
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) {
					order = append(order, i) // one at a time
					return 0, nil
				})
			})
			synctest.Wait()
		}
		free()
		wg.Wait()
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
		requireNothingHeld(t, c)
	})
}

func TestWaiterThatLeavesTheMiddleOfTheQueueDisturbsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, QueueSize: 10})
		for _, leaver := range []int{0, 2, 4} { // first, middle, last
			free := c.Bulkhead().TakeSlot()
			ctx, cancel := context.WithCancel(t.Context())
			var order []int
			var wg sync.WaitGroup
			for i := range 5 {
				wg.Go(func() {
					mine := t.Context()
					if i == leaver {
						mine = ctx
					}
					_, _ = quill.Do(mine, c, func(context.Context) (int, error) {
						order = append(order, i)
						return 0, nil
					})
				})
				synctest.Wait()
			}
			cancel()
			synctest.Wait()
			require.Equal(t, 4, c.Stats().Queued)
			free()
			wg.Wait()
			require.Len(t, order, 4)
			require.IsIncreasing(t, order)
			require.NotContains(t, order, leaver)
			requireNothingHeld(t, c)
		}
	})
}

func TestGrantAndCancelAtOneInstantLoseNoSlot(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1, QueueSize: 3, IgnoreRejected: true})
		for range 300 {
			free := c.Bulkhead().TakeSlot()
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _, _ = quill.Do(ctx, c, func(context.Context) (int, error) { return 0, nil }) })
			synctest.Wait()
			ran := false
			wg.Go(func() {
				_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { ran = true; return 0, nil })
				require.NoError(t, err)
			})
			synctest.Wait()
			wg.Go(cancel)
			wg.Go(free)
			wg.Wait()
			require.True(t, ran, "the one behind got the slot that the other did not use")
			requireNothingHeld(t, c)
		}
	})
}

func TestWaiterLeavesTheMomentItsContextEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, QueueSize: 1})
		full(t, c)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 123*time.Millisecond)
		defer cancel()
		_, err := c.Begin(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 123*time.Millisecond, time.Since(start))
		require.Zero(t, c.Stats().Queued)
	})
}

func TestGrowingLetsWaitersGoAtOnce(t *testing.T) {
	for name, grow := range map[string]func(c *quill.Circuit) error{
		"Resize":    func(c *quill.Circuit) error { return c.Bulkhead().Resize(4, 10) },
		"Configure": func(c *quill.Circuit) error { return c.Configure(quill.Settings{MaxConcurrent: 4, QueueSize: 10}) },
		"unlimited": func(c *quill.Circuit) error { return c.Configure(quill.Settings{MaxConcurrent: quill.Unlimited}) },
	} {
		bubble(t, name, func(t *testing.T) {
			c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, QueueSize: 10})
			full(t, c)
			queueUp(t, c, 3)
			require.NoError(t, grow(c))
			synctest.Wait()
			require.Zero(t, c.Stats().Queued)
			require.Equal(t, 4, c.Stats().InFlight)
		})
	}
}

func TestShrinkingAdmitsNobodyUntilFewerRun(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 3})
		b := c.Bulkhead()
		free := []func(){b.TakeSlot(), b.TakeSlot(), b.TakeSlot()}
		require.NoError(t, b.Resize(1, 0))
		for _, f := range free {
			require.ErrorIs(t, call(t, c, nil), quill.ErrFull)
			f()
		}
		require.NoError(t, call(t, c, nil))
		require.Equal(t, 1, c.Stats().Settings.MaxConcurrent)
	})
}

func TestWaitersBeyondASmallerQueueStay(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, QueueSize: 3})
		free := c.Bulkhead().TakeSlot()
		queueUp(t, c, 3)
		require.NoError(t, c.Bulkhead().Resize(1, 0))
		require.ErrorIs(t, call(t, c, nil), quill.ErrFull)
		require.Equal(t, 3, c.Stats().Queued)
		free()
		synctest.Wait()
		require.Equal(t, 2, c.Stats().Queued)
		require.Equal(t, 1, c.Stats().InFlight)
	})
}

func TestResizeRefusesWhatIsOutOfRange(t *testing.T) {
	b := quill.NewBulkhead("shared", quill.BulkheadSettings{MaxConcurrent: 5, QueueSize: 2})
	before := b.Stats()
	for want, err := range map[string]error{
		"MaxConcurrent is 0":  b.Resize(0, 0),
		"MaxConcurrent is -2": b.Resize(-2, 0),
		"QueueSize is -1":     b.Resize(1, -1),
		"QueueSize is 3":      b.Resize(quill.Unlimited, 3),
	} {
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, `"shared"`)
		bad, ok := errors.AsType[*quill.SettingsError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, "shared", bad.Command)
		require.Len(t, bad.Problems, 1)
		p := bad.Problems[0]
		require.Equal(t, want, p.Field+" is "+p.Value)
		require.NotEmpty(t, p.Allowed)
	}
	require.EqualError(t, b.Resize(0, -1), `quill: settings of "shared": `+
		"MaxConcurrent is 0: must be 1 to 1000000, or unlimited; QueueSize is -1: must be 0 to 1000000")
	require.Equal(t, before, b.Stats())
}

func TestNewBulkheadPanicsOnWhatAProgrammerWroteWrong(t *testing.T) {
	require.PanicsWithValue(t, quill.CheckName(" x").Error(), func() { quill.NewBulkhead(" x", quill.BulkheadSettings{}) })
	value, _ := catch(func() { quill.NewBulkhead("x", quill.BulkheadSettings{MaxConcurrent: -5}) })
	require.Contains(t, value, "MaxConcurrent is -5")
}

func TestOpenBulkheadSaysWhatIsWrong(t *testing.T) {
	_, err := quill.OpenBulkhead(" x", quill.BulkheadSettings{MaxConcurrent: 1})
	require.Equal(t, quill.CheckName(" x"), err)

	bad := quill.BulkheadSettings{Isolation: 7, MaxConcurrent: -5, QueueSize: 1_000_001}
	b, err := quill.OpenBulkhead("x", bad)
	require.Nil(t, b)
	require.EqualError(t, err, `quill: settings of "x": Isolation is 7: must be pool or semaphore; `+
		"MaxConcurrent is -5: must be 1 to 1000000, or unlimited; QueueSize is 1000001: must be 0 to 1000000")
	problem, ok := errors.AsType[*quill.SettingsError](bad.Validate())
	require.True(t, ok)
	require.Len(t, problem.Problems, 3)
	require.Empty(t, problem.Command)

	idle := quill.BulkheadSettings{MaxConcurrent: quill.Unlimited, QueueSize: 1}
	require.ErrorContains(t, idle.Validate(), "QueueSize is 1: must be 0 where MaxConcurrent is unlimited")
	require.NoError(t, quill.BulkheadSettings{}.Validate())
}

func TestNewBulkheadHasTheDefaultsOfSettings(t *testing.T) {
	b := quill.NewBulkhead("shared", quill.BulkheadSettings{})
	require.Equal(t, quill.BulkheadStats{Name: "shared", MaxConcurrent: 10}, b.Stats())
	require.Equal(t, "shared", b.Name())
	require.Equal(t, quill.Pool, b.Isolation())
}

func TestCircuitsShareABulkhead(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		b := quill.NewBulkhead("shared", quill.BulkheadSettings{Isolation: isolation, MaxConcurrent: 2, QueueSize: 1})
		r := quill.NewRegistry()
		one := quill.NewCircuit("one", quill.WithRegistry(r), quill.WithBulkhead(b))
		two := quill.NewCircuit("two", quill.WithRegistry(r), quill.WithBulkhead(b))
		require.Same(t, b, one.Bulkhead())
		f := quill.Go(t.Context(), one, func(context.Context) (int, error) { pass(500 * time.Millisecond); return 0, nil })
		g := quill.Go(t.Context(), two, func(context.Context) (int, error) { pass(5 * time.Second); return 0, nil })
		synctest.Wait()
		h := quill.Go(t.Context(), two, func(context.Context) (int, error) { return 0, nil })
		synctest.Wait()
		require.ErrorIs(t, call(t, one, nil), quill.ErrFull)
		s, v := one.Stats(), two.Stats()
		require.Equal(t, "shared", s.Bulkhead)
		require.Equal(t, []int{1, 0, 1, 1}, []int{s.InFlight, s.Queued, v.InFlight, v.Queued}, "each its own")
		require.Equal(t, quill.BulkheadStats{
			Name: "shared", Isolation: isolation, InFlight: 2, Queued: 1, MaxConcurrent: 2, QueueSize: 1,
		}, b.Stats())
		require.Equal(t, 2, s.Settings.MaxConcurrent)
		require.Equal(t, isolation, s.Settings.Isolation)

		_, err := f.Wait(t.Context())
		require.NoError(t, err)
		_, err = h.Wait(t.Context())
		require.NoError(t, err)
		pass(600 * time.Millisecond)
		if isolation == quill.Pool {
			require.Equal(t, []int{1, 1}, []int{two.Stats().Abandoned, two.Stats().InFlight})
			require.Zero(t, one.Stats().Abandoned)
			require.Equal(t, 1, b.Stats().Abandoned)
		}
		_, err = g.Wait(t.Context())
		require.ErrorIs(t, err, quill.ErrTimeout)
		pass(5 * time.Second)
		requireNothingHeld(t, one)
		requireNothingHeld(t, two)
	})
}

func TestSharedBulkheadIsConfiguredByItself(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		b := quill.NewBulkhead("shared", quill.BulkheadSettings{MaxConcurrent: 2})
		c := newTestCircuit(t, quill.Settings{}, quill.WithBulkhead(b))
		err := c.Configure(quill.Settings{Isolation: quill.Semaphore, MaxConcurrent: 5, QueueSize: 1, Probes: 1000})
		var fields []string
		for _, p := range problems(t, err) {
			fields = append(fields, p.Field)
		}
		require.Equal(t, []string{"Isolation", "MaxConcurrent", "QueueSize", "Probes"}, fields)
		require.NoError(t, c.Configure(quill.Settings{Timeout: 2 * time.Second}))
		require.Equal(t, 2, b.Stats().MaxConcurrent, "untouched")
		require.NoError(t, b.Resize(7, 3))
		require.Equal(t, 7, c.Stats().Settings.MaxConcurrent)
		require.Equal(t, 3, c.Stats().Settings.QueueSize)
	})
}

func TestUnlimitedHasNoLimit(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: quill.Unlimited})
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				_, err := quill.Do(t.Context(), c, func(context.Context) (int, error) { pass(time.Millisecond); return 0, nil })
				require.NoError(t, err)
			})
		}
		synctest.Wait()
		require.Equal(t, 1000, c.Stats().InFlight)
		require.Equal(t, quill.Unlimited, c.Bulkhead().Stats().MaxConcurrent)
		wg.Wait()
		requireNothingHeld(t, c)
	})
}

func TestSequentialCallsAreNeverRejected(t *testing.T) {
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) { // real goroutines, real time
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: 1, Timeout: time.Minute})
			command := quill.Bind(c, func(_ context.Context, n int) (int, error) {
				if n%7 == 0 {
					return 0, quill.Ignore(errMine)
				}
				return n, nil
			})
			for n := range 5000 {
				_, err := command.Do(t.Context(), n)
				require.NotErrorIs(t, err, quill.ErrFull, "call %d", n)
			}
			require.Zero(t, c.Stats().Total.Rejected)
		})
	}
}

func TestSlotsStayWithinLimitsWhileResized(t *testing.T) {
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) { // real goroutines, real time
			const most = 8
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrent: most, QueueSize: 20, IgnoreRejected: true})
			var alive atomic.Int32
			var tooMany atomic.Bool
			var wg sync.WaitGroup
			for range 12 {
				wg.Go(func() {
					for range 200 {
						ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rand.IntN(200))*time.Microsecond)
						_, _ = quill.Do(ctx, c, func(context.Context) (int, error) {
							if alive.Add(1) > most {
								tooMany.Store(true)
							}
							defer alive.Add(-1)
							return 0, quill.Ignore(errMine)
						})
						cancel()
					}
				})
			}
			wg.Go(func() {
				for n := range 300 {
					_ = c.Bulkhead().Resize(1+n%most, n%20)
				}
			})
			wg.Wait()
			require.False(t, tooMany.Load())
			allWorkEnds(t, c)
			requireNothingHeld(t, c)
		})
	}
}
