package hystrix_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/hystrix"
)

// operator puts settings in force as a dashboard does.
func operator(t *testing.T, name string, s quill.Settings) {
	t.Helper()
	require.NoError(t, hystrix.QuillRegistry().Configure(map[string]quill.Settings{hystrix.QuillCircuit(name).Name(): s}))
}

// timeoutOf is how long a command really may take.
func timeoutOf(t *testing.T, name string) time.Duration {
	t.Helper()
	began := time.Now()
	require.Equal(t, hystrix.ErrTimeout, hystrix.Do(name, func() error { pass(2 * time.Second); return nil }, nil))
	return time.Since(began)
}

func TestWhoConfiguresLastHasItsWay(t *testing.T) {
	const ms = time.Millisecond
	bubble(t, func(t *testing.T, name string) {
		config := hystrix.CommandConfig{Timeout: 700, RequestVolumeThreshold: -1}
		hystrix.ConfigureCommand(name, config)
		require.Equal(t, 700*ms, timeoutOf(t, name))
		for range 2 {
			operator(t, name, quill.Settings{Timeout: 200 * ms, SleepWindow: 3 * time.Second, RequestVolumeThreshold: 1000, ErrorPercentThreshold: 12.5})
			require.Equal(t, 200*ms, timeoutOf(t, name))
			require.Equal(t, &hystrix.Settings{200 * ms, 10, 1000, 3 * time.Second, 13}, hystrix.GetCircuitSettings()[name])
			require.Equal(t, 12.5, hystrix.QuillCircuit(name).Settings().ErrorPercentThreshold)

			hystrix.ConfigureCommand(name, config) // the same as before
			require.Equal(t, 700*ms, timeoutOf(t, name))
			require.Equal(t, 700*ms, hystrix.GetCircuitSettings()[name].Timeout)
			require.Equal(t, 49.5, hystrix.QuillCircuit(name).Settings().ErrorPercentThreshold)
		}
		operator(t, name, quill.Settings{Timeout: 200 * ms, RequestVolumeThreshold: 1000})
		hystrix.ConfigureCommand(name, config) // although nobody asked in between
		require.Equal(t, 700*ms, timeoutOf(t, name))
	})
}

func TestWhatAnOperatorSetBeyondHystrixGoStays(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 700})
		theirs := quill.Settings{
			QueueSize: 5, RollingWindow: 30 * time.Second, Probes: 3, SlowCallDuration: 900 * time.Millisecond, Override: quill.ForceClosed,
		}
		operator(t, name, theirs)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 800})
		want := theirs
		want.Timeout, want.MaxConcurrent, want.RequestVolumeThreshold = 800*time.Millisecond, 10, 20
		want.SleepWindow, want.ErrorPercentThreshold = 5*time.Second, 49.5
		want.SlowCallDuration = 800 * time.Millisecond                      // gives way
		want.MaxConcurrentFallbacks, want.FallbackTimeout = 10, time.Second // what zero meant to the operator
		require.Equal(t, want, hystrix.QuillCircuit(name).Settings())

		require.NoError(t, hystrix.ConfigureQuill(name, quill.Settings{Timeout: time.Second}))
		require.Equal(t, quill.Settings{
			Timeout: time.Second, MaxConcurrent: 10, RequestVolumeThreshold: 20, SleepWindow: 5 * time.Second, ErrorPercentThreshold: 49.5,
			MaxConcurrentFallbacks: quill.Unlimited, FallbackTimeout: quill.NoTimeout,
		}, hystrix.QuillCircuit(name).Settings(), "all is replaced")
	})
}

func TestSettingsThatAProgramWritesGoBeforeThoseOfAnOperator(t *testing.T) {
	for what, asks := range map[string]bool{"at once": false, "after they were asked for": true} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				mine := hystrix.GetCircuitSettings()[name]
				require.NoError(t, hystrix.Do(name, well, nil))
				operator(t, name, quill.Settings{Timeout: 200 * time.Millisecond, QueueSize: 5, ErrorPercentThreshold: 12.5})
				mine.SleepWindow = time.Second
				if asks {
					require.Same(t, mine, hystrix.GetCircuitSettings()[name])
				}
				require.NoError(t, hystrix.Do(name, well, nil))
				require.Equal(t, &hystrix.Settings{time.Second, 10, 20, time.Second, 50}, hystrix.GetCircuitSettings()[name])
				got := hystrix.QuillCircuit(name).Settings()
				require.Equal(t, time.Second, got.SleepWindow)
				require.Equal(t, time.Second, got.Timeout)
				require.Equal(t, 49.5, got.ErrorPercentThreshold)
				require.Equal(t, 5, got.QueueSize)
			})
		})
	}
}

