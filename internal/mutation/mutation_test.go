package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	sample = `package sample

import "time"

const day = 24 * time.Hour

// Most returns the larger one.
func Most(a, b int) int {
	if a > b {
		return a
	}
	return b
}

func Late(at, now time.Duration) bool { return now-at >= 2*day && at != -1 }

func Name(first, last string) string { return first + " " + last }

func Unasked(a, b int) bool {
	switch {
	case a == b:
		return true
	}
	return false
}

func Kind(n int) string {
	switch {
	case n < 0:
		return "negative"
	}
	return "other"
}

func Size() int { return len([4 - 1]int{}) }

func Sum(all []int) (sum int) {
	for i := 0; i < len(all); i++ {
		sum += all[i]
	}
	return sum
}
`
	sampleTest = `package sample

import "testing"

func TestMost(t *testing.T) {
	if Most(1, 2) != 2 || Most(2, 1) != 2 {
		t.Fatal("not the larger one")
	}
}

func TestLate(t *testing.T) {
	if !Late(0, 2*day) || Late(1, 2*day) || Late(-1, 3*day) {
		t.Error("not late, or late too soon")
	}
}

func TestSum(t *testing.T) {
	if Sum([]int{1, 2, 3}) != 6 {
		t.Error("not the sum")
	}
}

func TestKind(t *testing.T) {
	if Kind(-1) != "negative" || Kind(0) != "other" {
		t.Error("not its kind")
	}
}

func TestRed(t *testing.T) { t.Error("red in any case") }
` + "\n// The rest makes one red test a small part of them.\n" +
		"func TestA(*testing.T) {}\nfunc TestB(*testing.T) {}\nfunc TestC(*testing.T) {}\nfunc TestD(*testing.T) {}\n" +
		"func TestE(*testing.T) {}\nfunc TestF(*testing.T) {}\nfunc TestG(*testing.T) {}\n"
)

func TestMutantsOfOneBinaryAreKilledByTheTestsThatReachThem(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":             "module example.com/m\n\ngo 1.26\n",
		"sub/sample.go":      sample,
		"sub/sample_test.go": sampleTest,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o750))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	at := func(line string, operator, kind string) *mutant {
		for i, text := range strings.Split(sample, "\n") {
			if strings.Contains(text, line) {
				return &mutant{File: "sub/sample.go", Line: i + 1, Column: strings.Index(text, operator) + 1, Kind: kind}
			}
		}
		require.Fail(t, "the sample has no line "+line)
		return nil
	}
	want := []struct {
		*mutant

		verdict, by string
	}{
		{at("if a > b", ">", "CONDITIONALS_BOUNDARY"), lived, ""},
		{at("if a > b", ">", "CONDITIONALS_NEGATION"), killed, "TestMost"},
		{at("func Late", ">=", "CONDITIONALS_BOUNDARY"), killed, "TestLate"},
		{at("func Late", "-at", "ARITHMETIC_BASE"), killed, "TestLate"},
		{at("func Late", "*day", "ARITHMETIC_BASE"), killed, "TestLate"},
		{at("func Late", "!=", "CONDITIONALS_NEGATION"), killed, "TestLate"},
		{at("func Late", "-1", "INVERT_NEGATIVES"), killed, "TestLate"},
		{at("const day", "*", "ARITHMETIC_BASE"), invalid, ""},
		{at("func Size", "-", "ARITHMETIC_BASE"), invalid, ""},
		{at("func Name", "+", "ARITHMETIC_BASE"), invalid, ""},
		{at("case a == b", "==", "CONDITIONALS_NEGATION"), bare, ""},
		{at("case n < 0", "<", "CONDITIONALS_BOUNDARY"), killed, "TestKind"},
		{at("i < len", "<", "CONDITIONALS_BOUNDARY"), killed, "TestSum"},
		{at("i < len", "++", "INCREMENT_DECREMENT"), killed, "TestSum"},
	}
	var mutants []*mutant
	for _, w := range want {
		mutants = append(mutants, w.mutant)
	}
	var out bytes.Buffer
	require.NoError(t, try(t.Context(), options{workers: 2}, dir, mutants, &store{}, &out))
	for _, w := range want {
		require.Equal(t, w.verdict, w.Verdict, w.String())
		require.Equal(t, w.by, w.By, w.String())
	}
	require.Contains(t, out.String(), "left out, as it is red without a mutant: TestRed")
	require.Contains(t, out.String(), "sub/sample.go:9:7: conditionals boundary: lived")

	out.Reset()
	require.False(t, report("a sample", mutants, &out))
	require.Contains(t, out.String(), "mutation: a sample: 90.0 % of 10 mutants killed, 0 ran into the time limit\n")
	require.Contains(t, out.String(), "3 not viable")
}

