package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlagsOfGoTestBecomeThoseOfTheBinary(t *testing.T) {
	s := tests("./internal/window", "-tags=explore", "-run=A", "-timeout=6m", "-rapid.seed=7")
	require.Equal(t, step{
		pkg: "./internal/window", tags: "explore",
		args: []string{"-test.v", "-test.paniconexit0", "-test.timeout=10m", "-test.run=A", "-test.timeout=6m", "-rapid.seed=7"},
	}, s)
	p := programs{dir: "d", seed: "7"}
	require.Equal(t, filepath.Join("d", "explore", "window.test"), p.binary(s))
	require.Equal(t, filepath.Join("d", "quill.test"), p.binary(tests(".")))
	cmd := p.cmd(t.Context(), thorough(options{}, s))
	require.Equal(t, "./internal/window", cmd.Dir)
	require.Subset(t, cmd.Env, []string{"QUILL_SEED=7", "QUILL_THOROUGH=1"})
}

// TestEachPackageIsCompiledOnceAndItsTestsRunWhereItsSourcesAre: what runs is the package
// beside this one, which is soon compiled.
func TestEachPackageIsCompiledOnceAndItsTestsRunWhereItsSourcesAre(t *testing.T) {
	p := programs{dir: t.TempDir(), seed: "7"}
	one := instrument{steps: []step{tests("../docpage", "-run=^Test")}}
	var out bytes.Buffer
	require.NoError(t, p.compile(t.Context(), []instrument{one, {steps: runs("true")}, one}, &out))
	found, err := filepath.Glob(filepath.Join(p.dir, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(p.dir, "docpage.test")}, found)
	output, code := one.run(t.Context(), p)
	require.Zero(t, code, output)
	require.Contains(t, output, "--- PASS: Test")

	one.steps = []step{tests("./no-such-package")}
	require.ErrorContains(t, p.compile(t.Context(), []instrument{one}, &out), "no-such-package")
}

func TestWhatFailsEndsTheInstrumentWithItsExitCode(t *testing.T) {
	output, code := instrument{steps: append(runs("sh", "-c", "echo before; exit 3"), runs("echo", "after")...)}.run(t.Context(), programs{})
	require.Equal(t, 3, code)
	require.Contains(t, output, "before\n")
	require.NotContains(t, output, "after\n")
}
