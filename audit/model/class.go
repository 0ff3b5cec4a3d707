// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	ts "github.com/microsoft/typescript-go/panoply"
)

// class is a class declaration or expression.
func (it *interp) class(n *ts.Node, s *scope) Value {
	c := &Class{Node: n, Mod: s.mod, Static: newObj(it.site(n)), scope: s}
	if n.Name() != nil {
		inner := &scope{up: s, mod: s.mod}
		inner.declare(n.Name().Text()).v = c
		c.scope = inner
	}
	for _, h := range heritage(n) {
		c.Super = it.eval(h, s)
	}
	for _, m := range n.Members() {
		switch {
		case m.Kind == ts.KindPropertyDeclaration && ts.Static(m) && m.Initializer() != nil:
			if k, ok := it.key(m.Name(), s); ok {
				it.put(c.Static, k, it.eval(m.Initializer(), c.scope))
			}
		case m.Kind == ts.KindClassStaticBlockDeclaration:
			it.call(&Func{Node: m, Mod: it.mod, scope: c.scope, This: c}, c, nil, it.site(m))
		}
	}
	return c
}

func heritage(n *ts.Node) []*ts.Node {
	clauses := n.ClassLikeData().HeritageClauses
	if clauses == nil {
		return nil
	}
	for _, h := range clauses.Nodes {
		if x := h.AsHeritageClause(); x.Token == ts.KindExtendsKeyword {
			return x.Types.Nodes
		}
	}
	return nil
}

// classMember finds a method or getter of a class or those it extends.
func (it *interp) classMember(c *Class, name string, this *Obj, static bool) Value {
	for depth := 0; c != nil && depth < 16; depth++ {
		for _, m := range c.Node.Members() {
			if m.Name() == nil || ts.Static(m) != static {
				continue
			}
			if m.Kind != ts.KindMethodDeclaration && m.Kind != ts.KindGetAccessor {
				continue
			}
			if k, ok := it.key(m.Name(), c.scope); !ok || k != name {
				continue
			}
			f := &Func{Node: m, Mod: c.Mod, scope: c.scope, home: c}
			if m.Kind == ts.KindGetAccessor {
				if this == nil {
					return nil
				}
				return it.call(f, this, nil, Site{})
			}
			return f
		}
		c, _ = One[*Class](c.Super)
	}
	return nil
}

// construct is new C(args).
func (it *interp) construct(c *Class, args []Value, at Site) Value {
	o := newObj(at)
	o.Class = c
	if super, ok := c.Super.(*Lib); ok && (super.Mod == "express") {
		return it.router(super.Path == "", at)
	}
	it.initialize(c, o, args, at)
	return o
}

func (it *interp) initialize(c *Class, o *Obj, args []Value, at Site) {
	if it.depth >= maxCalls {
		return
	}
	var ctor *ts.Node
	for _, m := range c.Node.Members() {
		if m.Kind == ts.KindConstructor && m.Body() != nil {
			ctor = m
		}
	}
	if super, ok := One[*Class](c.Super); ok && ctor == nil {
		it.depth++
		it.initialize(super, o, args, at)
		it.depth--
	}
	saved, savedMod := it.frame, it.mod
	it.mod = c.Mod
	it.frame = &frame{this: o, up: saved, fn: &Func{Node: c.Node, home: c}}
	for _, m := range c.Node.Members() {
		if m.Kind == ts.KindPropertyDeclaration && !ts.Static(m) && m.Initializer() != nil {
			if k, ok := it.key(m.Name(), c.scope); ok {
				it.put(o, k, it.eval(m.Initializer(), c.scope))
			}
		}
	}
	it.frame, it.mod = saved, savedMod
	if ctor != nil {
		it.call(&Func{Node: ctor, Mod: c.Mod, scope: c.scope, home: c}, o, args, at)
	}
}
