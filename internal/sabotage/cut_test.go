package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// pkg writes the test files of a package and parses them.
func pkg(t *testing.T, files map[string]string) *tests {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	all, err := parseTests(dir, nil)
	require.NoError(t, err)
	return all
}

// cutTo is what is left of each file when these tests are cut out; "" of one that goes.
func cutTo(t *testing.T, all *tests, names ...string) map[string]string {
	t.Helper()
	overlay, err := all.cut(t.TempDir(), names)
	require.NoError(t, err)
	data, err := os.ReadFile(overlay)
	require.NoError(t, err)
	var o struct{ Replace map[string]string }
	require.NoError(t, json.Unmarshal(data, &o))
	left := map[string]string{}
	for path, by := range o.Replace {
		text := ""
		if by != "" {
			data, err := os.ReadFile(by)
			require.NoError(t, err)
			text = string(data)
		}
		left[filepath.Base(path)] = text
	}
	return left
}

func TestACutKeepsATestAndAllThatItNeeds(t *testing.T) {
	all := pkg(t, map[string]string{
		"a_test.go": "package x_test\n\nimport (\n\t\"fmt\"\n\t\"math/rand/v2\"\n\t\"testing\"\n)\n\n" +
			"func TestA(t *testing.T) {\n\tx := helper{}\n\tx.Grow()\n\tt.Log(rand.N(limit))\n}\n\nfunc TestB(*testing.T) { fmt.Println() }\n",
		"helpers_test.go": "// What helps.\n\npackage x_test\n\nconst (\n\tlimit = 1\n\tother = 2\n)\n\n" +
			"type helper struct{ inner }\n\ntype inner int\n\nfunc (inner) Grow() { more() }\n\nfunc more() {}\n\nfunc unused() {}\n",
		"export_test.go": "package x\n\nfunc (p *Pool) Grow() {}\n\nfunc (p *Pool) Shrink() {}\n",
		"main_test.go":   "package x\n\nimport \"testing\"\n\nfunc TestMain(m *testing.M) { m.Run() }\n",
		"c_test.go":      "package x_test\n\nimport \"testing\"\n\nfunc TestC(t *testing.T) {}\n",
	})
	require.Equal(t, map[string]string{
		"a_test.go": "package x_test\n\nimport \"math/rand/v2\"\nimport \"testing\"\n\n" +
			"func TestA(t *testing.T) {\n\tx := helper{}\n\tx.Grow()\n\tt.Log(rand.N(limit))\n}\n",
		"helpers_test.go": "// What helps.\n\npackage x_test\n\n\nconst (\n\tlimit = 1\n\tother = 2\n)\n\n" +
			"type helper struct{ inner }\n\ntype inner int\n\nfunc (inner) Grow() { more() }\n\nfunc more() {}\n",
		"export_test.go": "package x\n\n\nfunc (p *Pool) Grow() {}\n", // it may be this one that is meant
		"main_test.go":   "package x\n\nimport \"testing\"\n\nfunc TestMain(m *testing.M) { m.Run() }\n",
		"c_test.go":      "",
	}, cutTo(t, all, "TestA"))
}

func TestACutLeavesAloneWhatTheTagsLeaveOut(t *testing.T) {
	all := pkg(t, map[string]string{
		"a_test.go": "package x\n\nimport \"testing\"\n\nfunc TestA(*testing.T) {}\n",
		"b_test.go": "//go:build explore\n\npackage x\n\nimport \"testing\"\n\nfunc TestB(*testing.T) {}\n",
	})
	require.False(t, all.has("TestB"))
	require.Len(t, cutTo(t, all, "TestA"), 1)
	_, err := all.cut(t.TempDir(), []string{"TestB"})
	require.ErrorContains(t, err, "TestB")
}

func TestAFaultMustNameTestsThatAreThere(t *testing.T) {
	require.NoError(t, killersThere("../..", []fault{{name: "f", killers: []string{"TestA03NothingIsLeftOverWhateverTheEndAndWherever"}}}))
	require.ErrorContains(t, killersThere("../..", []fault{{name: "f", killers: []string{"TestOfNothing"}}}), "TestOfNothing")
	require.ErrorContains(t, killersThere("../..", []fault{{name: "f"}}), "names no test")
}
