package regressions_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// TestB50Config
//
// S: settings from a file, from a factory, from an operator.
// T: (a) some are given, all are zero, or some are wrong; (b) two circuits come of one
// value; (c) settings change every millisecond during 1,000 calls a second.
// C: (a) defaults fill what is missing, an error names what is wrong, and then nothing
// changes; (b) they share nothing; (c) each call keeps the settings it began with: no
// timeout comes early or late; counts and state stay; the statistics tell the new settings.
//
// Source: circuit addec5c, da534a6; mercari#15; sentinel-golang#420; Polly#1578;
// resilience4j#1020, #1116, #1514, #2190; hystrix-go#10, #52 (reproduced).
func TestB50Config(t *testing.T) {
	t.Run("a", func(t *testing.T) {
		c := newCircuit(t, quill.Settings{})
		full := c.Stats().Settings
		require.Equal(t, quill.Settings{}.WithDefaults(), full)
		require.Equal(t, time.Second, full.Timeout)
		require.Equal(t, 10, full.RollingBuckets)

		partial, err := quill.ParseSettings([]byte(`{"timeout": "300ms"}`))
		require.NoError(t, err)
		require.NoError(t, c.Configure(partial))
		full.Timeout = 300 * time.Millisecond
		require.Equal(t, full, c.Stats().Settings)

		err = c.Configure(quill.Settings{Timeout: time.Minute, RollingBuckets: -1, Probes: 1000})
		wrong, is := errors.AsType[*quill.SettingsError](err)
		require.True(t, is)
		require.Equal(t, "dependency", wrong.Command)
		require.Len(t, wrong.Problems, 2)
		require.Equal(t, "RollingBuckets", wrong.Problems[0].Field)
		require.Equal(t, "Probes", wrong.Problems[1].Field)
		require.Equal(t, full, c.Stats().Settings, "all or nothing")
		_, err = quill.ParseSettings([]byte(`{"timeot": "300ms"}`))
		require.ErrorContains(t, err, "timeot")
	})
	t.Run("b", func(t *testing.T) {
		r, s := quill.NewRegistry(), quill.Settings{Timeout: time.Second}
		one, err := r.Circuit("one", s)
		require.NoError(t, err)
		two, err := r.Circuit("two", s)
		require.NoError(t, err)
		require.NoError(t, one.Configure(quill.Settings{Timeout: time.Minute}))
		s.Timeout = time.Hour
		require.Equal(t, time.Second, two.Settings().Timeout)
		require.Equal(t, time.Minute, one.Settings().Timeout)
		_, err = r.Circuit("one", s)
		require.ErrorContains(t, err, "one")
	})
	t.Run("c", func(t *testing.T) {
		eachIsolation(t, func(t *testing.T, s quill.Settings) {
			timeouts := []time.Duration{100 * time.Millisecond, 300 * time.Millisecond}
			given := func(i int) quill.Settings {
				return quill.Settings{
					Isolation: s.Isolation, MaxConcurrent: quill.Unlimited, Timeout: timeouts[i%2],
					RequestVolumeThreshold: 1_000_000 + i, SleepWindow: sleepWindow + time.Duration(i),
				}
			}
			c := newCircuit(t, given(0))
			var ended, answered atomic.Int64
			const calls = 1000
			for i := range calls {
				go func() {
					began := time.Now()
					err := call(c, func(ctx context.Context) error {
						deadline, _ := ctx.Deadline()
						if d := deadline.Sub(began); d != timeouts[0] && d != timeouts[1] {
							t.Errorf("a timeout of %s was nobody's", d)
						}
						<-ctx.Done()
						return ctx.Err()
					})
					if d := time.Since(began); !errors.Is(err, quill.ErrTimeout) || d != timeouts[0] && d != timeouts[1] {
						t.Errorf("after %s: %v", d, err)
					}
					ended.Add(1)
				}()
				go func() { // in time by the one timeout, and too late by the other
					given := make(chan time.Duration, 1)
					err := call(c, func(ctx context.Context) error {
						deadline, _ := ctx.Deadline()
						given <- time.Until(deadline)
						time.Sleep(200 * time.Millisecond)
						return nil
					})
					if mine := <-given; (err == nil) != (mine == timeouts[1]) {
						t.Errorf("with a timeout of %s: %v", mine, err)
					}
					if err == nil {
						answered.Add(1)
					}
				}()
				time.Sleep(time.Millisecond)
				require.NoError(t, c.Configure(given(i)))
				require.Equal(t, timeouts[i%2], c.Stats().Settings.Timeout, "the statistics follow")
			}
			time.Sleep(time.Second)
			require.EqualValues(t, calls, ended.Load())
			require.InDelta(t, calls/2, answered.Load(), 1)
			require.EqualValues(t, 2*calls, c.Stats().Window.Total(), "no count was lost")

			require.NoError(t, c.Configure(quill.Settings{Isolation: s.Isolation}))
			_ = call(c, down)
			require.Equal(t, quill.Open, c.State(), "what was counted before is judged by the new rules")
			require.NoError(t, c.Configure(quill.Settings{Isolation: s.Isolation, SleepWindow: time.Hour}))
			require.Equal(t, quill.Open, c.State())
			require.Equal(t, sleepWindow, c.Stats().RetryAfter, "this sleep window has begun already")
		})
	})
}

// TestB51Telemetry
//
// S: what an exporter reads: the statistics of every circuit of a registry.
// T: two registries in one process have the same names, 100 times; a circuit was never
// called; a circuit opens and nobody calls it any more.
// C: nothing collides; a circuit that was never called is there, with zeros and no NaN;
// the state is right when it is read. (The exporter itself has tests of its own.)
//
// Source: go-http-metrics#45; hcloud-go#288; resilience4j#182, #1330, #1514; CrabTrap#13.
func TestB51Telemetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			one, two := quill.NewRegistry(), quill.NewRegistry()
			a, err := one.Circuit("dependency", quill.Settings{})
			require.NoError(t, err)
			b, err := two.Circuit("dependency", quill.Settings{Timeout: time.Minute})
			require.NoError(t, err)
			trip(t, a)
			require.Equal(t, quill.Open, a.Stats().State)
			require.Equal(t, quill.Closed, b.Stats().State)
			require.Equal(t, 1, one.Len())

			for c := range two.All() {
				s := c.Stats()
				require.Equal(t, "dependency", s.Name)
				for _, v := range []float64{s.Health.ErrorPercent, s.Health.SlowPercent} {
					require.False(t, math.IsNaN(v))
					require.Zero(t, v)
				}
				require.Zero(t, s.Total)
				require.Zero(t, s.Whole.Mean())
				text, err := json.Marshal(s.Health)
				require.NoError(t, err)
				require.NotContains(t, string(text), "NaN", fmt.Sprint(s.Health))
			}
			time.Sleep(time.Minute)
			require.Equal(t, quill.Open, a.Stats().State, "as long as nobody probed")
		}
	})
}
