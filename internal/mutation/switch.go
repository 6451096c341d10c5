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
	"strconv"
	"strings"
)

// operators has what gremlins makes of an operator, by the kind of the mutant.
var operators = map[string]map[token.Token]token.Token{
	"ARITHMETIC_BASE": {
		token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	},
	"CONDITIONALS_BOUNDARY": {
		token.GEQ: token.GTR, token.GTR: token.GEQ, token.LEQ: token.LSS, token.LSS: token.LEQ,
	},
	"CONDITIONALS_NEGATION": {
		token.EQL: token.NEQ, token.NEQ: token.EQL, token.GEQ: token.LSS, token.LSS: token.GEQ,
		token.GTR: token.LEQ, token.LEQ: token.GTR,
	},
	"INCREMENT_DECREMENT": {token.INC: token.DEC, token.DEC: token.INC},
	"INVERT_NEGATIVES":    {token.SUB: token.ADD},
}

// switches is the source of the package that the mutated files import. What a test reaches
// is told line by line, as no test binary has an end at which to tell it.
const switches = `// Package mutant tells which mutant is on.
package mutant

import (
	"os"
	"strconv"
	"sync/atomic"
)

var (
	active, _ = strconv.Atoi(os.Getenv("MUTANT"))
	log       = open(os.Getenv("MUTANT_LOG"))
	seen      [1 << 14]atomic.Bool
)

func open(name string) *os.File {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	return f
}

// On tells whether the mutant is the one that is on.
func On(id int) bool { return id == active || log != nil && note(id) }

func note(id int) bool {
	if !seen[id].Swap(true) {
		log.WriteString(strconv.Itoa(id) + "\n")
	}
	return false
}
`

// site is a node whose operator has mutants.
type site struct {
	node    ast.Node
	mutants []*mutant
}

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
		problem, ok := errors.AsType[types.Error](e)
		if !ok {
			err = e
			return
		}
		at := set.Position(problem.Pos)
		for i, name := range p.names {
			if name != at.Filename {
				continue
			}
			marks := mark.FindAllStringSubmatch(texts[i][:at.Offset], -1)
			if len(marks) > 0 {
				id, _ := strconv.Atoi(marks[len(marks)-1][1]) // digits
				if m := byID[id]; m != nil {
					m.Verdict, found = invalid, true
					return
				}
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

// rewrite returns the text of a file with its switches.
func (p *packageCode) rewrite(i int, mutants []*mutant) (string, error) {
	name, err := filepath.Rel(p.module, filepath.ToSlash(filepath.Join(p.path, p.names[i])))
	if err != nil {
		return "", err
	}
	w := writer{p: p, text: p.text[i], base: p.set.File(p.syntax[i].FileStart), imports: map[string]string{}}
	if w.sites = p.sites(p.syntax[i], name, mutants); len(w.sites) == 0 {
		return string(w.text), nil
	}
	header := p.syntax[i].Name.End()
	body := w.between(header, p.syntax[i].FileEnd)
	var out strings.Builder
	fmt.Fprintf(&out, "%s; import mutant_ %q", w.text[:w.offset(header)], p.module+"/internal/mutant")
	for path, alias := range w.imports {
		fmt.Fprintf(&out, "; import %s %q", alias, path)
	}
	out.WriteString(body)
	return out.String(), nil
}

// sites returns the nodes of a file that have mutants, outer ones before inner ones. Mutants
// that stand where no switch can, in constants, are invalid.
func (p *packageCode) sites(file *ast.File, name string, mutants []*mutant) []site {
	at := placed(name, mutants)
	var sites []site
	var length ast.Node // of an array: a constant
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			if n.Tok == token.CONST {
				return false
			}
		case *ast.ArrayType:
			length = n.Len // the next to come
		case *ast.BinaryExpr:
			if n == length {
				return false
			}
		}
		if pos, ok := operator(n); ok {
			key := [2]int{p.set.Position(pos).Line, p.set.Position(pos).Column}
			if at[key] != nil {
				sites = append(sites, site{n, at[key]})
				delete(at, key)
			}
		}
		return true
	})
	for _, left := range at {
		for _, m := range left {
			m.Verdict = invalid
		}
	}
	return sites
}

