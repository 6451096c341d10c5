package quill_test

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

// Settings must stay comparable: two files can then be compared with ==.
var _ map[quill.Settings]bool

func TestSettingsDefaultsAreThoseOfHystrix(t *testing.T) {
	s := quill.Settings{}.WithDefaults()
	for _, tc := range []struct {
		hystrix     string // the property, where there is one
		want, given any
	}{
		{"execution.isolation.strategy THREAD", quill.Pool, s.Isolation},
		{"execution.isolation.thread.timeoutInMilliseconds", 1000 * time.Millisecond, s.Timeout},
		{"coreSize, and execution.isolation.semaphore.maxConcurrentRequests", 10, s.MaxConcurrent},
		{"maxQueueSize -1, which is no queue", 0, s.QueueSize},
		{"metrics.rollingStats.timeInMilliseconds", 10_000 * time.Millisecond, s.RollingWindow},
		{"metrics.rollingStats.numBuckets", 10, s.RollingBuckets},
		{"none: RollingCalls", 0, s.RollingCalls},
		{"circuitBreaker.requestVolumeThreshold", 20, s.RequestVolumeThreshold},
		{"circuitBreaker.errorThresholdPercentage", 50.0, s.ErrorPercentThreshold},
		{"none: rejections always count", false, s.IgnoreRejected},
		{"none: SlowCallDuration", time.Duration(0), s.SlowCallDuration},
		{"none: SlowCallPercentThreshold", 0.0, s.SlowCallPercentThreshold},
		{"circuitBreaker.sleepWindowInMilliseconds", 5000 * time.Millisecond, s.SleepWindow},
		{"none: the sleep window never grows", time.Duration(0), s.MaxSleepWindow},
		{"none: the sleep window has no jitter", 0.0, s.SleepWindowJitter},
		{"none: one probe", 1, s.Probes},
		{"none: ProbeLease", 5 * time.Second, s.ProbeLease},
		{"fallback.isolation.semaphore.maxConcurrentRequests", 10, s.MaxConcurrentFallbacks},
		{"none: FallbackTimeout", time.Second, s.FallbackTimeout},
		{"circuitBreaker.enabled, forceOpen, forceClosed", quill.NoOverride, s.Override},
	} {
		require.Equal(t, tc.want, tc.given, tc.hystrix)
	}
}

func TestComputedDefaultsFollowTheOtherFields(t *testing.T) {
	for _, tc := range []struct {
		given  quill.Settings
		volume int
		slow   float64
		lease  time.Duration
	}{
		{quill.Settings{RollingCalls: 7}, 7, 0, 5 * time.Second},
		{quill.Settings{RollingCalls: 20}, 20, 0, 5 * time.Second},
		{quill.Settings{RollingCalls: 500}, 20, 0, 5 * time.Second},
		{quill.Settings{RollingCalls: 500, RequestVolumeThreshold: 300}, 300, 0, 5 * time.Second},
		{quill.Settings{SlowCallDuration: time.Second}, 20, 50, 5 * time.Second},
		{quill.Settings{SlowCallDuration: time.Second, SlowCallPercentThreshold: 0.1}, 20, 0.1, 5 * time.Second},
		{quill.Settings{Timeout: time.Minute}, 20, 0, time.Minute},
		{quill.Settings{Timeout: quill.NoTimeout}, 20, 0, 5 * time.Second},
		{quill.Settings{SleepWindow: time.Hour}, 20, 0, time.Hour},
		{quill.Settings{SleepWindow: time.Millisecond}, 20, 0, time.Second},
		{quill.Settings{ProbeLease: 2 * time.Second}, 20, 0, 2 * time.Second},
	} {
		s := tc.given.WithDefaults()
		require.Equal(t, tc.volume, s.RequestVolumeThreshold, "%+v", tc.given)
		require.Equal(t, tc.slow, s.SlowCallPercentThreshold, "%+v", tc.given)
		require.Equal(t, tc.lease, s.ProbeLease, "%+v", tc.given)
	}
}

