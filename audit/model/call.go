// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	ts "github.com/microsoft/typescript-go/panoply"
)

// invoke is a call expression.
func (it *interp) invoke(n *ts.Node, s *scope) Value {
	callee := n.Expression()
	for callee.Kind == ts.KindParenthesizedExpression || callee.Kind == ts.KindNonNullExpression || callee.Kind == ts.KindAsExpression {
		callee = callee.Expression()
	}
	at := it.site(n)
	switch callee.Kind {
	case ts.KindImportKeyword:
		args := it.arguments(n.Arguments(), s)
		if len(args) > 0 {
			if spec, ok := Constant(args[0]); ok {
				_, v := it.require(spec, at)
				return v
			}
		}
		return nil
	case ts.KindSuperKeyword:
		args := it.arguments(n.Arguments(), s)
		if f := it.frame; f != nil && f.fn != nil && f.fn.home != nil {
			if super, ok := One[*Class](f.fn.home.Super); ok {
				if o, ok := f.this.(*Obj); ok {
					it.initialize(super, o, args, at)
				}
			}
		}
		return nil
	case ts.KindPropertyAccessExpression:
		if callee.Expression().Kind == ts.KindSuperKeyword {
			args := it.arguments(n.Arguments(), s)
			if f := it.frame; f != nil && f.fn != nil && f.fn.home != nil {
				if super, ok := One[*Class](f.fn.home.Super); ok {
					if m, ok := it.classMember(super, callee.Name().Text(), nil, false).(*Func); ok {
						return it.call(m, f.this, args, at)
					}
				}
			}
			return nil
		}
		recv := it.eval(callee.Expression(), s)
		args := it.arguments(n.Arguments(), s)
		return it.method(recv, callee.Name().Text(), args, at)
	case ts.KindElementAccessExpression:
		e := callee.AsElementAccessExpression()
		recv := it.eval(e.Expression, s)
		key := it.eval(e.ArgumentExpression, s)
		args := it.arguments(n.Arguments(), s)
		if name, ok := asKey(key); ok {
			return it.method(recv, name, args, at)
		}
		if u, ok := key.(*Union); ok {
			var out Value
			for _, one := range u.Of {
				if name, ok := asKey(one); ok {
					out = it.method(recv, name, args, at)
				}
			}
			return out
		}
		if r, ok := recv.(*Router); ok { // a verb that is not known
			return it.routerCall(r, "all", args, at)
		}
		return it.apply(it.anyField(recv, at), recv, args, false, at)
	}
	v := it.eval(callee, s)
	args := it.arguments(n.Arguments(), s)
	return it.apply(v, nil, args, false, at)
}

// method is recv.name(args).
func (it *interp) method(recv Value, name string, args []Value, at Site) Value {
	if u, ok := recv.(*Union); ok {
		var out Value
		for i, one := range u.Of {
			if _, isUndef := one.(*Undef); isUndef {
				continue
			}
			if v := it.method(one, name, args, at); i == 0 || out == nil {
				out = v
			} else {
				out = join(out, v)
			}
		}
		return out
	}
	switch x := recv.(type) {
	case *Obj:
		if f, ok := x.Get(name); ok {
			return it.apply(f, recv, args, false, at)
		}
		if x.Class != nil {
			if f, ok := it.classMember(x.Class, name, x, false).(*Func); ok {
				return it.call(f, recv, args, at)
			}
			if lib, ok := rootSuper(x.Class).(*Lib); ok && lib.Mod != "" {
				return it.libraryMethod(recv, name, args, at)
			}
		}
		return it.objectMethod(x, name, args, at)
	case *Class:
		if f, ok := x.Static.Get(name); ok {
			return it.apply(f, recv, args, false, at)
		}
		if f, ok := it.classMember(x, name, nil, true).(*Func); ok {
			return it.call(f, recv, args, at)
		}
		if lib, ok := rootSuper(x).(*Lib); ok && lib.Mod != "" {
			return it.modelMethod(it.modelOf(x, lib), name, args, at)
		}
		return it.unknownMethod(recv, name, args, at)
	case *Func:
		return it.functionMethod(x, name, args, at)
	case *Router:
		if e := it.p.extra[recv]; e != nil {
			if f, ok := e.Get(name); ok && f != nil {
				return it.apply(f, recv, args, false, at)
			}
		}
		return it.routerCall(x, name, args, at)
	case *Req:
		return it.requestCall(x, name, args, at)
	case *Res:
		return it.responseCall(x, name, args, at)
	case *Model:
		if e := it.p.extra[recv]; e != nil {
			if f, ok := e.Get(name); ok {
				return it.apply(f, recv, args, false, at)
			}
		}
		if x.Schema != nil {
			if statics, ok := it.extra(x.Schema).Get("statics"); ok {
				if o, ok := statics.(*Obj); ok {
					if f, ok := o.Get(name); ok {
						return it.apply(f, recv, args, false, at)
					}
				}
			}
		}
		return it.modelMethod(x, name, args, at)
	case *Query:
		return it.queryMethod(x, name, args, at)
	case *Doc:
		return it.docMethod(x, name, args, at)
	case *Schema:
		return it.schemaMethod(x, name, args, at)
	case *Taint:
		return it.taintMethod(x, name, args, at)
	case Str, Num, *Env, Regex, Bool, *Test:
		return it.stringMethod(recv, name, args, at)
	case *Err:
		switch name {
		case "toString", "toJSON":
			return &Err{x.ID, x.From, part(x.Part, "message"), x.At}
		}
		it.callbacks(args, nil, at)
		return nil
	case *Lib:
		return it.libraryCall(&Lib{x.Mod, dotted(x.Path, name), x.Of}, recv, args, false, at)
	case *Call:
		return it.callMethod(x, name, args, at)
	case *RouteOf:
		return it.routeCall(x, name, args, at)
	}
	return it.unknownMethod(recv, name, args, at)
}

