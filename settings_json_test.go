package quill_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-f7c3343e/quill"
)

func TestSettingsAreWrittenAsOperatorsReadThem(t *testing.T) {
	for _, tc := range []struct {
		given quill.Settings
		want  string
	}{
		{quill.Settings{}, `{}`},
		{
			quill.Settings{Timeout: 300 * ms, SleepWindow: 10 * time.Minute, MaxSleepWindow: day},
			`{"timeout":"300ms","sleepWindow":"10m","maxSleepWindow":"24h"}`,
		},
		{
			quill.Settings{
				Timeout: quill.NoTimeout, MaxConcurrent: quill.Unlimited,
				MaxConcurrentFallbacks: quill.Unlimited, FallbackTimeout: quill.NoTimeout,
			},
			`{"timeout":"none","maxConcurrent":"unlimited","maxConcurrentFallbacks":"unlimited","fallbackTimeout":"none"}`,
		},
		{
			quill.Settings{Isolation: quill.Semaphore, ErrorPercentThreshold: 0.1, IgnoreRejected: true, Override: quill.ForceOpen},
			`{"isolation":"semaphore","errorPercentThreshold":0.1,"ignoreRejected":true,"override":"forced-open"}`,
		},
		{
			quill.Settings{}.WithDefaults(),
			`{"timeout":"1s","maxConcurrent":10,"rollingWindow":"10s","rollingBuckets":10,"requestVolumeThreshold":20,` +
				`"errorPercentThreshold":50,"sleepWindow":"5s","probes":1,"probeLease":"5s",` +
				`"maxConcurrentFallbacks":10,"fallbackTimeout":"1s"}`,
		},
	} {
		data, err := json.Marshal(tc.given)
		require.NoError(t, err)
		require.Equal(t, tc.want, string(data))
	}
}

func TestNumbersThatJSONDoesNotKnowAreNotWritten(t *testing.T) {
	data, err := json.Marshal(quill.Settings{ErrorPercentThreshold: math.NaN(), SleepWindowJitter: math.Inf(1)})
	require.Nil(t, data)
	require.Equal(t, []string{"ErrorPercentThreshold", "SleepWindowJitter"}, fieldsOf(problems(t, err)))
}

func TestSettingsSurviveTheWayThroughJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := validSettings().Draw(t, "settings")
		for _, s := range []quill.Settings{s, s.WithDefaults()} {
			data, err := json.Marshal(s)
			require.NoError(t, err)
			back, err := quill.ParseSettings(data)
			require.NoError(t, err, "%s", data)
			require.Equal(t, s, back, "%s", data)

			byMap, err := quill.ParseSettingsMap([]byte(`{"a": ` + string(data) + `, "b": {}}`))
			require.NoError(t, err)
			require.Equal(t, map[string]quill.Settings{"a": s, "b": {}}, byMap)
		}
	})
}

