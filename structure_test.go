package quill_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// These tests hold the tree to the rules that hold everywhere: what may be imported, how
// long a file may grow, and where time comes from.

// treeFiles returns the paths of the repository's files that end in suffix, nested modules
// included.
func treeFiles(t *testing.T, suffix string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", ".tmp", "node_modules", "testdata", "dist":
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, suffix) {
			paths = append(paths, filepath.ToSlash(path))
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

func treeText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// rootSources are the root package's own files, tests left out.
func rootSources(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var sources []string
	for _, path := range paths {
		if !strings.HasSuffix(path, "_test.go") {
			sources = append(sources, path)
		}
	}
	require.NotEmpty(t, sources)
	return sources
}

func TestRootNeedsTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f",
		"{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	const module = "github.com/seed-f7c3343e/quill"
	for dep := range strings.FieldsSeq(string(out)) {
		own := dep == module || strings.HasPrefix(dep, module+"/internal/")
		require.True(t, own, "the root package depends on %s", dep)
	}
}

func TestNoFileOutgrowsOneConcept(t *testing.T) {
	const most = 450
	for _, path := range treeFiles(t, ".go") {
		text := treeText(t, path)
		if strings.HasSuffix(path, "_test.go") || ast.IsGenerated(parseTree(t, path, text)) {
			continue
		}
		lines := strings.Count(text, "\n")
		require.LessOrEqual(t, lines, most, "%s has %d lines: split it by concept", path, lines)
	}
}

func parseTree(t *testing.T, path, text string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments)
	require.NoError(t, err)
	return file
}

// clockReads are the places in the root package that may read the wall clock. It is read
// when the process begins; all else asks how long ago that was, which the monotonic clock
// answers. And some say a moment for people to read: a transition, a shadow's beginning.
// (.golangci.yml knows them too.)
var clockReads = strings.NewReplacer(
	"since: time.Now()}", "",
	"var processStart = time.Now()", "",
	"At: time.Now(),", "",
	"asRead := time.Now()", "", // for whoever reads run's deadline on another machine
	"apart := start.Round(0).Sub(known.Round(0))", "",
	"monotonic := t != t.Round(0)", "", // whether there is a monotonic part at all
)

// wallClock matches what would let a step of the wall clock into a decision.
var wallClock = regexp.MustCompile(
	`\btime\.(Now|Unix|UnixMilli|UnixMicro)\(|\.Unix(Nano|Milli|Micro)?\(\)|\.Round\(0\)`)

func TestDecisionsUseTheMonotonicClock(t *testing.T) {
	for _, path := range rootSources(t) {
		forEachCodeLine(t, path, func(n int, code string) {
			if wallClock.MatchString(clockReads.Replace(code)) {
				t.Errorf("%s:%d reads the wall clock: %q; use time.Since of the process's start",
					path, n, code)
			}
		})
	}
}

// anyClock matches whatever reads the time or waits for it.
var anyClock = regexp.MustCompile(
	`\btime\.(Now|Since|Until|After|AfterFunc|NewTimer|NewTicker|Tick|Sleep)\b`)

func TestEnginesAreToldTheTime(t *testing.T) {
	for _, path := range treeFiles(t, ".go") {
		engine := path == "breaker.go" || strings.HasPrefix(path, "internal/window/")
		if !engine || strings.HasSuffix(path, "_test.go") {
			continue
		}
		forEachCodeLine(t, path, func(n int, code string) {
			if anyClock.MatchString(code) {
				t.Errorf("%s:%d knows the clock: %q; take now as a parameter", path, n, code)
			}
		})
	}
}

// forEachCodeLine calls f with each line's number and its code, comments left out.
func forEachCodeLine(t *testing.T, path string, f func(n int, code string)) {
	t.Helper()
	n := 0
	for line := range strings.Lines(treeText(t, path)) {
		n++
		code, _, _ := strings.Cut(line, "//")
		f(n, strings.TrimSpace(code))
	}
}

// sleeps matches what does nothing but wait, by either of its names.
var sleeps = regexp.MustCompile(`\btime\.Sleep\(|(^|[{;])\s*<-time\.After\(`)

func TestTestsSleepInABubbleOnly(t *testing.T) {
	for _, path := range treeFiles(t, "_test.go") {
		text := treeText(t, path)
		if strings.Contains(text, "testing/synctest\"") {
			continue
		}
		n := 0
		for line := range strings.Lines(text) {
			n++
			code, comment, _ := strings.Cut(line, "//")
			if sleeps.MatchString(code) && !strings.Contains(comment, "real time:") {
				t.Errorf("%s:%d: a sleep outside a synctest bubble; where a real process is "+
					"involved, say why behind it: // real time: ...", path, n)
			}
		}
	}
}
