package main

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A fault costs three seconds of the compiler and the linker, and a tenth of one of the test
// that finds it. With -switch, all faults are built into one program for each suite, and the
// environment says which of them is there: a function that has faults begins with
//
//	if sabotaged == "17" { its body with fault 17 }
//
// What cannot be said so, since it is no part of a function's body, is built by itself; and
// so is, with the whole suites behind it, what the named tests do not find in this way.

// faultVariable tells a program which fault is there, by its number.
const faultVariable = "QUILL_FAULT"

// switches are the programs with all faults in them.
type switches struct {
	tree    tree
	numbers map[string]string // of faults, by name
	build   map[string]func() (program string, err error)
}

// body is that of a function: what stands between its braces.
type body struct {
	file     string
	from, to int // offsets in the file
	returns  bool
}

// putSwitches puts all faults into the tree that can be there at once, and prepares to build
// the tests that find them, by their suite.
func putSwitches(ctx context.Context, t tree, chosen []fault) (*switches, error) {
	s := &switches{tree: t, numbers: map[string]string{}, build: map[string]func() (string, error){}}
	files := map[string]*source{}
	for i, f := range chosen {
		number := strconv.Itoa(i + 1)
		edited, err := t.bodiesOf(f, files)
		if err != nil {
			return nil, err
		}
		for b, text := range edited {
			files[b.file].switchOn(b, number, text)
		}
		if edited != nil {
			s.numbers[f.name] = number
		}
	}
	if err := t.writeSwitched(files); err != nil {
		return nil, err
	}
	homes, killers := homesOf(chosen)
	for _, home := range homes {
		program := filepath.Join(t.dir, strings.ReplaceAll(home.name, " ", "-")+".test")
		s.build[home.name] = sync.OnceValues(func() (string, error) {
			return program, t.buildCut(ctx, home, killers[home.name], program)
		})
	}
	return s, nil
}

// source is a file of the tree and what is to be put in.
type source struct {
	text    []byte
	parsed  *ast.File
	set     *token.FileSet
	inserts map[int]string // by offset
}

func (s *source) switchOn(b body, number, text string) {
	end := ""
	if !b.returns {
		end = "\n\treturn"
	}
	s.inserts[b.from] += fmt.Sprintf("\n\tif sabotaged == %q {%s%s\n\t}\n", number, text, end)
}

// bodiesOf are the bodies of functions that a fault edits, as it leaves them; nil if it edits
// something else, too.
func (t tree) bodiesOf(f fault, files map[string]*source) (map[body]string, error) {
	edited := map[body]string{}
	for _, e := range f.edits {
		if files[e.file] == nil {
			s, err := readSource(filepath.Join(t.dir, e.file))
			if err != nil {
				return nil, err
			}
			files[e.file] = s
		}
		s := files[e.file]
		b, ok := s.bodyAround(e)
		if !ok {
			return nil, nil //nolint:nilnil // there is none, and that is no error
		}
		text, seen := edited[b]
		if !seen {
			text = string(s.text[b.from:b.to])
		}
		if strings.Count(text, e.find) != 1 {
			return nil, nil //nolint:nilnil // as above
		}
		edited[b] = strings.Replace(text, e.find, e.replace, 1)
	}
	return edited, nil
}

func readSource(path string) (*source, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &source{text: text, set: token.NewFileSet(), inserts: map[int]string{}}
	s.parsed, err = parser.ParseFile(s.set, path, text, parser.SkipObjectResolution)
	return s, err
}

// bodyAround is the body of the function that has all of what an edit replaces. A body with
// labels is none, since there would be two of each.
func (s *source) bodyAround(e edit) (b body, ok bool) {
	from := bytes.Index(s.text, []byte(e.find))
	for _, d := range s.parsed.Decls {
		f, isFunc := d.(*ast.FuncDecl)
		if !isFunc || f.Body == nil || hasLabels(f.Body) {
			continue
		}
		b = body{
			file: e.file, from: s.set.Position(f.Body.Lbrace).Offset + 1, to: s.set.Position(f.Body.Rbrace).Offset,
			returns: f.Type.Results != nil,
		}
		if b.from <= from && from+len(e.find) <= b.to {
			return b, true
		}
	}
	return body{}, false
}

func hasLabels(in ast.Node) (found bool) {
	ast.Inspect(in, func(n ast.Node) bool {
		if _, ok := n.(*ast.LabeledStmt); ok {
			found = true
		}
		return !found
	})
	return found
}

// writeSwitched writes the files with the faults in them, and in each package the variable
// that says which is there.
func (t tree) writeSwitched(files map[string]*source) error {
	for name, s := range files {
		offsets := slices.Sorted(maps.Keys(s.inserts))
		var out bytes.Buffer
		last := 0
		for _, at := range offsets {
			out.Write(s.text[last:at])
			out.WriteString(s.inserts[at])
			last = at
		}
		out.Write(s.text[last:])
		if err := os.WriteFile(filepath.Join(t.dir, name), out.Bytes(), 0o600); err != nil {
			return err
		}
		variable := fmt.Sprintf("package %s\n\nimport \"os\"\n\nvar sabotaged = os.Getenv(%q)\n", s.parsed.Name.Name, faultVariable)
		if err := os.WriteFile(filepath.Join(t.dir, filepath.Dir(name), "sabotaged.go"), []byte(variable), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a fault is in the programs.
func (s *switches) has(f fault) bool { return s != nil && s.numbers[f.name] != "" }

// try runs the tests named for a fault with it in place.
func (s *switches) try(ctx context.Context, f fault) (r result, err error) {
	r.fault, r.switched = f, true
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := s.build[f.home().name](); err != nil { // its time is nobody's
		return r, err
	}
	began := time.Now()
	red, output, err := s.run(ctx, f.home(), f.killers, s.numbers[f.name])
	r.seconds = time.Since(began).Seconds()
	if red {
		r.red, r.by = true, killer(output)
	}
	return r, err
}

// greenAlone reports an error unless the tests named for each fault of a suite are green without
// it, run as they are with it.
func (s *switches) greenAlone(ctx context.Context, chosen []fault, home suite) error {
	seen := map[string]bool{}
	for _, f := range chosen {
		names := strings.Join(f.killers, "|")
		if f.home().name != home.name || seen[names] {
			continue
		}
		seen[names] = true
		if err := green(s.run(ctx, home, f.killers, "")); err != nil {
			return err
		}
	}
	return nil
}

// run runs tests of a suite, with a fault or none.
func (s *switches) run(ctx context.Context, home suite, names []string, number string) (red bool, output string, err error) {
	program, err := s.build[home.name]()
	if err != nil {
		return false, "", err
	}
	cmd := exec.CommandContext(ctx, program,
		"-test.paniconexit0", "-test.failfast", "-test.count=1",
		"-test.run=^("+strings.Join(names, "|")+")$", "-test.timeout="+home.longest(names).String())
	cmd.Dir = filepath.Join(s.tree.dir, home.dir())
	return runTests(ctx, cmd, home, faultVariable+"="+number)
}
