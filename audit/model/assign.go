// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

// assign gives what stands left of an equals sign its value.
func (it *interp) assign(n *ts.Node, v Value, s *scope) {
	switch n.Kind {
	case ts.KindIdentifier:
		it.bind(n, v, s, "kept in ")
	case ts.KindParenthesizedExpression, ts.KindAsExpression, ts.KindNonNullExpression, ts.KindSatisfiesExpression, ts.KindTypeAssertionExpression:
		it.assign(n.Expression(), v, s)
	case ts.KindPropertyAccessExpression:
		it.setMember(it.eval(n.Expression(), s), n.Name().Text(), v, it.site(n))
	case ts.KindElementAccessExpression:
		e := n.AsElementAccessExpression()
		recv := it.eval(e.Expression, s)
		key := it.eval(e.ArgumentExpression, s)
		if k, ok := asKey(key); ok {
			it.setMember(recv, k, v, it.site(n))
			return
		}
		it.emit(&Event{Kind: Assigned, Recv: recv, Args: []Value{key, v}, At: it.site(n)})
		it.setKeyed(recv, key, v, it.site(n))
	case ts.KindArrayLiteralExpression:
		for i, e := range n.Elements() {
			if e.Kind != ts.KindSpreadElement && e.Kind != ts.KindOmittedExpression {
				it.assign(e, it.index(v, i, it.site(e)), s)
			}
		}
	case ts.KindObjectLiteralExpression:
		for _, p := range n.Properties() {
			switch p.Kind {
			case ts.KindShorthandPropertyAssignment:
				it.bind(p.Name(), it.field(v, p.Name().Text(), it.site(p)), s, "kept in ")
			case ts.KindPropertyAssignment:
				if k, ok := it.key(p.Name(), s); ok {
					it.assign(p.Initializer(), it.field(v, k, it.site(p)), s)
				}
			}
		}
	case ts.KindBinaryExpression: // a default in a pattern
		it.assign(n.AsBinaryExpression().Left, v, s)
	}
}

// bind gives the names of a pattern their values.
func (it *interp) bind(name *ts.Node, v Value, s *scope, note string) {
	if name == nil || !it.spend() {
		return
	}
	switch name.Kind {
	case ts.KindIdentifier:
		if t, ok := v.(*Taint); ok {
			v = it.step(t, name, note+name.Text())
		}
		c := s.lookup(it, name.Text())
		if c == nil {
			c = s.declare(name.Text())
		}
		it.set(c, v)
	case ts.KindObjectBindingPattern:
		var taken []string
		for _, n := range name.Elements() {
			e := n.AsBindingElement()
			if e.DotDotDotToken != nil {
				it.bind(n.Name(), it.rest(v, taken, it.site(n)), s, "the rest, kept in ")
				continue
			}
			key := e.PropertyName
			if key == nil {
				key = n.Name()
			}
			k, known := it.key(key, s)
			var field Value
			if known {
				taken = append(taken, k)
				field = it.field(v, k, it.site(n))
			} else {
				field = it.anyField(v, it.site(n))
			}
			if e.Initializer != nil {
				field = it.orDefault(field, e.Initializer, s)
			}
			it.bind(n.Name(), field, s, "kept in ")
		}
	case ts.KindArrayBindingPattern:
		for i, n := range name.Elements() {
			if n.Kind != ts.KindBindingElement || n.Name() == nil {
				continue
			}
			e := n.AsBindingElement()
			var elem Value
			if o, ok := v.(*Obj); ok && o.Array && e.DotDotDotToken != nil {
				elem = newArray(it.site(n), o.Elems[min(i, len(o.Elems)):])
			} else {
				elem = it.index(v, i, it.site(n))
			}
			if e.Initializer != nil {
				elem = it.orDefault(elem, e.Initializer, s)
			}
			it.bind(n.Name(), elem, s, "kept in ")
		}
	}
}

// orDefault is v, or what stands in for it when it is undefined.
func (it *interp) orDefault(v Value, init *ts.Node, s *scope) Value {
	switch x := v.(type) {
	case *Undef:
		return it.eval(init, s)
	case *Env:
		if x.Default == nil {
			return &Env{x.Name, it.eval(init, s)}
		}
	case nil:
		return join(nil, it.eval(init, s))
	}
	return v
}

// field is a member that is undefined where an object is known not to have it.
func (it *interp) field(v Value, name string, at Site) Value {
	if o, ok := v.(*Obj); ok && !o.Open && len(o.Spread) == 0 && o.Class == nil {
		if _, ok := o.Get(name); !ok && !o.Array {
			return &Undef{}
		}
	}
	return it.member(v, name, at)
}

// rest is what is left of an object when some fields are taken out.
func (it *interp) rest(v Value, taken []string, at Site) Value {
	switch x := v.(type) {
	case *Taint:
		if x.State >= taint.Any {
			return &Taint{ID: x.ID + ".*", State: taint.Whole, Trace: it.traced(x, at, "all other fields")}
		}
	case *Doc:
		if !x.Many {
			return x.without(taken)
		}
	case *Obj:
		o := newObj(at)
		o.Open = x.Open
		for _, k := range x.Keys() {
			if f, ok := x.Get(k); ok && !slices.Contains(taken, k) {
				it.put(o, k, f)
			}
		}
		for _, s := range x.Spread {
			if _, ok := s.(*Obj); !ok {
				o.Spread = append(o.Spread, s)
			}
		}
		return o
	}
	return nil
}
