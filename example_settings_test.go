package quill_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-f7c3343e/quill"
)

func ExampleSettings() {
	// Plain data: comparable with ==, and every zero field means its default.
	a := quill.Settings{Timeout: time.Second}
	fmt.Println(a == quill.Settings{})
	fmt.Println(a.WithDefaults() == quill.Settings{}.WithDefaults())
	// Output:
	// false
	// true
}

func ExampleSettings_MarshalJSON() {
	text, err := json.Marshal(quill.Settings{
		Isolation: quill.Semaphore,
		Timeout:   300 * time.Millisecond,
		QueueSize: 5,

		MaxConcurrentFallbacks: quill.Unlimited,
	})
	fmt.Println(string(text), err)
	// Output: {"isolation":"semaphore","timeout":"300ms","queueSize":5,"maxConcurrentFallbacks":"unlimited"} <nil>
}

func ExampleSettings_UnmarshalJSON() {
	var config struct {
		Movies quill.Settings `json:"movies"`
	}
	err := json.Unmarshal([]byte(`{"movies": {"timeout": "300ms"}}`), &config)
	fmt.Println(config.Movies.Timeout, err)
	// Output: 300ms <nil>
}

func ExampleParseSettings() {
	s, err := quill.ParseSettings([]byte(`{"timeout": "300ms", "probes": 3}`))
	fmt.Println(s.Timeout, s.Probes, err)

	_, err = quill.ParseSettings([]byte(`{"timeOut": "300ms", "probes": 0}`))
	fmt.Println(err)
	// Output:
	// 300ms 3 <nil>
	// quill: settings: timeOut is an unknown key ("300ms"): must be timeout; probes is 0: must be 1 to 100
}

func ExampleSettings_Overlay() {
	source := quill.Settings{Timeout: time.Second, MaxConcurrent: 50, SlowCallDuration: 500 * time.Millisecond}

	s, err := source.Overlay([]byte(`{"timeout": "800ms"}`))
	fmt.Println(s.Timeout, s.MaxConcurrent, err)

	_, err = source.Overlay([]byte(`{"timeout": "250ms", "probes": null}`))
	fmt.Println(err)
	// Output:
	// 800ms 50 <nil>
	// quill: settings: probes is null: must be a whole number: 1 to 100; slowCallDuration is 500ms, which this text does not set: must be 1ms to 1h, and not above timeout (250ms)
}

func ExampleParseSettingsMap() {
	settings, err := quill.ParseSettingsMap([]byte(`{
		"orders":   {"timeout": "300ms"},
		"invoices": {}
	}`))
	fmt.Println(len(settings), settings["orders"].Timeout, err)
	// Output: 2 300ms <nil>
}

func ExampleSettings_Validate() {
	s := quill.Settings{
		ErrorPercentThreshold: 150,
		SleepWindow:           time.Minute,
		MaxSleepWindow:        30 * time.Second,
	}
	if bad, ok := errors.AsType[*quill.SettingsError](s.Validate()); ok {
		for _, p := range bad.Problems {
			fmt.Println(p)
		}
	}
	// Output:
	// ErrorPercentThreshold is 150: must be more than 0, at most 100
	// MaxSleepWindow is 30s: must be 1ms to 24h, and not below SleepWindow (1m)
}

func ExampleSettings_WithDefaults() {
	s := quill.Settings{Timeout: 8 * time.Second}.WithDefaults()
	fmt.Println(s.Timeout, s.MaxConcurrent, s.RequestVolumeThreshold, s.SleepWindow)
	fmt.Println(s.ProbeLease) // depends on others: the longer of Timeout and SleepWindow
	// Output:
	// 8s 10 20 5s
	// 8s
}

func ExampleSettings_InWords() {
	for _, sentence := range (quill.Settings{RollingCalls: 20, QueueSize: 5}).InWords() {
		fmt.Println(sentence)
	}
	// Output:
	// The circuit opens when at least 50 % of the last 20 calls failed, once there were at least 20.
	// Once open, it refuses every call for 5s.
	// Then it lets one call through as a probe: it closes if that succeeds and stays open if not. A probe that is out for 5s gives its place to another.
	// At most 10 calls run at once, on workers of the circuit; 5 more may wait for their turn, the next is rejected at once.
	// A call may take 1s, its wait included.
	// At most 10 fallbacks run at once; each step may take 1s.
}

func ExampleCheckName() {
	fmt.Println(quill.CheckName("영화 정보"))
	fmt.Println(quill.CheckName(" movie-info"))
	// Output:
	// <nil>
	// quill: name " movie-info" begins with a space: must be 1 to 200 bytes of printable UTF-8 text with no space at either end
}
