package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatObservesNothingIsRefused(t *testing.T) {
	const start = `{"op":"start","cmd":"A","handles":["h"],"run":{"do":"value"},"until":"submitted"},`
	for _, tc := range []struct{ steps, says string }{
		{start + `{"op":"await","handles":["h"],"observed":{}}`, `step 1: op "await": observed: it says nothing of "results"`},
		{start + `{"op":"await","handles":["h"],"observed":{"results":{}}}`, `it says nothing of the handle "h"`},
		{start + `{"op":"await","handles":["h"],"observed":{"results":{"h":null}}}`, `handle "h": a result is null`},
		{
			start + `{"op":"await","handles":["h"],"observed":{"results":{"h":{"outcome":"value"},"i":{"outcome":"value"}}}}`,
			`the handle "i" was not waited for`,
		},
		{start + `{"op":"cancel","handle":"h","observed":{}}`, `it says nothing of "returned"`},
		{`{"op":"properties","cmd":"A","observed":null}`, `step 0: op "properties": observed: it is null`},
		{`{"op":"properties","cmd":"A","observed":{}}`, `it says nothing of "command"`},
		{`{"op":"properties","cmd":"A","observed":{"command":{}}}`, "it says only what is not compared"},
		{
			`{"op":"properties","cmd":"A","observed":{"command":{"requestLog.enabled":true}}}`,
			`scenario "x": step 0: op "properties": observed: it says only what is not compared`,
		},
		{`{"op":"call","cmd":"A","run":{"do":"value"},"observed":{}}`, `it says nothing of "results"`},
		{`{"op":"call","cmd":"A","run":{"do":"value"},"observed":{"results":[]}}`, "it holds no results"},
		{`{"op":"call","cmd":"A","run":{"do":"value"},"observed":{"results":[{}]}}`, `outcome is "": must be one of error, value`},
		{`{"op":"reuse","cmd":"A","run":{"do":"value"},"observed":{"results":null}}`, `it says nothing of "results"`},
		{`{"op":"circuit","cmd":"A","observed":{"open":false}}`, `it says nothing of "status"`},
		{`{"op":"health","cmd":"A","observed":{}}`, `step 0: op "health": observed: it says nothing of "total"`},
		{`{"op":"health","cmd":"A","observed":{"total":0,"errors":null,"errorPercentage":0}}`, `it says nothing of "errors"`},
		{`{"op":"counters","cmd":"A","observed":{"rolling":{},"cumulative":{},"current":0}}`, `it says nothing of "maxConcurrent"`},
		{`{"op":"pool","pool":"P","observed":{"active":0,"queued":0,"core":10}}`, `it says nothing of "max"`},
		{
			`{"op":"pool","pool":"P","counts":true,"observed":{"active":0,"queued":0,"core":10,"max":10}}`,
			`it says nothing of "rollingExecuted"`,
		},
		{`{"op":"bodies","cmd":"A","observed":{}}`, `it says nothing of "runEntered"`},
		{`{"op":"runOrder","observed":{"order":null}}`, `it says nothing of "order"`},
		{`{"op":"notifications","cmd":"A","observed":{}}`, `it says nothing of "chronological"`},
		{`{"op":"construct","cmd":"A","observed":{}}`, `it says nothing of "outcome"`},
		{`{"op":"health","cmd":"A","flaky":true,"variants":[]}`, "says nothing of what was observed"},
		{`{"op":"health","cmd":"A","flaky":true,"variants":[null]}`, "observed: it is null"},
		{`{"op":"collapse","collapser":"C","observed":{}}`, `it says nothing of "results"`},
	} {
		t.Run(tc.says, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.json")
			text := `{"format":1,"scenarios":[{"id":"x","commands":{"A":{"pool":"P"}},"pools":{"P":{}},"collapsers":{"C":{}},"steps":[` +
				tc.steps + `]}]}`
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			var out, problems strings.Builder
			require.Equal(t, exitUnreadable, command(t, []string{path}, &out, &problems), out.String())
			require.Contains(t, problems.String(), tc.says)
			require.Contains(t, problems.String(), `scenario "x": step `)
		})
	}
}

func TestAContextAloneChangesNothing(t *testing.T) {
	f := edited(t, "basic-success-thread", `"id":"basic-success-thread"`, `"id":"another"`, `"op":"call"`, `"op":"call","context":"c"`)
	require.Equal(t, "agree", verdict(playAll(t, f)[0]))

	f = edited(t, "basic-success-thread", `"id":"basic-success-thread"`, `"id":"another"`,
		`"op":"call"`, `"op":"call","context":"c","cacheKey":"k"`)
	require.Equal(t, "not built: the request cache", verdict(playAll(t, f)[0]))
}