// placed returns the mutants of a file by line and column.
func placed(name string, mutants []*mutant) map[[2]int][]*mutant {
	at := map[[2]int][]*mutant{}
	for _, m := range mutants {
		if m.File == name && m.Verdict != invalid {
			key := [2]int{m.Line, m.Column}
			at[key] = append(at[key], m)
		}
	}
	return at
}

func operator(n ast.Node) (pos token.Pos, ok bool) {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		return n.OpPos, true
	case *ast.UnaryExpr:
		return n.OpPos, true
	case *ast.IncDecStmt:
		return n.TokPos, true
	}
	return token.NoPos, false
}

// writer writes one file.
type writer struct {
	p       *packageCode
	text    []byte
	base    *token.File
	sites   []site            // outer ones before inner ones, in the order of the text
	imports map[string]string // packages that types need: their aliases
}

func (w *writer) offset(pos token.Pos) int { return w.base.Offset(pos) }

func (w *writer) plain(n ast.Node) string {
	return string(w.text[w.offset(n.Pos()):w.offset(n.End())])
}

// between returns the text with switches in place of the sites in it.
func (w *writer) between(from, to token.Pos) string {
	var out strings.Builder
	for _, s := range w.sites {
		if s.node.Pos() < from || s.node.End() > to {
			continue
		}
		out.Write(w.text[w.offset(from):w.offset(s.node.Pos())])
		out.WriteString(w.site(s))
		from = s.node.End()
	}
	out.Write(w.text[w.offset(from):w.offset(to)])
	return out.String()
}

// inner returns the text of a part of a site, with the switches in it.
func (w *writer) inner(n ast.Node) string { return w.between(n.Pos(), n.End()) }

// site returns a site's text: each mutant behind its switch, with nothing changed in its
// operands, and what is there without one.
func (w *writer) site(s site) string {
	var out strings.Builder
	switch n := s.node.(type) {
	case *ast.IncDecStmt:
		out.WriteString("func() {")
		for _, m := range s.mutants {
			fmt.Fprintf(&out, " if mutant_.On(%d) { /*m%d*/%s%s; return };/*m0*/", m.id, m.id, w.plain(n.X), operators[m.Kind][n.Tok])
		}
		fmt.Fprintf(&out, " %s%s }()", w.inner(n.X), n.Tok)
	case *ast.UnaryExpr:
		fmt.Fprintf(&out, "func() %s {", w.typeOf(n))
		for _, m := range s.mutants {
			fmt.Fprintf(&out, " if mutant_.On(%d) { /*m%d*/return %s%s };/*m0*/", m.id, m.id, operators[m.Kind][n.Op], w.plain(n.X))
		}
		fmt.Fprintf(&out, " return %s%s }()", n.Op, w.inner(n.X))
	case *ast.BinaryExpr:
		w.binary(&out, n, s.mutants)
	}
	return out.String()
}

func (w *writer) binary(out *strings.Builder, n *ast.BinaryExpr, mutants []*mutant) {
	mutated := func(m *mutant) string {
		return fmt.Sprintf("%s %s %s", w.plain(n.X), operators[m.Kind][n.Op], w.plain(n.Y))
	}
	same := fmt.Sprintf("%s %s %s", w.inner(n.X), n.Op, w.inner(n.Y))
	if !comparison(n.Op) {
		fmt.Fprintf(out, "func() %s {", w.typeOf(n))
		for _, m := range mutants {
			fmt.Fprintf(out, " if mutant_.On(%d) { /*m%d*/return %s };/*m0*/", m.id, m.id, mutated(m))
		}
		fmt.Fprintf(out, " return %s }()", same)
		return
	}
	out.WriteString("(")
	for _, m := range mutants {
		fmt.Fprintf(out, "mutant_.On(%d) && (/*m%d*/%s)/*m0*/ || ", m.id, m.id, mutated(m))
	}
	for _, m := range mutants {
		fmt.Fprintf(out, "!mutant_.On(%d) && ", m.id)
	}
	fmt.Fprintf(out, "(%s))", same)
}

func comparison(t token.Token) bool {
	_, ok := operators["CONDITIONALS_NEGATION"][t]
	return ok
}

// typeOf returns the name of an expression's type, and has the packages in it imported.
func (w *writer) typeOf(e ast.Expr) string {
	return types.TypeString(types.Default(w.p.info.Types[e].Type), func(p *types.Package) string {
		if p.Path() == w.p.path {
			return ""
		}
		alias := p.Name() + "_"
		w.imports[p.Path()] = alias
		return alias
	})
}
