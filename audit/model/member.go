// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// member is v.name.
func (it *interp) member(v Value, name string, at Site) Value {
	switch x := v.(type) {
	case *Obj:
		if f, ok := x.Get(name); ok {
			return f
		}
		if x.Class != nil {
			if m := it.classMember(x.Class, name, x, false); m != nil {
				return m
			}
		}
		for i := len(x.Spread) - 1; i >= 0; i-- {
			if _, ok := x.Spread[i].(*Obj); !ok && !x.Array {
				return it.member(x.Spread[i], name, at)
			}
		}
		if name == "length" {
			if x.Empty != nil {
				return &Tally{Some: &Test{False: x.Empty}}
			}
			return nil
		}
		if x.Class != nil {
			if lib, ok := rootSuper(x.Class).(*Lib); ok && lib.Mod == "@prisma/client" {
				return &Lib{Mod: lib.Mod, Path: "PrismaClient()." + name}
			}
		}
		if x.Array || isMethod(name) {
			return &Method{v, name}
		}
		return nil
	case *Taint:
		if name == "length" {
			return nil
		}
		return it.part(x, name, at)
	case *Req:
		return it.requestMember(x, name, at)
	case *Lib:
		return it.libMember(x, name, at)
	case *Call:
		if e := it.p.extra[v]; e != nil {
			if f, ok := e.Get(name); ok {
				return f
			}
		}
		return &Lib{x.Lib.Mod, dotted(x.Lib.Path+"()", name), x}
	case *Class:
		if f, ok := x.Static.Get(name); ok {
			return f
		}
		if m := it.classMember(x, name, nil, true); m != nil {
			return m
		}
		if s, ok := modelName(x); ok && name == "name" {
			return Str{s}
		}
		return &Method{v, name}
	case *Err:
		switch name {
		case "message", "stack":
			if x.Part == "" {
				return &Err{x.ID, x.From, name, x.At}
			}
			return x
		case "response", "data", "body", "error", "cause", "reason", "sqlMessage", "detail", "details", "inner", "original", "parent":
			return &Err{x.ID, x.From, x.Part, x.At}
		case "toString":
			return &Method{v, name}
		case "expose", "isOperational", "isPublic", "isJoi", "isBoom":
			// Set by those who made the error for clients: http-errors, joi, boom.
			return &Test{True: taint.Facts{}.With(x.ID, taint.Known)}
		}
		return &Err{x.ID, x.From, "code", x.At}
	case *Doc:
		if x.Many && name == "length" {
			return nil
		}
		if x.Many {
			if isMethod(name) {
				return &Method{v, name}
			}
			return x.as(false)
		}
		if isPassword(name) {
			hash := x.as(false) // the hash itself
			hash.Safe, hash.Shown, hash.Plain = false, true, true
			return hash
		}
		if name == "_doc" || name == "dataValues" {
			return x.plain()
		}
		if isMethod(name) {
			return &Method{v, name}
		}
		return nil
	case *Union:
		var out Value
		for i, one := range x.Of {
			m := it.member(one, name, at)
			if i == 0 {
				out = m
			} else {
				out = join(out, m)
			}
		}
		return out
	case *Res, *Next, *Router, *Model, *Query, *Schema, *Func:
		if e := it.p.extra[v]; e != nil {
			if f, ok := e.Get(name); ok {
				return f
			}
		}
		if sch, ok := v.(*Schema); ok && (name == "methods" || name == "statics") {
			o := newObj(sch.At)
			it.put(it.extra(v), name, o)
			return o
		}
		if m, ok := v.(*Model); ok && (name == "name" || name == "prototype") {
			if name == "name" {
				return Str{m.Name}
			}
			o := newObj(Site{})
			it.put(it.extra(v), name, o)
			return o
		}
		if r, ok := v.(*Res); ok && name == "locals" {
			return r.flow.locals
		}
		if r, ok := v.(*Router); ok && name == "locals" {
			o := newObj(r.At)
			o.Open = true
			it.put(it.extra(v), name, o)
			return o
		}
		return &Method{v, name}
	case Str, Regex, *Env:
		if name == "length" {
			return nil
		}
		return &Method{v, name}
	case nil:
		return &Method{nil, name}
	}
	return nil
}

// isMethod says whether an object of an unknown kind is likely called by the
// name, rather than read.
func isMethod(name string) bool {
	switch name {
	case "map", "forEach", "filter", "find", "reduce", "some", "every", "concat", "slice", "splice", "push", "unshift", "pop",
		"join", "includes", "indexOf", "keys", "values", "entries", "toString", "toObject", "toJSON", "save", "set", "then",
		"catch", "finally", "flat", "flatMap", "sort", "reverse", "get", "has", "call", "apply", "bind", "update", "remove",
		"deleteOne", "updateOne", "exec", "lean", "select", "populate", "overwrite", "assign", "merge", "hasOwnProperty", "next":
		return true
	}
	return false
}

func isPassword(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "passw") || name == "pwd" || name == "hash" || strings.HasSuffix(name, "_hash") || name == "salt"
}

