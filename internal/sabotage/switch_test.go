package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const switchedCode = `package small

const two = 2

func double(n int) int { return n * two }

func count(n *int) {
	*n += 1
}

func first(all []int) (found int) {
outer:
	for _, n := range all {
		for n > 0 {
			found = n
			break outer
		}
	}
	return found
}
`

const switchedTest = `package small

import "testing"

func TestDouble(t *testing.T) {
	if double(2) != 4 {
		t.Fatal("not the double")
	}
}

func TestCount(t *testing.T) {
	n := 0
	if count(&n); n != 1 {
		t.Fatal("not one more")
	}
}
`

// Two faults of one function and one of another are in one program, which has none of them
// unless it is told so; what is outside of a body, or in one with labels, is not.
func TestFaultsAreTurnedOnOneAtATime(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module small\n\ngo 1.26\n", "small.go": switchedCode, "small_test.go": switchedTest,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	home := suite{name: "small", dirs: []string{"."}}
	of := func(name, find, replace, killer string) fault {
		return fault{name: name, first: []suite{home}, killers: []string{killer}, edits: []edit{{"small.go", find, replace}}}
	}
	chosen := []fault{
		of("triple", "n * two", "n * 3", "TestDouble"),
		of("as it is", "return n * two", "return n", "TestDouble"),
		of("one less", "*n += 1", "*n -= 1", "TestCount"),
		of("seen by nobody", "return n * two", "return n + n", "TestDouble"),
		of("constant", "two = 2", "two = 3", "TestDouble"),
		of("labels", "found = n", "found = 0", "TestDouble"),
	}
	s, err := putSwitches(t.Context(), tree{dir}, chosen)
	require.NoError(t, err)
	require.NoError(t, green(s.run(t.Context(), home, []string{"TestDouble", "TestCount"}, "")))
	for _, f := range chosen[:3] {
		require.True(t, s.has(f), f.name)
		r, err := s.try(t.Context(), f)
		require.NoError(t, err)
		require.True(t, r.red, f.name)
		require.Equal(t, f.killers[0], r.by)
	}
	r, err := s.try(t.Context(), chosen[3])
	require.NoError(t, err)
	require.False(t, r.red, "a fault that its test does not see")
	for _, f := range chosen[4:] {
		require.False(t, s.has(f), f.name)
	}
}

// Nearly all faults can be turned on, or -switch would be for nothing; and the code with all of
// them in it compiles.
func TestTheCodeCompilesWithAllFaultsInIt(t *testing.T) {
	if testing.Short() {
		t.Skip("builds packages: left out with -short")
	}
	require.NoError(t, withCopy(t.Context(), "../..", func(copied tree) error {
		s, err := putSwitches(t.Context(), copied, faults)
		require.NoError(t, err)
		require.Greater(t, len(s.numbers), len(faults)*3/4)
		build := exec.CommandContext(t.Context(), "go", "build", "./...")
		build.Dir = copied.dir
		output, err := build.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return nil
	}))
}
