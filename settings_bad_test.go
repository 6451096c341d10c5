package quill_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// rule is what the documentation says of a field, written down a second time.
type rule struct {
	name, allowed string
	low, high     any // of the field's type
	special       string
	zero          bool // whether an operator may write 0
	put           func(s *quill.Settings, v any)
}

func (r rule) key() string { return strings.ToLower(r.name[:1]) + r.name[1:] }

// allowedInJSON is what an operator is told in place of allowed: words as they stand in the file.
func (r rule) allowedInJSON() string {
	switch {
	case r.name == "Isolation":
		return `"pool" or "semaphore"`
	case r.name == "Override":
		return `"none", "forced-open", "forced-closed" or "disabled"`
	case r.special != "":
		return strings.TrimSuffix(r.allowed, r.special) + strconv.Quote(r.special)
	}
	return r.allowed
}

const (
	ms  = time.Millisecond
	day = 24 * time.Hour
)

var rules = []rule{
	{
		"Isolation", "pool or semaphore", quill.Pool, quill.Semaphore, "", true,
		func(s *quill.Settings, v any) { s.Isolation = v.(quill.Isolation) },
	},
	{
		"Timeout", "1ms to 1h, or none", ms, time.Hour, "none", false,
		func(s *quill.Settings, v any) { s.Timeout = v.(time.Duration) },
	},
	{
		"MaxConcurrent", "1 to 1000000, or unlimited", 1, 1_000_000, "unlimited", false,
		func(s *quill.Settings, v any) { s.MaxConcurrent = v.(int) },
	},
	{
		"QueueSize", "0 to 1000000", 0, 1_000_000, "", true,
		func(s *quill.Settings, v any) { s.QueueSize = v.(int) },
	},
	{
		"RollingWindow", "100ms to 1h", 100 * ms, time.Hour, "", false,
		func(s *quill.Settings, v any) { s.RollingWindow = v.(time.Duration) },
	},
	{
		"RollingBuckets", "1 to 100", 1, 100, "", false,
		func(s *quill.Settings, v any) { s.RollingBuckets = v.(int) },
	},
	{
		"RollingCalls", "1 to 100000", 1, 100_000, "", true,
		func(s *quill.Settings, v any) { s.RollingCalls = v.(int) },
	},
	{
		"RequestVolumeThreshold", "1 to 1000000000", 1, 1_000_000_000, "", false,
		func(s *quill.Settings, v any) { s.RequestVolumeThreshold = v.(int) },
	},
	{
		"ErrorPercentThreshold", "more than 0, at most 100", 0.0, 100.0, "", false,
		func(s *quill.Settings, v any) { s.ErrorPercentThreshold = v.(float64) },
	},
	{"IgnoreRejected", "true or false", false, true, "", true, nil},
	{
		"SlowCallDuration", "1ms to 1h", ms, time.Hour, "", true,
		func(s *quill.Settings, v any) { s.SlowCallDuration = v.(time.Duration) },
	},
	{
		"SlowCallPercentThreshold", "more than 0, at most 100", 0.0, 100.0, "", false,
		func(s *quill.Settings, v any) { s.SlowCallPercentThreshold = v.(float64) },
	},
	{
		"SleepWindow", "1ms to 24h", ms, day, "", false,
		func(s *quill.Settings, v any) { s.SleepWindow = v.(time.Duration) },
	},
	{
		"MaxSleepWindow", "1ms to 24h", ms, day, "", true,
		func(s *quill.Settings, v any) { s.MaxSleepWindow = v.(time.Duration) },
	},
	{
		"SleepWindowJitter", "0 to 100", 0.0, 100.0, "", true,
		func(s *quill.Settings, v any) { s.SleepWindowJitter = v.(float64) },
	},
	{
		"Probes", "1 to 100", 1, 100, "", false,
		func(s *quill.Settings, v any) { s.Probes = v.(int) },
	},
	{
		"ProbeLease", "1ms to 24h", ms, day, "", false,
		func(s *quill.Settings, v any) { s.ProbeLease = v.(time.Duration) },
	},
	{
		"MaxConcurrentFallbacks", "1 to 1000000, or unlimited", 1, 1_000_000, "unlimited", false,
		func(s *quill.Settings, v any) { s.MaxConcurrentFallbacks = v.(int) },
	},
	{
		"FallbackTimeout", "1ms to 1h, or none", ms, time.Hour, "none", false,
		func(s *quill.Settings, v any) { s.FallbackTimeout = v.(time.Duration) },
	},
	{
		"Override", "none, forced-open, forced-closed or disabled", quill.NoOverride, quill.Disabled, "", true,
		func(s *quill.Settings, v any) { s.Override = v.(quill.Override) },
	},
}

