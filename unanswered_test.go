package quill_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// Each call has one end: run's own answer, a fallback's, none, or nothing that anybody
// waits for. The counters agree with that on every path.
func TestCallsThatNobodyAnswersAreCountedByWhy(t *testing.T) {
	failing := func(context.Context, int) (int, error) { return 0, errSick }
	spare := func(err error) func(context.Context, int, error) (int, error) {
		return func(context.Context, int, error) (int, error) { return 0, err }
	}
	run := func(what string, want quill.Unanswered, f func(t *testing.T, c *quill.Circuit)) {
		onBoth(t, func(t *testing.T, isolation quill.Isolation) {
			c := newTestCircuit(t, quill.Settings{Isolation: isolation, MaxConcurrentFallbacks: 1, FallbackTimeout: quill.NoTimeout})
			f(t, c)
			s := c.Stats()
			require.Equal(t, want, s.Unanswered, what)
			answered := s.Total.Success + s.Total.Ignored + s.Total.Canceled
			for _, step := range s.Fallbacks {
				answered += step.Answered
			}
			require.Equal(t, s.Total.Total(), answered+s.Unanswered.Total(), what)
		})
	}
	run("no fallback", quill.Unanswered{Missing: 3}, func(t *testing.T, c *quill.Circuit) {
		calls(t, c, 1, errSick)
		calls(t, c, 1, nil)
		calls(t, c, 1, quill.Ignore(errMine))
		require.NoError(t, c.Override(quill.ForceOpen, 0, ""))
		calls(t, c, 2, nil)
	})
	run("through Begin", quill.Unanswered{Missing: 2}, func(t *testing.T, c *quill.Circuit) {
		for _, err := range []error{nil, errSick, errSick} {
			k, refused := c.Begin(t.Context())
			require.NoError(t, refused)
			_, _ = k.End(err)
		}
	})
	run("a fallback that fails, one that answers", quill.Unanswered{Failed: 2}, func(t *testing.T, c *quill.Circuit) {
		bad := quill.Bind(c, failing).Fallback("spare", spare(errSpare))
		for range 2 {
			_, err := bad.Do(t.Context(), 0)
			require.ErrorIs(t, err, errSpare)
		}
		_, err := bad.Fallback("good", spare(nil)).Do(t.Context(), 0)
		require.NoError(t, err)
		_, err = bad.OrElse(1).Answer(t.Context(), 0)
		require.NoError(t, err)
	})
	run("a fallback that panics", quill.Unanswered{Failed: 1}, func(t *testing.T, c *quill.Circuit) {
		cmd := quill.Bind(c, failing).Fallback("spare", func(context.Context, int, error) (int, error) { panic("no") })
		require.Panics(t, func() { _, _ = cmd.Do(t.Context(), 0) })
	})
	run("a run that panics", quill.Unanswered{Missing: 1}, func(t *testing.T, c *quill.Circuit) {
		cmd := quill.Bind(c, func(context.Context, int) (int, error) { panic("no") }).OrElse(1)
		require.Panics(t, func() { _, _ = cmd.Do(t.Context(), 0) })
	})
	run("the fallbacks are full", quill.Unanswered{Rejected: 1}, func(t *testing.T, c *quill.Circuit) {
		cmd := quill.Bind(c, failing).Fallback("spare", func(context.Context, int, error) (int, error) {
			pass(time.Second)
			return 0, nil
		})
		first := cmd.Go(t.Context(), 0)
		pass(time.Millisecond)
		_, err := cmd.Do(t.Context(), 0)
		require.ErrorIs(t, err, quill.ErrFallbackFull)
		_, err = first.Wait(t.Context())
		require.NoError(t, err)
	})
	run("the caller has gone", quill.Unanswered{Missing: 1}, func(t *testing.T, c *quill.Circuit) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := quill.Bind(c, func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}).OrElse(1).Do(ctx, 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
