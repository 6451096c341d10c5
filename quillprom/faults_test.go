package quillprom_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillprom"
)

// full is a store that keeps nothing.
type full struct{}

func (full) Save(context.Context, int, int) error { return errSick }
func (full) Last(context.Context, int) (quill.Stored[int], error) {
	return quill.Stored[int]{}, errSick
}

// What should be 0 is told where it is not, each kind under its own name.
func TestWhatShouldBeZeroIsToldWhereItIsNot(t *testing.T) {
	r := quill.NewRegistry()
	c := circuit(t, r, "dep", quill.Settings{Isolation: quill.Semaphore}, quill.WithHooks(quill.Hooks{
		OnCall: func(_ context.Context, e quill.CallEvent) {
			if e.Outcome == quill.Ignored {
				panic("the hook")
			}
		},
	}))
	answer := quill.Bind(c, func(context.Context, int) (int, error) { return 1, nil })
	kept := answer.FallbackLast(full{})
	for range 2 {
		_, err := kept.Do(t.Context(), 1)
		require.NoError(t, err)
	}
	for range 3 {
		require.Panics(t, func() {
			_, _ = quill.Do(t.Context(), c, func(context.Context) (int, error) { panic("run") })
		})
	}
	for range 4 {
		require.Panics(t, func() { c.Report(t.Context(), quill.Ignore(errSick), 0) })
	}
	for range 5 {
		require.Error(t, c.Configure(quill.Settings{Probes: -1}))
	}
	require.Error(t, r.Configure(map[string]quill.Settings{"dep": {Timeout: time.Minute}, "no such circuit": {}}))
	late, err := c.Begin(t.Context())
	require.NoError(t, err)
	c.Reset()
	_, _ = late.End(nil)
	scrape(t, quillprom.New(r, quillprom.Settings{})).has(t, samples{
		`hystrix_command_store_errors_total{command_name="dep"}`:          2,
		`hystrix_command_panics_total{command_name="dep"}`:                3,
		`hystrix_command_hook_panics_total{command_name="dep"}`:           4,
		`hystrix_command_config_rejected_total{command_name="dep"}`:       6,
		`hystrix_command_late_results_total{command_name="dep"}`:          1,
		`hystrix_command_notifications_dropped_total{command_name="dep"}`: 0,
	})
}
