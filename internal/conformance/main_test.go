package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
	"github.com/seed-f7c3343e/quill/internal/conformance/play"
)

const recording = "testdata/scenarios.json"

func recorded(t *testing.T) *oracle.File {
	t.Helper()
	files, err := load([]string{recording})
	require.NoError(t, err)
	return files[0]
}

// edited is the recording's scenario of that id, read again after its JSON was edited.
func edited(t *testing.T, id string, edits ...string) *oracle.File {
	t.Helper()
	var file struct {
		Scenarios []json.RawMessage `json:"scenarios"`
	}
	data, err := os.ReadFile(recording)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &file))
	for _, text := range file.Scenarios {
		var s struct {
			ID string `json:"id"`
		}
		require.NoError(t, json.Unmarshal(text, &s))
		if s.ID != id {
			continue
		}
		var compact bytes.Buffer
		require.NoError(t, json.Compact(&compact, text))
		script := compact.String()
		for i := 0; i < len(edits); i += 2 {
			require.Contains(t, script, edits[i])
			script = strings.Replace(script, edits[i], edits[i+1], 1)
		}
		f, err := oracle.Read([]byte(`{"format":1,"scenarios":[` + script + `]}`))
		require.NoError(t, err)
		require.NoError(t, play.Check(f.Scenarios[0]))
		return f
	}
	t.Fatalf("no scenario %q", id)
	return nil
}

func TestEveryRecordedScenarioAgreesOrDiffersAsIntended(t *testing.T) {
	f := recorded(t)
	require.Len(t, f.Scenarios, 108)
	reports := playAll(t, f)
	for _, r := range reports {
		require.NotEqual(t, play.Disagree, r.Verdict, "%s: %s", r.Scenario.ID, verdict(r))
		for _, found := range r.Findings {
			require.False(t, found.Rule, "%s: %s is not in the table", r.Scenario.ID, finding(&found))
		}
	}
	var s summary
	s.count(reports)
	require.Equal(t, "65 agree, 22 intended differences, 21 not built, 0 disagree", s.String())
}

func TestOnlyWhatIsNotBuiltIsNotPlayed(t *testing.T) {
	for _, s := range recorded(t).Scenarios {
		require.Equal(t, s.Area == "cache" || s.Area == "collapser", play.Missing(s) != "", s.ID)
	}
}

func TestTheTableHoldsRealScenariosAndReasonsOnly(t *testing.T) {
	ids := map[string]bool{}
	for _, s := range recorded(t).Scenarios {
		ids[s.ID] = true
	}
	reasons := map[string]bool{}
	for _, r := range play.Reasons {
		require.False(t, reasons[r.ID], "two reasons are called %s", r.ID)
		reasons[r.ID] = true
		for _, text := range []string{r.Hystrix, r.Quill, r.Why} {
			require.NotEmpty(t, text, r.ID)
			require.True(t, strings.HasSuffix(text, ".") || strings.HasSuffix(text, ")"), "%s: %q", r.ID, text)
		}
	}
	for _, d := range play.Differences {
		require.True(t, ids[d.Scenario], "no scenario %q", d.Scenario)
		require.True(t, reasons[d.Reason], "no reason %q", d.Reason)
	}
}

func TestRulesAloneExplainTheIntendedDifferences(t *testing.T) {
	for _, s := range recorded(t).Scenarios {
		byTable, byRules := play.Play(t, s), play.ByRules(t, s)
		require.Equal(t, byTable.Verdict, byRules.Verdict, "%s: %s", s.ID, verdict(byRules))
		require.Len(t, byRules.Findings, len(byTable.Findings), s.ID)
		for i, f := range byRules.Findings {
			require.Equal(t, byTable.Findings[i].Reason, f.Reason, "%s: %s", s.ID, finding(&f))
		}
	}
}

// TestNoObservationGoesUncompared alters every observation of every scenario at once: each
// must be found, save those that the table or the list of meaningless fields names.
func TestNoObservationGoesUncompared(t *testing.T) {
	compared := 0
	for _, s := range recorded(t).Scenarios {
		if play.Missing(s) != "" {
			continue
		}
		meant := map[string]bool{}
		for _, d := range play.Differences {
			for _, field := range d.Quill.Fields() {
				meant[d.Scenario+string(rune(d.Step))+field] = true
			}
		}
		total := 0
		for _, step := range s.Steps {
			for _, want := range step.Wants {
				for field := range want {
					want[field] += " or not"
					total++
				}
			}
		}
		report := play.Play(t, s)
		found := 0
		for _, f := range report.Findings {
			if !strings.HasSuffix(f.Want, " or not") {
				continue
			}
			found++
			require.Equal(t, meant[s.ID+string(rune(f.Step))+f.Field], f.Reason != "", "%s: %s", s.ID, finding(&f))
		}
		if s.ID == "defaults" {
			require.Equal(t, 22, found, "of %d properties", total)
			continue
		}
		require.Equal(t, total, found, s.ID)
		compared += found
	}
	t.Logf("%d observations are compared", compared)
	require.Greater(t, compared, 1000)
}