func dotted(path, name string) string {
	if path == "" {
		return name
	}
	return tail(path) + "." + name
}

// tail is the end of a path that is too long to be told whole: its end is what
// is looked at.
func tail(path string) string {
	if len(path) > maxID {
		return path[len(path)-maxID/2:]
	}
	return path
}

// madeID names what is made of what an id names.
func madeID(as, id string) string {
	if len(id) > maxID {
		return id
	}
	return as + "(" + id + ")"
}

func rootSuper(c *Class) Value {
	for depth := 0; depth < 16; depth++ {
		next, ok := One[*Class](c.Super)
		if !ok {
			return c.Super
		}
		c = next
	}
	return nil
}

// apply calls or constructs a value.
func (it *interp) apply(v, this Value, args []Value, isNew bool, at Site) Value {
	switch x := v.(type) {
	case *Func:
		if isNew {
			o := newObj(at)
			ret := it.call(x, o, args, at)
			if r, ok := ret.(*Obj); ok {
				return r
			}
			// Methods of an old-style class.
			if e := it.p.extra[v]; e != nil {
				if p, ok := e.Get("prototype"); ok {
					if proto, ok := p.(*Obj); ok {
						for _, k := range proto.Keys() {
							if _, own := o.Get(k); !own {
								f, _ := proto.Get(k)
								it.put(o, k, f)
							}
						}
					}
				}
			}
			return o
		}
		return it.call(x, this, args, at)
	case *Class:
		if lib, ok := rootSuper(x).(*Lib); ok && isNew && isORM(lib.Mod) {
			return it.newDoc(it.modelOf(x, lib), args, at)
		}
		return it.construct(x, args, at)
	case *native:
		return x.call(it, args)
	case *Method:
		return it.method(x.Recv, x.Name, args, at)
	case *Lib:
		return it.libraryCall(x, this, args, isNew, at)
	case *Next:
		it.next(x, args, at)
		return &Undef{}
	case *Model:
		return it.newDoc(x, args, at)
	case *Router: // app(req, res) by hand
		return &Undef{}
	case *Call:
		return it.callResult(x, args, at)
	case *Union:
		var out Value
		for i, one := range x.Of {
			switch one.(type) {
			case *Undef, Bool, Str, Num:
				continue
			}
			if r := it.apply(one, this, args, isNew, at); i == 0 || out == nil {
				out = r
			} else {
				out = join(out, r)
			}
		}
		return out
	case *Taint:
		it.emit(&Event{Kind: Called, Recv: v, Args: args, At: at})
	}
	it.emit(&Event{Kind: Called, Recv: v, Args: args, At: at, New: isNew})
	it.callbacks(args, nil, at)
	return nil
}

// unknownMethod is a method of something that is not known: what it is called
// may tell.
func (it *interp) unknownMethod(recv Value, name string, args []Value, at Site) Value {
	switch name {
	case "then":
		var out Value
		if len(args) > 0 {
			out = it.apply(args[0], nil, []Value{nil}, false, at)
		}
		if len(args) > 1 {
			it.callback1(args[1], it.caught("promise", at), at)
		}
		return out
	case "catch":
		if len(args) > 0 {
			it.callback1(args[0], it.caughtBy(args[0], "promise", at), at)
		}
		return recv
	case "collection":
		if len(args) > 0 {
			if s, ok := Constant(args[0]); ok {
				return &Model{Name: s, Lib: "mongodb"}
			}
		}
	case "define":
		if _, ok := Constant(arg(args, 0)); ok && recv == nil && it.p.Tree.Depends("sequelize") {
			return it.define(args, at)
		}
	case "getRepository":
		if it.p.Tree.Depends("typeorm") {
			return it.repository(arg(args, 0))
		}
	case "model":
		if len(args) > 0 && it.p.Tree.Depends("mongoose") {
			if s, ok := Constant(args[0]); ok {
				return it.model(s, arg(args, 1), at)
			}
		}
	}
	if recv == nil {
		if v := asked(name, args); v != nil {
			return v
		}
	}
	if recv == nil && queryMethods[name] != 0 && it.p.mongoOnly() && len(args) > 0 {
		if name != "find" && name != "create" && name != "update" && name != "count" || looksLikeModel(at) {
			return it.modelMethod(&Model{Name: at.receiver(), Lib: "?"}, name, args, at)
		}
	}
	it.emit(&Event{Kind: Called, Recv: recv, Name: name, Args: args, At: at})
	it.callbacks(args, nil, at)
	return nil
}

func arg(args []Value, i int) Value {
	if i >= 0 && i < len(args) {
		return args[i]
	}
	return nil
}

// receiver is the source text before the last dot of a call.
func (s Site) receiver() string {
	if s.Node == nil || s.Node.Kind != ts.KindCallExpression {
		return ""
	}
	callee := s.Node.Expression()
	if callee.Kind != ts.KindPropertyAccessExpression {
		return ""
	}
	e := callee.Expression()
	switch e.Kind {
	case ts.KindPropertyAccessExpression:
		return e.Name().Text()
	case ts.KindIdentifier:
		return e.Text()
	}
	return ""
}

// looksLikeModel says whether a receiver is named the way models are.
func looksLikeModel(at Site) bool {
	r := at.receiver()
	return r != "" && (r[0] >= 'A' && r[0] <= 'Z' || len(r) > 5 && (r[len(r)-5:] == "Model" || r[len(r)-5:] == "model") || len(r) > 10 && r[len(r)-10:] == "Collection")
}
