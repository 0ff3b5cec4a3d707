// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

func (it *interp) object(n *ts.Node, s *scope) Value {
	o := newObj(it.site(n))
	for _, p := range n.Properties() {
		switch p.Kind {
		case ts.KindPropertyAssignment:
			v := it.eval(p.Initializer(), s)
			if k, ok := it.key(p.Name(), s); ok {
				it.put(o, k, v)
			} else if p.Name().Kind == ts.KindComputedPropertyName {
				it.keyed(o, it.eval(p.Name().Expression(), s), v, it.site(p))
			}
		case ts.KindShorthandPropertyAssignment:
			it.put(o, p.Name().Text(), it.name(p.Name(), s))
		case ts.KindSpreadAssignment:
			it.spread(o, it.eval(p.Expression(), s))
		case ts.KindMethodDeclaration:
			if k, ok := it.key(p.Name(), s); ok {
				it.put(o, k, &Func{Node: p, Mod: it.mod, scope: s})
			}
		case ts.KindGetAccessor:
			if k, ok := it.key(p.Name(), s); ok {
				it.put(o, k, it.call(&Func{Node: p, Mod: it.mod, scope: s}, o, nil, it.site(p)))
			}
		}
	}
	return o
}

// spread takes over the fields of v.
func (it *interp) spread(o *Obj, v Value) {
	switch x := v.(type) {
	case *Obj:
		if x.Array {
			o.Open = true
			return
		}
		for _, k := range x.Keys() {
			if !it.spend() { // copies are steps too
				o.Open = true
				return
			}
			f, _ := x.Get(k)
			it.put(o, k, f)
		}
		for _, s := range x.Spread {
			if _, ok := s.(*Obj); !ok {
				o.Spread = append(o.Spread, s)
			}
		}
		o.Open = o.Open || x.Open
	case *Undef, Bool, Str, Num, *Test:
	case *Union:
		for _, one := range x.Of {
			it.spread(o, one)
		}
	case nil:
		o.Open = true
	default:
		o.Spread = append(o.Spread, v)
	}
}

// extend adds to a list what it has room for.
func (o *Obj) extend(elems []Value) {
	if room := maxElems - len(o.Elems); len(elems) > room {
		elems, o.Open = elems[:max(0, room)], true
	}
	o.Elems = append(o.Elems, elems...)
}

func (it *interp) array(n *ts.Node, s *scope) Value {
	a := newArray(it.site(n), nil)
	for _, e := range n.Elements() {
		if e.Kind == ts.KindSpreadElement {
			v := it.eval(e.Expression(), s)
			if o, ok := v.(*Obj); ok && o.Array {
				it.charge(len(o.Elems))
				a.extend(o.Elems)
				a.Open = a.Open || o.Open
			} else {
				a.Open = true
				a.Spread = append(a.Spread, v)
			}
			continue
		}
		a.Elems = append(a.Elems, it.eval(e, s))
	}
	return a
}

func (it *interp) enum(n *ts.Node, s *scope) Value {
	o := newObj(it.site(n))
	next := 0.0
	for _, m := range n.Members() {
		k, ok := it.key(m.Name(), s)
		if !ok {
			continue
		}
		var v Value = Num{next}
		if init := m.Initializer(); init != nil {
			v = it.eval(init, s)
		}
		if x, ok := v.(Num); ok {
			next = x.F + 1
		}
		it.put(o, k, v)
	}
	return o
}

func (it *interp) template(n *ts.Node, s *scope) Value {
	t := n.AsTemplateExpression()
	var v Value = Str{t.Head.Text()}
	for _, sp := range t.TemplateSpans.Nodes {
		x := sp.AsTemplateSpan()
		v = it.concat(v, it.eval(x.Expression, s), it.site(n))
		v = it.concat(v, Str{x.Literal.Text()}, it.site(n))
	}
	return v
}

// concat is a + b as a string.
func (it *interp) concat(a, b Value, at Site) Value {
	for _, v := range []Value{a, b} {
		if e, ok := One[*Err](v); ok && e.Part != "code" {
			return &Err{ID: e.ID, From: e.From, Part: part(e.Part, "message"), At: e.At}
		}
	}
	for _, v := range []Value{a, b} {
		if t, ok := One[*Taint](v); ok {
			return &Taint{ID: madeID("text", t.ID), State: taint.Text, Trace: it.traced(t, at, "part of a text")}
		}
	}
	if x, ok := Constant(a); ok {
		if y, ok := Constant(b); ok {
			it.charge((len(x) + len(y)) / 64)
			return text(x + y)
		}
	}
	// A path that is known in part.
	x, xok := partly(a)
	y, yok := partly(b)
	if xok && yok && len(x)+len(y) <= maxText && strings.Contains(x+y, "/") {
		return Part{x + y}
	}
	return nil
}

// text is a constant that the app made of others, unknown where it is too long.
func text(s string) Value {
	if len(s) > maxText {
		return nil
	}
	return Str{s}
}

// partly is a text with a question mark for what is not known of it.
func partly(v Value) (string, bool) {
	switch x := v.(type) {
	case nil, *Env, *Undef, *Method:
		if s, ok := Constant(v); ok {
			return s, true
		}
		return "?", true
	case Part:
		return x.S, true
	}
	return Constant(v)
}

func part(p, otherwise string) string {
	if p == "" {
		return otherwise
	}
	return p
}