func TestAChangedScenarioDisagrees(t *testing.T) {
	for name, tc := range map[string]struct {
		id    string
		edits []string
		says  string
	}{
		"a higher threshold": {
			"volume-20-of-20",
			[]string{`requestVolumeThreshold":20`, `requestVolumeThreshold":21`},
			"DISAGREE: step 2 (call) allowsRequest: want false, got true (and ",
		},
		"a longer sleep window": {
			"halfopen-failure-reopens",
			[]string{`sleepWindowInMilliseconds":1000`, `sleepWindowInMilliseconds":9000`},
			"DISAGREE: step 2 (call) results: want 1 x value",
		},
		"another answer": {
			"basic-success-thread",
			[]string{`"value":"ok"`, `"value":"ko"`},
			`DISAGREE: step 0 (call) results: want 1 x value "ok", SUCCESS, run entered, got 1 x value "ko"`,
		},
		"one call more": {
			"percent-49-of-100",
			[]string{`"times":49`, `"times":50`},
			"DISAGREE: step 1 (call) results: want 49 x",
		},
		"more room": {
			"semaphore-limit-2",
			[]string{`semaphore.maxConcurrentRequests":2`, `semaphore.maxConcurrentRequests":3`},
			"DISAGREE: step 1 (call) results: want 1 x value \"fb\"",
		},
		"another word for the outcome of an error": {
			"volume-19-of-20",
			[]string{`"outcome":"error"`, `"outcome":"value"`},
			"DISAGREE: step 0 (call) results: want 19 x value, error COMMAND_EXCEPTION",
		},
		"something else where a difference is intended": {
			"java-error-fallback",
			[]string{`"fallbackEntered":true`, `"fallbackEntered":false`},
			`DISAGREE: step 0 (call) results: want 1 x value "fb"`,
		},
		"a state that a rule would explain": {
			"halfopen-burst",
			[]string{`"status":"OPEN"`, `"status":"CLOSED"`},
			"DISAGREE: step ",
		},
		"a timeout that comes first": {
			"timeout-just-under",
			[]string{`timeoutInMilliseconds":600`, `timeoutInMilliseconds":100`},
			"DISAGREE: step 0 (call) results",
		},
		"a gate that nobody opens": {
			"semaphore-limit-2",
			[]string{`{"op":"release","gate":"g"}`, `{"op":"release","gate":"other"}`},
			"DISAGREE: step 4 (await) result of a: want value \"ok\"",
		},
		"a bulkhead that cannot be": {
			"pool-queue",
			[]string{`"coreSize":1`, `"coreSize":-5`},
			"DISAGREE: step 0 (start) runner: want no panic, got quill: settings of",
		},
	} {
		t.Run(name, func(t *testing.T) {
			reports := playAll(t, edited(t, tc.id, tc.edits...))
			require.Equal(t, play.Disagree, reports[0].Verdict)
			require.Contains(t, verdict(reports[0]), tc.says)
		})
	}
}

func TestATableLineThatIsNoLongerTrueDisagrees(t *testing.T) {
	f := edited(t, "pool-maximum-diverges", `"core":1,"max":3}`, `"core":3,"max":3}`)
	reports := playAll(t, f)
	require.Contains(t, verdict(reports[0]), "core: want 3 (by the table of differences), got no difference")
}

func TestAnUnknownRecordingIsExplainedByRules(t *testing.T) {
	f := edited(t, "halfopen-burst", `"id":"halfopen-burst"`, `"id":"another"`)
	r := playAll(t, f)[0]
	require.Equal(t, "intended difference: refusal-keeps-probe", verdict(r))
	require.True(t, r.Findings[0].Rule)

	f = edited(t, "halfopen-burst", `"id":"halfopen-burst"`, `"id":"another"`,
		`"outcome":"value","value":"ok"`, `"outcome":"value","value":"ko"`)
	require.Equal(t, play.Disagree, playAll(t, f)[0].Verdict, "the rule is about states, not about values")
}

