package quill_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// guarantees are the rows of a README's table of guarantees: for each, the tests it names.
func guarantees(t *testing.T, page string) [][]string {
	t.Helper()
	row := regexp.MustCompile(`^\| (.+\S) \| (\x60.+\x60) \|$`)
	var rows [][]string
	for line := range strings.Lines(treeText(t, page)) {
		m := row.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		var tests []string
		for _, name := range testName.FindAllStringSubmatch(m[2], -1) {
			tests = append(tests, name[1])
		}
		require.NotEmpty(t, tests, "%s: no test proves %q", page, m[1])
		rows = append(rows, tests)
	}
	return rows
}

// TestEachGuaranteeNamesTheTestThatProvesIt: the pages do so in the same order in both
// languages. That the tests exist, TestPagesNameTestsThatExist checks.
func TestEachGuaranteeNamesTheTestThatProvesIt(t *testing.T) {
	english := guarantees(t, "README.md")
	require.Greater(t, len(english), 10)
	require.Equal(t, english, guarantees(t, "README.ko.md"))
}
