//go:build explore

package quill

import (
	"runtime"
	"testing"

	"github.com/seed-f7c3343e/quill/internal/explore"
)

func TestA08TwoTasksKeepOneWorkerInSchedulesWithinStops(t *testing.T) {
	well := func(n int) (int, error) { return n, nil }
	exits := func(int) (int, error) { runtime.Goexit(); return 0, nil }
	everyScheduleWithin(t, 2, "two keep the same worker, and one exits", func(s *explore.Scenario) {
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
