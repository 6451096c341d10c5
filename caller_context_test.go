package quill_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// A deadline so far away that a Duration does not hold the time until then is none.
func TestACallersDeadlineFarAwayEndsNoCall(t *testing.T) {
	deadlines := map[string]func(context.Context) (context.Context, context.CancelFunc){
		"the longest timeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, math.MaxInt64)
		},
		"the year 9999": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadline(ctx, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))
		},
	}
	for name, with := range deadlines {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				c := newTestCircuit(t, quill.Settings{Isolation: isolation})
				pass(time.Second) // the sum overflows only after some time
				ctx, cancel := with(t.Context())
				defer cancel()
				v, err := quill.Do(ctx, c, func(context.Context) (int, error) { return 7, nil })
				require.NoError(t, err)
				require.Equal(t, 7, v)
			})
		})
	}
}

// A caller's deadline of the wall clock, and one that is over.
func TestACallersDeadlineOfTheWallClockIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		at := time.Now().Round(0).Add(100 * time.Millisecond) // without a monotonic part
		ctx, cancel := context.WithDeadline(t.Context(), at)
		defer cancel()
		began := time.Now()
		_, err := quill.Do(ctx, c, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 100*time.Millisecond, time.Since(began))
		require.EqualValues(t, 1, c.Stats().Total.Timeout)
	})
}

// held is a context whose Err takes its time, once, as if another had the processor.
type held struct {
	context.Context //nolint:containedctx // it is one

	once *bool
}

func (h held) Err() error {
	if !*h.once {
		*h.once = true
		time.Sleep(50 * time.Millisecond)
	}
	return h.Context.Err()
}

// What comes between the beginning of a call and the look at the caller's deadline does not
// bring that deadline nearer.
func TestACallersDeadlineIsNoEarlierThanItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, Timeout: 10 * time.Second})
		parent, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := quill.Do(held{parent, new(bool)}, c, func(context.Context) (int, error) {
			time.Sleep(120 * time.Millisecond)
			return 7, nil
		})
		require.NoError(t, err)
	})
}
