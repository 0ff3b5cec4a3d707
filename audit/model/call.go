// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
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
	return path + "." + name
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

// callbacks runs functions that are handed to something unknown: they may run,
// with an error first if that is what their first parameter is called.
func (it *interp) callbacks(args []Value, result Value, at Site) {
	for _, a := range args {
		it.callback(a, result, at)
		if o, ok := a.(*Obj); ok && it.depth < 4 {
			for _, k := range o.Keys() {
				switch k {
				case "success", "error", "callback", "handler", "onError", "done", "resolve":
					f, _ := o.Get(k)
					it.callback(f, result, at)
				}
			}
		}
	}
}

func (it *interp) callback(v, result Value, at Site) {
	f, ok := One[*Func](v)
	if !ok {
		return
	}
	params := f.Node.Parameters()
	var args []Value
	if it.handlerShaped(f) {
		return // a handler wrapped by a package runs as one where it is mounted
	}
	if len(params) > len(f.Bound) {
		if p := params[len(f.Bound)].Name(); p.Kind == ts.KindIdentifier && errorName(p.Text()) {
			args = append(args, it.caught("callback", Site{f.Mod.File, p}))
		}
	}
	args = append(args, result)
	it.branch(arm{run: func() ctl { it.call(f, nil, args, at); return normal }}, arm{})
}

func errorName(s string) bool {
	switch s {
	case "e", "er", "err", "error", "ex", "exception", "error_", "_err", "erro", "errs", "errors":
		return true
	}
	return false
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
	case "model":
		if len(args) > 0 && it.p.Tree.Depends("mongoose") {
			if s, ok := Constant(args[0]); ok {
				return it.model(s, arg(args, 1), at)
			}
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

// callback1 runs a function that may run, with one argument.
func (it *interp) callback1(f, a Value, at Site) {
	switch f.(type) {
	case *Func, *Union, *Next, *Method, *native:
		it.branch(arm{run: func() ctl { it.apply(f, nil, []Value{a}, false, at); return normal }}, arm{})
	}
}

// caughtBy is the error that a function is given, placed at its parameter.
func (it *interp) caughtBy(f Value, from string, at Site) *Err {
	if fn, ok := One[*Func](f); ok && len(fn.Node.Parameters()) > 0 {
		at = Site{fn.Mod.File, fn.Node.Parameters()[0].Name()}
	}
	return it.caught(from, at)
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

// functionMethod is call, apply and bind, and what the app hung on a function.
func (it *interp) functionMethod(f *Func, name string, args []Value, at Site) Value {
	switch name {
	case "call":
		return it.call(f, arg(args, 0), args[min(1, len(args)):], at)
	case "apply":
		var list []Value
		if o, ok := arg(args, 1).(*Obj); ok {
			list = o.Elems
		}
		return it.call(f, arg(args, 0), list, at)
	case "bind":
		b := &Func{Node: f.Node, Mod: f.Mod, scope: f.scope, home: f.home, This: f.This}
		if b.This == nil {
			b.This = arg(args, 0)
		}
		b.Bound = append(append([]Value{}, f.Bound...), args[min(1, len(args)):]...)
		return b
	}
	if e := it.p.extra[f]; e != nil {
		if v, ok := e.Get(name); ok {
			return it.apply(v, f, args, false, at)
		}
	}
	return it.unknownMethod(f, name, args, at)
}

// taintMethod is a method of something that a client sent.
func (it *interp) taintMethod(t *Taint, name string, args []Value, at Site) Value {
	if v, ok := it.overrides().Get(t.ID + "." + name); ok {
		return it.apply(v, t, args, false, at)
	}
	switch name {
	case "toString", "trim", "toLowerCase", "toUpperCase", "replace", "replaceAll", "substring", "substr", "slice", "padStart",
		"padEnd", "normalize", "charAt", "concat", "repeat", "toLocaleLowerCase", "toLocaleUpperCase", "trimStart", "trimEnd", "join":
		// Objects have none of these but toString, which makes them text: what runs
		// on is a string.
		state := taint.Text
		id := "text(" + t.ID + ")"
		if name == "slice" || name == "concat" {
			state = min(t.State, taint.Any)
			id = t.ID
		} else if name != "toString" && name != "join" {
			it.facts = it.facts.With(t.ID, taint.String)
		}
		rebuilt := t.Rebuilt
		if name == "replace" || name == "replaceAll" {
			if it.makesOperators(args, at) {
				rebuilt = true
			}
			if len(args) > 1 {
				it.callback(args[1], &Taint{ID: id, State: taint.Text, Trace: t.Trace}, at)
			}
		}
		return &Taint{ID: id, State: state, Rebuilt: rebuilt, Trace: it.traced(t, at, name+" makes it text")}
	case "split", "match":
		it.facts = it.facts.With(t.ID, taint.String)
		return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: t.Trace}
	case "includes", "startsWith", "endsWith", "indexOf", "test", "localeCompare", "charCodeAt", "search", "codePointAt":
		return &Test{}
	case "map", "filter", "forEach", "some", "every", "find", "reduce", "flatMap", "sort", "reverse", "flat":
		elem := it.part(t, "*", at)
		var out Value
		if f := arg(args, 0); f != nil {
			params := []Value{elem}
			if name == "reduce" {
				params = []Value{arg(args, 1), elem}
			}
			it.branch(arm{run: func() ctl { out = it.apply(f, nil, params, false, at); return normal }}, arm{})
		}
		switch name {
		case "map", "flatMap":
			a := newArray(at, []Value{out})
			a.Open = true
			return a
		case "reduce":
			return out
		case "find":
			return elem
		case "filter", "sort", "reverse", "flat":
			return t
		}
		return nil
	case "hasOwnProperty":
		return nil
	}
	if t.State > taint.Text { // it would have to be a function
		return nil
	}
	return &Taint{ID: t.ID + "." + name, State: t.State, Trace: t.Trace}
}

// makesOperators says whether a replacement puts dollars before words.
func (it *interp) makesOperators(args []Value, at Site) bool {
	if len(args) < 2 {
		return false
	}
	if s, ok := Constant(args[1]); ok {
		return len(s) > 0 && s[0] == '$' && s != "$1" || len(s) > 1 && s[:2] == "$$"
	}
	if f, ok := args[1].(*Func); ok {
		text := Site{f.Mod.File, f.Node}.Text()
		for i := 0; i+1 < len(text); i++ {
			if text[i] == '$' && (text[i+1] == '$' || text[i+1] == '\'' || text[i+1] == '"') {
				return true
			}
		}
	}
	return false
}

func isStringMethod(name string) bool {
	switch name {
	case "trim", "toLowerCase", "toUpperCase", "replace", "replaceAll", "split", "substring", "substr", "startsWith", "endsWith",
		"match", "charAt", "localeCompare", "padStart", "padEnd", "normalize", "repeat", "search", "test":
		return true
	}
	return false
}
