//go:build !explore

package quill_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The points of the explorer of interleavings are compiled away: the package refers to none
// of its functions. (That some were inlined is told to debuggers, in go:info; it is no code.)
func TestNothingRemainsOfTheExplorerInANormalBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the package twice")
	}
	functions := func(tags string) (n int) {
		archive, err := exec.CommandContext(t.Context(), "go", "list", "-tags", tags, "-export", "-f", "{{.Export}}", ".").Output()
		require.NoError(t, err)
		symbols, err := exec.CommandContext(t.Context(), "go", "tool", "nm", strings.TrimSpace(string(archive))).Output()
		require.NoError(t, err)
		for line := range strings.Lines(string(symbols)) {
			if strings.Contains(line, "quill/internal/explore.") && !strings.Contains(line, "inittask") && !strings.Contains(line, "go:info.") {
				n++
			}
		}
		return n
	}
	require.Zero(t, functions(""))
	require.Positive(t, functions("explore"), "with the tag there are some, and this test sees them")
}
