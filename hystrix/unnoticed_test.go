package hystrix_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/hystrix"
)

// opened is a command whose circuit has just opened: 4 of 10 failed, as many as it takes.
func opened(name string) hystrix.CommandConfig {
	config := hystrix.CommandConfig{RequestVolumeThreshold: 10, ErrorPercentThreshold: 10, SleepWindow: 60_000}
	hystrix.ConfigureCommand(name, config)
	for i := range 10 {
		run := well
		if i > 5 {
			run = sick
		}
		_ = hystrix.Do(name, run, nil)
	}
	return config
}

func TestKeptAnOpeningThatNobodyNoticedGivesWayToNewSettings(t *testing.T) {
	for what, change := range map[string]func(*hystrix.CommandConfig){
		"volume":  func(c *hystrix.CommandConfig) { c.RequestVolumeThreshold = 20 },
		"percent": func(c *hystrix.CommandConfig) { c.ErrorPercentThreshold = 50 },
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				config := opened(name)
				change(&config)
				hystrix.ConfigureCommand(name, config)
				require.NoError(t, hystrix.Do(name, well, nil))
				require.False(t, circuit(t, name).IsOpen())
			})
		})
	}
}

func TestKeptAnOpeningThatSomebodyNoticedStays(t *testing.T) {
	for what, notice := range map[string]func(t *testing.T, name string){
		"a command":    func(t *testing.T, name string) { require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil)) },
		"IsOpen":       func(t *testing.T, name string) { require.True(t, circuit(t, name).IsOpen()) },
		"AllowRequest": func(t *testing.T, name string) { require.False(t, circuit(t, name).AllowRequest()) },
		"settings that it reaches": func(_ *testing.T, name string) {
			hystrix.ConfigureCommand(name, hystrix.CommandConfig{RequestVolumeThreshold: 9, ErrorPercentThreshold: 40, SleepWindow: 60_000})
			_ = hystrix.Do(name, well, nil)
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				config := opened(name)
				notice(t, name)
				config.RequestVolumeThreshold = 20
				hystrix.ConfigureCommand(name, config)
				require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
			})
		})
	}
}

// An error like that of an open circuit tells nobody that this circuit opened.
func TestAnErrorOfAnotherCircuitNoticesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		config := hystrix.CommandConfig{RequestVolumeThreshold: 1}
		hystrix.ConfigureCommand(name, config)
		_ = hystrix.Do(name, func() error { return hystrix.ErrCircuitOpen }, nil)
		config.RequestVolumeThreshold = 2
		hystrix.ConfigureCommand(name, config)
		require.NoError(t, hystrix.Do(name, well, nil))
	})
}

// What was noticed of an opening is forgotten when the circuit closes.
func TestEachOpeningIsNoticedAnew(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		opened(name)
		require.True(t, circuit(t, name).IsOpen())
		pass(time.Minute)
		require.NoError(t, hystrix.Do(name, well, nil))
		pass(time.Minute) // the probe is out of the window
		config := opened(name)
		config.RequestVolumeThreshold = 20
		hystrix.ConfigureCommand(name, config)
		require.NoError(t, hystrix.Do(name, well, nil))
	})
}

// TestNewSettingsCountNothingTwice is what the tests of heimdall do to a name.
func TestNewSettingsCountNothingTwice(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		b := collect(t, name)
		config := opened(name)
		before := b.resets
		config.RequestVolumeThreshold = 20
		hystrix.ConfigureCommand(name, config)
		for range 4 {
			require.Equal(t, errSick, hystrix.Do(name, sick, nil))
		}
		config.RequestVolumeThreshold = 14
		hystrix.ConfigureCommand(name, config)
		config.RequestVolumeThreshold = 20
		hystrix.ConfigureCommand(name, config)
		config.RequestVolumeThreshold = 14
		hystrix.ConfigureCommand(name, config)
		require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, sick, nil))
		require.Equal(t, before, b.resets, "the collectors go on")
		require.Len(t, b.told(), 15, "and are told of each command once")
		total := hystrix.QuillCircuit(name).Stats().Total
		require.Equal(t, quill.Counts{Success: 6, Failure: 8, ShortCircuited: 1}, total, "as are the totals")
	})
}

func TestKeptNewSettingsJudgeWhatTheWindowHolds(t *testing.T) {
	for what, configure := range map[string]func(name string, c hystrix.CommandConfig){
		"configured": hystrix.ConfigureCommand,
		"written": func(name string, _ hystrix.CommandConfig) {
			hystrix.GetCircuitSettings()[name].RequestVolumeThreshold = 4
		},
	} {
		t.Run(what, func(t *testing.T) {
			bubble(t, func(t *testing.T, name string) {
				log := listen(t)
				for range 4 {
					require.Equal(t, errSick, hystrix.Do(name, sick, nil))
				}
				configure(name, hystrix.CommandConfig{RequestVolumeThreshold: 4})
				require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
				require.Equal(t, []string{"hystrix-go: opening circuit " + name}, log.text())
				require.EqualValues(t, 4, hystrix.QuillCircuit(name).Stats().Total.Failure, "nothing was invented")
			})
		})
	}
}

// A window that has emptied judges nothing.
func TestKeptNewSettingsDoNotJudgeThePast(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		config := opened(name)
		config.RequestVolumeThreshold = 20
		hystrix.ConfigureCommand(name, config)
		pass(11 * time.Second)
		config.RequestVolumeThreshold = 10
		hystrix.ConfigureCommand(name, config)
		require.Equal(t, errSick, hystrix.Do(name, sick, nil))
	})
}

// Who has settings of quill's own for slow calls goes by quill's rules.
func TestAnOpeningForSlowCallsStays(t *testing.T) {
	bubble(t, func(t *testing.T, name string) {
		settings := quill.Settings{
			RequestVolumeThreshold: 2, SlowCallDuration: time.Millisecond, SlowCallPercentThreshold: 50, SleepWindow: time.Minute,
		}
		require.NoError(t, hystrix.ConfigureQuill(name, settings))
		for range 2 {
			require.NoError(t, hystrix.Do(name, func() error { pass(10 * time.Millisecond); return nil }, nil))
		}
		settings.Timeout = 2 * time.Second
		require.NoError(t, hystrix.ConfigureQuill(name, settings))
		require.Equal(t, hystrix.ErrCircuitOpen, hystrix.Do(name, well, nil))
	})
}