// What Hystrix only compares with numbers that are never negative does the same below 0.
func TestLessThanZeroIsPlayedAsZero(t *testing.T) {
	for id, property := range map[string]string{
		"volume-0":                       "circuitBreaker.requestVolumeThreshold",
		"percent-0-all-success":          "circuitBreaker.errorThresholdPercentage",
		"sleep-window-0":                 "circuitBreaker.sleepWindowInMilliseconds",
		"timeout-0-call":                 "execution.isolation.thread.timeoutInMilliseconds",
		"fallback-missing-each-cause":    "execution.isolation.semaphore.maxConcurrentRequests",
		"fallback-rejected-shortcircuit": "fallback.isolation.semaphore.maxConcurrentRequests",
		"pool-queue-threshold-0":         "queueSizeRejectionThreshold",
	} {
		t.Run(id, func(t *testing.T) {
			zero := playAll(t, edited(t, id))[0]
			require.NotEqual(t, play.Disagree, zero.Verdict)
			less := playAll(t, edited(t, id, `"`+property+`":0`, `"`+property+`":-3`))[0]
			require.Equal(t, verdict(zero), verdict(less))
		})
	}
}

func TestAFlakyStepAgreesWithAnyOfItsVariants(t *testing.T) {
	const flaky = `{"format":1,"scenarios":[{"id":"x","flaky":true,"commands":{"A":{}},"steps":[
		{"op":"health","cmd":"A","flaky":true,"variants":[
			{"total":1,"errors":0,"errorPercentage":0},{"total":0,"errors":0,"errorPercentage":0}]}]}]}`
	f, err := oracle.Read([]byte(flaky))
	require.NoError(t, err)
	require.Equal(t, play.Agree, playAll(t, f)[0].Verdict)
}

func TestWhatIsNotInTheTreeCanBePlayed(t *testing.T) {
	for name, steps := range map[string]string{
		"reuse": `[{"op":"reuse","cmd":"A","run":{"do":"value"},"observed":{"results":[
			{"count":1,"outcome":"value","value":"ok","events":["SUCCESS"],"runEntered":true},
			{"count":1,"outcome":"error","error":{"kind":"runtime","failureType":"BAD_REQUEST_EXCEPTION"}}]}}]`,
		"unsupported": `[{"op":"call","cmd":"A","run":{"do":"fail"},"fallback":{"do":"unsupported"},"observed":{"results":[
			{"count":1,"outcome":"error","error":{"kind":"runtime","failureType":"COMMAND_EXCEPTION","cause":"user:boom","fallbackCause":"unsupported:no"},
			 "events":["FAILURE","FALLBACK_MISSING"],"runEntered":true,"fallbackEntered":true,"executionException":"user:boom"}]}}]`,
	} {
		f, err := oracle.Read([]byte(`{"format":1,"scenarios":[{"id":"x","commands":{"A":{}},"steps":` + steps + `}]}`))
		require.NoError(t, err)
		require.Equal(t, play.Intended, playAll(t, f)[0].Verdict, "%s: %s", name, verdict(playAll(t, f)[0]))
	}
	const disabled = `{"format":1,"scenarios":[{"id":"x","commands":{"A":{"props":{"fallback.enabled":false}}},"steps":[
		{"op":"call","cmd":"A","run":{"do":"fail"},"fallback":{"do":"value"},"observed":{"results":[
		{"count":1,"outcome":"error","error":{"kind":"runtime","failureType":"COMMAND_EXCEPTION","cause":"user:boom"},
		 "events":["FAILURE"],"runEntered":true,"executionException":"user:boom"}]}}]}]}`
	f, err := oracle.Read([]byte(disabled))
	require.NoError(t, err)
	require.Equal(t, "agree", verdict(playAll(t, f)[0]))
}