func TestDefaultsAreValidAndFillingThemInTwiceChangesNothing(t *testing.T) {
	require.NoError(t, quill.Settings{}.Validate())
	require.NoError(t, quill.Settings{}.WithDefaults().Validate())
	rapid.Check(t, func(t *rapid.T) {
		s := validSettings().Draw(t, "settings")
		filled := s.WithDefaults()
		require.NoError(t, s.Validate())
		require.NoError(t, filled.Validate())
		require.Equal(t, filled, filled.WithDefaults())
	})
}

func TestSettingsAtTheirBoundsAreValid(t *testing.T) {
	for _, s := range []quill.Settings{
		{Timeout: time.Millisecond},
		{Timeout: time.Hour},
		{Timeout: quill.NoTimeout, MaxConcurrent: quill.Unlimited},
		{MaxConcurrent: 1, QueueSize: 1_000_000},
		{MaxConcurrent: 1_000_000, MaxConcurrentFallbacks: quill.Unlimited, FallbackTimeout: quill.NoTimeout},
		{RollingWindow: 100 * time.Millisecond, RollingBuckets: 100},
		{RollingWindow: time.Hour, RollingBuckets: 1},
		{RollingCalls: 1},
		{RollingCalls: 100_000, RequestVolumeThreshold: 100_000},
		{RequestVolumeThreshold: 1_000_000_000},
		{ErrorPercentThreshold: 0.1},
		{ErrorPercentThreshold: math.SmallestNonzeroFloat64},
		{ErrorPercentThreshold: 100, SleepWindowJitter: 100},
		{SlowCallDuration: time.Second},
		{SlowCallDuration: time.Hour, Timeout: quill.NoTimeout},
		{SleepWindow: time.Millisecond, MaxSleepWindow: time.Millisecond},
		{SleepWindow: 24 * time.Hour, MaxSleepWindow: 24 * time.Hour},
		{Timeout: time.Second, ProbeLease: time.Second},
		{Timeout: quill.NoTimeout, ProbeLease: time.Millisecond},
		{Probes: 100, MaxConcurrent: 1},
	} {
		require.NoError(t, s.Validate(), "%+v", s)
		require.NoError(t, s.WithDefaults().Validate(), "%+v", s)
	}
}

func TestSettingsErrorReadsAsASentencePerProblem(t *testing.T) {
	err := quill.Settings{Timeout: 5, MaxConcurrent: -3}.Validate()
	require.EqualError(t, err, "quill: settings: Timeout is 5ns: must be 1ms to 1h, or none; "+
		"MaxConcurrent is -3: must be 1 to 1000000, or unlimited")

	named, ok := errors.AsType[*quill.SettingsError](err)
	require.True(t, ok)
	named.Command = "movie-info"
	require.EqualError(t, named, `quill: settings of "movie-info": Timeout is 5ns: must be 1ms to 1h, or none; `+
		"MaxConcurrent is -3: must be 1 to 1000000, or unlimited")
}

func TestContradictionsAreRefused(t *testing.T) {
	for _, tc := range contradictions {
		require.Equal(t, tc.want, problems(t, tc.given.Validate()), "%+v", tc.given)
	}
}

func TestContradictionsAreNotReportedOfFieldsThatAreBadAnyway(t *testing.T) {
	s := quill.Settings{SlowCallDuration: 2 * time.Second, Timeout: 5, ProbeLease: time.Millisecond}
	require.Equal(t, []quill.Problem{{Field: "Timeout", Value: "5ns", Allowed: "1ms to 1h, or none"}},
		problems(t, s.Validate()))
}

func TestIsolationAndOverrideAreWords(t *testing.T) {
	words := func(names []string, of func(i int) (encoding.TextMarshaler, encoding.TextUnmarshaler)) {
		for i, name := range names {
			v, p := of(i)
			require.Equal(t, name, fmt.Sprint(v))
			text, err := v.MarshalText()
			require.NoError(t, err)
			require.Equal(t, name, string(text))
			require.NoError(t, p.UnmarshalText(text))
			back, err := p.(encoding.TextMarshaler).MarshalText()
			require.NoError(t, err)
			require.Equal(t, name, string(back))
		}
		_, p := of(0)
		for _, bad := range []string{"", "POOL", "open", " none"} {
			require.ErrorContains(t, p.UnmarshalText([]byte(bad)), fmt.Sprintf("%q: must be one of %q", bad, names))
		}
	}
	words([]string{"pool", "semaphore"}, func(i int) (encoding.TextMarshaler, encoding.TextUnmarshaler) {
		return quill.Isolation(i), new(quill.Isolation)
	})
	words([]string{"none", "forced-open", "forced-closed", "disabled"},
		func(i int) (encoding.TextMarshaler, encoding.TextUnmarshaler) {
			return quill.Override(i), new(quill.Override)
		})
	require.Equal(t, "Isolation(2)", quill.Isolation(2).String(), "the first that has no name")
	require.Equal(t, "Override(4)", quill.Override(4).String())
	require.Equal(t, "Isolation(9)", quill.Isolation(9).String())
	require.Equal(t, "Override(9)", quill.Override(9).String())
}

