package regressions_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestB27TimeoutKeepsTheSlot
//
// S: one slot, a timeout of 10ms, work that takes 200ms whatever its context says.
// T: ten calls.
// C: never more than one piece of work runs. Each caller leaves in time; what it left is
// counted and visible; the slot is free when the work returns.
//
// Source: Hystrix#1867; opossum#72; hystrix-go, goresilience (reproduced: ten at once).
func TestB27TimeoutKeepsTheSlot(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		s.MaxConcurrent, s.Timeout = 1, 10*time.Millisecond
		c := newCircuit(t, s)
		var working, most, runs atomic.Int64
		deaf := func(context.Context) error {
			runs.Add(1)
			n := working.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(200 * time.Millisecond)
			working.Add(-1)
			return nil
		}
		var timeouts, full atomic.Int64
		began := time.Now()
		for range 10 {
			go func() {
				switch err := call(c, deaf); {
				case errors.Is(err, quill.ErrTimeout):
					timeouts.Add(1)
				case errors.Is(err, quill.ErrFull):
					full.Add(1)
				}
				if s.Isolation == quill.Pool && time.Since(began) > 10*time.Millisecond {
					t.Errorf("a caller left after %s", time.Since(began))
				}
			}()
		}
		time.Sleep(100 * time.Millisecond)
		require.EqualValues(t, 1, runs.Load())
		require.EqualValues(t, 9, full.Load())
		require.Equal(t, 1, c.Stats().InFlight)
		if s.Isolation == quill.Pool {
			require.EqualValues(t, 1, timeouts.Load())
			require.Equal(t, 1, c.Stats().Abandoned)
			require.Equal(t, 1, c.Bulkhead().Stats().Abandoned)
		}
		require.ErrorIs(t, call(c, ok), quill.ErrFull, "the slot is taken as long as the work goes on")

		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		require.NoError(t, call(c, ok))
		require.EqualValues(t, 1, timeouts.Load())
		require.EqualValues(t, 1, most.Load())
		requireAllSlots(t, c)
	})
}

// TestB28TimeoutReachesTheWork
//
// S: work that obeys its context, and work that does not.
// T: the timeout.
// C: the context is cancelled, and says why; who obeys ends then. A Semaphore waits for
// work that does not obey, a Pool leaves it behind: never more than there are slots.
//
// Source: hystrix-go#84 (reproduced); Hystrix#1562, #1643; Polly#1697, #3094.
func TestB28TimeoutReachesTheWork(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		s.Timeout, s.MaxConcurrent = 100*time.Millisecond, 5
		c := newCircuit(t, s)
		began := time.Now()
		told := make(chan error, 1)
		err := call(c, func(ctx context.Context) error {
			deadline, has := ctx.Deadline()
			require.True(t, has)
			require.Equal(t, 100*time.Millisecond, deadline.Sub(began))
			<-ctx.Done()
			told <- context.Cause(ctx)
			return ctx.Err()
		})
		require.ErrorIs(t, err, quill.ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, s.Timeout, time.Since(began))
		require.ErrorIs(t, <-told, quill.ErrTimeout)
		synctest.Wait()

		goroutines := runtime.NumGoroutine()
		for range 300 {
			began = time.Now()
			err := call(c, func(context.Context) error { time.Sleep(time.Second); return nil })
			require.Error(t, err)
			if s.Isolation == quill.Semaphore {
				require.Equal(t, time.Second, time.Since(began), "it waits")
			} else {
				require.LessOrEqual(t, time.Since(began), s.Timeout, "it leaves")
				requireNoGoroutinesBeyond(t, goroutines+s.MaxConcurrent)
				require.LessOrEqual(t, c.Stats().Abandoned, s.MaxConcurrent)
			}
			c.Reset()
		}
		time.Sleep(time.Second)
		requireAllSlots(t, c)
	})
}

// TestB29NothingLeaksFromLateResults
//
// S: work that returns after its caller has left.
// T: 1,000 times.
// C: as many goroutines as before, no timer, no slot.
//
// Source: eapache/go-resiliency#23, #24, #36; goresilience#30; nomad#11982.
func TestB29NothingLeaksFromLateResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{
			Timeout: 10 * time.Millisecond, MaxConcurrent: quill.Unlimited, RequestVolumeThreshold: 1_000_000,
		})
		before := runtime.NumGoroutine()
		const times = 1000
		together(times, func(i int) {
			err := call(c, func(context.Context) error {
				time.Sleep(10*time.Millisecond + time.Duration(i%7)*time.Millisecond)
				return errDown
			})
			if !errors.Is(err, quill.ErrTimeout) {
				t.Errorf("not timed out: %v", err)
			}
		})
		time.Sleep(time.Second)
		synctest.Wait()
		requireNoGoroutinesBeyond(t, before)
		s := c.Stats()
		require.Zero(t, s.InFlight)
		require.Zero(t, s.Abandoned)
		require.EqualValues(t, times, s.Total.Timeout)
	})
}

