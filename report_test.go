package quill_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestReportedResultsOpenAClosedCircuit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 4, ErrorPercentThreshold: 50})
		require.Equal(t, quill.Success, c.Report(t.Context(), nil, 0))
		require.Equal(t, quill.Success, c.Report(t.Context(), nil, 0))
		require.Equal(t, quill.Failure, c.Report(t.Context(), errSick, 0))
		require.Equal(t, quill.Closed, c.State())
		require.Equal(t, quill.Failure, c.Report(t.Context(), errSick, 0))
		require.Equal(t, quill.Open, c.State())
		require.Equal(t, quill.Counts{Success: 2, Failure: 2}, c.Stats().Total)
		require.Zero(t, c.Stats().LateResults)
	})
}

func TestReportedSuccessCompletesTheVolume(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 2, ErrorPercentThreshold: 50})
		c.Report(t.Context(), errSick, 0)
		c.Report(t.Context(), nil, 0)
		require.Equal(t, quill.Open, c.State())
	})
}

func TestReportedResultsMoveNoCircuitThatIsNotClosed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1, SleepWindow: time.Second})
		openUp(t, c)
		c.Report(t.Context(), nil, 0)
		require.Equal(t, quill.Open, c.State())

		pass(time.Second)
		probe, err := c.Begin(t.Context())
		require.NoError(t, err)
		c.Report(t.Context(), nil, 0)
		c.Report(t.Context(), errSick, 0)
		require.Equal(t, quill.HalfOpen, c.State())
		require.EqualValues(t, 3, c.Stats().LateResults)
		_, err = probe.End(nil)
		require.NoError(t, err)
		require.Equal(t, quill.Closed, c.State())
		require.Equal(t, uint64(1), c.Stats().Health.Requests, "the probe alone")
		requireNothingHeld(t, c)
	})
}

func TestReportIsJudgedUnderOverridesAsCallsAre(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for over, want := range map[quill.Override]quill.State{
			quill.ForceClosed: quill.Open, quill.Disabled: quill.Closed, quill.ForceOpen: quill.Closed,
		} {
			c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1, Override: over})
			c.Report(t.Context(), errSick, 0)
			require.Equal(t, want, c.State(), over)
		}
	})
}

func TestReportTakesNoSlotAndTellsHooks(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{MaxConcurrent: 1, SlowCallDuration: 100 * time.Millisecond}, d.hooks())
		free := occupy(t, c)
		require.Equal(t, quill.Success, c.Report(t.Context(), nil, 200*time.Millisecond))
		e := d.last(t)
		require.Equal(t, "dep", e.Command)
		require.Equal(t, 200*time.Millisecond, e.Execute)
		require.Equal(t, e.Execute, e.Total)
		require.EqualValues(t, 1, c.Stats().Health.Slow)
		require.Equal(t, 200*time.Millisecond, c.Stats().Execution.Sum())
		require.Equal(t, 200*time.Millisecond, c.Stats().Whole.Sum())
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		require.Equal(t, quill.Ignored, c.Report(gone, quill.Ignore(errMine), -time.Hour))
		require.Zero(t, d.last(t).Execute)
		free()
		requireNothingHeld(t, c)
	})
}

func TestJudgeOpensByTheSettingsInForceAndCountsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 20})
		for range 10 {
			c.Report(t.Context(), errSick, 0)
		}
		c.Judge()
		require.Equal(t, quill.Closed, c.State(), "short of the volume")

		settings := quill.Settings{RequestVolumeThreshold: 10, Override: quill.Disabled}
		require.NoError(t, c.Configure(settings))
		c.Judge()
		require.Equal(t, quill.Closed, c.State(), "a disabled breaker judges nothing")

		settings.Override = quill.NoOverride
		require.NoError(t, c.Configure(settings)) // forgets the window, as after each Disabled
		for range 9 {
			c.Report(t.Context(), errSick, 0)
		}
		settings.RequestVolumeThreshold = 9
		require.NoError(t, c.Configure(settings))
		require.Equal(t, quill.Closed, c.State(), "Configure leaves it to the next result")
		c.Judge()
		require.Equal(t, quill.Open, c.State())
		require.Contains(t, c.Stats().LastTransition.Reason, "9 of 9 calls failed")
		require.Equal(t, quill.Counts{Failure: 19}, c.Stats().Total)
		c.Judge()
		require.Equal(t, quill.Open, c.State())
	})
}

