package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Most of the time that a fault takes is the compiler's, and most of that goes to tests that
// see nothing of it. So the test that is known to find a fault is tried first, in a package
// whose test files are cut down to it and the helpers that it needs: an overlay of go test
// puts these in the place of the whole files, which stay as they are.

// tests are the test files of a directory, taken apart into declarations.
type tests struct {
	files   []*testFile
	decls   map[string]map[string]*decl // by package and name, without methods
	methods []*decl
}

type testFile struct {
	path    string
	source  []byte
	pkg     string
	header  []byte            // up to the package's name, with what says when the file is built
	imports map[string]string // what to write, by the name that the file uses
	decls   []*decl
}

// decl is a declaration at the level of the package: a function, a method, or a block of
// variables, constants or types.
type decl struct {
	file     *testFile
	text     []byte
	names    []string
	receiver string          // of a method, whose name is the only one
	uses     map[string]bool // names
	selects  map[string]bool // names behind a dot
}

// parseTests reads the test files of a directory that go test would build with the tags.
func parseTests(dir string, tags []string) (*tests, error) {
	context := build.Default
	context.BuildTags = tags
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	t := &tests{decls: map[string]map[string]*decl{}}
	for _, p := range paths {
		if built, err := context.MatchFile(dir, filepath.Base(p)); err != nil {
			return nil, err
		} else if !built {
			continue
		}
		f, err := parseTest(p)
		if err != nil {
			return nil, err
		}
		t.add(f)
	}
	return t, nil
}

func (t *tests) add(f *testFile) {
	t.files = append(t.files, f)
	if t.decls[f.pkg] == nil {
		t.decls[f.pkg] = map[string]*decl{}
	}
	for _, d := range f.decls {
		if d.receiver != "" {
			t.methods = append(t.methods, d)
			continue
		}
		for _, name := range d.names {
			t.decls[f.pkg][name] = d
		}
	}
}

func parseTest(file string) (*testFile, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	at := func(p token.Pos) int { return set.Position(p).Offset }
	f := &testFile{
		path: file, source: source, pkg: parsed.Name.Name, imports: map[string]string{},
		header: source[:at(parsed.Name.End())],
	}
	for _, i := range parsed.Imports {
		name, text := importName(i)
		f.imports[name] = text
	}
	for _, d := range parsed.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			continue
		}
		f.decls = append(f.decls, newDecl(f, d, source[at(d.Pos()):at(d.End())]))
	}
	return f, nil
}

var version = regexp.MustCompile(`^v[0-9]+$`)

// importName is the name by which a file knows what it imports, and how to import it.
func importName(i *ast.ImportSpec) (name, text string) {
	if i.Name != nil {
		return i.Name.Name, i.Name.Name + " " + i.Path.Value
	}
	where, _ := strconv.Unquote(i.Path.Value) // the parser has seen it
	name = path.Base(where)
	if version.MatchString(name) {
		name = path.Base(path.Dir(where))
	}
	return strings.TrimPrefix(name, "go-"), i.Path.Value // go-sse calls itself sse
}

func newDecl(f *testFile, from ast.Decl, text []byte) *decl {
	d := &decl{file: f, text: text, uses: map[string]bool{}, selects: map[string]bool{}}
	switch x := from.(type) {
	case *ast.FuncDecl:
		d.names = []string{x.Name.Name}
		if x.Recv != nil {
			d.receiver = receiverOf(x.Recv.List[0].Type)
		}
	case *ast.GenDecl:
		for _, spec := range x.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				d.names = append(d.names, s.Name.Name)
			case *ast.ValueSpec:
				for _, n := range s.Names {
					d.names = append(d.names, n.Name)
				}
			}
		}
	}
	ast.Inspect(from, d.note)
	return d
}

// note writes down what a node of the declaration names.
func (d *decl) note(n ast.Node) (inside bool) {
	switch x := n.(type) {
	case *ast.SelectorExpr:
		d.selects[x.Sel.Name] = true
		ast.Inspect(x.X, d.note)
		return false
	case *ast.Ident:
		d.uses[x.Name] = true
	}
	return true
}

// receiverOf is the name of a receiver's type, without pointer and type parameters.
func receiverOf(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.StarExpr:
		return receiverOf(x.X)
	case *ast.IndexExpr:
		return receiverOf(x.X)
	case *ast.IndexListExpr:
		return receiverOf(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// has reports whether there is a test of the name.
func (t *tests) has(name string) bool {
	for _, names := range t.decls {
		if names[name] != nil {
			return true
		}
	}
	return false
}

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
