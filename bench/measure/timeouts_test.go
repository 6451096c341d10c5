package measure_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/bench/contender"
	"github.com/seed-f7c3343e/quill/bench/measure"
)

func TestGoroutinesBesideTheCallersAreCounted(t *testing.T) {
	const callers, beside = 20, 30
	subject := func(goroutines int, until <-chan struct{}) *measure.Subject {
		call := func(ctx context.Context, _ int) (int, error) {
			release := make(chan struct{})
			defer close(release)
			for range goroutines {
				go func() {
					select {
					case <-release:
					case <-until: // nil: never
					}
				}()
			}
			if until != nil {
				for range goroutines {
					go func() { <-until }()
				}
			}
			<-time.After(5 * time.Millisecond) // real time: it is what is measured
			return contender.FallbackAnswer, ctx.Err()
		}
		return &measure.Subject{Call: call, Case: contender.TimesOut, Load: measure.Load{Cores: 2, Callers: callers}}
	}
	// What is counted depends on the machine: one that is busy may not have all callers there at
	// the same time, nor look at that time. So it is looked at until it was right.
	const tries = 50
	seen := func(peak, staying int, got func() measure.Timeouts) {
		t.Helper()
		var last measure.Timeouts
		for range tries {
			last = got()
			require.LessOrEqual(t, last.Peak, peak)
			require.Zero(t, last.Wrong)
			require.Len(t, last.Late, callers)
			require.Positive(t, last.Late[0], "back 4 ms too late")
			if last.Peak == peak && last.Staying == staying {
				return
			}
		}
		require.Equal(t, []int{peak, staying}, []int{last.Peak, last.Staying})
	}
	for range 3 { // what the one before leaves behind is not taken from the next
		seen(callers*beside, 0, func() measure.Timeouts { return subject(beside, nil).AllTimeOut(time.Millisecond) })
		seen(2*callers*beside, callers*beside, func() measure.Timeouts {
			stuck := make(chan struct{})
			defer close(stuck)
			return subject(beside, stuck).AllTimeOut(time.Millisecond)
		})
	}
	seen(0, 0, func() measure.Timeouts { return subject(0, nil).AllTimeOut(time.Millisecond) })
}