func TestAnOpeningThatIsTakenBackLeavesItsEvidence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 4, ErrorPercentThreshold: 50})
		c.TakeBack()
		require.Zero(t, c.Stats().LastTransition)
		for _, err := range []error{nil, nil, errSick, errSick} {
			c.Report(t.Context(), err, 0)
		}
		require.Equal(t, quill.Open, c.State())
		c.Report(t.Context(), errSick, 0) // counted, but no evidence
		require.NoError(t, c.Configure(quill.Settings{RequestVolumeThreshold: 6, ErrorPercentThreshold: 30}))
		c.TakeBack()
		require.Equal(t, quill.Closed, c.State())
		require.Equal(t, "closed: the opening was taken back", c.Stats().LastTransition.Reason)
		health := c.Stats().Health
		require.Equal(t, []uint64{4, 2}, []uint64{health.Requests, health.Errors})
		c.Report(t.Context(), nil, 0)
		require.Equal(t, quill.Closed, c.State())
		c.Report(t.Context(), nil, 0)
		require.Equal(t, quill.Open, c.State(), "2 of 6, as if it had not opened before")
		require.Equal(t, quill.Counts{Success: 4, Failure: 3}, c.Stats().Total)
	})
}

func TestResultsOfBeforeAnOpeningThatIsTakenBackAreNoEvidence(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		for _, err := range []error{nil, errSick} {
			c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 4, ErrorPercentThreshold: 100})
			under, refused := c.Begin(t.Context())
			require.NoError(t, refused)
			openUp(t, c)
			require.NoError(t, c.Configure(quill.Settings{RequestVolumeThreshold: 5, ErrorPercentThreshold: 80}))
			c.TakeBack()
			_, _ = under.End(err)
			require.Equal(t, quill.Closed, c.State())
			require.EqualValues(t, 4, c.Stats().Health.Requests, "what was under way no longer counts")
			c.Report(t.Context(), err, 0)
			require.Equal(t, quill.Open, c.State(), "the fifth is one of afterwards")
		}
	})
}

func TestTakeBackMovesNoHalfOpenCircuit(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{RequestVolumeThreshold: 1})
		c.Report(t.Context(), errSick, 0)
		pass(5 * time.Second)
		probe, err := c.Begin(t.Context())
		require.NoError(t, err)
		c.TakeBack()
		require.Equal(t, quill.HalfOpen, c.State())
		_, _ = probe.End(nil)
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestJudgeSeesNoPast(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		for range 10 {
			c.Report(t.Context(), errSick, 0)
		}
		pass(11 * time.Second)
		require.NoError(t, c.Configure(quill.Settings{RequestVolumeThreshold: 10}))
		c.Judge()
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestColdPoolKeepsNoWorker(t *testing.T) {
	for _, c := range []struct {
		opts []quill.Option
		idle int
	}{{nil, 1}, {[]quill.Option{quill.WithColdPool()}, 0}} {
		circuit := newTestCircuit(t, quill.Settings{}, c.opts...)
		calls(t, circuit, 5, nil)
		require.Equal(t, c.idle, circuit.Bulkhead().IdleWorkers())
	}
}

func TestColdPoolIsDecidedWhereTheCircuitIsMade(t *testing.T) {
	r := quill.NewRegistry()
	_, err := r.Circuit("dep")
	require.NoError(t, err)
	_, err = r.Circuit("dep", quill.WithColdPool())
	require.ErrorContains(t, err, `circuit "dep" exists and keeps its workers warm`)
	_, err = r.Circuit("cold", quill.WithColdPool())
	require.NoError(t, err)
	_, err = r.Circuit("cold", quill.WithColdPool())
	require.NoError(t, err)
}
