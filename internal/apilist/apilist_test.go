package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// TestAPIFilesAreFresh is the gate: who changes the surface shows it in api/.
func TestAPIFilesAreFresh(t *testing.T) {
	want, err := render(t.Context(), root)
	require.NoError(t, err)
	require.Contains(t, want, "quill.txt", "the root package is listed")

	paths, err := filepath.Glob(filepath.Join(root, "api", "*.txt"))
	require.NoError(t, err)
	got := make(map[string]string, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		got[filepath.Base(path)] = string(text)
	}
	for name := range want {
		require.Equal(t, missing(want[name], got[name]), missing(got[name], want[name]),
			"api/%s is stale: run `make api` and look at its diff", name)
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)),
		"api/ is stale: run `make api`")
}

// missing returns the lines of text that other has not. (The files are sorted: there is
// no other difference.)
func missing(text, other string) []string {
	lines := []string{}
	for line := range strings.Lines(text) {
		if !strings.Contains("\n"+other, "\n"+line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// TestSurfaceRendersEveryKindOfDeclaration shows the format, generics above all.
func TestSurfaceRendersEveryKindOfDeclaration(t *testing.T) {
	const source = `package p

import "context"

type Kind uint8

const (
	First Kind = iota
	second
	Third
)

const Untyped = -1

var Default *Box[int, string]

type Box[K comparable, V any] struct {
	Key    K ` + "`json:\"key,omitempty\"`" + `
	hidden V
	Base
}

type Base struct{}

func (b *Box[K, V]) Get(ctx context.Context, k K) (V, error) { panic(0) }
func (b *Box[K, V]) inner()                                  {}
func (Base) Name() string                                    { return "" }

type Store[K, V any] interface {
	Save(ctx context.Context, k K, v V) error
}

type Option interface{ apply() }

type Number interface{ ~int | ~float64 }

type Func[T any] func(context.Context) (T, error)

type Same = Box[string, string]

func Do[T any](ctx context.Context, f Func[T], opts ...Option) (T, error) { panic(0) }
`
	require.Equal(t, []string{
		"const First Kind = 0",
		"const Third Kind = 2",
		"const Untyped untyped int = -1",
		"func Do[T any](ctx context.Context, f Func[T], opts ...Option) (T, error)",
		"method (*Box[K, V]) Get(ctx context.Context, k K) (V, error)",
		"method (Base) Name() string",
		"type Base struct",
		"type Box[K comparable, V any] struct",
		"type Box[K comparable, V any] struct, Base",
		"type Box[K comparable, V any] struct, Key K `json:\"key,omitempty\"`",
		"type Func[T any] func(context.Context) (T, error)",
		"type Kind uint8",
		"type Number interface",
		"type Number interface, ~int | ~float64",
		"type Option interface",
		"type Option interface, unexported methods",
		"type Same = Box[string, string]",
		"type Store[K, V any] interface",
		"type Store[K, V any] interface, Save(ctx context.Context, k K, v V) error",
		"var Default *Box[int, string]",
	}, surface(check(t, source)))
}

func check(t *testing.T, source string) *types.Package {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, 0)
	require.NoError(t, err)
	config := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	p, err := config.Check("p", fset, []*ast.File{file}, nil)
	require.NoError(t, err)
	return p
}

func TestFileNamesFollowThePackagePath(t *testing.T) {
	p := listed{name: "quill", module: "example.com/quill"}
	for path, want := range map[string]string{
		"example.com/quill":           "quill.txt",
		"example.com/quill/quillhttp": "quillhttp.txt",
		"example.com/quill/a/b":       "a-b.txt",
	} {
		p.path = path
		require.Equal(t, want, fileName(p))
	}
}

func TestInternalPackagesAndProgramsAreNotListed(t *testing.T) {
	require.True(t, public(listed{name: "quill", path: "example.com/quill"}))
	require.False(t, public(listed{name: "window", path: "example.com/quill/internal/window"}))
	require.False(t, public(listed{name: "main", path: "example.com/quill/cmd/x"}))
	require.False(t, public(listed{name: "tmdb", path: "example.com/quill/examples/moviecatalog/tmdb"}))
}