// problems returns the problems of a settings error. There must be one.
func problems(t require.TestingT, err error) []quill.Problem {
	refused, ok := errors.AsType[*quill.SettingsError](err)
	require.True(t, ok, "no settings error: %v", err)
	require.NotEmpty(t, refused.Problems)
	return refused.Problems
}

// validSettings draws settings without a fault, each field left out now and then.
func validSettings() *rapid.Generator[quill.Settings] {
	return rapid.Custom(func(t *rapid.T) quill.Settings {
		duration := func(name string, low, high time.Duration) time.Duration {
			if rapid.Bool().Draw(t, "no "+name) {
				return 0
			}
			return time.Duration(rapid.Int64Range(int64(low), int64(high)).Draw(t, name))
		}
		number := func(name string, low, high int) int {
			if rapid.Bool().Draw(t, "no "+name) {
				return 0
			}
			return rapid.IntRange(low, high).Draw(t, name)
		}
		percent := func(name string) float64 { return rapid.Float64Range(0, 100).Draw(t, name) }

		s := quill.Settings{
			Isolation:              quill.Isolation(rapid.IntRange(0, 1).Draw(t, "Isolation")),
			Timeout:                duration("Timeout", time.Millisecond, time.Hour),
			MaxConcurrent:          number("MaxConcurrent", 1, 1_000_000),
			RollingWindow:          duration("RollingWindow", 100*time.Millisecond, time.Hour),
			RollingBuckets:         number("RollingBuckets", 1, 100),
			RollingCalls:           number("RollingCalls", 1, 100_000),
			RequestVolumeThreshold: number("RequestVolumeThreshold", 1, 1_000_000_000),
			ErrorPercentThreshold:  percent("ErrorPercentThreshold"),
			IgnoreRejected:         rapid.Bool().Draw(t, "IgnoreRejected"),
			SleepWindow:            duration("SleepWindow", time.Millisecond, 24*time.Hour),
			SleepWindowJitter:      percent("SleepWindowJitter"),
			Probes:                 number("Probes", 1, 100),
			MaxConcurrentFallbacks: number("MaxConcurrentFallbacks", 1, 1_000_000),
			FallbackTimeout:        duration("FallbackTimeout", time.Millisecond, time.Hour),
			Override:               quill.Override(rapid.IntRange(0, 3).Draw(t, "Override")),
		}
		switch rapid.IntRange(0, 3).Draw(t, "without limit") {
		case 0:
			s.Timeout, s.FallbackTimeout = quill.NoTimeout, quill.NoTimeout
		case 1:
			s.MaxConcurrent, s.MaxConcurrentFallbacks = quill.Unlimited, quill.Unlimited
		default:
			s.QueueSize = number("QueueSize", 1, 1_000_000)
		}
		if s.RollingCalls > 0 {
			s.RequestVolumeThreshold = min(s.RequestVolumeThreshold, s.RollingCalls)
		}
		filled := s.WithDefaults()
		longest := filled.Timeout
		if longest == quill.NoTimeout {
			longest = time.Hour
		}
		s.SlowCallDuration = duration("SlowCallDuration", time.Millisecond, longest)
		if s.SlowCallDuration > 0 {
			s.SlowCallPercentThreshold = percent("SlowCallPercentThreshold")
		}
		s.MaxSleepWindow = duration("MaxSleepWindow", filled.SleepWindow, 24*time.Hour)
		s.ProbeLease = duration("ProbeLease", max(filled.Timeout, time.Millisecond), 24*time.Hour)
		return s
	})
}
