package quill_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestForcedOpenRefusesProbesToo(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		openUp(t, c)
		require.NoError(t, c.Override(quill.ForceOpen, 0, "the data center burns"))
		for range 3 {
			pass(5 * time.Second)
			err := asError(t, call(t, c, nil))
			require.ErrorIs(t, err, quill.ErrOpen)
			require.Equal(t, "quill: dep: circuit open (forced open: the data center burns)", err.Error())
			require.Equal(t, quill.Open, err.State)
			require.Zero(t, err.RetryAfter, "nobody knows")
		}
		s := c.Stats()
		require.Equal(t, quill.ForceOpen, s.Override)
		require.Equal(t, "the data center burns", s.OverrideReason)
		require.Zero(t, s.OverrideLeft)
		require.True(t, s.Open())
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		require.Equal(t, quill.Open, c.State(), "what lies beneath is as it was")
		require.NoError(t, call(t, c, nil))
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestForcedClosedAdmitsAllAndGoesOnJudging(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		require.NoError(t, c.Override(quill.ForceClosed, 0, "we must"))
		for range 100 {
			require.Equal(t, errSick, call(t, c, errSick))
		}
		s := c.Stats()
		require.Equal(t, quill.Open, s.State, "beneath")
		require.False(t, s.Open())
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
	})
}

func TestForcedClosedOverAnOpenCircuitMovesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		openUp(t, c)
		require.NoError(t, c.Override(quill.ForceClosed, 0, ""))
		pass(5 * time.Second)
		calls(t, c, 5, nil)
		require.Equal(t, quill.Open, c.State(), "no probe was asked for")
		require.Zero(t, c.Stats().LateResults)
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		require.NoError(t, call(t, c, nil))
		require.Equal(t, quill.Closed, c.State())
	})
}

func TestDisabledAdmitsAllAndDoesNotJudge(t *testing.T) {
	onBoth(t, func(t *testing.T, isolation quill.Isolation) {
		c := newTestCircuit(t, quill.Settings{Isolation: isolation})
		require.NoError(t, c.Override(quill.Disabled, 0, ""))
		calls(t, c, 100, errSick)
		s := c.Stats()
		require.Equal(t, quill.Closed, s.State)
		require.False(t, s.Open())
		require.Equal(t, uint64(100), s.Health.Errors, "the statistics go on")
		require.NoError(t, c.Override(quill.NoOverride, 0, ""))
		require.Equal(t, quill.Closed, c.State())
		require.Zero(t, c.Stats().Health, "what it saw meanwhile is no evidence")
		require.Equal(t, uint64(100), c.Stats().Window.Failure)
		calls(t, c, 19, errSick)
		require.Equal(t, quill.Closed, c.State())
		calls(t, c, 1, errSick)
		require.Equal(t, quill.Open, c.State(), "it judges again")
	})
}

func TestEvidenceBeginsAfreshHoweverDisabledEnds(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, c *quill.Circuit){
		"ttl": func(t *testing.T, c *quill.Circuit) {
			require.NoError(t, c.Override(quill.Disabled, time.Second, ""))
			calls(t, c, 30, errSick)
			pass(time.Second)
		},
		"replaced": func(t *testing.T, c *quill.Circuit) {
			require.NoError(t, c.Override(quill.Disabled, 0, ""))
			calls(t, c, 30, errSick)
			require.NoError(t, c.Override(quill.ForceClosed, 0, ""))
		},
		"settings": func(t *testing.T, c *quill.Circuit) {
			s := c.Settings()
			s.Override = quill.Disabled
			require.NoError(t, c.Configure(s))
			calls(t, c, 30, errSick)
			s.Override = quill.NoOverride
			require.NoError(t, c.Configure(s))
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, rolling := range []int{0, 40} {
				inBubble(t, func(t *testing.T) {
					c := newTestCircuit(t, quill.Settings{RollingCalls: rolling})
					end(t, c)
					calls(t, c, 1, nil)
					require.Equal(t, quill.Closed, c.State())
					require.Equal(t, quill.Health{Requests: 1}, c.Stats().Health)
				})
			}
		})
	}
}

func TestOverrideEndsWithItsTimeToLive(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		require.NoError(t, c.Override(quill.ForceOpen, 90*time.Second, "spring cleaning"))
		pass(30 * time.Second)
		err := asError(t, call(t, c, nil))
		require.Equal(t, time.Minute, err.RetryAfter)
		require.Equal(t, time.Minute, c.Stats().OverrideLeft)
		pass(time.Minute - 1)
		require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
		pass(1)
		s := c.Stats()
		require.Equal(t, quill.NoOverride, s.Override, "right without traffic")
		require.Empty(t, s.OverrideReason)
		require.Zero(t, s.OverrideLeft)
		require.NoError(t, call(t, c, nil))
		require.Equal(t, []string{
			"override forced-open for 1m30s: spring cleaning",
			"the override's time is over",
		}, d.reasons())
		require.Equal(t, quill.ForceOpen, d.transitions[0].Override)
		require.Equal(t, quill.NoOverride, d.transitions[1].Override)
		require.Equal(t, quill.Closed, d.transitions[1].To)
	})
}

