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

// gitHistory returns git for the history of this repository, or skips where it is not all there.
func gitHistory(t *testing.T) func(args ...string) (string, error) {
	t.Helper()
	git := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "git", args...).Output()
		return strings.TrimSpace(string(out)), err
	}
	if shallow, err := git("rev-parse", "--is-shallow-repository"); err != nil || shallow != "false" {
		t.Skip("this is no clone with its history: the commits cannot be looked up")
	}
	return git
}

// TestEveryCommitThatSaysWhatFoundItIsListed: a fix whose text says "Found by" is in the list
// of faults. One that changes tests only corrects them, or holds a fix that is listed.
func TestEveryCommitThatSaysWhatFoundItIsListed(t *testing.T) {
	git := gitHistory(t)
	_, page, _ := strings.Cut(treeText(t, "docs/reliability.md"), "## Faults found in quill")
	commits, err := git("log", "--format=%H", "-i", "--grep=found by")
	require.NoError(t, err)
	listed := 0
	for commit := range strings.FieldsSeq(commits) {
		files, err := git("show", "--format=", "--name-only", commit)
		require.NoError(t, err)
		if !changesCode(strings.Fields(files)) {
			continue
		}
		text, err := git("show", "--no-patch", "--format=%h %s", commit)
		require.NoError(t, err)
		require.True(t, strings.Contains(page, commit[:7]), "docs/reliability.md does not list %s", text) //nolint:testifylint // the page is long
		listed++
	}
	require.GreaterOrEqual(t, listed, 6)
}

// changesCode tells whether one of the files is of the library itself.
func changesCode(files []string) bool {
	for _, file := range files {
		if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") &&
			!testTool.MatchString(file) {
			return true
		}
	}
	return false
}

// testTool is what only looks at the library.
var testTool = regexp.MustCompile(`^(compat/|internal/(conformance|explore|mutation|reliability|sabotage|soak)/)`)

// TestEveryFaultFoundNamesTheCommitThatPutItRight holds docs/reliability.md to the history.
func TestEveryFaultFoundNamesTheCommitThatPutItRight(t *testing.T) {
	git := gitHistory(t)
	_, page, found := strings.Cut(treeText(t, "docs/reliability.md"), "## Faults found in quill")
	require.True(t, found)
	rows := faultRow.FindAllStringSubmatch(page, -1)
	require.GreaterOrEqual(t, len(rows), 15)
	for _, row := range rows {
		files, err := git("show", "--format=", "--name-only", row[1])
		require.NoError(t, err, "%s is no commit", row[1])
		require.Regexp(t, `(?m)^(internal/\w+/|lastgood/|quillhttp/|quillprom/|quillstream/)?\w+\.go$`, files, "%s changes no code", row[1])
		_, err = git("merge-base", "--is-ancestor", row[1], "HEAD")
		require.NoError(t, err, "%s is not in this history", row[1])
	}
}
