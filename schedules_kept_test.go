//go:build explore

package quill

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

func TestA08TwoTasksKeepOneWorkerInSchedulesWithinStops(t *testing.T) {
	well := func(n int) (int, error) { return n, nil }
	exits := func(int) (int, error) { runtime.Goexit(); return 0, nil }
	schedulesWithin(t, 2, "two keep the same worker, and one exits", func(s *explore.Scenario) {
		p := newWarmPool(s, 2, 0)
		s.Go("exits", func() {
			call := p.keeper()
			call(1, well)
			call(3, exits)
		})
		s.Go("lasts", func() {
			call := p.keeper()
			call(2, well)
		})
		p.reap(3, 0)
		s.Finally(p.allServed(2))
	})
}

func TestJ05AResizeLeavesTheIsolationAsItIsInSchedulesWithinStops(t *testing.T) {
	schedulesWithin(t, 1, "resized while configured", func(s *explore.Scenario) {
		c := newCircuit("dep", &options{settings: Settings{Isolation: Pool}})
		s.Go("resizer", func() { _ = c.bulkhead.Resize(5, 0) })
		s.Go("operator", func() { _ = c.Configure(Settings{Isolation: Semaphore}) })
		s.Finally(func() error {
			if i := c.bulkhead.isolation; i != Semaphore {
				return fmt.Errorf("the bulkhead has %v", i)
			}
			return nil
		})
	})
}