// badValues are values out of the field's range, among them the mistakes of unit that
// operators make: 5 or 1000 for a duration, meant as seconds or milliseconds.
func (r rule) badValues() []any {
	var bad []any
	switch low := r.low.(type) {
	case time.Duration:
		bad = []any{
			low - 1, r.high.(time.Duration) + 1, time.Duration(1), time.Duration(5), time.Duration(1000),
			time.Duration(-2), -time.Millisecond, -time.Second, -time.Hour, 100 * day,
			time.Duration(math.MinInt64), time.Duration(math.MaxInt64),
		}
		if r.special == "" {
			bad = append(bad, quill.NoTimeout)
		}
	case int:
		bad = []any{-2, -3, -1000, r.high.(int) + 1, math.MinInt, math.MaxInt}
		if r.special == "" {
			bad = append(bad, quill.Unlimited)
		}
	case float64:
		bad = []any{
			math.NaN(), math.Inf(1), math.Inf(-1), -1.0, -0.1, -math.SmallestNonzeroFloat64,
			math.Nextafter(100, 200), 101.0, 5000.0, math.MaxFloat64, -math.MaxFloat64,
		}
	case quill.Isolation:
		bad = []any{quill.Isolation(2), quill.Isolation(3), quill.Isolation(255)}
	case quill.Override:
		bad = []any{quill.Override(4), quill.Override(5), quill.Override(255)}
	}
	return bad
}

// written is how a problem shows a value of Settings.
func written(v any) string {
	switch v := v.(type) {
	case quill.Isolation:
		return strconv.Itoa(int(v))
	case quill.Override:
		return strconv.Itoa(int(v))
	case time.Duration:
		return strings.TrimSuffix(v.String(), "0m0s") // 2400h0m0s is 2400h
	}
	return fmt.Sprint(v)
}

// badJSON are JSON values that the field's kind or range does not allow.
func (r rule) badJSON() []string {
	bad := []string{`null`, `[]`, `[1]`, `{}`, `{"value":1}`, `""`, `"a lot"`, `"-"`, `" "`, `"NaN"`, `"300ms "`, `-1`, `1e400`}
	for _, v := range r.badValues() {
		switch v := v.(type) {
		case time.Duration:
			bad = append(bad, `"`+v.String()+`"`)
		case float64:
			if v-v == 0 {
				bad = append(bad, strconv.FormatFloat(v, 'g', -1, 64))
			}
		default:
			bad = append(bad, fmt.Sprintf("%d", v))
		}
	}
	switch r.low.(type) {
	case time.Duration:
		bad = append(bad, `300`, `1000000000`, `0.5`, `0`, `true`, `"300"`, `"300 ms"`, `"1d"`, `"unlimited"`, `"-1ns"`, `"9999999999h"`)
		if !r.zero {
			bad = append(bad, `"0"`, `"0s"`)
		}
	case int:
		bad = append(bad, `1.5`, `1e2`, `10.0`, `"10"`, `"none"`, `true`, `99999999999999999999`, `-99999999999999999999`, `"-1"`)
	case float64:
		bad = append(bad, `"50"`, `"50%"`, `true`, `"none"`)
	case bool:
		bad = append(bad, `0`, `1`, `"true"`, `"yes"`)
	default:
		bad = append(bad, `0`, `1`, `true`, `"Pool"`, `"FORCED-OPEN"`, `"open"`, `"thread"`)
	}
	if _, isDuration := r.low.(time.Duration); !r.zero && !isDuration {
		bad = append(bad, `0`)
	}
	return bad
}

func TestEveryBadValueIsRefusedWithFieldValueAndRange(t *testing.T) {
	refused := 0
	check := func(name, value, allowed string, err error) {
		t.Helper()
		refused++
		all := problems(t, err)
		require.Len(t, all, 1, "%s = %s: %v", name, value, err)
		require.Equal(t, name, all[0].Field)
		require.Equal(t, value, all[0].Value)
		require.True(t, strings.HasSuffix(all[0].Allowed, allowed), "%s = %s: %v", name, value, err)
		require.Contains(t, err.Error(), name+" is "+value+": must be "+all[0].Allowed)
	}
	for _, r := range rules {
		for _, v := range r.badValues() {
			var s quill.Settings
			r.put(&s, v)
			check(r.name, written(v), r.allowed, s.Validate())
		}
		for _, v := range r.badJSON() {
			got, err := quill.ParseSettings([]byte(`{"` + r.key() + `": ` + v + `}`))
			require.Zero(t, got)
			check(r.key(), v, r.allowedInJSON(), err)

			kept := quill.Settings{Probes: 7}
			require.Error(t, json.Unmarshal([]byte(`{"override": "disabled", "`+r.key()+`": `+v+`}`), &kept))
			require.Equal(t, quill.Settings{Probes: 7}, kept, "half applied")
		}
	}
	t.Logf("%d bad values refused", refused)
	require.GreaterOrEqual(t, refused, 300)
}

