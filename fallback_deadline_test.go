package quill_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// A fallback has the earlier of FallbackTimeout and the caller's own deadline, the caller's
// if they are the same, and is told which by the cause.
func TestFallbackHasTheEarlierOfBothDeadlines(t *testing.T) {
	for name, c := range map[string]struct {
		caller, want time.Duration
		cause        error
	}{
		"the caller's is later":    {time.Hour, time.Second, quill.ErrTimeout},
		"the caller's is earlier":  {time.Second / 2, time.Second / 2, context.DeadlineExceeded},
		"they are the same":        {time.Second, time.Second, context.DeadlineExceeded},
		"the caller's has no time": {1, 1, context.DeadlineExceeded},
	} {
		play := func(t *testing.T) {
			circuit := newTestCircuit(t, quill.Settings{FallbackTimeout: time.Second})
			ctx, cancel := context.WithTimeout(t.Context(), c.caller)
			defer cancel()
			began := time.Now()
			var left, took time.Duration
			var cause error
			_, _ = quill.Bind(circuit, func(context.Context, int) (int, error) { return 0, errSick }).
				Fallback("slow", func(ctx context.Context, _ int, _ error) (int, error) {
					at, ok := ctx.Deadline()
					require.True(t, ok)
					left = time.Until(at)
					<-ctx.Done()
					took, cause = time.Since(began), context.Cause(ctx)
					return 0, errSpare
				}).Do(ctx, 1)
			require.Equal(t, c.want, left)
			require.Equal(t, c.want, took)
			require.Equal(t, c.cause, cause)
		}
		t.Run(name, func(t *testing.T) {
			for range 20 { // of two timers at one instant either may fire first
				inBubble(t, play)
			}
		})
	}
}
