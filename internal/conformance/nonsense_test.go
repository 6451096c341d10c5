package main

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/conformance/oracle"
	"github.com/seed-f7c3343e/quill/internal/conformance/play"
)

// recordingOf is a file with one scenario that is not in the tree.
func recordingOf(t *testing.T, props, steps string) *oracle.Scenario {
	t.Helper()
	f, err := oracle.Read([]byte(`{"format":1,"scenarios":[{"id":"new","commands":{"A":{"props":{` + props + `}}},"steps":[` + steps + `]}]}`))
	require.NoError(t, err)
	require.NoError(t, play.Check(f.Scenarios[0]))
	return f.Scenarios[0]
}

// The parts of the recordings below.
const (
	quick    = `"metrics.healthSnapshot.intervalInMilliseconds":250,"metrics.rollingStats.timeInMilliseconds":5000`
	opens    = quick + `,"circuitBreaker.requestVolumeThreshold":3,"circuitBreaker.sleepWindowInMilliseconds":1000`
	failures = `{"op":"call","cmd":"A","run":{"do":"fail"},"times":3,"settleMs":400,"observed":{
		"results":[{"count":3,"outcome":"error","error":{"kind":"runtime","failureType":"COMMAND_EXCEPTION","cause":"user:boom"},
		"events":["FAILURE","FALLBACK_MISSING"],"runEntered":true,"executionException":"user:boom"}],
		"circuit":{"status":"OPEN","open":true,"allowsRequest":false}}},{"op":"wait","ms":1200}`
	badProbe = `{"op":"call","cmd":"A","run":{"do":"badRequest"},"settleMs":400,"observed":{
		"results":[{"outcome":"error","error":{"kind":"badRequest"},"events":["BAD_REQUEST"],"runEntered":true,
		"executionException":"badRequest:bad"}],"circuit":{"status":"OPEN","open":true,"allowsRequest":false}}}`
	reused = `{"op":"reuse","cmd":"A","run":{"do":"value"},"observed":{"results":[
		{"count":1,"outcome":"value","value":"ok","events":["SUCCESS"],"runEntered":true},
		{"count":1,"outcome":"error","error":{"kind":"runtime","failureType":"BAD_REQUEST_EXCEPTION",
		 "cause":"IllegalStateException:once"}}],"circuit":{"status":"CLOSED","open":false,"allowsRequest":true}}},
		{"op":"bodies","cmd":"A","observed":{"runEntered":1,"runFinished":1,"interrupted":0,"fallbackEntered":0}}`
	unsupported = `{"op":"call","cmd":"A","run":{"do":"fail"},"fallback":{"do":"unsupported"},"settleMs":400,"observed":{"results":[
		{"outcome":"error","error":{"kind":"runtime","failureType":"COMMAND_EXCEPTION","cause":"user:boom","fallbackCause":"unsupported:no"},
		"events":["FAILURE","FALLBACK_MISSING"],"runEntered":true,"fallbackEntered":true,"executionException":"user:boom"}]}},
		{"op":"counters","cmd":"A","observed":{"rolling":{"FAILURE":1,"FALLBACK_MISSING":1,"EXCEPTION_THROWN":1},
		"cumulative":{"FAILURE":1,"FALLBACK_MISSING":1,"EXCEPTION_THROWN":1},"maxConcurrent":1,"current":0}}`
)

