package quill_test

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// invariants says how many rules each section has.
var invariants = map[string]int{
	"A": 9, "B": 7, "C": 11, "D": 9, "E": 7, "F": 6, "G": 7, "H": 4,
	"J": 6, "K": 7, "L": 5, "M": 4, "N": 5, "O": 7,
}

var (
	invariantRow = regexp.MustCompile(`(?m)^\| ([A-O])(\d+) \| ([^|]+) \| ([^|]+) \|$`)
	notBuilt     = regexp.MustCompile(`^not built: \[([^\]]+)\]\(adr/0021-what-is-not-built\.md\)$`)
	invariantOf  = regexp.MustCompile(`^Test([A-O])0*(\d+)[A-Z]`)
)

// TestEveryInvariantHasATestOrAReason holds docs/invariants.md to the tests: each number is
// there once, with tests that exist, of which one carries the number, or with what is not built,
// which the page on that has a row for. The tests of regressions/ have numbers of a list of their own.
func TestEveryInvariantHasATestOrAReason(t *testing.T) {
	declared, numbered := map[string]bool{}, map[string]bool{}
	for _, path := range treeFiles(t, "_test.go") {
		for _, decl := range parseTree(t, path, treeText(t, path)).Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil {
				continue
			}
			declared[f.Name.Name] = true
			if m := invariantOf.FindStringSubmatch(f.Name.Name); m != nil && !strings.HasPrefix(path, "regressions/") {
				numbered[f.Name.Name] = true
			}
		}
	}
	missing := treeText(t, "docs/adr/0021-what-is-not-built.md")
	seen := map[string]bool{}
	for _, row := range invariantRow.FindAllStringSubmatch(treeText(t, "docs/invariants.md"), -1) {
		number, proof := row[1]+row[2], row[4]
		require.False(t, seen[number], "%s is there twice", number)
		seen[number] = true
		names := testName.FindAllStringSubmatch(proof, -1)
		if len(names) == 0 {
			reason := notBuilt.FindStringSubmatch(proof)
			require.NotNil(t, reason, "%s has neither a test nor a reason", number)
			require.Contains(t, missing, "\n| "+reason[1]+" |", "%s: the page on what is not built does not name it", number)
			continue
		}
		carries := false
		for _, name := range names {
			require.True(t, declared[name[1]], "%s: there is no test %s", number, name[1])
			m := invariantOf.FindStringSubmatch(name[1])
			carries = carries || numbered[name[1]] && m[1]+m[2] == number
		}
		require.True(t, carries, "%s: none of its tests carries the number", number)
	}
	total := 0
	for section, n := range invariants {
		for i := range n {
			require.True(t, seen[fmt.Sprint(section, i+1)], "%s%d is missing", section, i+1)
		}
		total += n
	}
	require.Len(t, seen, total, "a number that is no invariant")
}