func TestJSONIsJudgedAsTheValueItDescribes(t *testing.T) {
	numbers := rapid.SampledFrom([]int{math.MinInt, -1000, -2, -1, 0, 1, 2, 10, 99, 1000, 1_000_001, math.MaxInt})
	durations := rapid.SampledFrom([]time.Duration{math.MinInt64, -2, -1, 0, 1, ms, 50 * ms, time.Second, 5 * time.Second, time.Hour, 25 * time.Hour})
	percents := rapid.SampledFrom([]float64{-1, 0, 0.1, 50, 100, 101})
	rapid.Check(t, func(t *rapid.T) {
		s := quill.Settings{
			Isolation: quill.Isolation(rapid.IntRange(0, 2).Draw(t, "isolation")),
			Override:  quill.Override(rapid.IntRange(0, 4).Draw(t, "override")),
			Timeout:   durations.Draw(t, "timeout"), MaxConcurrent: numbers.Draw(t, "max"), QueueSize: numbers.Draw(t, "queue"),
			RollingWindow: durations.Draw(t, "window"), RollingBuckets: numbers.Draw(t, "buckets"), RollingCalls: numbers.Draw(t, "calls"),
			RequestVolumeThreshold: numbers.Draw(t, "volume"), ErrorPercentThreshold: percents.Draw(t, "errors"),
			SlowCallDuration: durations.Draw(t, "slow"), SlowCallPercentThreshold: percents.Draw(t, "slow percent"),
			SleepWindow: durations.Draw(t, "sleep"), MaxSleepWindow: durations.Draw(t, "max sleep"),
			SleepWindowJitter: percents.Draw(t, "jitter"), Probes: numbers.Draw(t, "probes"), ProbeLease: durations.Draw(t, "lease"),
			MaxConcurrentFallbacks: numbers.Draw(t, "fallbacks"), FallbackTimeout: durations.Draw(t, "fallback timeout"),
		}
		data, err := json.Marshal(s)
		require.NoError(t, err)
		parsed, err := quill.ParseSettings(data)
		if inGo := s.Validate(); inGo != nil {
			require.Equal(t, fieldsOf(inJSON(problems(t, inGo))), fieldsOf(problems(t, err)), "%s", data)
		} else {
			require.NoError(t, err)
			require.Equal(t, s, parsed)
		}
	})
}

func TestJSONContradictionsAreRefused(t *testing.T) {
	for _, tc := range contradictions {
		data, err := json.Marshal(tc.given)
		require.NoError(t, err)
		_, err = quill.ParseSettings(data)
		require.Equal(t, inJSON(tc.want), problems(t, err), "%s", data)
	}
}

func TestZeroIsAValueOnlyWhereItIsDocumentedAsOne(t *testing.T) {
	s, err := quill.ParseSettings([]byte(`{"queueSize": 0, "rollingCalls": 0, "slowCallDuration": "0s", "maxSleepWindow": "0s",
		"sleepWindowJitter": 0, "ignoreRejected": false, "isolation": "pool", "override": "none"}`))
	require.NoError(t, err)
	require.Zero(t, s)
}

func TestParseSettingsNamesWhatIsWrong(t *testing.T) {
	for _, tc := range []struct{ data, want string }{
		{`{"timeout": 300}`, `timeout is 300: must be a string with a unit, such as "300ms": 1ms to 1h, or "none"`},
		{`{"timeout": "300"}`, `timeout is "300": must be a string with a unit, such as "300ms": 1ms to 1h, or "none"`},
		{`{"maxConcurrent": -1}`, `maxConcurrent is -1: must be 1 to 1000000, or "unlimited"`},
		{`{"maxConcurrent": "10"}`, `maxConcurrent is "10": must be a whole number: 1 to 1000000, or "unlimited"`},
		{`{"sleepWindow": null}`, `sleepWindow is null: must be a string with a unit, such as "300ms": 1ms to 24h`},
		{`{"isolation": "thread"}`, `isolation is "thread": must be "pool" or "semaphore"`},
		{`{"override": "open"}`, `override is "open": must be "none", "forced-open", "forced-closed" or "disabled"`},
		{`{"queueSize": 1, "timeout": "none"}`, `queueSize is 1: must be 0 where timeout is "none" (a call could wait for ever)`},
		{`{"timout": "1s"}`, `timout is an unknown key ("1s"): must be timeout`},
		{`{"probeLes": 1}`, `probeLes is an unknown key (1): must be probes`}, // and not probeLease, which is as near
		{`{"Timeout": "1s"}`, `Timeout is an unknown key ("1s"): must be timeout`},
		{`{"": {"a" : [1, 2]}}`, `"" is an unknown key ({"a":[1,2]}): must be one of isolation, timeout, maxConcurrent, `},
		{`{"a\nb": 1}`, `"a\nb" is an unknown key (1): must be one of `},
		{`{"probes": 1, "probes": 1}`, `probes is given twice (1, then 1): must be given once`},
		{`{"probes": 1, "probes": 2, "probes": 3}`, `probes is given 3 times (1, then 3): must be given once`},
		{`{"probes": 1, "prob\u0065s": 2}`, `probes is given twice (1, then 2): must be given once`},
		{`{"probes": ` + strings.Repeat("9", 500) + `}`, `probes is ` + strings.Repeat("9", 60) + `…: must be 1 to 100`},
		{"{\"timeout\": \"1\u202es\"}", `timeout is "\"1\u202es\"": must be a string`},
		{`null`, `document is null: must be an object of settings, such as {"timeout": "300ms"}`},
		{`[{"timeout": "1s"}]`, `document is [{"timeout":"1s"}]: must be an object of settings`},
		{``, `document is empty: must be valid JSON`},
		{" \n ", `document is empty: must be valid JSON`},
		{"{\n  \"timeout\": \"1s\",\n}", `document is broken at line 3, column 1 (invalid character '}' `},
		{`{"timeout": "1s"`, `document is broken at line 1, column `},
		{"\xff{}", `document is broken at line 1, column 1 (not UTF-8): must be valid JSON`},
		{"{\"timeout\":\n\"\xff\"}", `document is broken at line 2, column 2 (not UTF-8): must be valid JSON`},
		{`{} {}`, `document is followed by "{}" at line 1, column 4: must be one JSON value`},
	} {
		s, err := quill.ParseSettings([]byte(tc.data))
		require.Zero(t, s)
		require.Len(t, problems(t, err), 1, "%v", err)
		require.True(t, strings.HasPrefix(err.Error(), "quill: settings: "+tc.want), "%s\n%s", err, tc.want)
	}
}

