// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"path"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// libMember is a member of a package or builtin.
func (it *interp) libMember(l *Lib, name string, at Site) Value {
	if l.Mod == "" {
		switch l.Path {
		case "process.env":
			return &Env{Name: name, Default: it.p.env[name]}
		case "global", "globalThis":
			return &Lib{Path: name}
		case "require":
			if name == "main" {
				return nil
			}
		}
	}
	if l.Mod == "" && l.Path == "import" {
		return nil
	}
	if l.Mod == "config" && l.Path == "" {
		if v, ok := it.nodeConfig().Get(name); ok {
			return v
		}
	}
	if l.Path == "" && name == "default" {
		return l
	}
	if l.Mod == "celebrate" && strings.HasSuffix(l.Path, "Segments") {
		return Str{strings.ToLower(name)}
	}
	return &Lib{l.Mod, dotted(l.Path, name), l.Of}
}

// builtin is a call of something that every Node program has. ok is false for
// what is none.
func (it *interp) builtin(l *Lib, args []Value, isNew bool, at Site) (v Value, ok bool) {
	a := arg(args, 0)
	switch l.Path {
	case "require":
		if spec, ok := Constant(a); ok {
			_, v := it.require(spec, at)
			return v, true
		}
		return nil, true
	case "require.resolve", "structuredClone", "Object", "Object.freeze", "Object.seal", "Promise.resolve", "Promise.race", "Promise.any", "Array.from", "Object.preventExtensions":
		if o, ok := a.(*Obj); ok && l.Path == "Array.from" && len(args) > 1 && o.Array {
			return it.objectMethod(o, "map", args[1:], at), true
		}
		return a, true
	case "String", "decodeURIComponent", "encodeURIComponent", "escape", "unescape", "decodeURI", "encodeURI", "atob", "btoa":
		if e, ok := One[*Err](a); ok {
			return &Err{e.ID, e.From, part(e.Part, "message"), e.At}, true
		}
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: madeID("text", t.ID), State: taint.Text, Trace: it.traced(t, at, "made text")}, true
		}
		if s, ok := Constant(a); ok {
			return Str{s}, true
		}
		return nil, true
	case "Number", "parseInt", "parseFloat", "Boolean", "BigInt", "isNaN", "Number.parseInt", "Number.parseFloat", "Date", "Date.now":
		if e, ok := a.(*Env); ok {
			if s, ok := Constant(e.Default); ok {
				if f, err := strconv.ParseFloat(s, 64); err == nil {
					return Num{f}, true
				}
			}
			return nil, true
		}
		if s, ok := Constant(a); ok {
			if f, err := strconv.ParseFloat(s, 64); err == nil {
				return Num{f}, true
			}
		}
		return nil, true
	case "Number.isInteger", "Number.isFinite", "isFinite", "Number.isSafeInteger":
		if t, ok := a.(*Taint); ok {
			return &Test{True: taint.Facts{}.With(t.ID, taint.String)}, true
		}
		return &Test{}, true
	case "Array.isArray":
		return &Test{}, true
	case "Array", "Array.of":
		return newArray(at, nil), true
	case "Buffer.from":
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: t.Trace}, true
		}
		switch a.(type) {
		case Str, *Env: // a secret, mostly
			return a, true
		}
		return nil, true
	case "JSON.stringify":
		if e, ok := One[*Err](a); ok {
			return e, true
		}
		if d, ok := One[*Doc](a); ok {
			return d, true
		}
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: madeID("json", t.ID), State: taint.Text, Trace: it.traced(t, at, "written as JSON")}, true
		}
		if o, ok := a.(*Obj); ok {
			for _, k := range o.Keys() {
				if f, _ := o.Get(k); f != nil {
					if e, ok := One[*Err](f); ok && e.Part != "code" {
						return e, true
					}
				}
			}
			for _, s := range o.Spread {
				if t, ok := One[*Taint](s); ok {
					return &Taint{ID: madeID("json", t.ID), State: taint.Text, Trace: it.traced(t, at, "written as JSON")}, true
				}
			}
		}
		return nil, true
	case "JSON.parse":
		if d, ok := One[*Doc](a); ok {
			return d, true
		}
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: madeID("parsed", t.ID), State: taint.Whole, Rebuilt: t.Rebuilt, Trace: it.traced(t, at, "read as JSON again")}, true
		}
		return nil, true
	case "Object.assign":
		it.emit(&Event{Kind: Called, Name: "Object.assign", Args: args, At: at})
		switch into := a.(type) {
		case *Obj:
			for _, from := range args[1:] {
				it.spread(into, from)
			}
		case *Req:
			for _, from := range args[1:] {
				if o, ok := from.(*Obj); ok {
					for _, k := range o.Keys() {
						f, _ := o.Get(k)
						it.setMember(into, k, f, at)
					}
				}
			}
		}
		return a, true
	case "Object.create":
		o := newObj(at)
		o.Open = true
		return o, true
	case "Object.keys", "Object.getOwnPropertyNames", "Reflect.ownKeys":
		if o, ok := a.(*Obj); ok && !o.Open && len(o.Spread) == 0 && !o.Array {
			var keys []Value
			for _, k := range o.Keys() {
				keys = append(keys, Str{k})
			}
			return newArray(at, keys), true
		}
		arr := newArray(at, nil)
		arr.Open = true
		if k := it.keyOf(a, at); k != nil {
			arr.Elems, arr.Like = []Value{k}, true
		}
		return arr, true
	case "Object.values":
		if o, ok := a.(*Obj); ok && !o.Array {
			var vs []Value
			for _, k := range o.Keys() {
				f, _ := o.Get(k)
				vs = append(vs, f)
			}
			arr := newArray(at, vs)
			arr.Open = o.Open || len(o.Spread) > 0
			return arr, true
		}
		arr := newArray(at, []Value{it.anyField(a, at)})
		arr.Open, arr.Like = true, true
		return arr, true
	case "Object.entries":
		arr := newArray(at, nil)
		if o, ok := a.(*Obj); ok && !o.Array {
			for _, k := range o.Keys() {
				f, _ := o.Get(k)
				arr.Elems = append(arr.Elems, newArray(at, []Value{Str{k}, f}))
			}
			arr.Open = o.Open || len(o.Spread) > 0
			return arr, true
		}
		arr.Open, arr.Like = true, true
		arr.Elems = []Value{newArray(at, []Value{it.keyOf(a, at), it.anyField(a, at)})}
		return arr, true
	case "Object.fromEntries":
		return it.entriesOf(a, at), true
	case "Object.hasOwn":
		return it.within(arg(args, 1), a), true
	case "Object.defineProperty":
		if k, ok := Constant(arg(args, 1)); ok {
			if d, ok := arg(args, 2).(*Obj); ok {
				v, ok := d.Get("value")
				if !ok {
					if g, has := d.Get("get"); has {
						v = it.apply(g, a, nil, false, at)
					}
				}
				if m := it.mod; m != nil && a == m.exports() || ok {
					it.setMember(a, k, v, at)
				}
			}
		}
		return a, true
	case "Promise.all", "Promise.allSettled":
		return a, true
	case "Promise.reject":
		return nil, true
	case "Promise":
		var out Value
		resolve := &native{call: func(_ *interp, args []Value) Value { out = arg(args, 0); return &Undef{} }}
		reject := &native{call: func(*interp, []Value) Value { return &Undef{} }}
		if f, ok := a.(*Func); ok {
			it.call(f, nil, []Value{resolve, reject}, at)
		}
		return out, true
	case "setTimeout", "setImmediate", "setInterval", "process.nextTick", "queueMicrotask":
		if f, ok := a.(*Func); ok {
			it.call(f, nil, args[min(2, len(args)):], at)
		}
		return nil, true
	case "process.on", "process.once", "process.exit":
		if f, ok := arg(args, 1).(*Func); ok {
			it.callback(f, nil, at)
		}
		return nil, true
	case "process.cwd":
		return Str{"/"}, true
	case "Error", "TypeError", "RangeError":
		o := newObj(at)
		o.Open = true
		it.put(o, "message", a)
		return o, true
	case "Set":
		return a, true
	case "Map", "WeakMap", "WeakSet":
		return nil, true
	case "Object.prototype.hasOwnProperty.call":
		return it.within(arg(args, 1), a), true
	case "RegExp":
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: t.Trace}, true
		}
		return nil, true
	case "Function", "eval":
		it.emit(&Event{Kind: Called, Name: l.Path, Args: args, At: at})
		return nil, true
	case "typeof":
		return nil, true
	}
	if strings.HasPrefix(l.Path, "console.") {
		return &Undef{}, true
	}
	return nil, false
}

