package quill_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// world is a circuit that a row's call is made through.
type world struct {
	row
	c     *quill.Circuit
	diary *diary
	runs  atomic.Int64
}

// forEachRow builds a world for each row of the table, on each isolation.
func forEachRow(t *testing.T, f func(t *testing.T, w *world, isolation quill.Isolation)) {
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, isolation quill.Isolation) {
				if r.semaphoreOnly && isolation == quill.Pool {
					return
				}
				w := &world{row: r, diary: &diary{}}
				s := r.settings
				s.Isolation = isolation
				opts := []quill.Option{w.diary.hooks()}
				if r.verdict != nil {
					opts = append(opts, quill.WithClassifier(r.verdict))
				}
				w.c = newTestCircuit(t, s, opts...)
				if r.arrange != nil {
					r.arrange(t, w.c)
				}
				f(t, w, isolation)
			})
		})
	}
}

func (w *world) command() *quill.Command[string, string] {
	return quill.Bind(w.c, func(ctx context.Context, req string) (string, error) {
		w.runs.Add(1)
		return "answer to " + req, w.run(ctx)
	})
}

func (w *world) context(t *testing.T) (context.Context, context.CancelFunc) {
	if w.ctx == nil {
		return t.Context(), func() {}
	}
	return w.ctx(t.Context())
}

func TestEveryOutcomeIsCountedOnceAndTold(t *testing.T) {
	forEachRow(t, func(t *testing.T, w *world, isolation quill.Isolation) {
		ctx, cancel := w.context(t)
		defer cancel()
		before, told, start := w.c.Stats(), w.diary.len(), time.Now()
		a, err := w.command().Answer(ctx, "550")
		took := time.Since(start)
		after := w.c.Stats()

		require.Equal(t, w.outcome, a.Outcome)
		require.Equal(t, w.takes[isolation], took, "the caller must be back in time")
		require.Equal(t, w.neverRuns, w.runs.Load() == 0)
		w.requireError(t, err)

		require.Equal(t, before.Total.Total()+1, after.Total.Total(), "one call, one outcome")
		require.Equal(t, before.Total.Of(w.outcome)+1, after.Total.Of(w.outcome))
		require.Equal(t, before.Window.Of(w.outcome)+1, after.Window.Of(w.outcome))
		require.Equal(t, before.Health.Requests+oneIf(w.inWindow), after.Health.Requests, "in the window?")
		require.Equal(t, before.Health.Errors+oneIf(w.isError), after.Health.Errors, "an error?")
		require.Equal(t, before.TotalExecution.Count()+oneIf(!w.neverRuns), after.TotalExecution.Count())
		require.Equal(t, before.TotalWhole.Count()+oneIf(!w.neverRuns), after.TotalWhole.Count())
		require.Equal(t, w.state, after.State)
		require.Zero(t, after.Panics+after.LateResults)

		require.Equal(t, told+1, w.diary.len(), "one call, one event")
		e := w.diary.last(t)
		require.Equal(t, w.outcome, e.Outcome)
		require.Equal(t, w.state, e.State)
		require.Equal(t, took, e.Total)
		require.Equal(t, "dep", e.Command)
		require.Empty(t, e.Step)
		if err != nil {
			require.ErrorIs(t, err, e.Err)
		}
	})
}

func (w *world) requireError(t *testing.T, err error) {
	t.Helper()
	switch {
	case w.exactly != nil:
		require.Equal(t, w.exactly, err, "run's own error is untouched")
		return
	case len(w.is) == 0:
		require.NoError(t, err)
		return
	}
	for _, target := range w.is {
		require.ErrorIs(t, err, target)
	}
	for _, target := range w.isNot {
		require.NotErrorIs(t, err, target)
	}
	if w.outcome == quill.Ignored {
		return
	}
	e := asError(t, err)
	if e.Command == "inner" {
		return
	}
	require.Equal(t, "dep", e.Command)
	require.Equal(t, w.outcome, e.Outcome)
	require.Equal(t, w.state, e.State)
	require.Equal(t, w.outcome == quill.Timeout, e.Timeout())
	require.Empty(t, e.Steps)
}

func TestEveryOutcomeThatCallsForAFallbackGetsIt(t *testing.T) {
	forEachRow(t, func(t *testing.T, w *world, _ quill.Isolation) {
		ctx, cancel := w.context(t)
		defer cancel()
		var cause error
		asked := 0
		command := w.command().Fallback("spare", func(_ context.Context, req string, why error) (string, error) {
			asked, cause = asked+1, why
			return "spare answer to " + req, nil
		})
		a, err := command.Answer(ctx, "550")
		e := w.diary.last(t)
		require.Equal(t, w.outcome, a.Outcome)
		require.Equal(t, w.outcome, e.Outcome, "a fallback does not change how the call itself ended")
		if !w.fallback {
			require.Zero(t, asked)
			require.Empty(t, a.Step)
			w.requireError(t, err)
			return
		}
		require.NoError(t, err)
		require.Equal(t, 1, asked)
		require.Equal(t, "spare answer to 550", a.Value)
		require.Equal(t, "spare", a.Step)
		require.Equal(t, "spare", e.Step)
		require.Equal(t, cause, a.Cause)
		w.requireError(t, cause)
	})
}

func TestEveryOutcomeIsTheSameThroughBegin(t *testing.T) {
	forEachRow(t, func(t *testing.T, w *world, _ quill.Isolation) {
		ctx, cancel := w.context(t)
		defer cancel()
		before, told := w.c.Stats(), w.diary.len()
		k, err := w.c.Begin(ctx)
		if err == nil {
			require.False(t, w.neverRuns)
			var o quill.Outcome
			o, err = k.End(w.run(k.Context()))
			require.Equal(t, w.outcome, o)
			require.Error(t, k.Context().Err(), "End cancels the context")
		} else {
			require.True(t, w.neverRuns)
		}
		w.requireError(t, err)
		after := w.c.Stats()
		require.Equal(t, before.Total.Total()+1, after.Total.Total(), "one call, one outcome")
		require.Equal(t, before.Total.Of(w.outcome)+1, after.Total.Of(w.outcome))
		require.Equal(t, before.Health.Requests+oneIf(w.inWindow), after.Health.Requests)
		require.Equal(t, before.Health.Errors+oneIf(w.isError), after.Health.Errors)
		require.Equal(t, told+1, w.diary.len(), "one call, one event")
		require.Equal(t, w.outcome, w.diary.last(t).Outcome)
	})
}

func TestEveryOutcomeGivesEverythingBack(t *testing.T) {
	forEachRow(t, func(t *testing.T, w *world, _ quill.Isolation) {
		taken := w.c.Bulkhead().Stats()
		probes := w.c.Stats().Probes
		ctx, cancel := w.context(t)
		defer cancel()
		_, _ = w.command().Do(ctx, "550")
		pass(time.Hour) // all that still ran has ended
		b := w.c.Bulkhead().Stats()
		require.LessOrEqual(t, b.InFlight, taken.InFlight)
		require.Zero(t, b.Abandoned)
		require.LessOrEqual(t, w.c.Stats().Probes, probes)
		require.Zero(t, w.c.Stats().Abandoned)
	})
}

func oneIf(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
