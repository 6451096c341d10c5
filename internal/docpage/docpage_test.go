package docpage_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/internal/docpage"
)

var marks = docpage.Marks{Begin: "<!-- x -->", End: "<!-- end of x -->"}

func TestASectionIsReplacedBetweenItsMarks(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n<!-- x -->\nold\n<!-- end of x -->\nafter\n"), 0o644))
	for range 2 {
		require.NoError(t, marks.Write(page, "new\n"))
	}
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, "before\n<!-- x -->\nnew\n<!-- end of x -->\nafter\n", string(text))
	info, err := os.Stat(page)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o644), info.Mode().Perm())
}

func TestAPageWithoutTheMarksStaysAsItIs(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	for _, text := range []string{
		"", "<!-- x -->\n", "<!-- end of x -->\n", "<!-- end of x -->\n<!-- x -->\n", "<!-- y -->\n<!-- end of y -->\n",
	} {
		require.NoError(t, os.WriteFile(page, []byte(text), 0o600))
		require.ErrorContains(t, marks.Write(page, "new\n"), `page.md: the page has no lines "<!-- x -->" and "<!-- end of x -->"`)
		now, err := os.ReadFile(page)
		require.NoError(t, err)
		require.Equal(t, text, string(now))
	}
	require.ErrorIs(t, marks.Write(page+"x", ""), os.ErrNotExist)
}
