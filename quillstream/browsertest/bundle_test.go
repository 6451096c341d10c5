package browsertest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCommittedBundleIsWhatTheSourcesGive builds the page anew: a change of ui/src needs
// `make ui`.
func TestCommittedBundleIsWhatTheSourcesGive(t *testing.T) {
	npx, err := exec.LookPath("npx")
	if err != nil {
		t.Skip("needs node, and there is none on this machine")
	}
	if _, err := os.Stat(filepath.Join(ui, "node_modules", "vite")); err != nil {
		t.Skip("needs vite from npm: make deps fetches it")
	}
	fresh := t.TempDir()
	for _, args := range [][]string{{"tsc", "--noEmit"}, {"vite", "build", "--outDir", fresh, "--logLevel", "error"}} {
		build := exec.Command(npx, append([]string{"--no-install"}, args...)...)
		build.Dir = ui
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	entries, err := os.ReadDir(fresh)
	require.NoError(t, err)
	committed, err := os.ReadDir(filepath.Join(ui, "dist"))
	require.NoError(t, err)
	require.Len(t, committed, len(entries))
	for _, e := range entries {
		want, err := os.ReadFile(filepath.Join(fresh, e.Name()))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(ui, "dist", e.Name()))
		require.NoError(t, err)
		if !bytes.Equal(want, got) { // too long to be shown
			t.Errorf("ui/dist/%s is stale: make ui", e.Name())
		}
	}
}
