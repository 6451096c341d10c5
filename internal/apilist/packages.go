package main

import (
	"bytes"
	"context"
	"fmt"
	"go/importer"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// listed is what is read of a package from `go list`.
type listed struct {
	path    string
	name    string
	module  string
	export  string // the file of the compiler's export data, which holds every exported type
	depOnly bool
}

// render returns the text of each file of api/ by its name. It reads the compiler's export
// data, so the module has to compile, and nothing beside the standard library is needed.
func render(ctx context.Context, module string) (map[string]string, error) {
	pkgs, err := list(ctx, module)
	if err != nil {
		return nil, err
	}
	exports := make(map[string]string, len(pkgs))
	for _, p := range pkgs {
		exports[p.path] = p.export
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	files := make(map[string]string)
	for _, p := range pkgs {
		if p.depOnly || !public(p) {
			continue
		}
		tp, err := imp.Import(p.path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.path, err)
		}
		if lines := surface(tp); len(lines) > 0 { // a package may hold tests alone
			files[fileName(p)] = strings.Join(lines, "\n") + "\n"
		}
	}
	return files, nil
}

// list asks the go command for the module's packages and everything that they import.
func list(ctx context.Context, module string) ([]listed, error) {
	const format = "{{.ImportPath}}\t{{.Name}}\t{{with .Module}}{{.Path}}{{end}}\t{{.Export}}\t{{.DepOnly}}"
	cmd := exec.CommandContext(ctx, "go", "list", "-export", "-deps", "-f", format, "./...")
	cmd.Dir = module
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var pkgs []listed
	for line := range strings.Lines(string(out)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		pkgs = append(pkgs, listed{path: f[0], name: f[1], module: f[2], export: f[3], depOnly: f[4] == "true"})
	}
	return pkgs, nil
}

// public reports whether others can import p and are meant to.
func public(p listed) bool {
	path := p.path + "/"
	return p.name != "main" && !strings.Contains(path, "/internal/") && !strings.Contains(path, "/examples/")
}

// fileName is the package's path below the module's parent: quill.txt for the root,
// quillhttp.txt for quill/quillhttp, a-b.txt for quill/a/b.
func fileName(p listed) string {
	rel := strings.TrimPrefix(strings.TrimPrefix(p.path, p.module), "/")
	if rel == "" {
		rel = p.name
	}
	return strings.ReplaceAll(rel, "/", "-") + ".txt"
}

// store makes api/ hold exactly the files given.
func store(module string, files map[string]string) error {
	dir := filepath.Join(module, "api")
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // for all to read
		return err
	}
	old, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return err
	}
	for _, path := range old {
		if _, ok := files[filepath.Base(path)]; !ok {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // for all to read
			return err
		}
	}
	return nil
}
