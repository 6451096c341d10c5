package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Most of the time that a fault takes is the compiler's, and most of that goes to tests that
// see nothing of it. So the test that is known to find a fault is tried first, in a package
// whose test files are cut down to it and the helpers that it needs: an overlay of go test
// puts these in the place of the whole files, which stay as they are.

// needed are the tests of the names, what runs in any case, and all that these need. It
// goes by names alone, so it may keep too much, which costs time, and never too little
// without the compiler's saying so.
func (t *tests) needed(names []string) map[*decl]bool {
	need := map[*decl]bool{}
	var todo []*decl
	want := func(d *decl) {
		if d != nil && !need[d] {
			need[d] = true
			todo = append(todo, d)
		}
	}
	for _, all := range t.decls {
		for _, name := range append([]string{"TestMain", "init"}, names...) {
			want(all[name])
		}
	}
	for len(todo) > 0 {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for name := range d.uses {
			want(t.decls[d.file.pkg][name])
		}
		for name := range d.selects { // what an external test sees of an internal one
			want(t.decls[strings.TrimSuffix(d.file.pkg, "_test")][name])
		}
		for _, m := range t.methods {
			if t.methodNeeded(m, need) {
				want(m)
			}
		}
	}
	return need
}

// methodNeeded: a type of the tests comes with all of its methods, one of the package with
// those that the tests give it and use.
func (t *tests) methodNeeded(m *decl, need map[*decl]bool) bool {
	if of := t.decls[m.file.pkg][m.receiver]; of != nil {
		return need[of]
	}
	for d := range need {
		if d.selects[m.names[0]] {
			return true
		}
	}
	return false
}

// cutFile is a test file with the needed declarations alone, nil if there are none.
func (f *testFile) cutFile(need map[*decl]bool) []byte {
	var body bytes.Buffer
	used := map[string]bool{"_": true, ".": true}
	kept := false
	for _, d := range f.decls {
		if !need[d] {
			continue
		}
		kept = true
		maps.Copy(used, d.uses)
		fmt.Fprintf(&body, "\n%s\n", d.text)
	}
	if !kept {
		return nil
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s\n\n", f.header)
	for _, name := range slices.Sorted(maps.Keys(f.imports)) {
		if used[name] {
			fmt.Fprintf(&out, "import %s\n", f.imports[name])
		}
	}
	out.Write(body.Bytes())
	return out.Bytes()
}

// cut writes an overlay with what the named tests need, and returns its path.
func (t *tests) cut(dir string, names []string) (overlay string, err error) {
	for _, name := range names {
		if !t.has(name) {
			return "", fmt.Errorf("there is no test %s", name)
		}
	}
	if len(names) == 0 {
		return "", errors.New("there is no test to cut out")
	}
	need := t.needed(names)
	replace := map[string]string{}
	for i, f := range t.files {
		replace[f.path] = "" // as if it were not there
		if text := f.cutFile(need); text != nil {
			to := filepath.Join(dir, fmt.Sprintf("%d_test.go", i))
			if err := os.WriteFile(to, text, 0o600); err != nil {
				return "", err
			}
			replace[f.path] = to
		}
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, data, 0o600)
}
