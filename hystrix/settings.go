package hystrix

import (
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// The defaults of CommandConfig, read when a command is configured or first used. They are
// plain variables: set them before commands run.
var (
	// DefaultTimeout is how long a command may take, in milliseconds.
	DefaultTimeout = 1000
	// DefaultMaxConcurrent is how many commands of a name may run at once.
	DefaultMaxConcurrent = 10
	// DefaultVolumeThreshold is how many commands must have ended within the window before a
	// circuit can open.
	DefaultVolumeThreshold = 20
	// DefaultSleepWindow is how long an open circuit refuses everything, in milliseconds.
	DefaultSleepWindow = 5000
	// DefaultErrorPercentThreshold opens a circuit when so many per cent of its commands
	// failed. The percentage is rounded first: 49.5 opens at 50.
	DefaultErrorPercentThreshold = 50
)

// Settings are the numbers in force for a command.
type Settings struct {
	Timeout                time.Duration
	MaxConcurrentRequests  int
	RequestVolumeThreshold uint64
	SleepWindow            time.Duration
	ErrorPercentThreshold  int
}

// CommandConfig configures a command; durations are in milliseconds. 0 means the Default
// variable of that name.
type CommandConfig struct {
	// Timeout in milliseconds: below 0 means 1 ms, above an hour means no timeout.
	Timeout int `json:"timeout"`
	// MaxConcurrentRequests: below 0 there is no limit.
	MaxConcurrentRequests int `json:"max_concurrent_requests"`
	// RequestVolumeThreshold: below 0 the circuit never opens.
	RequestVolumeThreshold int `json:"request_volume_threshold"`
	// SleepWindow in milliseconds: below 0 means 1 ms, above a day means a day.
	SleepWindow int `json:"sleep_window"`
	// ErrorPercentThreshold: above 100 the circuit never opens; below 0 any error opens it.
	ErrorPercentThreshold int `json:"error_percent_threshold"`
}

// command is what is known of a name: its settings and, once used, its circuit.
type command struct {
	name     string
	settings atomic.Pointer[Settings]
	extra    atomic.Pointer[quill.Settings] // by ConfigureQuill; never changed in place

	changing sync.Mutex // held to change the settings, or those of the circuit; after making

	making  sync.Mutex // held to make or drop the circuit
	circuit atomic.Pointer[CircuitBreaker]
}

var commands sync.Map // of *command by name

func commandOf(name string) *command {
	if c, ok := commands.Load(name); ok {
		return c.(*command) //nolint:forcetypeassert // nothing else is stored
	}
	c, _ := commands.LoadOrStore(name, &command{name: name})
	return c.(*command) //nolint:forcetypeassert // nothing else is stored
}

// current returns the settings in force, which are the defaults of this moment if nobody
// gave any.
func (c *command) current() *Settings {
	if s := c.settings.Load(); s != nil {
		return s
	}
	c.settings.CompareAndSwap(nil, newSettings(CommandConfig{}))
	return c.settings.Load()
}

// Configure calls ConfigureCommand for each name.
func Configure(cmds map[string]CommandConfig) {
	for name, config := range cmds {
		ConfigureCommand(name, config)
	}
}

// ConfigureCommand replaces the settings of a command, at any time: commands that begin from
// now on go by them, those under way keep theirs. The state and the counts of its circuit
// stay. What ConfigureQuill said beyond these settings, or an operator through
// [QuillRegistry], stays, but gives way where it contradicts them.
func ConfigureCommand(name string, config CommandConfig) {
	c := commandOf(name)
	c.replace(func() {
		if extra := c.extra.Load(); extra != nil {
			further := *extra
			further.ErrorPercentThreshold = 0
			c.extra.Store(&further)
		}
		c.settings.Store(newSettings(config))
	})
}

// GetCircuitSettings returns the settings of all commands that are configured or were used.
// The map is the caller's. The settings are those in force, whoever put them there, until the
// next change: what is written to them holds for commands that begin later, but must not be
// written while commands run.
func GetCircuitSettings() map[string]*Settings {
	all := make(map[string]*Settings)
	commands.Range(func(name, v any) bool {
		c := v.(*command) //nolint:forcetypeassert // nothing else is stored
		c.takeOver()
		if s := c.settings.Load(); s != nil {
			all[name.(string)] = s //nolint:forcetypeassert // nothing else is a key
		}
		return true
	})
	return all
}

func newSettings(config CommandConfig) *Settings {
	or := func(n, usual int) int {
		if n == 0 {
			return usual
		}
		return n
	}
	volume := or(config.RequestVolumeThreshold, DefaultVolumeThreshold)
	return &Settings{
		Timeout:                milliseconds(or(config.Timeout, DefaultTimeout)),
		MaxConcurrentRequests:  or(config.MaxConcurrentRequests, DefaultMaxConcurrent),
		RequestVolumeThreshold: uint64(volume), //nolint:gosec // below 0 is huge, and never reached
		SleepWindow:            milliseconds(or(config.SleepWindow, DefaultSleepWindow)),
		ErrorPercentThreshold:  or(config.ErrorPercentThreshold, DefaultErrorPercentThreshold),
	}
}

// milliseconds is n ms, or as near as a duration comes.
func milliseconds(n int) time.Duration {
	const most = math.MaxInt64 / int64(time.Millisecond)
	return time.Duration(min(max(int64(n), -most), most)) * time.Millisecond
}
