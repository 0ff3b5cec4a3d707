// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	ts "github.com/microsoft/typescript-go/panoply"
)

func (it *interp) importing(n *ts.Node, s *scope) {
	d := n.AsImportDeclaration()
	if d.ModuleSpecifier.Kind != ts.KindStringLiteral {
		return
	}
	m, v := it.require(d.ModuleSpecifier.Text(), it.site(n))
	if d.ImportClause == nil {
		return
	}
	get := func(name string) Value {
		if m != nil {
			return it.export(m, name)
		}
		if l, ok := v.(*Lib); ok && name == "default" {
			return l
		}
		if name == "default" {
			return v
		}
		return it.member(v, name, it.site(n))
	}
	late := func(local, name string) {
		c := s.declare(local)
		c.v = get(name)
		if m != nil && !m.done && c.v == nil {
			it.p.late = append(it.p.late, func() { c.v = get(name) })
		}
	}
	c := d.ImportClause.AsImportClause()
	if c.Name() != nil {
		late(c.Name().Text(), "default")
	}
	if b := c.NamedBindings; b != nil {
		if b.Kind == ts.KindNamespaceImport {
			ns := v
			if l, ok := v.(*Lib); ok {
				ns = l
			}
			s.declare(b.Name().Text()).v = ns
			return
		}
		for _, e := range b.Elements() {
			name := e.Name().Text()
			if p := e.AsImportSpecifier().PropertyName; p != nil {
				name = p.Text()
			}
			late(e.Name().Text(), name)
		}
	}
}

// export1 adds an export of the running module.
func (it *interp) export1(name string, v Value, equals bool) {
	m := it.mod
	if equals {
		it.put(m.Exports, "exports", v)
		return
	}
	if o, ok := m.exports().(*Obj); ok {
		it.put(o, name, v)
		it.put(o, "__esModule", Bool{true})
	}
}

func (it *interp) exportNames(name *ts.Node, s *scope) {
	if name.Kind == ts.KindIdentifier {
		if c := s.lookup(it, name.Text()); c != nil {
			it.export1(name.Text(), c.v, false)
		}
		return
	}
	for _, e := range name.Elements() {
		if e.Kind == ts.KindBindingElement && e.Name() != nil {
			it.exportNames(e.Name(), s)
		}
	}
}

func (it *interp) exportDeclaration(n *ts.Node, s *scope) {
	var v Value
	switch {
	case n.Name() != nil:
		if c := s.lookup(it, n.Name().Text()); c != nil {
			v = c.v
		}
	case n.Kind == ts.KindFunctionDeclaration:
		v = &Func{Node: n, Mod: it.mod, scope: s}
	case n.Kind == ts.KindClassDeclaration:
		v = it.class(n, s)
	}
	if ts.DefaultExport(n) {
		it.export1("default", v, false)
	} else if n.Name() != nil {
		it.export1(n.Name().Text(), v, false)
	}
}

func (it *interp) exporting(n *ts.Node, s *scope) {
	d := n.AsExportDeclaration()
	var m *Module
	var v Value
	if d.ModuleSpecifier != nil {
		m, v = it.require(d.ModuleSpecifier.Text(), it.site(n))
	}
	if d.ExportClause == nil { // export * from
		if o, ok := v.(*Obj); ok {
			for _, k := range o.Keys() {
				if f, _ := o.Get(k); k != "default" && k != "__esModule" {
					it.export1(k, f, false)
				}
			}
		}
		return
	}
	if d.ExportClause.Kind == ts.KindNamespaceExport {
		it.export1(d.ExportClause.Name().Text(), v, false)
		return
	}
	for _, e := range d.ExportClause.Elements() {
		local := e.Name().Text()
		if p := e.AsExportSpecifier().PropertyName; p != nil {
			local = p.Text()
		}
		var one Value
		switch {
		case m != nil:
			one = it.export(m, local)
		case d.ModuleSpecifier != nil:
			if one = v; local != "default" {
				one = it.member(v, local, it.site(n))
			}
		default:
			if c := s.lookup(it, local); c != nil {
				one = c.v
			}
		}
		it.export1(e.Name().Text(), one, false)
	}
}
