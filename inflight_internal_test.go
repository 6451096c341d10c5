package quill

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Found by the conformance runner, which reads the gauge as each run begins: the slot went
// to the next call before the last one was counted out.
func TestInFlightOnASharedBulkheadIsNeverAboveItsLimit(t *testing.T) {
	b := NewBulkhead("shared", BulkheadSettings{Isolation: Semaphore, MaxConcurrent: 1, QueueSize: 1000})
	c := NewCircuit("a", WithRegistry(NewRegistry()), WithBulkhead(b), Settings{Timeout: time.Minute})
	var most atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 3000 {
				_, err := Do(t.Context(), c, func(context.Context) (int, error) {
					if n := c.meters.inFlight.Load(); n > most.Load() {
						most.Store(n)
					}
					return 0, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(1), most.Load())
}
