package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
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
