package quill_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

func TestSettingsInWords(t *testing.T) {
	require.Equal(t, []string{
		"The circuit opens when at least 50 % of the calls of the last 10s failed, once there were at least 20.",
		"Once open, it refuses every call for 5s.",
		"Then it lets one call through as a probe: it closes if that succeeds and stays open if not. " +
			"A probe that is out for 5s gives its place to another.",
		"At most 10 calls run at once, on workers of the circuit; the next is rejected at once.",
		"A call may take 1s.",
		"At most 10 fallbacks run at once; each step may take 1s.",
	}, quill.Settings{}.InWords())

	require.Equal(t, []string{
		"The circuit is forced closed: it admits every call, and its breaker judges unheard.",
		"The circuit opens when at least 12.5 % of the last 100 calls failed, or at least 50 % took 200ms or longer, " +
			"once there were at least 20.",
		"Calls that the bulkhead rejects do not count.",
		"Once open, it refuses every call for 5s and a random share of up to 10 % more; " +
			"each time the probing fails, that doubles, up to 1m.",
		"Then it lets 3 calls through as probes: it closes when 3 have succeeded and stays open if one fails. " +
			"A probe that is out for 5s gives its place to another.",
		"At most 1 call runs at once, on the goroutine of their caller; 5 more may wait for their turn, the next is rejected at once.",
		"A call may take 1s, its wait included.",
		"At most 1 fallback runs at once; each step may take as long as its caller's context lets it.",
	}, quill.Settings{
		Isolation: quill.Semaphore, MaxConcurrent: 1, QueueSize: 5, RollingCalls: 100, ErrorPercentThreshold: 12.5,
		IgnoreRejected: true, SlowCallDuration: 200 * ms, MaxSleepWindow: time.Minute, SleepWindowJitter: 10, Probes: 3,
		MaxConcurrentFallbacks: 1, FallbackTimeout: quill.NoTimeout, Override: quill.ForceClosed,
	}.InWords())

	steady := quill.Settings{MaxSleepWindow: 5 * time.Second}.InWords()
	require.Equal(t, "Once open, it refuses every call for 5s.", steady[1], "what cannot grow is not said to double")

	unlimited := quill.Settings{
		Timeout: quill.NoTimeout, MaxConcurrent: quill.Unlimited, MaxConcurrentFallbacks: quill.Unlimited, Override: quill.ForceOpen,
	}.InWords()
	require.Equal(t, "The circuit is forced open: it refuses every call.", unlimited[0])
	require.Equal(t, []string{
		"Any number of calls run at once, on workers of the circuit.",
		"A call may take as long as its caller's context lets it.",
		"Any number of fallbacks run at once; each step may take 1s.",
	}, unlimited[4:])
	require.Equal(t, "The breaker is disabled: the circuit admits every call.", quill.Settings{Override: quill.Disabled}.InWords()[0])
}
