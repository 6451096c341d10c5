package quill_test

import (
	"go/ast"
	"strings"
	"testing"
)

// TestEveryMethodOfTheCoreHasAnExample: whoever looks up a function, or a method of
// Command, Circuit, Registry, Call or Future, finds it in use, by an Example that runs.
func TestEveryMethodOfTheCoreHasAnExample(t *testing.T) {
	types := map[string]bool{
		"Command": true, "Circuit": true, "Registry": true, "Call": true, "Future": true,
	}
	run := map[string]bool{}
	for _, name := range treeFiles(t, "_test.go") {
		if !strings.HasPrefix(name, "example_") {
			continue
		}
		text := treeText(t, name)
		file := parseTree(t, name, text)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && strings.Contains(text[f.Pos()-file.FileStart:f.End()-file.FileStart], "// Output:") {
				run[exampled(f.Name.Name)] = true
			}
		}
	}
	for _, path := range rootSources(t) {
		for _, decl := range parseTree(t, path, treeText(t, path)).Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || (f.Recv != nil && !types[receiver(f)]) {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				name = receiver(f) + "_" + name
			}
			if !run[name] {
				t.Errorf("%s: there is no Example%s with an output", path, name)
			}
		}
	}
}

// exampled is what the Example of that name is an example of, without its suffix.
func exampled(name string) string {
	parts := strings.Split(strings.TrimPrefix(name, "Example"), "_")
	if len(parts) > 1 && strings.ToLower(parts[len(parts)-1][:1]) == parts[len(parts)-1][:1] {
		parts = parts[:len(parts)-1]
	}
	return strings.Join(parts, "_")
}

// receiver is the name of the type that f is a method of.
func receiver(f *ast.FuncDecl) string {
	expr := f.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.IndexListExpr:
			expr = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
