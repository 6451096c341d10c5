package main

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryFaultFitsTheCode(t *testing.T) {
	require.NoError(t, fitAll("../..", faults))
	require.NoError(t, killersThere("../..", faults))
	names := map[string]bool{}
	for _, f := range faults {
		require.False(t, names[f.name], "two faults are named %q", f.name)
		names[f.name] = true
		require.NotEmpty(t, f.edits, f.name)
	}
}

func TestAFaultThatDoesNotFitIsRefused(t *testing.T) {
	require.Error(t, edit{find: "x"}.fits([]byte("abc")))
	require.Error(t, edit{find: "x"}.fits([]byte("xyx")))
	require.NoError(t, edit{find: "x"}.fits([]byte("axb")))
}

func TestASurvivorFailsTheRun(t *testing.T) {
	var out bytes.Buffer
	f := faults[0]
	require.Equal(t, 0, report([]result{{fault: f, red: true, by: "TestX"}}, &out))
	require.Contains(t, out.String(), "1 faults, 1 red, 0 survived")
	require.Equal(t, exitSurvived, report([]result{{fault: f}}, &out))
}

func TestTheTableSaysWhichNamedTestFindsItsFaultNoLonger(t *testing.T) {
	var out bytes.Buffer
	f := fault{name: "f", edits: []edit{{file: "x.go"}}, killers: []string{"TestA", "TestB"}}
	require.Equal(t, 0, report([]result{{fault: f, red: true, by: "TestX", missed: "green"}}, &out))
	require.Contains(t, out.String(), "TestX, no longer by TestA, TestB")
	require.Contains(t, out.String(), "1 faults, 1 red, 0 survived")
	require.Contains(t, out.String(), "1 of them not by the test named for them")
}

func TestTheTestThatWentRedIsNamed(t *testing.T) {
	for output, want := range map[string]string{
		"--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n":                                    "TestA",
		"WARNING: DATA RACE\n--- FAIL: TestA (0.00s)\n":                                               "TestA (data race)",
		"panic: test timed out after 1m0s\n\trunning tests:\n\t\tTestA (59s)\n":                       "TestA (hangs)",
		"panic: boom\n\ngoroutine 7:\ngithub.com/seed-f7c3343e/quill_test.TestA.func1()\n\t/x.go:1\n": "TestA (the process died)",
		"goroutines left after the tests: one\n":                                                      "TestMain (goroutines left)",
	} {
		require.Equal(t, want, killer(output))
	}
	require.Empty(t, killer("FAIL\tquill\t0.1s\nFAIL\n"))
}

// A program that is killed, or called wrongly, is not a test that found a fault.
func TestAnEndThatNoTestIsToBlameForIsNotRed(t *testing.T) {
	for _, script := range []string{"kill -9 $$", "echo flag provided but not defined; exit 2"} {
		red, _, err := runTests(t.Context(), exec.CommandContext(t.Context(), "sh", "-c", script), quick)
		require.False(t, red, script)
		require.ErrorContains(t, err, "no test says that it failed", script)
	}
	red, _, err := runTests(t.Context(), exec.CommandContext(t.Context(), "sh", "-c", "echo '--- FAIL: TestA (0.00s)'; exit 1"), quick)
	require.NoError(t, err)
	require.True(t, red)
}

func TestTheTableSaysWhatWasFoundAtTheSecondTry(t *testing.T) {
	var out bytes.Buffer
	f := fault{name: "f", edits: []edit{{file: "x.go"}}, killers: []string{"TestA"}}
	require.Equal(t, 0, report([]result{{fault: f, red: true, by: "TestA", again: true}}, &out))
	require.Contains(t, out.String(), "TestA, at the second try, by itself")
}

func TestSomeFaultsAreDrawnInTheirOrder(t *testing.T) {
	require.Equal(t, faults, draw(faults, 0, 1))
	require.Equal(t, faults, draw(faults, len(faults), 1))
	drawn := map[string]bool{}
	for seed := range uint64(500) {
		some := draw(faults, 16, seed)
		require.Len(t, some, 16)
		require.Equal(t, some, draw(faults, 16, seed))
		for _, f := range some {
			drawn[f.name] = true
		}
	}
	require.Len(t, drawn, len(faults), "each has its turn")
}