func TestAFileThatIsNotUnderstoodIsRefused(t *testing.T) {
	scenario := func(steps string) string {
		return `{"format":1,"scenarios":[{"id":"x","commands":{"A":{"props":{}}},"steps":[` + steps + `]}]}`
	}
	for _, tc := range []struct{ name, text, says string }{
		{"no JSON", `{"format":1,`, "unexpected EOF"},
		{"another format", `{"format":2,"scenarios":[{"id":"x"}]}`, "its format is 2: must be 1"},
		{"nothing", `{"format":1}`, "it holds no scenarios"},
		{"more than one value", `{"format":1,"scenarios":[{"id":"x"}]} {}`, "something follows"},
		{"a field of the file", `{"format":1,"extra":1}`, `unknown field "extra"`},
		{"a field of a scenario", `{"format":1,"scenarios":[{"id":"x","extra":1}]}`, `scenario "x": json: unknown field "extra"`},
		{"no steps", `{"format":1,"scenarios":[{"id":"x"}]}`, `scenario "x": it has no steps`},
		{"nothing observed", scenario(`{"op":"health","cmd":"A"}`), `op "health": says nothing of what was observed`},
		{"less than no call", scenario(`{"op":"call","cmd":"A","run":{"do":"value"},"times":-1}`), "times is -1: must not be negative"},
		{"no id", `{"format":1,"scenarios":[{"title":"x"}]}`, "scenario number 1: it has no id"},
		{"one id twice", `{"format":1,"scenarios":[{"id":"x","steps":[{"op":"wait"}]},{"id":"x","steps":[{"op":"wait"}]}]}`, `scenario "x" stands in it twice`},
		{"an operation", scenario(`{"op":"dance"}`), `scenario "x": step 0: op "dance": is not known: must be one of await, bodies`},
		{"a field of a step", scenario(`{"op":"wait","msec":5}`), `scenario "x": step 0: json: unknown field "msec"`},
		{"a body", scenario(`{"op":"call","cmd":"A","run":{"do":"jump"}}`), `op "call": a body does "jump": must be one of badRequest`},
		{"a command", scenario(`{"op":"circuit","cmd":"B"}`), `op "circuit": cmd is "B": the scenario has no such command`},
		{"a missing run", scenario(`{"op":"call","cmd":"A"}`), "needs the field run"},
		{"a handle", scenario(`{"op":"await","handles":["h"]}`), `the handle "h" was not started`},
		{"a pool", scenario(`{"op":"pool","pool":"P"}`), "needs the field pool"},
		{
			"a mode", scenario(`{"op":"start","cmd":"A","handles":["h"],"run":{"do":"value"},"mode":"fast","until":"running"}`),
			`mode is "fast": must be one of execute, queue`,
		},
		{
			"an observation", scenario(`{"op":"health","cmd":"A","observed":{"total":1,"errors":0,"errorPercentage":0,"wrong":2}}`),
			`step 0: op "health": observed: json: unknown field "wrong"`,
		},
		{"an observation of nothing", scenario(`{"op":"wait","ms":1,"observed":{"x":1}}`), "nothing can be observed by it"},
		{
			"a property", strings.Replace(scenario(`{"op":"wait"}`), `"props":{}`, `"props":{"circuitBreaker.color":"red"}`, 1),
			`scenario "x": command "A": the property "circuitBreaker.color" is not known`,
		},
		{
			"a property's kind", strings.Replace(scenario(`{"op":"wait"}`), `"props":{}`, `"props":{"circuitBreaker.forceOpen":1}`, 1),
			`the property "circuitBreaker.forceOpen" is 1: must be true or false`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.json")
			require.NoError(t, os.WriteFile(path, []byte(tc.text), 0o600))
			var out, problems strings.Builder
			require.Equal(t, exitUnreadable, command(t, []string{path}, &out, &problems))
			require.Empty(t, out.String())
			require.Contains(t, problems.String(), tc.says)
			require.Contains(t, problems.String(), path)
		})
	}
}

func TestTheCommandPrintsALineAScenario(t *testing.T) {
	var out, problems strings.Builder
	require.Zero(t, command(t, []string{recording}, &out, &problems))
	require.Empty(t, problems.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 109)
	require.Contains(t, lines, "volume-20-of-20: agree")
	require.Contains(t, lines, "halfopen-straggler-success: intended difference: late-results")
	require.Contains(t, lines, "cache-hit: not built: the request cache")
	require.Contains(t, lines, "collapse-cache: not built: the request collapser")
	require.Equal(t, "65 agree, 22 intended differences, 21 not built, 0 disagree", lines[108])
}

func TestTheCommandExitsWithOneIfAScenarioDisagrees(t *testing.T) {
	data, err := os.ReadFile(recording)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "changed.json")
	changed := bytes.Replace(data, []byte(`requestVolumeThreshold": 20`), []byte(`requestVolumeThreshold": 10`), 1)
	if bytes.Equal(data, changed) {
		changed = bytes.Replace(data, []byte(`requestVolumeThreshold":20`), []byte(`requestVolumeThreshold":10`), 1)
	}
	require.NotEqual(t, data, changed)
	require.NoError(t, os.WriteFile(path, changed, 0o600))
	var out, problems strings.Builder
	require.Equal(t, exitDisagree, command(t, []string{"-v", path}, &out, &problems))
	require.Contains(t, out.String(), "[NOT INTENDED]")
	require.True(t, strings.HasSuffix(out.String(), " 1 disagree\n"), out.String())
}

func TestThePageShowsTheTable(t *testing.T) {
	const page = "../../docs/semantics.md"
	f := recorded(t)
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	fresh, err := marks.Replace(string(text), section(f, playAll(t, f)))
	require.NoError(t, err)
	require.Equal(t, fresh, string(text),
		"stale: go run ./internal/conformance -write-docs docs/semantics.md internal/conformance/testdata/scenarios.json")
}

func TestTheRunnerWorksOutsideOfTests(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "run", ".", recording).CombinedOutput()
	require.NoError(t, err, "%s", out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Equal(t, "65 agree, 22 intended differences, 21 not built, 0 disagree", lines[len(lines)-1])
	require.False(t, slices.ContainsFunc(lines, func(l string) bool { return l == "PASS" || strings.HasPrefix(l, "testing:") }))
}
