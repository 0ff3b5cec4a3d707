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
			return &Env{Name: name}
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
			return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: it.traced(t, at, "made text")}, true
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
		return nil, true
	case "JSON.stringify":
		if e, ok := One[*Err](a); ok {
			return e, true
		}
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: "json(" + t.ID + ")", State: taint.Text, Trace: it.traced(t, at, "written as JSON")}, true
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
					return &Taint{ID: "json(" + t.ID + ")", State: taint.Text, Trace: it.traced(t, at, "written as JSON")}, true
				}
			}
		}
		return nil, true
	case "JSON.parse":
		if t, ok := One[*Taint](a); ok {
			return &Taint{ID: "parsed(" + t.ID + ")", State: taint.Whole, Rebuilt: t.Rebuilt, Trace: it.traced(t, at, "read as JSON again")}, true
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
			arr.Elems = []Value{k}
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
		arr.Open = true
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
		arr.Open = true
		arr.Elems = []Value{newArray(at, []Value{it.keyOf(a, at), it.anyField(a, at)})}
		return arr, true
	case "Object.fromEntries":
		o := newObj(at)
		o.Open = true
		return o, true
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
	case "Map", "Set", "WeakMap", "WeakSet":
		return nil, true
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
		p = path.Clean(p)
		if !strings.HasPrefix(p, "/") {
			p = "/" + p
		}
		return Str{p}, true
	case "path:basename", "path:dirname", "path:extname":
		s, ok := Constant(arg(args, 0))
		if !ok {
			return it.tainted(args), true
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

// objectMethod is a method that all objects or arrays have.
func (it *interp) objectMethod(o *Obj, name string, args []Value, at Site) Value {
	f := arg(args, 0)
	known := o.Array && !o.Open && len(o.Spread) == 0 && len(o.Elems) <= maxLoop
	switch name {
	case "forEach", "map", "flatMap", "filter", "some", "every", "find", "findIndex":
		if !o.Array {
			break
		}
		var results, kept []Value
		if known {
			for i, e := range o.Elems {
				r := it.apply(f, nil, []Value{e, Num{float64(i)}, o}, false, at)
				results = append(results, r)
				if b, ok := r.(Bool); !ok || b.B {
					kept = append(kept, e)
				}
			}
		} else {
			elem := it.anyField(o, at)
			it.branch(arm{run: func() ctl {
				results = []Value{it.apply(f, nil, []Value{elem, nil, o}, false, at)}
				return normal
			}}, arm{})
			kept = o.Elems
		}
		var out *Obj
		switch name {
		case "map", "flatMap":
			out = newArray(at, results)
		case "filter":
			out = newArray(at, kept)
		case "find":
			return it.anyField(o, at)
		default:
			return nil
		}
		out.Open = !known
		return out
	case "push", "unshift":
		if o.Array {
			o.Elems = append(o.Elems, args...)
			if it.journal != nil {
				o.Open = true
			}
			return nil
		}
	case "concat":
		if o.Array {
			out := newArray(at, append([]Value{}, o.Elems...))
			out.Open = o.Open
			for _, a := range args {
				if b, ok := a.(*Obj); ok && b.Array {
					out.Elems = append(out.Elems, b.Elems...)
					out.Open = out.Open || b.Open
				} else {
					out.Elems = append(out.Elems, a)
				}
			}
			return out
		}
	case "slice", "reverse", "sort", "flat", "splice":
		if o.Array {
			return o
		}
	case "includes", "indexOf", "has":
		// In a list of the app's own, so one of its strings.
		if t, ok := f.(*Taint); ok && o.Array && name == "includes" && len(o.Elems) > 0 {
			return &Test{True: taint.Facts{}.With(t.ID, taint.String)}
		}
		return &Test{}
	case "join":
		s := ""
		sep, ok := Constant(f)
		if !ok {
			sep = ","
		}
		for i, e := range o.Elems {
			c, ok := Constant(e)
			if !ok || !known {
				return it.tainted(o.Elems)
			}
			if i > 0 {
				s += sep
			}
			s += c
		}
		return Str{s}
	case "reduce":
		if o.Array && known {
			acc := arg(args, 1)
			for _, e := range o.Elems {
				acc = it.apply(f, nil, []Value{acc, e}, false, at)
			}
			return acc
		}
		return it.apply(f, nil, []Value{arg(args, 1), it.anyField(o, at)}, false, at)
	case "entries", "values", "pop", "shift", "at":
		if o.Array {
			if name == "entries" || name == "values" {
				return o
			}
			return it.anyField(o, at)
		}
	case "then":
		return it.apply(f, nil, []Value{o}, false, at)
	case "catch":
		it.callback1(f, it.caughtBy(f, "promise", at), at)
		return o
	case "finally":
		it.callback1(f, nil, at)
		return o
	case "hasOwnProperty", "toString", "toObject", "toJSON":
		return nil
	}
	return it.unknownMethod(o, name, args, at)
}

// stringMethod folds methods of constant strings.
func (it *interp) stringMethod(v Value, name string, args []Value, at Site) Value {
	switch name {
	case "then":
		return it.apply(arg(args, 0), nil, []Value{v}, false, at)
	case "catch":
		it.callback1(arg(args, 0), it.caughtBy(arg(args, 0), "promise", at), at)
		return v
	}
	if _, ok := v.(Regex); ok {
		return &Test{} // RegExp.test makes text of objects, and so tells nothing
	}
	s, ok := Constant(v)
	a, aok := Constant(arg(args, 0))
	b, bok := Constant(arg(args, 1))
	if !ok {
		if name == "concat" {
			return it.tainted(args)
		}
		return nil
	}
	switch name {
	case "toLowerCase", "toLocaleLowerCase":
		return Str{strings.ToLower(s)}
	case "toUpperCase", "toLocaleUpperCase":
		return Str{strings.ToUpper(s)}
	case "trim", "toString", "valueOf", "normalize":
		return Str{s}
	case "concat":
		var out Value = Str{s}
		for _, x := range args {
			out = it.concat(out, x, at)
		}
		return out
	case "replace", "replaceAll":
		if aok && bok {
			n := 1
			if name == "replaceAll" {
				n = -1
			}
			return Str{strings.Replace(s, a, b, n)}
		}
		if re, ok := arg(args, 0).(Regex); ok && bok {
			// Extensions, mostly: /\.js$/
			if lit, ok := strings.CutSuffix(strings.TrimPrefix(re.Source, "/"), "$/"); ok {
				return Str{strings.TrimSuffix(s, strings.ReplaceAll(lit, `\`, "")) + b}
			}
		}
	case "split":
		if aok {
			var parts []Value
			for _, p := range strings.Split(s, a) {
				parts = append(parts, Str{p})
			}
			return newArray(at, parts)
		}
	case "slice", "substring", "substr":
		from, ok := arg(args, 0).(Num)
		to, has := arg(args, 1).(Num)
		if !ok || name == "substr" {
			return nil
		}
		i, j := int(from.F), len(s)
		if i < 0 {
			i = max(0, len(s)+i)
		}
		if has {
			if j = int(to.F); j < 0 {
				j = len(s) + j
			}
		} else if len(args) > 1 {
			return nil
		}
		if i <= j && j <= len(s) {
			return Str{s[i:j]}
		}
	case "endsWith":
		if aok {
			return Bool{strings.HasSuffix(s, a)}
		}
	case "startsWith":
		if aok {
			return Bool{strings.HasPrefix(s, a)}
		}
	case "includes":
		if aok {
			return Bool{strings.Contains(s, a)}
		}
	case "indexOf":
		if aok {
			return Num{float64(strings.Index(s, a))}
		}
	}
	return nil
}
