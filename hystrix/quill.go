package hystrix

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"

	"github.com/seed-f7c3343e/quill"
)

var registry = quill.NewRegistry()

// QuillRegistry returns the registry that holds the circuits of all commands that were used,
// for quill's metrics, streams and dashboard. Flush empties it.
//
// Settings that are put in force through it, or through the dashboard or [QuillCircuit], are the
// settings of the command from then on, in all fields; GetCircuitSettings tells them, and Flush
// keeps them. Zero fields have quill's defaults there, not those of this package. When the program
// configures the command the next time, ConfigureCommand replaces the five fields that
// hystrix-go has, whatever they were, and the others stay; [ConfigureQuill] replaces all.
func QuillRegistry() *quill.Registry { return registry }

// QuillCircuit returns the circuit behind a command, making it if need be. Its settings are
// those of the command; [QuillRegistry] says what its Configure does to them. What is
// called through it directly is told to the collectors of the command as well.
func QuillCircuit(name string) *quill.Circuit { return circuitOf(name).quill }

// ConfigureQuill replaces the settings of a command by those of quill, such as the rolling
// window, a queue or Semaphore isolation, at any time. Zero fields mean quill's defaults,
// except that Timeout, MaxConcurrent, RequestVolumeThreshold, SleepWindow and
// ErrorPercentThreshold mean the Default variables of this package, MaxConcurrentFallbacks
// no limit and FallbackTimeout no timeout, as in hystrix-go. If a field is out of range it
// returns a [*quill.SettingsError] and changes nothing.
func ConfigureQuill(name string, s quill.Settings) error {
	if err := s.Validate(); err != nil {
		return fmt.Errorf("hystrix: command %q: %w", name, err)
	}
	settings := newSettings(CommandConfig{
		MaxConcurrentRequests:  s.MaxConcurrent,
		RequestVolumeThreshold: s.RequestVolumeThreshold,
		ErrorPercentThreshold:  wholePercent(s.ErrorPercentThreshold),
	})
	if s.Timeout != 0 {
		settings.Timeout = s.Timeout
	}
	if s.SleepWindow != 0 {
		settings.SleepWindow = s.SleepWindow
	}
	c := commandOf(name)
	c.replace(func() {
		c.extra.Store(&s)
		c.settings.Store(settings)
	})
	return nil
}

// quillName is a name that quill accepts and that no other command has: the command's own if
// it is fit, as most are.
func quillName(name string) string {
	fit := name
	if quill.CheckName(name) != nil {
		const shown = 60
		quoted := strconv.QuoteToGraphic(name[:min(len(name), shown)])
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		fit = quoted + "#" + strconv.FormatUint(h.Sum64(), 16)
	}
	for i := range math.MaxInt {
		other := fit
		if i > 0 {
			other += "~" + strconv.Itoa(i)
		}
		if _, taken := registry.Lookup(other); !taken {
			return other
		}
	}
	return fit
}
