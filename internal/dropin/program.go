package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// compare runs a program's tests on the original and on the replacement.
func compare(ctx context.Context, p program, replacement string) (row, error) {
	dir, err := os.MkdirTemp("", "dropin-")
	if err != nil {
		return row{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	original, replaced := filepath.Join(dir, "original"), filepath.Join(dir, "replaced")
	for _, copied := range []string{original, replaced} {
		if err := p.unpack(ctx, copied); err != nil {
			return row{}, err
		}
	}
	r := row{program: p}
	args := []string{"-race", "-run", p.run, p.packages}
	if r.original, err = attempts(ctx, original, args...); err != nil {
		return row{}, err
	}
	if err := replace(replaced, replacement); err != nil {
		return row{}, err
	}
	r.ours, err = attempts(ctx, replaced, args...)
	return r, err
}

// mostAttempts is how often a program's tests may run until they are green. Some wait for
// milliseconds of real time, and fail on a busy machine whatever they run on.
const mostAttempts = 3

// attempts runs the tests until they are green, or for the last time.
func attempts(ctx context.Context, dir string, args ...string) (result, error) {
	for n := 1; ; n++ {
		r, err := test(ctx, dir, args...)
		r.attempt = n
		if err != nil || r.green || n == mostAttempts {
			return r, err
		}
	}
}

// unpack puts the program's published files into dir, to be written there.
func (p program) unpack(ctx context.Context, dir string) error {
	command := exec.CommandContext(ctx, "go", "mod", "download", "-json", p.module+"@"+p.version)
	command.Dir = os.TempDir() // outside of any module
	out, err := command.Output()
	if err != nil {
		return fmt.Errorf("fetching: %w\n%s", err, out)
	}
	var fetched struct {
		Dir string `json:"dir"`
		Sum string `json:"sum"`
	}
	if err := json.Unmarshal(out, &fetched); err != nil {
		return err
	}
	if fetched.Sum != p.sum {
		return fmt.Errorf("its sum is %s instead of %s", fetched.Sum, p.sum)
	}
	if err := os.CopyFS(dir, os.DirFS(fetched.Dir)); err != nil { // which makes files that can be written
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		return nil
	}
	files, err := p.givenFiles()
	if err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// replace appends the one line to a go.mod.
func replace(dir, replacement string) error {
	file, err := os.OpenFile(filepath.Join(dir, "go.mod"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "\nreplace %s => %s\n", theirs, replacement)
	return errors.Join(err, file.Close())
}

// result is how the tests of a module ended.
type result struct {
	passed, failed, skipped int
	output                  string // of a run that is not green
	green                   bool
	attempt                 int // which run this was: see attempts
}

// test runs the tests and counts them, subtests left out. Tests that fail are a result, not
// an error. The go command may not touch go.mod or go.sum: one line must be all that a
// program needs.
func test(ctx context.Context, dir string, args ...string) (result, error) {
	before, err := modFiles(dir)
	if err != nil {
		return result{}, err
	}
	args = append([]string{"test", "-json", "-count=1", "-timeout=2m", "-mod=readonly"}, args...)
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = dir
	// For this machine, whatever the caller builds for: 32 bits have no race detector.
	command.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOARCH=", "CGO_ENABLED=")
	out, err := command.CombinedOutput()
	r := count(out)
	r.green = err == nil
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return r, err
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	after, err := modFiles(dir)
	if err != nil {
		return r, err
	}
	if before != after {
		return r, errors.New("its go.mod or go.sum is not as it was")
	}
	return r, nil
}

func modFiles(dir string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", err
	}
	sum, err := os.ReadFile(filepath.Join(dir, "go.sum"))
	if err != nil && !os.IsNotExist(err) {
		return "", err
	}
	return string(mod) + "\x00" + string(sum), nil
}

// count reads what go test -json has written.
func count(out []byte) result {
	var r result
	var text strings.Builder
	for line := range bytes.Lines(out) {
		var event struct {
			Action string `json:"action"`
			Test   string `json:"test"`
			Output string `json:"output"`
		}
		if err := json.Unmarshal(line, &event); err != nil {
			text.Write(line) // what the go command itself has to say
			continue
		}
		text.WriteString(event.Output)
		if event.Test == "" || strings.Contains(event.Test, "/") {
			continue
		}
		switch event.Action {
		case "pass":
			r.passed++
		case "fail":
			r.failed++
		case "skip":
			r.skipped++
		}
	}
	r.output = text.String()
	return r
}
