package quill_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// The time of a whole call has that of its fallbacks in it, whether they answer or not, and
// whether somebody is told or not.
func TestTheWholeCallLastsUntilItsFallbacksAreDone(t *testing.T) {
	const ran, fell = 10 * time.Millisecond, 300 * time.Millisecond
	for _, answer := range []error{nil, errSpare} {
		inBubble(t, func(t *testing.T) {
			slow := func(context.Context, int, error) (int, error) { pass(fell); return 1, answer }
			sick := func(context.Context, int) (int, error) { pass(ran); return 0, errSick }

			quiet := newTestCircuit(t, quill.Settings{})
			_, err := quill.Bind(quiet, sick).Fallback("slow", slow).Do(t.Context(), 1)
			require.Equal(t, answer == nil, err == nil)
			require.Equal(t, ran+fell, quiet.Stats().Whole.Sum())
			require.Equal(t, ran, quiet.Stats().Execution.Sum())

			var told []time.Duration
			watched := newTestCircuit(t, quill.Settings{}, quill.WithHooks(quill.Hooks{
				OnCall: func(_ context.Context, e quill.CallEvent) { told = append(told, e.Total) },
			}))
			command := quill.Bind(watched, sick).Fallback("slow", slow)
			_, _ = command.Do(t.Context(), 1)
			require.NoError(t, watched.Override(quill.ForceOpen, 0, ""))
			_, _ = command.Do(t.Context(), 1)
			require.Equal(t, []time.Duration{ran + fell, fell}, told, "a refused call as well")
		})
	}
}
