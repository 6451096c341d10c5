package quill

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestK04ACallNeedsNoLockThatAReaderHolds: whoever reads statistics holds the gate's lock
// and the bulkhead's for a moment. A call that succeeds on a closed circuit takes neither.
func TestK04ACallNeedsNoLockThatAReaderHolds(t *testing.T) {
	c := NewCircuit("k04", WithRegistry(NewRegistry()), Settings{Isolation: Semaphore, RollingWindow: time.Hour, RollingBuckets: 1})
	one := func(context.Context) (int, error) { return 1, nil }
	_, err := Do(t.Context(), c, one)
	require.NoError(t, err)

	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.bulkhead.mu.Lock()
	defer c.bulkhead.mu.Unlock()
	done := make(chan error, 1)
	go func() {
		_, err := Do(t.Context(), c, one)
		done <- err
	}()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(5 * time.Second):
		t.Fatal("the call waits for a lock")
	}
}