// TestB30NoSlotIsLost
//
// S: three slots, two places in the queue.
// T: (a) work panics; (b) ends by Goexit; (c) a caller cancels at the very moment at which
// the slot it waits for is given to it; (d) its deadline passes at that moment; (e) a
// fallback panics. Then all of it, at random, 3,000 calls.
// C: all three slots are there in the end, and nobody waits.
//
// Source: hystrix-go#13, #67; failsafe-lib#393, #400; resilience4j#263, #332; failsafe-go
// 0.9.2; failsafe-go, hystrix-go (reproduced).
func TestB30NoSlotIsLost(t *testing.T) {
	eachIsolation(t, func(t *testing.T, s quill.Settings) {
		s.MaxConcurrent, s.QueueSize, s.Timeout = 3, 2, 50*time.Millisecond
		s.MaxConcurrentFallbacks = 3
		c := newCircuit(t, s)
		for range 10 {
			_, _ = caught(func() { _ = call(c, panicking) })                                                    // (a)
			_, _ = caught(func() { _ = call(c, func(context.Context) error { runtime.Goexit(); return nil }) }) // (b)
			c.Reset()
		}
		requireAllSlots(t, c)

		broken := quill.Bind(c, func(context.Context, int) (int, error) { return 0, errDown }).
			Fallback("broken", func(context.Context, int, error) (int, error) { panic("fallback") })
		for range 10 {
			value, _ := caught(func() { _, _ = broken.Do(t.Context(), 1) }) // (e)
			require.Equal(t, "fallback", value)
			c.Reset()
		}
		require.Zero(t, c.Stats().FallbacksInFlight)
		requireAllSlots(t, c)

		for i := range 300 {
			holders := []*quill.Call{begin(t, c), begin(t, c), begin(t, c)}
			ctx, cancel := context.WithCancel(t.Context())
			waiters := []*quill.Future[int]{
				quill.Go(ctx, c, func(context.Context) (int, error) { return 0, nil }),
				quill.Go(ctx, c, func(context.Context) (int, error) { return 0, nil }),
			}
			synctest.Wait()
			at := 20 * time.Millisecond // (c)
			if i%2 == 0 {
				at = s.Timeout // (d)
			}
			time.AfterFunc(at, cancel)
			for _, k := range holders {
				time.AfterFunc(at, func() { k.End(nil) })
			}
			time.Sleep(at)
			synctest.Wait()
			for _, w := range waiters {
				_, _ = w.Wait(t.Context())
			}
			require.Zero(t, c.Stats().InFlight, "round %d", i)
			require.Zero(t, c.Stats().Queued, "round %d", i)
			c.Reset()
		}
		requireAllSlots(t, c)
	})
	t.Run("at random", func(t *testing.T) {
		eachIsolation(t, func(t *testing.T, s quill.Settings) {
			s.Timeout = 5 * time.Millisecond
			c := callAtRandom(t, s)
			time.Sleep(time.Second)
			synctest.Wait()
			requireAllSlots(t, c)
		})
	})
	t.Run("at random, real time", func(t *testing.T) { // with workers that stay warm
		for _, isolation := range []quill.Isolation{quill.Pool, quill.Semaphore} {
			c := callAtRandom(t, quill.Settings{Isolation: isolation, Timeout: time.Millisecond})
			require.Eventually(t, func() bool {
				s := c.Stats()
				return s.InFlight == 0 && s.Abandoned == 0 // nor a timer that is about to see that it is late
			}, 10*time.Second, time.Millisecond)
			requireAllSlots(t, c)
		}
	})
}

// cancelAfter calls cancel in a goroutine of its own after d. In a bubble a timer of no duration is
// run at once by whoever sets it, with what the race detector knows of the bubble's timers: with
// -race, two who do so at the same time end the process (runtime.timer.modify of Go 1.26.8).
func cancelAfter(d time.Duration, cancel func()) {
	if d <= 0 {
		go cancel()
		return
	}
	time.AfterFunc(d, cancel)
}

// callAtRandom makes 3,000 calls that end in every way there is, around their timeout.
func callAtRandom(t *testing.T, s quill.Settings) *quill.Circuit {
	t.Helper()
	s.MaxConcurrent, s.QueueSize, s.RequestVolumeThreshold = 3, 2, 1_000_000_000
	c := newCircuit(t, s)
	const callers, each = 30, 100
	together(callers, func(i int) {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		for range each {
			ctx, cancel := context.WithCancel(context.Background())
			cancelAfter(s.Timeout*time.Duration(random.IntN(8))/5, cancel)
			work, end := s.Timeout*time.Duration(random.IntN(8))/5, random.IntN(4)
			_, _ = caught(func() {
				_ = callWith(ctx, c, func(context.Context) error {
					time.Sleep(work)
					switch end {
					case 0:
						return errDown
					case 1:
						panic("at random")
					case 2:
						runtime.Goexit()
					}
					return nil
				})
			})
			cancel()
		}
	})
	require.EqualValues(t, callers*each, c.Stats().Total.Total())
	return c
}
