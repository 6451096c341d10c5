package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// tree is a copy of the repository's files, as they are in the working tree.
type tree struct{ dir string }

// withCopy makes a copy, hands it to f and removes it.
func withCopy(ctx context.Context, root string, f func(tree) error) error {
	dir, err := os.MkdirTemp("", "quill-sabotage-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Tracked files and new ones, but nothing that is ignored.
	list := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		return fmt.Errorf("listing the tree: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(names), "\x00"), "\x00") {
		if err := copyFile(filepath.Join(root, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return f(tree{dir})
}

// copyFile copies a file. One that was deleted and is still tracked is left out.
func copyFile(from, to string) error {
	data, err := os.ReadFile(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// apply puts the fault into the tree and returns what takes it out again.
func (t tree) apply(f fault) (undo func() error, err error) {
	before := map[string][]byte{}
	undo = func() error {
		for path, data := range before {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	for _, e := range f.edits {
		path := filepath.Join(t.dir, e.file)
		data, err := os.ReadFile(path)
		if err != nil {
			return undo, err
		}
		if err := e.fits(data); err != nil {
			return undo, fmt.Errorf("fault %q: %w", f.name, err)
		}
		if _, ok := before[path]; !ok {
			before[path] = data
		}
		data = bytes.Replace(data, []byte(e.find), []byte(e.replace), 1)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// fits reports an error unless the text to replace occurs exactly once.
func (e edit) fits(data []byte) error {
	if n := bytes.Count(data, []byte(e.find)); n != 1 {
		return fmt.Errorf("its text is in %s %d times, not once: fit it to the code as it is now:\n%s", e.file, n, e.find)
	}
	return nil
}

// fitAll reports an error unless each edit fits the tree at root.
func fitAll(root string, chosen []fault) error {
	for _, f := range chosen {
		for _, e := range f.edits {
			data, err := os.ReadFile(filepath.Join(root, e.file))
			if err != nil {
				return err
			}
			if err := e.fits(data); err != nil {
				return fmt.Errorf("fault %q: %w", f.name, err)
			}
		}
	}
	return nil
}

// killersThere reports an error unless each fault names tests that are in the tree at root.
func killersThere(root string, chosen []fault) error {
	read := map[string]*tests{}
	for _, f := range chosen {
		home := f.home()
		if read[home.name] == nil {
			all, err := parseTests(filepath.Join(root, home.dir()), home.buildTags())
			if err != nil {
				return err
			}
			read[home.name] = all
		}
		if len(f.killers) == 0 {
			return fmt.Errorf("fault %q names no test that finds it", f.name)
		}
		for _, name := range f.killers {
			if !read[home.name].has(name) {
				return fmt.Errorf("fault %q: there is no test %s in %s", f.name, name, home.dir())
			}
		}
	}
	return nil
}