func TestVerdictsAreKeptUntilTheFileChanges(t *testing.T) {
	root := t.TempDir()
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, "a.go"), []byte(text), 0o600))
	}
	list := func() []*mutant {
		return []*mutant{
			{File: "a.go", Line: 1, Column: 2, Kind: "CONDITIONALS_BOUNDARY"},
			{File: "a.go", Line: 3, Column: 4, Kind: "CONDITIONALS_NEGATION"},
			{File: "a.go", Line: 5, Column: 6, Kind: "CONDITIONALS_NEGATION"},
		}
	}
	kept := &store{dir: filepath.Join(root, "kept"), root: root}
	write("one")
	all := list()
	require.NoError(t, kept.recall(all))
	require.Empty(t, all[0].Verdict)
	all[0].Verdict, all[0].By, all[1].Verdict, all[2].Verdict = killed, "TestA", lived, bare
	require.NoError(t, kept.keep("a.go"))

	all = list()
	require.NoError(t, kept.recall(all))
	require.Equal(t, []string{killed, lived, bare}, []string{all[0].Verdict, all[1].Verdict, all[2].Verdict})
	chosen, err := choose(options{}, all)
	require.NoError(t, err)
	require.Equal(t, all[1:], chosen, "what lived is tried again, what is killed is known")
	chosen, err = choose(options{fresh: true}, all)
	require.NoError(t, err)
	require.Len(t, chosen, 3)
	_, err = choose(options{files: []string{"b.go"}}, all)
	require.ErrorContains(t, err, "b.go has no mutants")

	require.Equal(t, today(), kept.oldest())

	require.NoError(t, os.WriteFile(filepath.Join(root, "a_test.go"), []byte("a test"), 0o600))
	all = list()
	require.NoError(t, kept.recall(all))
	require.Equal(t, []string{"", "", ""}, []string{all[0].Verdict, all[1].Verdict, all[2].Verdict}, "the tests are others")
	require.Equal(t, []string{killed, lived, bare}, []string{all[0].before, all[1].before, all[2].before})
	require.Equal(t, "TestA", all[0].By, "it will be asked first")
	require.Equal(t, []int{2, 0, 0}, []int{rank(all[0]), rank(all[1]), rank(all[2])}, "what lived comes first")
	require.Empty(t, kept.oldest())

	write("two")
	all = list()
	require.NoError(t, kept.recall(all))
	require.Equal(t, []string{"", "", ""}, []string{all[0].Verdict, all[1].Verdict, all[2].Verdict})
	require.Empty(t, all[0].before, "the mutants are others")
}

func TestWhatIsListedAsAliveIsKnownByItsLineWhereverThatStands(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, filepath.Dir(aliveFile)), 0o750))
	write := func(text string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, "a.go"), []byte(text), 0o600))
	}
	const line = "if a < b && b < c {"
	mutants := func(line, indent int) []*mutant {
		return []*mutant{
			{File: "a.go", Line: line, Column: indent + 6, Kind: "CONDITIONALS_BOUNDARY"},
			{File: "a.go", Line: line, Column: indent + 15, Kind: "CONDITIONALS_BOUNDARY"},
			{File: "a.go", Line: line, Column: indent + 15, Kind: "CONDITIONALS_NEGATION"},
		}
	}
	write("\t" + line)
	all := mutants(1, 1)
	listed, err := listedAlive(root, all)
	require.NoError(t, err)
	require.Empty(t, listed, "there is no list")
	all[0].Verdict, all[1].Verdict, all[2].Verdict = killed, lived, timedOut
	require.NoError(t, writeAlive(root, all))

	write("// moved\n\n\t\t" + line)
	all = mutants(3, 2)
	listed, err = listedAlive(root, all)
	require.NoError(t, err)
	require.Equal(t, all[1:2], listed)

	write("if a < b && b < d {")
	listed, err = listedAlive(root, mutants(1, 0))
	require.NoError(t, err)
	require.Empty(t, listed, "the line is another")
}

func TestAWrongCommandLineIsRefused(t *testing.T) {
	for _, args := range [][]string{{"-nope"}, {"-j", "0"}, {"-anew", "-fresh"}, {"-anew", "gate.go"}, {"-anew", "-write", "page.md"}} {
		var out, problems bytes.Buffer
		require.Equal(t, exitCannot, command(t.Context(), args, &out, &problems), "%v", args)
		require.NotEmpty(t, problems.String())
	}
}

func TestPageGetsTheTableBetweenItsMarkers(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+marks.Begin+"\nold\n"+marks.End+"\nafter\n"), 0o600))
	mutants := []*mutant{{File: "internal/window/a.go", Verdict: lived}, {File: "z.go", Verdict: killed}, {File: "z.go", Verdict: timedOut}, {File: "z.go", Verdict: invalid}}
	require.NoError(t, writePage(page, mutants, "2026-11-02"))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Regexp(t, `(?s)^before\n`+marks.Begin+`\n.*\| z.go \| 1 \| 0 \| 1 \| 0 \| 1 \| 0 \| 100.0 % \|\n`+
		`\| internal/window/a.go \| 0 \| 1 .*\| 0.0 % \|\n\| all \| 1 \| 1 \| 1 \| 0 \| 1 \| 0 \| 50.0 % \|\n.*the oldest verdict is of 2026-11-02.*`+marks.End+`\nafter\n$`, string(text))
}
