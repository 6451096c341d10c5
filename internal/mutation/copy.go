package main

import (
	"os"
	"path"
	"path/filepath"
)

// Test files that ask about pages and Examples, or count what the switches spoil.
var leftOut = []string{"example_*_test.go", "docs_*test.go", "readme_test.go", "allocs_test.go", "breaker_spin_test.go"}

// copyTree copies the packages under test, and what their tests use.
func copyTree(root, to string) error {
	for _, dir := range []string{"testdata", "lastgood", "internal/window", "internal/explore", "internal/model"} {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(root, dir))); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() || unwanted(e.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(root, e.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// unwanted tells whether a file of the root is neither Go code nor says which modules are
// needed, or is a test to leave out.
func unwanted(name string) bool {
	for _, pattern := range leftOut {
		if is, _ := path.Match(pattern, name); is { // the patterns are sound
			return true
		}
	}
	return path.Ext(name) != ".go" && name != "go.mod" && name != "go.sum"
}
