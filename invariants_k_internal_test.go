package quill

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestK04ACallNeedsNoLockThatAReaderHolds: whoever reads statistics holds the gate's lock
// and the bulkhead's for a moment, and who makes a circuit that of the registry. A call that
// succeeds on a closed circuit takes none of them, nor do calls of a pool that has a worker
// to spare.
func TestK04ACallNeedsNoLockThatAReaderHolds(t *testing.T) {
	for _, isolation := range []Isolation{Semaphore, Pool} {
		t.Run(isolation.String(), func(t *testing.T) {
			r := NewRegistry()
			c := NewCircuit("k04", WithRegistry(r), Settings{Isolation: isolation, RollingWindow: time.Hour, RollingBuckets: 1})
			defer c.bulkhead.DismissWorkers()
			one := func(context.Context) (int, error) { return 1, nil }
			for range 100 { // a pool has a warm worker then
				_, err := Do(t.Context(), c, one)
				require.NoError(t, err)
			}

			for _, lock := range []*sync.Mutex{&c.gate.mu, &c.bulkhead.mu, &c.meters.mu, &c.configuring} {
				lock.Lock()
				defer lock.Unlock()
			}
			r.mu.Lock() // as it is while a circuit is made
			defer r.mu.Unlock()
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
		})
	}
}
