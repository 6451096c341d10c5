package main

import (
	"fmt"
	"go/types"
	"reflect"
	"slices"
	"strings"
)

// surface lists what p exports, one declaration a line, sorted: constants with their
// values, variables, functions, types, and each type's exported fields (with their tags:
// a JSON name is part of the surface) and methods.
func surface(p *types.Package) []string {
	l := &lister{qualify: func(other *types.Package) string {
		if other == p {
			return ""
		}
		return other.Name()
	}}
	scope := p.Scope()
	for _, name := range scope.Names() {
		if obj := scope.Lookup(name); obj.Exported() {
			l.object(obj)
		}
	}
	slices.Sort(l.lines)
	return slices.Compact(l.lines)
}

type lister struct {
	qualify types.Qualifier
	lines   []string
}

func (l *lister) addf(format string, args ...any) {
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

func (l *lister) typ(t types.Type) string { return types.TypeString(t, l.qualify) }

// signature renders type parameters, parameters and results, as they follow a name.
func (l *lister) signature(s *types.Signature) string {
	return strings.TrimPrefix(l.typ(s), "func")
}

func (l *lister) object(obj types.Object) {
	switch obj := obj.(type) {
	case *types.Const:
		l.addf("const %s %s = %s", obj.Name(), l.typ(obj.Type()), obj.Val())
	case *types.Var:
		l.addf("var %s %s", obj.Name(), l.typ(obj.Type()))
	case *types.Func:
		l.addf("func %s%s", obj.Name(), l.signature(obj.Signature()))
	case *types.TypeName:
		l.typeName(obj)
	}
}

func (l *lister) typeName(obj *types.TypeName) {
	named, ok := obj.Type().(*types.Named)
	if obj.IsAlias() || !ok {
		l.addf("type %s = %s", obj.Name(), l.typ(types.Unalias(obj.Type())))
		return
	}
	head := "type " + l.typ(named) // a generic type brings its parameters with it
	switch under := named.Underlying().(type) {
	case *types.Struct:
		l.addf("%s struct", head)
		l.fields(head, under)
	case *types.Interface:
		l.addf("%s interface", head)
		l.interfaceMethods(head, under)
	default:
		l.addf("%s %s", head, l.typ(under))
	}
	for m := range named.Methods() {
		if m.Exported() {
			l.addf("method (%s) %s%s", l.typ(m.Signature().Recv().Type()), m.Name(), l.signature(m.Signature()))
		}
	}
}

func (l *lister) fields(head string, s *types.Struct) {
	for i := range s.NumFields() {
		f := s.Field(i)
		if !f.Exported() {
			continue
		}
		name := f.Name() + " "
		if f.Embedded() {
			name = ""
		}
		tag := ""
		if t := reflect.StructTag(s.Tag(i)); t != "" {
			tag = " `" + string(t) + "`"
		}
		l.addf("%s struct, %s%s%s", head, name, l.typ(f.Type()), tag)
	}
}

func (l *lister) interfaceMethods(head string, i *types.Interface) {
	for m := range i.Methods() {
		if m.Exported() {
			l.addf("%s interface, %s%s", head, m.Name(), l.signature(m.Signature()))
			continue
		}
		// Nobody else can implement it: that is worth a line, its methods are not.
		l.addf("%s interface, unexported methods", head)
	}
	for t := range i.EmbeddedTypes() {
		if u, ok := t.(*types.Union); ok {
			l.addf("%s interface, %s", head, l.typ(u))
		}
	}
}