func TestAllBadValuesAreReportedAtOnce(t *testing.T) {
	for i := range 13 {
		var s quill.Settings
		var keys, members, inGo []string
		for _, r := range rules {
			keys = append(keys, r.key())
			bad := r.badJSON()
			members = append(members, `"`+r.key()+`": `+bad[i%len(bad)])
			if bad := r.badValues(); len(bad) > 0 {
				r.put(&s, bad[i%len(bad)])
				inGo = append(inGo, r.name)
			}
		}
		require.Equal(t, inGo, fieldsOf(problems(t, s.Validate())))

		_, err := quill.ParseSettings([]byte("{" + strings.Join(members, ",\n") + "}"))
		require.Equal(t, keys, fieldsOf(problems(t, err)))
	}
}

func fieldsOf(all []quill.Problem) []string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.Field
	}
	return names
}

// inJSON are problems of settings in Go as they are told of the same settings in JSON.
func inJSON(all []quill.Problem) []quill.Problem {
	words := []string{" is none (", ` is "none" (`, " is unlimited (", ` is "unlimited" (`}
	for _, r := range rules {
		words = append(words, r.name, r.key())
	}
	told := make([]quill.Problem, len(all))
	for i, p := range all {
		r := strings.NewReplacer(words...)
		told[i] = quill.Problem{Field: r.Replace(p.Field), Value: p.Value, Allowed: r.Replace(p.Allowed)}
	}
	return told
}

// contradictions are settings whose fields are in range one by one, with what is wrong.
var contradictions = []struct {
	given quill.Settings
	want  []quill.Problem
}{
	{
		quill.Settings{SlowCallPercentThreshold: 30},
		[]quill.Problem{{"SlowCallPercentThreshold", "30", "left out unless SlowCallDuration is set"}},
	},
	{
		quill.Settings{SlowCallDuration: 1001 * ms},
		[]quill.Problem{{"SlowCallDuration", "1.001s", "1ms to 1h, and not above Timeout (1s)"}},
	},
	{
		quill.Settings{SlowCallDuration: time.Hour, Timeout: 20 * time.Minute},
		[]quill.Problem{{"SlowCallDuration", "1h", "1ms to 1h, and not above Timeout (20m)"}},
	},
	{
		quill.Settings{RollingCalls: 10, RequestVolumeThreshold: 11},
		[]quill.Problem{{"RequestVolumeThreshold", "11", "1 to 1000000000, and not above RollingCalls (10)"}},
	},
	{
		quill.Settings{MaxSleepWindow: time.Second},
		[]quill.Problem{{"MaxSleepWindow", "1s", "1ms to 24h, and not below SleepWindow (5s)"}},
	},
	{
		quill.Settings{SleepWindow: time.Hour + time.Minute, MaxSleepWindow: time.Hour},
		[]quill.Problem{{"MaxSleepWindow", "1h", "1ms to 24h, and not below SleepWindow (1h1m)"}},
	},
	{
		quill.Settings{ProbeLease: 999 * ms},
		[]quill.Problem{{"ProbeLease", "999ms", "1ms to 24h, and not below Timeout (1s)"}},
	},
	{
		quill.Settings{ProbeLease: 5 * time.Second, Timeout: 10 * time.Second},
		[]quill.Problem{{"ProbeLease", "5s", "1ms to 24h, and not below Timeout (10s)"}},
	},
	{
		quill.Settings{QueueSize: 1, Timeout: quill.NoTimeout},
		[]quill.Problem{{"QueueSize", "1", "0 where Timeout is none (a call could wait for ever)"}},
	},
	{
		quill.Settings{QueueSize: 1, MaxConcurrent: quill.Unlimited},
		[]quill.Problem{{"QueueSize", "1", "0 where MaxConcurrent is unlimited (no call ever waits)"}},
	},
	{
		quill.Settings{
			QueueSize: 9, Timeout: quill.NoTimeout, MaxConcurrent: quill.Unlimited, ProbeLease: ms,
			MaxSleepWindow: ms, RollingCalls: 1, RequestVolumeThreshold: 2, SlowCallPercentThreshold: 1,
		},
		[]quill.Problem{
			{"RequestVolumeThreshold", "2", "1 to 1000000000, and not above RollingCalls (1)"},
			{"SlowCallPercentThreshold", "1", "left out unless SlowCallDuration is set"},
			{"MaxSleepWindow", "1ms", "1ms to 24h, and not below SleepWindow (5s)"},
			{"QueueSize", "9", "0 where Timeout is none (a call could wait for ever)"},
			{"QueueSize", "9", "0 where MaxConcurrent is unlimited (no call ever waits)"},
		},
	},
}
