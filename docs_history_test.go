package quill_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// faultRow is a fault that was found in quill: the last cell is the commit that put it right.
var faultRow = regexp.MustCompile(`(?m)^\| .* \| ([0-9a-f]{7}) \|$`)

// TestEveryFaultFoundNamesTheCommitThatPutItRight holds docs/reliability.md to the history.
func TestEveryFaultFoundNamesTheCommitThatPutItRight(t *testing.T) {
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "git", args...).Output()
		return strings.TrimSpace(string(out)), err
	}
	if shallow, err := git("rev-parse", "--is-shallow-repository"); err != nil || shallow != "false" {
		t.Skip("this is no clone with its history: the commits cannot be looked up")
	}
	_, page, found := strings.Cut(treeText(t, "docs/reliability.md"), "## Faults found in quill")
	require.True(t, found)
	rows := faultRow.FindAllStringSubmatch(page, -1)
	require.GreaterOrEqual(t, len(rows), 15)
	for _, row := range rows {
		files, err := git("show", "--format=", "--name-only", row[1])
		require.NoError(t, err, "%s is no commit", row[1])
		require.Regexp(t, `(?m)^(internal/\w+/|lastgood/|quillhttp/|quillstream/)?\w+\.go$`, files, "%s changes no code", row[1])
		_, err = git("merge-base", "--is-ancestor", row[1], "HEAD")
		require.NoError(t, err, "%s is not in this history", row[1])
	}
}
