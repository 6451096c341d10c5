package regressions_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestB08StaleResults
//
// S: a slow call A was admitted while the circuit was closed; then the circuit opens.
// T: (a) A succeeds within the sleep window; (b) A succeeds while a probe is out, and then
// the probe fails; (c) A fails while the circuit is open; (d) a probe of one half-open
// episode returns during the next one.
// C: the late result moves nothing, frees no place that is not its own, and announces
// nothing. It is counted as what it is, and as late.
//
// Source: Hystrix#1350; Polly#217, #218, #223; k8s-breakglass#981; denoland/std#7306;
// patron#1575; cep21/circuit at da534a6; hystrix-go, failsafe-go (reproduced).
func TestB08StaleResults(t *testing.T) {
	play := func(name string, f func(t *testing.T, c *quill.Circuit, late *quill.Call)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told recorder
				c := newCircuit(t, quill.Settings{Timeout: quill.NoTimeout, SleepWindow: sleepWindow}, told.hook())
				late := begin(t, c)
				trip(t, c)
				f(t, c, late)
				synctest.Wait()
				for i, m := range told.all() {
					require.NotEqual(t, m.From, m.To, "transition %d", i)
				}
				requireAllSlots(t, c)
			})
		})
	}
	play("a", func(t *testing.T, c *quill.Circuit, late *quill.Call) {
		before := c.Stats()
		outcome, err := late.End(nil)
		require.NoError(t, err)
		require.Equal(t, quill.Success, outcome)
		after := c.Stats()
		require.Equal(t, quill.Open, after.State)
		require.Equal(t, before.RetryAfter, after.RetryAfter)
		require.Equal(t, before.Health, after.Health, "no evidence")
		require.EqualValues(t, 1, after.LateResults)
		require.EqualValues(t, 1, after.Total.Success)
		requireRefused(t, c)
	})
	play("b", func(t *testing.T, c *quill.Circuit, late *quill.Call) {
		time.Sleep(sleepWindow)
		probe := begin(t, c)
		late.End(nil)
		require.Equal(t, quill.HalfOpen, c.State())
		require.Equal(t, 1, c.Stats().Probes)
		requireRefused(t, c)
		probe.End(errDown)
		require.Equal(t, quill.Open, c.State())
		require.Equal(t, sleepWindow, c.Stats().RetryAfter)
	})
	play("c", func(t *testing.T, c *quill.Circuit, late *quill.Call) {
		time.Sleep(time.Second)
		before := c.Stats()
		late.End(errDown)
		after := c.Stats()
		require.Equal(t, sleepWindow-time.Second, after.RetryAfter, "the sleep window goes on")
		require.Equal(t, before.LastTransition, after.LastTransition)
		require.Equal(t, before.Health, after.Health)
		require.EqualValues(t, 1, after.LateResults)
	})
	play("d", func(t *testing.T, c *quill.Circuit, late *quill.Call) {
		late.End(nil)
		time.Sleep(sleepWindow)
		first := begin(t, c)
		time.Sleep(sleepWindow) // its lease is over
		second := begin(t, c)
		second.End(errDown)
		time.Sleep(sleepWindow)
		third := begin(t, c)
		for range 2 {
			first.End(nil)
			require.Equal(t, quill.HalfOpen, c.State())
			require.Equal(t, 1, c.Stats().Probes, "not the place of the probe that is out")
			requireRefused(t, c)
		}
		third.End(nil)
		require.Equal(t, quill.Closed, c.State())
	})
}

// TestB08StaleFailuresAfterRecovery
//
// S: 20 calls were admitted before the circuit opened and are still under way.
// T: the circuit recovers, and then they fail.
// C: it stays closed: they tell of a time that is past. (The same fault from its other
// side; it has no number of its own.)
func TestB08StaleFailuresAfterRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCircuit(t, quill.Settings{
			Timeout: quill.NoTimeout, SleepWindow: sleepWindow, MaxConcurrent: 50,
		})
		late := make([]*quill.Call, 20)
		for i := range late {
			late[i] = begin(t, c)
		}
		trip(t, c)
		time.Sleep(sleepWindow)
		requireProbeAdmitted(t, c)
		for _, k := range late {
			k.End(errDown)
		}
		require.Equal(t, quill.Closed, c.State())
		require.Equal(t, quill.Health{Requests: 1}, c.Stats().Health)
		require.EqualValues(t, 20, c.Stats().LateResults)
	})
}

// TestB09TwoStepResults
//
// S: a call in two steps: Begin, then End.
// T: (a) the state moves on between the two; (b) End is called twice, with different
// results; (c) End is never called.
// C: (a) the result is reported as late to OnCall and in LateResults, and frees its own
// slot only; (b) the first End counts, the second returns what the first did; (c) the call
// shows as in flight, and a probe's place is free again after its lease.
//
// Source: gobreaker#122.
func TestB09TwoStepResults(t *testing.T) {
	settings := quill.Settings{Timeout: quill.NoTimeout, SleepWindow: sleepWindow}
	t.Run("a", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var last quill.CallEvent
			c := newCircuit(t, settings, quill.WithHooks(quill.Hooks{
				OnCall: func(_ context.Context, e quill.CallEvent) { last = e },
			}))
			late := begin(t, c)
			trip(t, c)
			require.False(t, last.Late)
			late.End(nil)
			require.True(t, last.Late, "whoever ended it is told that it came too late")
			require.Equal(t, quill.Success, last.Outcome)
			require.EqualValues(t, 1, c.Stats().LateResults)
			requireAllSlots(t, c)
		})
	})
	t.Run("b", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCircuit(t, settings)
			k := begin(t, c)
			outcome, err := k.End(errDown)
			for range 3 {
				again, sameErr := k.End(nil)
				require.Equal(t, outcome, again)
				require.Equal(t, err, sameErr)
			}
			stats := c.Stats()
			require.EqualValues(t, 1, stats.Total.Failure)
			require.EqualValues(t, 1, stats.Total.Total())
			require.Zero(t, stats.InFlight, "one slot back, not three")
			require.ErrorIs(t, k.Context().Err(), context.Canceled)
			requireAllSlots(t, c)
		})
	})
	t.Run("c", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := newCircuit(t, settings)
			trip(t, c)
			time.Sleep(sleepWindow)
			_ = begin(t, c) // and forgotten
			requireRefused(t, c)
			require.Equal(t, 1, c.Stats().InFlight)
			require.Equal(t, 1, c.Stats().Probes)
			time.Sleep(sleepWindow)
			requireProbeAdmitted(t, c)
			require.Equal(t, 1, c.Stats().InFlight, "it still holds its slot")
		})
	})
}
