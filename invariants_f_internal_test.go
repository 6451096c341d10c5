package quill

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestF06WhoIsRefusedAFallbackDoesNotCount, not even for an instant: a chain that comes
// meanwhile would be refused although there is a place, and the gauge would be above its
// limit.
func TestF06WhoIsRefusedAFallbackDoesNotCount(t *testing.T) {
	c := NewCircuit("f06", WithRegistry(NewRegistry()), Settings{MaxConcurrentFallbacks: 1})
	cfg := c.config.Load()
	var held fallbackSlot
	require.True(t, held.acquire(c, cfg))
	end := make(chan struct{})
	var refused sync.WaitGroup
	for range 2 {
		refused.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				var place fallbackSlot
				if place.acquire(c, cfg) {
					t.Error("a second one runs")
				}
			}
		})
	}
	most := int64(0)
	for start := time.Now(); time.Since(start) < 100*time.Millisecond; {
		for range 1000 {
			most = max(most, c.meters.fallbacks.Load())
		}
	}
	close(end)
	refused.Wait()
	require.EqualValues(t, 1, most)
	held.release(c)
	require.Zero(t, c.Stats().FallbacksInFlight)
}
