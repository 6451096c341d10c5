//go:build explore

package quill

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

// sampleLinearizable asks of schedules that are drawn at random, of histories too long to be
// explored in full, whether a sequence explains each. Operations meet step by step here, at
// the reads and writes within them: nothing else is between their beginnings and their ends.
func sampleLinearizable(
	t *testing.T, n int, model porcupine.Model, client func(s *explore.Scenario) func(id int, h *history, random *rand.Rand),
) {
	t.Helper()
	seed := drawSeed(t)
	operations, overlapping := 0, 0
	var drawn uint64
	alone(t)
	r := explore.Sample(seed, n, func(s *explore.Scenario) {
		var h history
		run := client(s)
		for id := range 3 {
			drawn++
			random := rand.New(rand.NewPCG(seed, drawn))
			s.Go(fmt.Sprint(id), func() { run(id, &h, random) })
		}
		s.Finally(func() error {
			operations += len(h.all)
			overlapping += h.overlapping()
			if porcupine.CheckOperationsTimeout(model, h.all, 20*time.Second) != porcupine.Ok {
				return fmt.Errorf("no sequence explains %+v", h.all)
			}
			return nil
		})
	})
	require.NoError(t, r.Err)
	share := 100 * float64(overlapping) / float64(operations)
	t.Logf("%d histories, %d operations, %.1f %% of them overlapped", r.Executions, operations, share)
	require.GreaterOrEqual(t, share, 5.0)
}

func TestC01BreakerIsLinearizableInSampledSchedules(t *testing.T) {
	for name, test := range linearized {
		t.Run(name, func(t *testing.T) {
			sampleLinearizable(t, 3000, sequential(test), func(*explore.Scenario) func(int, *history, *rand.Rand) {
				return gateClient(newCircuit("dep", &options{settings: test.settings()}), new(atomic.Int64), test.ends)
			})
		})
	}
}

func TestA01SemaphoreIsLinearizableInSampledSchedules(t *testing.T) {
	const limit = 2
	for name, lends := range map[string]bool{"whole": false, "lent": true} {
		t.Run(name, func(t *testing.T) {
			sampleLinearizable(t, 3000, semaphore(limit), func(*explore.Scenario) func(int, *history, *rand.Rand) {
				return semaphoreClient(newBulkhead("dep", Settings{Isolation: Semaphore, MaxConcurrent: limit}), lends)
			})
		})
	}
}
