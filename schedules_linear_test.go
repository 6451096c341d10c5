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

// Operations that meet step by step, not only at their ends: schedules drawn at random of
// histories too long to be explored in full.
func TestC01BreakerIsLinearizableInSampledSchedules(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for name, test := range linearized {
		t.Run(name, func(t *testing.T) {
			operations, overlapping := 0, 0
			var drawn uint64
			r := explore.Sample(seed, 3000, func(s *explore.Scenario) {
				c := newCircuit("dep", &options{settings: test.settings()})
				var h history
				client := gateClient(c, new(atomic.Int64), test.ends)
				for id := range 3 {
					drawn++
					random := rand.New(rand.NewPCG(seed, drawn))
					s.Go(fmt.Sprint(id), func() { client(id, &h, random) })
				}
				s.Finally(func() error {
					operations += len(h.all)
					overlapping += h.overlapping()
					if porcupine.CheckOperationsTimeout(sequential(&c.config.Load().rules), h.all, 20*time.Second) != porcupine.Ok {
						return fmt.Errorf("no sequence explains %+v", h.all)
					}
					return nil
				})
			})
			require.NoError(t, r.Err)
			share := 100 * float64(overlapping) / float64(operations)
			t.Logf("%d histories, %d operations, %.1f %% of them overlapped", r.Executions, operations, share)
			require.GreaterOrEqual(t, share, 5.0)
		})
	}
}