// A circuit that is made anew goes by what was in force, to the last field.
func TestFlushKeepsTheSettingsOfAnOperator(t *testing.T) {
	for what, s := range map[string]quill.Settings{
		"defaults": {},
		"no limits": {
			Timeout: quill.NoTimeout, MaxConcurrent: quill.Unlimited, MaxConcurrentFallbacks: quill.Unlimited, FallbackTimeout: quill.NoTimeout,
		},
		"the least": {
			Isolation: quill.Semaphore, Timeout: time.Millisecond, MaxConcurrent: 1, RequestVolumeThreshold: 1, ErrorPercentThreshold: 0.01,
			SleepWindow: time.Millisecond, Probes: 1, MaxConcurrentFallbacks: 1, FallbackTimeout: time.Millisecond,
		},
		"the most": {
			Timeout: time.Hour, MaxConcurrent: 1_000_000, QueueSize: 1_000_000, RequestVolumeThreshold: 1_000_000_000, ErrorPercentThreshold: 100,
			SleepWindow: 24 * time.Hour, MaxSleepWindow: 24 * time.Hour, ProbeLease: 24 * time.Hour, Probes: 100,
		},
		"the last calls":  {RollingCalls: 5},
		"slow calls":      {SlowCallDuration: 100 * time.Millisecond, Timeout: 100 * time.Millisecond},
		"a longer window": {RollingWindow: time.Minute, RollingBuckets: 60, Override: quill.Disabled},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				operator(t, name, s)
				hystrix.Flush()
				require.Equal(t, s.WithDefaults(), hystrix.QuillCircuit(name).Stats().Settings)
				require.Equal(t, s.WithDefaults().Timeout, hystrix.GetCircuitSettings()[name].Timeout)
			})
		})
	}
}

// Who holds a circuit that was flushed goes on with it, and changes nobody's settings.
func TestACircuitThatWasFlushedGivesNoSettings(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		old := hystrix.QuillCircuit(name)
		hystrix.Flush()
		require.NoError(t, hystrix.Do(name, well, nil))
		require.NoError(t, old.Configure(quill.Settings{Timeout: 200 * time.Millisecond}))
		require.Equal(t, time.Second, hystrix.GetCircuitSettings()[name].Timeout)
		hystrix.ConfigureCommand(name, hystrix.CommandConfig{SleepWindow: 1000})
		require.Equal(t, time.Second, hystrix.GetCircuitSettings()[name].Timeout)
		require.Zero(t, hystrix.QuillCircuit(name).Settings().QueueSize)
	})
}

func TestTheStreamTellsTheSettingsOfAnOperator(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		require.NoError(t, hystrix.Do(name, well, nil))
		s := stream(t)
		s.next(t, 2)
		operator(t, name, quill.Settings{
			Timeout: 200 * time.Millisecond, SleepWindow: 3 * time.Second, RequestVolumeThreshold: 7, ErrorPercentThreshold: 12.5, RollingWindow: time.Minute,
		})
		event := s.next(t, 2)[0]
		for key, want := range map[string]any{
			"propertyValue_executionIsolationThreadTimeoutInMilliseconds": 200.0,
			"propertyValue_circuitBreakerSleepWindowInMilliseconds":       3000.0,
			"propertyValue_circuitBreakerRequestVolumeThreshold":          7.0,
			"propertyValue_circuitBreakerErrorThresholdPercentage":        13.0,
			"propertyValue_metricsRollingStatisticalWindowInMilliseconds": 60000.0,
		} {
			require.Equal(t, want, event[key], key)
		}
		s.end(t)
	})
}

func TestAProbeIsForgottenAfterTheSleepWindowOfAnOperator(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		openUp(t, name)
		pass(5 * time.Second)
		require.True(t, circuit(t, name).AllowRequest())
		operator(t, name, quill.Settings{MaxConcurrent: 1, SleepWindow: 10 * time.Second, ProbeLease: 3 * time.Second, Timeout: 3 * time.Second})
		pass(9 * time.Second)
		require.Equal(t, hystrix.ErrMaxConcurrency, hystrix.Do(name, well, nil), "it still has its slot")
		pass(time.Second)
		require.NoError(t, hystrix.Do(name, well, nil))
	})
}

func TestProgramsAndOperatorsMayConfigureAtOnce(t *testing.T) {
	hystrix.Flush()
	name := t.Name()
	var wg sync.WaitGroup
	for _, f := range []func(i int){
		func(int) { _ = hystrix.Do(name, well, nil) },
		func(i int) { hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 10_000 + i}) },
		func(i int) { _ = hystrix.ConfigureQuill(name, quill.Settings{QueueSize: 1 + i%2}) },
		func(i int) { _ = hystrix.QuillCircuit(name).Configure(quill.Settings{Probes: 1 + i%2}) },
		func(i int) {
			if i%20 == 0 {
				_ = hystrix.GetCircuitSettings()[name]
			}
		},
		func(i int) {
			if i%50 == 0 {
				hystrix.Flush()
			}
		},
	} {
		wg.Go(func() {
			for i := range 500 {
				f(i)
			}
		})
	}
	wg.Wait()
	hystrix.ConfigureCommand(name, hystrix.CommandConfig{Timeout: 12_345})
	require.Equal(t, 12_345*time.Millisecond, hystrix.GetCircuitSettings()[name].Timeout)
	require.Equal(t, 12_345*time.Millisecond, hystrix.QuillCircuit(name).Settings().Timeout)
	hystrix.Flush()
}
