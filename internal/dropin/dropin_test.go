package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const published = "github.com/seed-f7c3343e/quill/compat/hystrix-go"

func replacement(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../compat/hystrix-go")
	require.NoError(t, err)
	return dir
}

// client makes the module of testdata/client, with that go line and the sums of the original
// in its go.sum, as a program has them that used it so far.
func client(t *testing.T, goLine string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/client")))
	require.NoError(t, os.Rename(filepath.Join(dir, "go.sum.txt"), filepath.Join(dir, "go.sum")))
	mod := "module example.com/client\n\ngo " + goLine + "\n\nrequire " + theirs + " v0.0.0-20180502004556-fa1af6a1f4f5\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o600))
	return dir
}

// TestOneLineIsAllThatAProgramChanges: whatever its go line, offline, go.sum as it was.
func TestOneLineIsAllThatAProgramChanges(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	for _, goLine := range []string{"1.14", "1.17", "1.21"} {
		t.Run(goLine, func(t *testing.T) {
			dir := client(t, goLine)
			require.NoError(t, replace(dir, replacement(t)))
			result, err := test(t.Context(), dir, "./...")
			require.NoError(t, err)
			require.True(t, result.green, result.output)
			require.Equal(t, 4, result.passed)
		})
	}
}

// TestWithTheLineSettingsOfQuillNeedNoName: what docs/from-hystrix-go.md says that a program can
// reach without a name of a type of quill's.
func TestWithTheLineSettingsOfQuillNeedNoName(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	const program = `package client

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/afex/hystrix-go/hystrix"
)

func TestSettings(t *testing.T) {
	s := hystrix.QuillCircuit("get_reviews").Settings()
	s.QueueSize, s.RollingWindow = 100, 30*time.Second
	err := hystrix.ConfigureQuill("get_reviews", s)
	if err != nil || hystrix.QuillCircuit("get_reviews").Settings() != s {
		t.Fatal(err)
	}
	text, err := json.Marshal(hystrix.QuillCircuit("get_reviews").Stats())
	if err != nil || !strings.Contains(string(text), "get_reviews") {
		t.Fatal(err, string(text))
	}
}
`
	dir := client(t, "1.17")
	require.NoError(t, replace(dir, replacement(t)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "settings_test.go"), []byte(program), 0o600))
	result, err := test(t.Context(), dir, "./...")
	require.NoError(t, err)
	require.True(t, result.green, result.output)
	require.Equal(t, 5, result.passed)
}

// TestBrokenReplacementIsSeen: the runner is red when a text that programs compare is another.
func TestBrokenReplacementIsSeen(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	broken := t.TempDir()
	require.NoError(t, os.CopyFS(broken, os.DirFS(replacement(t))))
	files, err := filepath.Glob(filepath.Join(broken, "hystrix", "*.go"))
	require.NoError(t, err)
	changed := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		mutant := bytes.ReplaceAll(text, []byte(`"circuit open"`), []byte(`"the circuit is open"`))
		if !bytes.Equal(text, mutant) {
			changed++
			require.NoError(t, os.WriteFile(file, mutant, 0o600))
		}
	}
	require.Equal(t, 1, changed, "one file has the text")

	dir := client(t, "1.14")
	require.NoError(t, replace(dir, broken))
	ours, err := attempts(t.Context(), dir, "./...")
	require.NoError(t, err)
	original := result{passed: 4, green: true}
	require.False(t, ours.green)
	require.Equal(t, 2, ours.failed, ours.output)
	require.Equal(t, mostAttempts, ours.attempt, "another run does not help it")
	require.Equal(t, "2 of its tests failed on quill", row{original: original, ours: ours}.problem())
	require.Contains(t, ours.output, "hystrix: the circuit is open")
}

func TestProgramThatLosesTestsHasAProblem(t *testing.T) {
	fine := result{passed: 4, green: true}
	require.Empty(t, row{original: fine, ours: fine}.problem())
	require.Empty(t, row{original: result{passed: 3, failed: 1}, ours: fine}.problem(), "ours may do better")
	require.NotEmpty(t, row{original: fine, ours: result{passed: 3, green: true}}.problem())
	require.NotEmpty(t, row{ours: result{green: true}}.problem(), "no test at all")
	require.Equal(t, "0 passed, does not build", result{}.say())
	require.Equal(t, "4 passed", result{passed: 4, green: true, attempt: 1}.say())
	require.Equal(t, "4 passed, in run 2", result{passed: 4, green: true, attempt: 2}.say())
}

// TestPublishedReplacementNeedsOneTidy publishes the module's tree to a proxy of this test,
// under the version of a tag compat/hystrix-go/v0.99.0.
func TestPublishedReplacementNeedsOneTidy(t *testing.T) {
	const version = "v0.99.0"
	t.Setenv("GOPROXY", "file://"+publish(t, version))
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOFLAGS", "-modcacherw") // so that the test can remove its cache
	dir := client(t, "1.14")
	require.NoError(t, replace(dir, published+" "+version))

	run := func(args ...string) (string, error) {
		command := exec.CommandContext(t.Context(), "go", args...)
		command.Dir = dir
		command.Env = append(os.Environ(), "GOARCH=", "CGO_ENABLED=", "GOWORK=off")
		out, err := command.CombinedOutput()
		return string(out), err
	}
	out, err := run("test", "./...")
	require.Error(t, err, "no go.sum can have its line before there is one")
	require.Contains(t, out, "missing go.sum entry")

	out, err = run("mod", "tidy")
	require.NoError(t, err, out)
	out, err = run("test", "./...")
	require.NoError(t, err, out)

	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(mod), "\ngo 1.14\n", "its go line stays")
	require.Equal(t, 1, strings.Count(string(mod), "require"), "nothing else is required: %s", mod)
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	require.NoError(t, err)
	for line := range strings.Lines(string(sum)) {
		require.Truef(t, strings.HasPrefix(line, published+" "+version), "a module beside ours: %s", line)
	}
}

// publish makes a module proxy of files, which has this one module, and returns its directory.
func publish(t *testing.T, version string) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, filepath.FromSlash(published), "@v")
	require.NoError(t, os.MkdirAll(dir, 0o750))
	write := func(name string, text []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	mod, err := os.ReadFile(filepath.Join(replacement(t), "go.mod"))
	require.NoError(t, err)
	info, err := json.Marshal(map[string]any{"Version": version, "Time": time.Unix(0, 0).UTC()})
	require.NoError(t, err)
	write("list", []byte(version+"\n"))
	write(version+".info", info)
	write(version+".mod", mod)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	require.NoError(t, filepath.WalkDir(replacement(t), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(replacement(t), path)
		if err != nil {
			return err
		}
		file, err := z.Create(published + "@" + version + "/" + filepath.ToSlash(relative))
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = file.Write(text)
		return err
	}))
	require.NoError(t, z.Close())
	write(version+".zip", b.Bytes())
	return root
}