func TestOverrideOfSettingsShowsWhenTheOtherEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{Override: quill.ForceOpen}, d.hooks())
		err := asError(t, call(t, c, nil))
		require.Equal(t, "quill: dep: circuit open (forced open by its settings)", err.Error())
		require.NoError(t, c.Override(quill.ForceClosed, time.Minute, ""))
		require.NoError(t, call(t, c, nil))
		pass(time.Minute)
		require.Equal(t, quill.ForceOpen, c.Stats().Override)
		require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
		require.NoError(t, c.Configure(quill.Settings{}))
		require.NoError(t, call(t, c, nil))
		require.NoError(t, c.Configure(quill.Settings{Override: quill.Disabled}))
		require.Equal(t, quill.Disabled, c.Stats().Override)
		require.Equal(t, []string{
			"override forced-closed for 1m0s",
			"the override's time is over",
			"the override was ended: by its settings",
			"override disabled: by its settings",
		}, d.reasons())
	})
}

func TestOverrideCanBeEndedAndReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		require.NoError(t, c.Override(quill.NoOverride, 0, "there is none"))
		require.Empty(t, d.reasons())
		require.NoError(t, c.Override(quill.ForceOpen, time.Minute, ""))
		require.NoError(t, c.Override(quill.ForceClosed, 0, "it is well"))
		require.NoError(t, call(t, c, nil))
		pass(time.Hour)
		require.Equal(t, quill.ForceClosed, c.Stats().Override, "the first one's time to live went with it")
		require.NoError(t, c.Override(quill.NoOverride, time.Hour, "thanks"))
		require.Equal(t, "the override was ended: thanks", d.reasons()[2])
		require.Zero(t, c.Stats().OverrideLeft)
	})
}

func TestOverrideForEverIsForEver(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		pass(time.Hour)
		require.NoError(t, c.Override(quill.ForceOpen, 1<<63-1, ""))
		pass(24 * time.Hour)
		require.ErrorIs(t, call(t, c, nil), quill.ErrOpen)
	})
}

func TestOverrideRefusesWhatItCannotDo(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		for want, err := range map[string]error{
			`override of "dep" is 9: must be none`:       c.Override(9, 0, ""),
			`override of "dep": time to live is -1s`:     c.Override(quill.ForceOpen, -time.Second, ""),
			`override of "dep": the reason has 1001 byt`: c.Override(quill.ForceOpen, 0, strings.Repeat("x", 1001)),
		} {
			require.ErrorContains(t, err, want)
		}
		require.NoError(t, call(t, c, nil))
		require.Empty(t, d.reasons())
		require.NoError(t, c.Override(quill.ForceOpen, 0, strings.Repeat("x", 1000)))
	})
}

func TestCallsUnderWayWhenForcedOpenStillCount(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{})
		f := quill.Go(t.Context(), c, func(context.Context) (int, error) { pass(time.Millisecond); return 7, nil })
		pass(1)
		require.NoError(t, c.Override(quill.ForceOpen, 0, ""))
		v, err := f.Wait(t.Context())
		require.NoError(t, err)
		require.Equal(t, 7, v)
		require.Equal(t, uint64(1), c.Stats().Health.Requests)
	})
}

// TestWhatWasCountedWhileDisabledIsNotJudgedAfterIt: whoever disabled the breaker, and whatever is
// put over it then.
func TestWhatWasCountedWhileDisabledIsNotJudgedAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, bySettings := range []bool{true, false} {
			s := quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 5}
			if bySettings {
				s.Override = quill.Disabled
			}
			c := newTestCircuit(t, s)
			if !bySettings {
				require.NoError(t, c.Override(quill.Disabled, 0, ""))
			}
			calls(t, c, 20, errSick)
			require.NoError(t, c.Override(quill.ForceClosed, 0, "maintenance"))
			calls(t, c, 4, nil)
			calls(t, c, 1, errSick) // one of the five since somebody judges
			require.Equal(t, quill.Closed, c.State(), "by settings: %v", bySettings)
		}
	})
}

func TestAProbeThatEndsUnderDisabledIsNotJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCircuit(t, quill.Settings{Isolation: quill.Semaphore, RequestVolumeThreshold: 1, SleepWindow: time.Second})
		openUp(t, c)
		pass(time.Second)
		k, err := c.Begin(t.Context())
		require.NoError(t, err)
		require.Equal(t, quill.HalfOpen, c.State())
		require.NoError(t, c.Override(quill.Disabled, 0, ""))
		_, _ = k.End(errSick)
		require.Equal(t, quill.HalfOpen, c.State(), "a disabled breaker does not judge")
		require.Zero(t, c.Stats().Probes, "and its place is free")
	})
}

func TestAnOverrideWhoseTimeIsOverIsNotToldAsOneInForce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var d diary
		c := newTestCircuit(t, quill.Settings{}, d.hooks())
		require.NoError(t, c.Override(quill.ForceOpen, time.Second, ""))
		pass(2 * time.Second)
		c.Reset()
		synctest.Wait()
		last := d.transitions[len(d.transitions)-1]
		require.Equal(t, quill.NoOverride, c.Stats().Override)
		require.Equal(t, quill.NoOverride, last.Override, "%+v", last)
	})
}
