package difftest

import (
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	_ "github.com/afex/hystrix-go/plugins"
	"github.com/stretchr/testify/require"
)

const (
	theirs = "github.com/afex/hystrix-go/"
	ours   = "github.com/seed-f7c3343e/quill/hystrix"
)

// packages are hystrix-go's, and where ours are.
var packages = map[string]string{
	theirs + "hystrix":                  ours,
	theirs + "hystrix/metric_collector": ours + "/metric_collector",
	theirs + "hystrix/rolling":          ours + "/rolling",
	theirs + "plugins":                  ours + "/plugins",
}

// additions are what ours have beyond.
var additions = []string{"func ConfigureQuill", "func QuillCircuit", "func QuillRegistry"}

func TestTheExportedSurfaceIsThatOfHystrixGo(t *testing.T) {
	imp := compiled(t)
	total := 0
	for their, our := range packages {
		want, got := surface(t, imp, their), surface(t, imp, our)
		total += len(want)
		for _, line := range want {
			require.Contains(t, got, line, our)
		}
		for _, line := range got {
			added := slices.ContainsFunc(additions, func(a string) bool { return strings.HasPrefix(line, a+" ") })
			if !added {
				require.Contains(t, want, line, their)
			}
		}
	}
	t.Logf("%d exported names, fields and methods agree", total)
	require.Greater(t, total, 140)
}

// compiled imports by the compiler's export data.
func compiled(t *testing.T) types.Importer {
	t.Helper()
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, slices.Collect(maps.Keys(packages))...)
	args = append(args, slices.Collect(maps.Values(packages))...)
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	require.NoError(t, err)
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		files[path] = file
	}
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
}

// surface lists what a package exports, a line each: with types, the order of fields and
// their tags, the methods of pointers, the values of constants.
func surface(t *testing.T, imp types.Importer, path string) []string {
	t.Helper()
	p, err := imp.Import(path)
	require.NoError(t, err)
	lines := []string{"package " + p.Name()}
	scope := p.Scope()
	for _, name := range scope.Names() {
		o := scope.Lookup(name)
		if !o.Exported() {
			continue
		}
		switch o := o.(type) {
		case *types.Const:
			lines = append(lines, fmt.Sprintf("const %s %s = %s", name, spell(o.Type()), o.Val()))
		case *types.TypeName:
			lines = append(lines, "type "+name+" "+shape(o.Type()))
			lines = append(lines, fields(name, o.Type())...)
			lines = append(lines, methods(name, o.Type())...)
		case *types.Var:
			lines = append(lines, "var "+name+" "+spell(o.Type()))
			lines = append(lines, methods("var "+name, o.Type())...)
		default:
			lines = append(lines, "func "+name+" "+spell(o.Type()))
		}
	}
	return lines
}

// spell writes a type with the names of packages; unexported names by what they stand for.
func spell(typ types.Type) string {
	text := types.TypeString(typ, func(p *types.Package) string { return p.Name() })
	text = strings.ReplaceAll(text, "interface{}", "any")
	return strings.NewReplacer(
		"hystrix.runFuncC", "func(context.Context) error",
		"hystrix.fallbackFuncC", "func(context.Context, error) error",
		"hystrix.runFunc", "func() error",
		"hystrix.fallbackFunc", "func(error) error",
	).Replace(text)
}

func shape(typ types.Type) string {
	switch u := typ.Underlying().(type) {
	case *types.Struct:
		return "struct"
	default:
		return spell(u)
	}
}

// fields are the exported fields in their order.
func fields(name string, typ types.Type) (lines []string) {
	s, ok := typ.Underlying().(*types.Struct)
	if !ok {
		return nil
	}
	n := 0
	for i := range s.NumFields() {
		if f := s.Field(i); f.Exported() {
			lines = append(lines, fmt.Sprintf("field %s.%d %s %s `%s`", name, n, f.Name(), spell(f.Type()), s.Tag(i)))
			n++
		}
	}
	return lines
}

// methods are the exported methods, and whether a value has them or only a pointer.
func methods(name string, typ types.Type) (lines []string) {
	if types.IsInterface(typ) {
		return nil
	}
	values := types.NewMethodSet(typ)
	all := types.NewMethodSet(types.NewPointer(typ))
	for m := range all.Methods() {
		if !m.Obj().Exported() {
			continue
		}
		receiver := "*"
		if values.Lookup(m.Obj().Pkg(), m.Obj().Name()) != nil {
			receiver = ""
		}
		lines = append(lines, fmt.Sprintf("method (%s%s) %s %s", receiver, name, m.Obj().Name(), spell(m.Obj().Type())))
	}
	return lines
}
