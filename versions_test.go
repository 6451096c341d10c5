package quill_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// What is slow is asked of the settings with which a call began.
func TestJ03ACallIsSlowBySettingsItBeganWith(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		strict := quill.Settings{Isolation: isolation, SlowCallDuration: time.Millisecond, SlowCallPercentThreshold: 100}
		lenient := quill.Settings{Isolation: isolation, SlowCallDuration: 900 * time.Millisecond, SlowCallPercentThreshold: 100}
		for _, c := range []struct {
			from, to quill.Settings
			slow     int
		}{{strict, lenient, 1}, {lenient, strict, 0}} {
			circuit := newTestCircuit(t, c.from)
			_, err := quill.Do(t.Context(), circuit, func(context.Context) (int, error) {
				pass(100 * time.Millisecond)
				require.NoError(t, circuit.Configure(c.to))
				return 1, nil
			})
			require.NoError(t, err)
			require.EqualValues(t, c.slow, circuit.Stats().Health.Slow)
		}
	})
}

func TestJ03AFallbackHasTheTimeOfTheSettingsItsCallBeganWith(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		before := quill.Settings{Isolation: isolation, FallbackTimeout: 10 * time.Second}
		after := quill.Settings{Isolation: isolation, FallbackTimeout: 20 * time.Second}
		circuit := newTestCircuit(t, before)
		var given time.Duration
		_, err := unadorned(circuit, func(context.Context) error {
			require.NoError(t, circuit.Configure(after))
			return errSick
		}).Fallback("spare", func(ctx context.Context, _ int, _ error) (int, error) {
			at, _ := ctx.Deadline()
			given = time.Until(at)
			return 1, nil
		}).Do(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, before.FallbackTimeout, given)
	})
}
