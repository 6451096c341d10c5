package browsertest

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// binary is the demo, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "moviecatalog")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "moviecatalog")
		build := exec.Command("go", "build", "-o", binary, "./examples/moviecatalog")
		build.Dir = filepath.Join("..", "..", "..") // the demo belongs to the root module
		if out, err := build.CombinedOutput(); err != nil {
			panic("building the demo: " + string(out))
		}
		return m.Run()
	}())
}

// startDemo runs the demo on free ports until the test ends, which must be with exit code
// 0, and returns the URL of its control page. It comes before the browser's page, which is
// closed first then: a page whose demo is gone complains.
func startDemo(t *testing.T) string {
	t.Helper()
	var args []string
	for _, name := range []string{"control", "catalog", "movieinfo", "movieinfo2", "ratings", "ratings2", "tmdb"} {
		args = append(args, "-"+name+"-addr=127.0.0.1:0")
	}
	demo := exec.Command(binary, args...)
	demo.Env = append(os.Environ(), "TMDB_TOKEN=", "TMDB_API_KEY=")
	out, err := demo.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, demo.Start())
	lines := bufio.NewScanner(out)
	t.Cleanup(func() {
		require.NoError(t, demo.Process.Signal(os.Interrupt))
		for lines.Scan() { // to the end, so that it never waits for a reader
		}
		require.NoError(t, demo.Wait(), "Ctrl-C ends it with exit code 0")
	})
	for lines.Scan() {
		if _, url, found := strings.Cut(lines.Text(), "sick at: "); found {
			return url
		}
	}
	t.Fatal("the demo has not said where its control page is")
	return ""
}
