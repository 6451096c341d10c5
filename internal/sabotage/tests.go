package main

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

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
