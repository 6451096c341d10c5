package regressions_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// faults is how many scenarios there are.
const faults = 56

var (
	tableRow  = regexp.MustCompile(`(?m)^\| B(\d+) \|(.*)\|\s*$`)
	testNames = regexp.MustCompile("`(Test\\w+)`")
	numbered  = regexp.MustCompile(`^TestB(\d\d)[A-Z]`)
)

// TestEveryRegressionHasATestOrAReason holds docs/regressions.md to the tests of this
// package: each number is there exactly once, with tests of that number that exist, or with
// the reason why there is none; and no test is missing there.
func TestEveryRegressionHasATestOrAReason(t *testing.T) {
	tests := declaredTests(t)
	page, err := os.ReadFile(filepath.FromSlash("../docs/regressions.md"))
	require.NoError(t, err)

	seen := map[int]bool{}
	for _, row := range tableRow.FindAllStringSubmatch(string(page), -1) {
		number, err := strconv.Atoi(row[1])
		require.NoError(t, err)
		require.False(t, seen[number], "B%d is there twice", number)
		require.True(t, number >= 1 && number <= faults, "there is no B%d", number)
		seen[number] = true

		cells := strings.Split(row[2], "|")
		require.Len(t, cells, 3, "B%d", number)
		proof := strings.TrimSpace(cells[2])
		names := testNames.FindAllStringSubmatch(proof, -1)
		if len(names) == 0 {
			require.Regexp(t, `^not built: \S`, proof, "B%d has neither a test nor a reason", number)
			continue
		}
		for _, name := range names {
			require.Equal(t, number, tests[name[1]], "B%d names %s, which is not there", number, name[1])
			delete(tests, name[1])
		}
	}
	for number := 1; number <= faults; number++ {
		require.True(t, seen[number], "B%d is missing", number)
	}
	require.Empty(t, tests, "tests that the table does not name")
}

// declaredTests are this package's tests of a fault, each with its number.
func declaredTests(t *testing.T) map[string]int {
	t.Helper()
	paths, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	tests := map[string]int{}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, is := decl.(*ast.FuncDecl)
			if !is {
				continue
			}
			if m := numbered.FindStringSubmatch(f.Name.Name); m != nil {
				number, err := strconv.Atoi(m[1])
				require.NoError(t, err)
				tests[f.Name.Name] = number
			}
		}
	}
	require.NotEmpty(t, tests)
	return tests
}
