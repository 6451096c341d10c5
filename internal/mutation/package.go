package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// packageCode is a package whose files are to get their switches.
type packageCode struct {
	dir, path string // of the copy; of imports
	module    string
	set       *token.FileSet
	names     []string // of its files, in the order of syntax
	syntax    []*ast.File
	text      [][]byte
	info      *types.Info
	importer  types.Importer
}

// load reads and checks a package. The lines of exports have an import path each, a tab, and
// the file with the compiler's view of it.
func load(dir, path, module string, names []string, exports string) (*packageCode, error) {
	compiled := map[string]string{}
	for line := range strings.Lines(exports) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		compiled[path] = file
	}
	p := &packageCode{dir: dir, path: path, module: module, set: token.NewFileSet(), names: names}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(p.set, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		p.syntax, p.text = append(p.syntax, file), append(p.text, text)
	}
	p.importer = importer.ForCompiler(p.set, "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(compiled[path])
	})
	p.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Importer: p.importer}
	_, err := config.Check(path, p.set, p.syntax, p.info)
	return p, err
}

// install writes the files with a switch for each mutant, less those that do not compile:
// their verdict is that they are invalid. The mutants are those of this package only.
func (p *packageCode) install(mutants []*mutant) error {
	for range 20 { // an error may hide another
		texts := make([]string, len(p.names))
		for i := range p.names {
			var err error
			if texts[i], err = p.rewrite(i, mutants); err != nil {
				return err
			}
		}
		found, err := p.check(texts, mutants)
		if err != nil {
			return err
		}
		if found {
			continue
		}
		for i, name := range p.names {
			if err := os.WriteFile(filepath.Join(p.dir, name), []byte(texts[i]), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	return errors.New("there is no end of mutants that do not compile")
}

var mark = regexp.MustCompile(`/\*m(\d+)\*/`)

// check types the rewritten files and marks the mutants that do not compile.
func (p *packageCode) check(texts []string, mutants []*mutant) (found bool, err error) {
	set := token.NewFileSet()
	files := make([]*ast.File, len(texts))
	for i, text := range texts {
		if files[i], err = parser.ParseFile(set, p.names[i], text, parser.SkipObjectResolution); err != nil {
			return false, fmt.Errorf("a switch does not parse: %w", err)
		}
	}
	byID := map[int]*mutant{}
	for _, m := range mutants {
		byID[m.id] = m
	}
	config := types.Config{Importer: withSwitches{p.importer, p.module}, Error: func(e error) {
		if problem, ok := errors.AsType[types.Error](e); ok {
			if m := p.mutantAt(set.Position(problem.Pos), texts, byID); m != nil {
				m.Verdict, found = invalid, true
				return
			}
		}
		err = errors.Join(err, e)
	}}
	_, _ = config.Check(p.path, set, files, nil) // Error has been told
	if found {
		return true, nil
	}
	return false, err
}

// mutantAt is the mutant whose switch a place in the rewritten files belongs to, if any.
func (p *packageCode) mutantAt(at token.Position, texts []string, byID map[int]*mutant) *mutant {
	i := slices.Index(p.names, at.Filename)
	if i < 0 {
		return nil
	}
	marks := mark.FindAllStringSubmatch(texts[i][:at.Offset], -1)
	if len(marks) == 0 {
		return nil
	}
	id, _ := strconv.Atoi(marks[len(marks)-1][1]) // digits
	return byID[id]                               // none for the mark 0, which ends each
}

// withSwitches imports the package of the switches beside all others.
type withSwitches struct {
	types.Importer

	module string
}

func (w withSwitches) Import(path string) (*types.Package, error) {
	if path != w.module+"/internal/mutant" {
		return w.Importer.Import(path)
	}
	set := token.NewFileSet()
	const text = "package mutant; func On(id int) bool { return id == 0 }"
	file, err := parser.ParseFile(set, "mutant.go", text, 0)
	if err != nil {
		return nil, err
	}
	return new(types.Config).Check(path, set, []*ast.File{file}, nil)
}
