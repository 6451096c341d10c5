package quill_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// One processor, eight goroutines that never let go of it, a collector that never rests:
// timers come late and goroutines are stopped anywhere. No slot is lost, no waiter
// forgotten, no limit passed.
func TestM04NothingIsLostOnAStarvedProcessor(t *testing.T) {
	for _, isolation := range isolations {
		t.Run(isolation.String(), func(t *testing.T) {
			const limit, queue, callers = 2, 3, 12
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			defer debug.SetGCPercent(debug.SetGCPercent(1))
			var hogs, wg sync.WaitGroup
			var over atomic.Bool
			for range 8 {
				hogs.Go(func() {
					for !over.Load() {
					}
				})
			}
			c := newTestCircuit(t, quill.Settings{
				Isolation: isolation, MaxConcurrent: limit, QueueSize: queue, Timeout: 20 * time.Millisecond,
				RequestVolumeThreshold: 1_000_000,
			})
			var entered, alive, most atomic.Int64
			time.AfterFunc(700*time.Millisecond, func() { over.Store(true) })
			for id := range callers {
				wg.Go(func() {
					for n := 0; n == 0 || !over.Load(); n++ {
						ctx, cancel := context.WithCancel(t.Context())
						if id%4 == 0 {
							go cancel()
						}
						entered.Add(1)
						_, _ = quill.Do(ctx, c, func(context.Context) (int, error) {
							defer alive.Add(-1)
							now := alive.Add(1)
							for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
							}
							runtime.Gosched()
							return 0, nil
						})
						cancel()
						runtime.Gosched() // a caller that is rejected is no ninth hog
					}
				})
			}
			wg.Wait()
			over.Store(true)
			hogs.Wait()
			for alive.Load() > 0 || c.Stats().InFlight > 0 || c.Stats().Abandoned > 0 { // work that was left behind ends now
				runtime.Gosched()
			}
			requireNothingHeld(t, c)
			require.LessOrEqual(t, most.Load(), int64(limit))
			require.Equal(t, uint64(entered.Load()), c.Stats().Total.Total(), "each call has one outcome")
			frees := make([]func(), limit)
			for i := range frees { // exactly as many slots as there were
				frees[i] = c.Bulkhead().TakeSlot()
			}
			require.Equal(t, limit, c.Stats().InFlight)
			for _, free := range frees {
				free()
			}
			t.Logf("%d calls: %+v", entered.Load(), c.Stats().Total)
		})
	}
}