// paths are calls of package path and of directory listings, folded where
// everything in them is known.
func (it *interp) paths(l *Lib, args []Value) (Value, bool) {
	switch l.Mod + ":" + l.Path {
	case "path:join", "path:resolve", "path:posix.join":
		p := ""
		for _, a := range args {
			s, ok := Constant(a)
			if !ok {
				return it.tainted(args), true
			}
			if l.Path == "resolve" && strings.HasPrefix(s, "/") {
				p = s
			} else {
				p += "/" + s
			}
		}
		if len(p) > maxText {
			return nil, true
		}
		p = path.Clean(p)
		if !strings.HasPrefix(p, "/") {
			p = "/" + p
		}
		return Str{p}, true
	case "path:basename", "path:dirname", "path:extname":
		s, ok := Constant(arg(args, 0))
		if !ok {
			if t, ok := it.tainted(args[:min(1, len(args))]).(*Taint); ok {
				t.ID = l.Path + "(" + t.ID + ")"
				return t, true
			}
			return nil, true
		}
		switch l.Path {
		case "dirname":
			return Str{path.Dir(s)}, true
		case "extname":
			return Str{path.Ext(s)}, true
		}
		ext, _ := Constant(arg(args, 1))
		return Str{strings.TrimSuffix(path.Base(s), ext)}, true
	case "url:fileURLToPath":
		return arg(args, 0), true
	case "fs:readdirSync", "fs:promises.readdir", "fs/promises:readdir":
		arr := newArray(Site{}, nil)
		s, ok := Constant(arg(args, 0))
		if !ok {
			arr.Open = true
			return arr, true
		}
		if strings.HasPrefix(s, ".") {
			s = path.Join("/", s)
		}
		for _, name := range it.p.Tree.List(s) {
			arr.Elems = append(arr.Elems, Str{name})
		}
		return arr, true
	}
	return nil, false
}

// tainted is the first text of a client's among some values.
func (it *interp) tainted(args []Value) Value {
	for _, a := range args {
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: t.Trace}
		}
	}
	return nil
}
