package quill_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tableOfPage returns the rows of the breaker's table in docs/semantics.md.
func tableOfPage(t *testing.T) (rows [][]string) {
	t.Helper()
	_, table, found := strings.Cut(treeText(t, "docs/semantics.md"), "| state | event | next | what happens |\n")
	require.True(t, found)
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(strings.ReplaceAll(line, "`", ""))
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows[1:] // without the rule below the heading
}

// tableOfComment returns those of the comment in breaker.go, whose cells may go on in the next line.
func tableOfComment(t *testing.T) (rows [][]string) {
	t.Helper()
	const tab = "//\t"
	_, table, found := strings.Cut(treeText(t, "breaker.go"), tab+"state ")
	require.True(t, found)
	_, table, _ = strings.Cut(table, tab) // the rule below the heading
	rule, table, _ := strings.Cut(table, "\n")
	var starts []int
	for i := range rule {
		if rule[i] == '-' && (i == 0 || rule[i-1] == ' ') {
			starts = append(starts, i)
		}
	}
	require.Len(t, starts, 4)
	for line := range strings.Lines(table) {
		line, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), tab)
		if !ok {
			break
		}
		line += strings.Repeat(" ", max(0, len(rule)-len(line)))
		var cells []string
		for i, start := range starts {
			end := len(line)
			if i+1 < len(starts) {
				end = starts[i+1]
			}
			cells = append(cells, strings.TrimSpace(line[start:end]))
		}
		if cells[0] != "" {
			rows = append(rows, cells)
			continue
		}
		for i, more := range cells {
			last := rows[len(rows)-1]
			last[i] = strings.TrimSpace(last[i] + " " + more)
		}
	}
	return rows
}

// TestTheBreakersTableIsItsComment: the table of docs/semantics.md is that of the machine, row by row.
func TestTheBreakersTableIsItsComment(t *testing.T) {
	page, comment := tableOfPage(t), tableOfComment(t)
	for _, row := range comment {
		if row[3] == "-" {
			row[3] = ""
		}
	}
	require.Greater(t, len(page), 10)
	require.Equal(t, page, comment)
}
