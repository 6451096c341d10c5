package quill

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/window"
)

func TestAnswersOfAStepAreCountedWhereTheyAreSpread(t *testing.T) {
	c := newCircuit("dep", &options{settings: Settings{Isolation: Semaphore, SleepWindow: MaxRetryAfter}})
	command := Bind(c, func(context.Context, int) (int, error) { return 0, context.Canceled }).OrElse(7)
	for i := range 300 {
		if i == 150 {
			c.meters.step("default").answers.Spread()
		}
		v, err := command.Do(t.Context(), 1)
		require.NoError(t, err)
		require.Equal(t, 7, v)
	}
	require.Equal(t, Open, c.State(), "most of them are refused")
	require.Equal(t, []StepStats{{Step: "default", Answered: 300}}, c.Stats().Fallbacks)
}

func TestAnswersOfAStepAreSpreadWithTheCountersOfTheirCircuit(t *testing.T) {
	s := new(stepMeter)
	s.answered(window.NoSeat)
	require.EqualValues(t, 2, s.answers.AddInPlace(answeredByStep))
	s.answered(1)
	s.answered(1)
	require.Zero(t, s.answers.AddInPlace(answeredByStep))
	require.EqualValues(t, 4, s.answers.Total(answeredByStep))
}

// Whatever the way to an answer, the call brings its seat along.
func TestEveryStepCountsAtTheSeatOfItsCall(t *testing.T) {
	for name, hooks := range map[string][]Hooks{"alone": nil, "with hooks": {{OnCall: func(context.Context, CallEvent) {}}}} {
		c := newCircuit("dep", &options{settings: Settings{Isolation: Semaphore, RequestVolumeThreshold: 100}, hooks: hooks})
		c.counters.Spread()
		command := Bind(c, func(context.Context, int) (int, error) { return 0, context.Canceled })
		_, _ = command.OrElse(7).Do(t.Context(), 1)
		_, _ = command.Fallback("spare", func(context.Context, int, error) (int, error) { return 7, nil }).Do(t.Context(), 1)
		for _, step := range []string{"default", "spare"} {
			require.Zero(t, c.meters.step(step).answers.AddInPlace(answeredByStep), "%s, %s", step, name)
		}
	}
}