// extra holds what the app hangs on a value that is not an object of its own.
func (it *interp) extra(v Value) *Obj {
	o := it.p.extra[v]
	if o == nil {
		o = newObj(Site{})
		o.Open = true
		it.p.extra[v] = o
	}
	return o
}

// setMember is v.name = to.
func (it *interp) setMember(v Value, name string, to Value, at Site) {
	switch x := v.(type) {
	case *Obj:
		if x.Array && name == "length" {
			return
		}
		if t, ok := to.(*Taint); ok {
			to = &Taint{t.ID, t.State, t.Rebuilt, it.traced(t, at, "kept in "+name)}
		}
		it.put(x, name, to)
	case *Req:
		it.put(x.flow.props, name, to)
		if x.flow.root(name) {
			it.facts = it.facts.Forget(name)
		}
	case *Taint:
		it.put(it.overrides(), x.ID+"."+name, to)
		it.facts = it.facts.Forget(x.ID + "." + name)
	case *Class:
		it.put(x.Static, name, to)
	case *Lib:
		if x.Mod == "" && x.Path == "process.env" {
			it.emit(&Event{Kind: Assigned, Recv: v, Name: name, Args: []Value{Str{name}, to}, At: at})
			if e, ok := to.(*Env); ok && e.Name == name {
				to = e.Default // X = X || 'y'
			}
			if len(it.p.env) < maxVariables && !developersOnly(it.conds) {
				it.p.env[name] = to
			}
		}
	case *Doc:
		if isPassword(name) {
			switch to.(type) {
			case *Undef, Str:
				x.cleared()
			}
		}
		it.emit(&Event{Kind: Assigned, Recv: v, Name: name, Args: []Value{Str{name}, to}, At: at})
	case *Func, *Router, *Call, *Model, *Schema:
		it.put(it.extra(v), name, to)
	case *Union:
		for _, one := range x.Of {
			it.setMember(one, name, to, at)
		}
	}
}

// overrides are the parts of the request that the app replaced.
func (it *interp) overrides() *Obj {
	if it.flow != nil {
		return it.flow.over
	}
	return newObj(Site{})
}

// part is a part of what the client sends.
func (it *interp) part(t *Taint, name string, at Site) Value {
	id := t.ID + "." + name
	if len(id) > maxID {
		id = t.ID // parts this deep are not told apart
	}
	if it.touched != nil && len(it.touched) < maxLoop {
		it.touched[id] = true
	}
	if it.flow != nil {
		if v, ok := it.flow.over.Get(id); ok {
			return v
		}
	}
	if t.State <= taint.List {
		if isMethod(name) || isStringMethod(name) {
			return &Method{t, name}
		}
		return &Taint{ID: id, State: t.State, Trace: t.Trace}
	}
	state := taint.Any
	root, rest, _ := strings.Cut(t.ID, ".")
	if it.flow != nil && rest == "" {
		if s, ok := it.flow.states[root]; ok {
			state = s
		}
	}
	if t.Rebuilt {
		state = taint.Any
	}
	tr := &Trace{nil, at, "the client sends req." + id}
	if t.Trace != nil && (t.Trace.Before != nil || t.Trace.Note != "") {
		tr = it.traced(t, at, "its field "+name)
	}
	return &Taint{ID: id, State: state, Rebuilt: t.Rebuilt, Trace: tr}
}

// index is v[i] of something array-like.
func (it *interp) index(v Value, i int, at Site) Value {
	switch x := v.(type) {
	case *Obj:
		if x.Array && i < len(x.Elems) {
			return x.Elems[i]
		}
		if x.Array && !x.Open {
			return &Undef{}
		}
		return it.anyField(v, at)
	}
	return it.anyField(v, at)
}

// anyField is v[k] for an unknown k, or an element of a list.
func (it *interp) anyField(v Value, at Site) Value {
	switch x := v.(type) {
	case *Obj:
		var out Value
		some := false
		add := func(f Value) {
			if some {
				out = join(out, f)
			} else {
				out, some = f, true
			}
		}
		for _, e := range x.Elems {
			add(e)
		}
		for _, k := range x.Keys() {
			if u, ok := out.(*Union); ok && len(u.Of) >= maxUnion {
				break // no more are told apart
			}
			f, _ := x.Get(k)
			add(f)
		}
		for _, s := range x.Spread {
			if _, ok := s.(*Obj); !ok {
				add(it.anyField(s, at))
			}
		}
		if x.Open && !x.Like {
			add(nil)
		}
		return out
	case *Taint:
		return it.part(x, "*", at)
	case *Doc:
		if x.Many {
			return x.as(false)
		}
	case *Query:
		if d, ok := x.doc().(*Doc); ok {
			return d.as(false)
		}
	case *Union:
		var out Value
		for i, one := range x.Of {
			if f := it.anyField(one, at); i == 0 {
				out = f
			} else {
				out = join(out, f)
			}
		}
		return out
	}
	return nil
}

// keyOf is some key of v.
func (it *interp) keyOf(v Value, at Site) Value {
	if t, ok := One[*Taint](v); ok && t.State >= taint.Any {
		return &Taint{ID: "key(" + t.ID + ")", State: taint.Text, Trace: it.traced(t, at, "a name in it")}
	}
	return nil
}
