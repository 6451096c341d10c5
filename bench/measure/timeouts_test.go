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
	for range 3 { // what the one before leaves behind is not taken from the next
		got := subject(beside, nil).AllTimeOut(time.Millisecond)
		require.Equal(t, callers*beside, got.Peak)
		require.Zero(t, got.Staying)
		require.Zero(t, got.Wrong)
		require.Len(t, got.Late, callers)
		require.Positive(t, got.Late[0], "back 4 ms too late")

		stuck := make(chan struct{})
		got = subject(beside, stuck).AllTimeOut(time.Millisecond)
		require.Equal(t, 2*callers*beside, got.Peak)
		require.Equal(t, callers*beside, got.Staying)
		close(stuck)
	}
	require.Zero(t, subject(0, nil).AllTimeOut(time.Millisecond).Peak)
}