func TestProblemsOfKeysTypesRangesAndContradictionsComeTogether(t *testing.T) {
	_, err := quill.ParseSettings([]byte(`{
		"timeout": 800, "maxConcurrent": 0, "probez": 1, "override": null, "probes": 1, "probes": 101,
		"slowCallPercentThreshold": 10, "rollingCalls": 5, "requestVolumeThreshold": 6} true`))
	require.Equal(t, []string{
		"document", "timeout", "maxConcurrent", "probez", "override", "probes", "probes",
		"requestVolumeThreshold", "slowCallPercentThreshold",
	}, fieldsOf(problems(t, err)))
}

func TestUnmarshalReplacesSettingsWhole(t *testing.T) {
	s := quill.Settings{Timeout: time.Minute, Probes: 3}
	require.NoError(t, json.Unmarshal([]byte(`{"probes": 2}`), &s))
	require.Equal(t, quill.Settings{Probes: 2}, s)
	require.Error(t, json.Unmarshal([]byte(`null`), &s))
	require.Equal(t, quill.Settings{Probes: 2}, s)
}

func TestParseSettingsMapReadsSeveralCircuits(t *testing.T) {
	got, err := quill.ParseSettingsMap([]byte(
		`{"movie-info": {"timeout": "800ms"}, "default": {}, "<script>": {"probes": 2}, "영화 정보": {"isolation": "semaphore"}}`))
	require.NoError(t, err)
	require.Equal(t, map[string]quill.Settings{
		"movie-info": {Timeout: 800 * ms}, "default": {}, "<script>": {Probes: 2}, "영화 정보": {Isolation: quill.Semaphore},
	}, got)

	got, err = quill.ParseSettingsMap([]byte(`{}`))
	require.NoError(t, err)
	require.Equal(t, map[string]quill.Settings{}, got)
}