func TestNonsenseIsNoIntendedDifference(t *testing.T) {
	for name, tc := range map[string]struct{ props, steps, says string }{
		"a threshold of 0 excuses no other value": {
			`"circuitBreaker.errorThresholdPercentage":0`,
			`{"op":"call","cmd":"A","run":{"do":"value","value":"apple"},"settleMs":600,"observed":{"results":[
				{"outcome":"value","value":"banana","events":["FAILURE","FALLBACK_REJECTION"],"runEntered":true}]}}`,
			`results: want 1 x value "banana", FAILURE+FALLBACK_REJECTION`,
		},
		"a threshold of 0 excuses no counts": {
			`"circuitBreaker.errorThresholdPercentage":0`,
			`{"op":"counters","cmd":"A","observed":{"rolling":{"SUCCESS":77},"cumulative":{},"maxConcurrent":0,"current":0}}`,
			"rolling: want SUCCESS 77, got none",
		},
		"a threshold of 0 excuses no health": {
			`"circuitBreaker.errorThresholdPercentage":0`,
			`{"op":"health","cmd":"A","observed":{"total":99,"errors":98,"errorPercentage":98}}`,
			"health: want total 99, errors 98, 98 %, got total 0",
		},
		"a probe that was a bad request excuses no health a minute later": {
			opens, failures + "," + badProbe + `,{"op":"wait","ms":60000},
			{"op":"health","cmd":"A","observed":{"total":12345,"errors":6789,"errorPercentage":54}}`,
			"health: want total 12345, errors 6789, 54 %, got total 0",
		},
		"nor bodies": {
			opens, failures + "," + badProbe + `,{"op":"wait","ms":60000},
			{"op":"bodies","cmd":"A","observed":{"runEntered":42,"runFinished":42,"interrupted":42,"fallbackEntered":42}}`,
			"bodies: want runs entered 42, finished 42, interrupted 42, fallbacks entered 42, got runs entered 4,",
		},
		"two overrides excuse no order": {
			`"circuitBreaker.enabled":false,"circuitBreaker.forceOpen":true`,
			`{"op":"runOrder","observed":{"order":["x","y","z"]}}`,
			"order: want x, y, z, got ",
		},
		"a zero timeout excuses no other cause": {
			`"execution.isolation.thread.timeoutInMilliseconds":0`,
			`{"op":"call","cmd":"A","run":{"do":"value"},"fallback":{"do":"value","value":"fb"},"observed":{"results":[
				{"outcome":"value","value":"fb","events":["FAILURE","FALLBACK_SUCCESS"],"fromFallback":true,"fallbackEntered":true,
				"executionException":"IllegalArgumentException:other"}]}}`,
			"because IllegalArgumentException:other, got ",
		},
		"an object used again fails in one way only": {
			quick, strings.Replace(reused, "BAD_REQUEST_EXCEPTION", "COMMAND_EXCEPTION", 1),
			"error COMMAND_EXCEPTION, cause IllegalStateException",
		},
		"an object used again does not run again": {
			quick, strings.Replace(reused, `"runEntered":1`, `"runEntered":3`, 1), "bodies: want runs entered 3",
		},
		"what quill does is not excused where Hystrix does the same": {
			opens, failures + `,{"op":"health","cmd":"A","observed":{"total":3,"errors":2,"errorPercentage":66}}`,
			"health: want total 3, errors 2, 66 %",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := play.Play(t, recordingOf(t, tc.props, tc.steps))
			require.Equal(t, play.Disagree, r.Verdict, verdict(r))
			require.Contains(t, verdict(r), tc.says)
		})
	}
}

// TestNoLieIsAnIntendedDifference takes recordings in which each of the reasons is met, as
// if they were not in the tree, and falsifies each of their observations in turn.
func TestNoLieIsAnIntendedDifference(t *testing.T) {
	scenarios := []*oracle.Scenario{
		recordingOf(t, quick, reused), recordingOf(t, quick, unsupported), recordingOf(t, opens, failures+","+badProbe),
	}
	for _, s := range recorded(t).Scenarios {
		if slices.ContainsFunc(play.Differences, func(d play.Difference) bool { return d.Scenario == s.ID }) {
			scenarios = append(scenarios, s)
		}
	}
	met, told := map[string]bool{}, 0
	for _, s := range scenarios {
		s.ID = "not " + s.ID
		truth := play.Play(t, s)
		require.Equal(t, play.Intended, truth.Verdict, "%s: %s", s.ID, verdict(truth))
		got := map[string]string{} // what quill does, where it differs
		for _, f := range truth.Findings {
			met[f.Reason] = true
			got[fmt.Sprint(f.Step, f.Field)] = f.Got
		}
		for i, step := range s.Steps {
			for _, want := range step.Wants {
				for _, field := range want.Fields() {
					if step.Op == "properties" {
						continue
					}
					was := want[field]
					for _, lie := range lies(was) {
						if lie == got[fmt.Sprint(i, field)] {
							continue // what quill does is an agreement
						}
						want[field] = lie
						r := play.Play(t, s)
						require.Equal(t, play.Disagree, r.Verdict, "%s: step %d (%s) %s: %q for %q", s.ID, i, step.Op, field, lie, was)
						told++
					}
					want[field] = was
				}
			}
		}
	}
	for _, reason := range play.Reasons {
		require.True(t, met[reason.ID], "no recording meets %s", reason.ID)
	}
	t.Logf("%d lies", told)
	require.Greater(t, told, 500)
}

var number = regexp.MustCompile(`\b[0-9]+\b`)

// lies are texts that an observation could be falsified to.
func lies(truth string) []string {
	all := []string{truth + " or not"}
	for _, at := range number.FindAllStringIndex(truth, -1) {
		n, _ := strconv.Atoi(truth[at[0]:at[1]])
		all = append(all, truth[:at[0]]+strconv.Itoa(n+1)+truth[at[1]:])
	}
	for _, swap := range [][2]string{
		{"true", "false"},
		{"false", "true"},
		{"OPEN", "CLOSED"},
		{"CLOSED", "OPEN"},
		{"OPEN", "HALF_OPEN"},
		{"CLOSED", "HALF_OPEN"},
		{"SUCCESS", "FAILURE"},
		{"FAILURE", "TIMEOUT"},
		{"SHORT_CIRCUITED", "SUCCESS"},
		{"MISSING", "REJECTION"},
		{`value "`, `value "not `},
		{", run entered", ""},
		{", fallback entered", ""},
		{"user:", "badRequest:"},
	} {
		if lie := strings.Replace(truth, swap[0], swap[1], 1); lie != truth {
			all = append(all, lie)
		}
	}
	return all
}