func TestParseSettingsMapReportsEveryProblemOfEveryCircuit(t *testing.T) {
	got, err := quill.ParseSettingsMap([]byte(`{
		"good": {"probes": 2},
		"ratings": {"timeout": 5, "probes": 0},
		" movie": {"probes": 3, "queue": 4},
		"twice": {"probes": 4}, "twice": {"probes": 500},
		"none": null,
		"": {}} ?`))
	require.Nil(t, got)
	want := `quill: settings: document is followed by "?" at line 7, column 11: must be one JSON value
quill: settings of "ratings": timeout is 5: must be a string with a unit, such as "300ms": 1ms to 1h, or "none"; probes is 0: must be 1 to 100
quill: settings of " movie": name is " movie", which begins with a space: must be ` + nameRule + `; queue is an unknown key (4): must be one of `
	require.True(t, strings.HasPrefix(err.Error(), want), "%s", err)
	require.True(t, strings.HasSuffix(err.Error(), `
quill: settings of "twice": name is given twice: must be given once; probes is 500: must be 1 to 100
quill: settings of "none": document is null: must be an object of settings, such as {"timeout": "300ms"}
quill: settings: name is "", which is empty: must be `+nameRule), "%s", err)

	for _, data := range []string{`null`, `[]`, `"a"`, `3`} {
		_, err := quill.ParseSettingsMap([]byte(data))
		require.EqualError(t, err, `quill: settings: document is `+data+
			`: must be an object of settings by name, such as {"movie-info": {"timeout": "300ms"}}`)
	}
	for _, data := range []string{``, `{`, `{"a": {}`, "{\"a\xff\": {}}"} {
		_, err := quill.ParseSettingsMap([]byte(data))
		require.Equal(t, []string{"document"}, fieldsOf(problems(t, err)))
	}
}

func FuzzSettingsJSON(f *testing.F) {
	for _, r := range rules { // one each: a thousand seeds would take all the time there is
		f.Add([]byte(`{"` + r.key() + `": ` + r.badJSON()[0] + `}`))
	}
	for _, seed := range []string{
		`{}`, `null`, ``, `{"timeout": "300ms"}`, `{"timeout": "none", "maxConcurrent": "unlimited"}`, `{"probes": 1, "probes": 2}`,
		`{"sleepWindow": "1m", "maxSleepWindow": "2m"} x`, `{"override": "forced-open", "isolation": "semaphore"}`, "{\"\xff\": 1}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(settingsOrErrors)
}

// TestEveryBadValueAsJSONIsTheSameToAllThatReadsIt: with all bad values of all rules, which are too
// many seeds for fuzzing.
func TestEveryBadValueAsJSONIsTheSameToAllThatReadsIt(t *testing.T) {
	for _, r := range rules {
		for _, v := range r.badJSON() {
			settingsOrErrors(t, []byte(`{"`+r.key()+`": `+v+`}`))
		}
	}
}

// settingsOrErrors checks that data is either settings to all that reads them, or wrong to all, and
// then told well and not half applied.
func settingsOrErrors(t *testing.T, data []byte) {
	t.Helper()
	s, err := quill.ParseSettings(data)
	kept := quill.Settings{Probes: 42}
	require.Equal(t, err, kept.UnmarshalJSON(data))
	if json.Valid(data) {
		_, inMap := quill.ParseSettingsMap([]byte(`{"a": ` + string(data) + `}`))
		require.Equal(t, err == nil, inMap == nil, "%v", inMap)
	}
	source := quill.Settings{Probes: 42, Timeout: quill.NoTimeout, RollingCalls: 50, SlowCallDuration: 300 * ms, SlowCallPercentThreshold: 20}
	over, overErr := source.Overlay(data)
	if overErr != nil {
		require.Equal(t, source, over, "half applied")
	} else {
		require.NoError(t, over.Validate())
		again, err := over.Overlay(data)
		require.NoError(t, err)
		require.Equal(t, over, again, "twice is as once")
	}
	if err != nil {
		require.Zero(t, s)
		require.Equal(t, quill.Settings{Probes: 42}, kept, "half applied")
		for _, p := range problems(t, err) {
			require.NotEmpty(t, p.Value)
			require.NotEmpty(t, p.Allowed)
			require.Less(t, len(p.String()), 2000)
		}
		require.False(t, strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }), "%q", err)
		return
	}
	require.Equal(t, s, kept)
	require.True(t, json.Valid(data))
	require.NoError(t, s.Validate())
	again, err := json.Marshal(s)
	require.NoError(t, err)
	back, err := quill.ParseSettings(again)
	require.NoError(t, err)
	require.Equal(t, s, back)
}
