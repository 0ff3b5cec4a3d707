// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

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
			results = []Value{it.callEach(f, []Value{it.anyField(o, at), nil, o}, at)}
			if t := quantified(name, results[0]); t != nil && (name != "find" || len(t.(*Test).False) > 0) {
				return t
			}
			if name == "filter" {
				return filtered(o, results[0], at)
			}
		}
		var out *Obj
		switch name {
		case "map", "flatMap":
			out = newArray(at, results)
			out.Like = o.Like
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
			o.extend(args)
			if it.journal != nil {
				o.Open = true
			}
			return nil
		}
	case "concat":
		if o.Array {
			it.charge(len(o.Elems))
			out := newArray(at, append([]Value{}, o.Elems...))
			out.Open = o.Open
			for _, a := range args {
				if b, ok := a.(*Obj); ok && b.Array {
					out.extend(b.Elems)
					out.Open = out.Open || b.Open
				} else {
					out.Elems = append(out.Elems, a)
				}
			}
			return out
		}
	case "slice", "reverse", "sort", "flat", "splice":
		if from, to, ok := bounds(args, len(o.Elems)); known && name == "slice" && ok {
			return newArray(at, slices.Clone(o.Elems[from:to]))
		}
		if o.Array {
			return o
		}
	case "includes", "indexOf", "has":
		// In a list of the app's own, so one of its strings.
		if known, ok := statusOf(f); ok && o.Array && name != "indexOf" {
			return &Test{True: known}
		}
		if !o.Array || len(o.Elems) == 0 && !o.Open || it.sent(o) {
			return &Test{}
		}
		if name == "indexOf" {
			return &Tally{Some: listed(f), Index: true}
		}
		return listed(f)
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
			if s += c; len(s) > maxText {
				return nil
			}
		}
		return text(s)
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
		it.rejected(args, at)
		return it.apply(f, nil, []Value{o}, false, at)
	case "catch":
		it.callback1(f, it.caughtBy(f, "promise", at), at)
		return o
	case "finally":
		it.callback1(f, nil, at)
		return o
	case "hasOwnProperty":
		return it.within(f, o)
	case "toString", "toObject", "toJSON":
		return nil
	}
	return it.unknownMethod(o, name, args, at)
}

// bounds are those of slice(from, to) in a list, where they are known.
func bounds(args []Value, n int) (from, to int, ok bool) {
	at := [2]int{0, n}
	for i, a := range args[:min(2, len(args))] {
		x, ok := a.(Num)
		if !ok {
			return 0, 0, false
		}
		if at[i] = int(x.F); at[i] < 0 {
			at[i] += n
		}
		at[i] = min(max(at[i], 0), n)
	}
	return at[0], max(at[0], at[1]), true
}

// stringMethod folds methods of constant strings.
func (it *interp) stringMethod(v Value, name string, args []Value, at Site) Value {
	switch name {
	case "then":
		it.rejected(args, at)
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
			if len(b)*(strings.Count(s, a)+1) > maxText {
				return nil
			}
			it.charge(len(s) / 64)
			return text(strings.Replace(s, a, b, n))
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
			it.charge(len(s))
			for _, p := range strings.SplitN(s, a, maxElems) {
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
		id := madeID("text", t.ID)
		if name == "slice" || name == "concat" {
			state = min(t.State, taint.Any)
			id = t.ID
		} else if name != "toString" && name != "join" {
			it.facts = it.facts.With(t.ID, taint.String)
		}
		rebuilt := t.Rebuilt
		if re, ok := arg(args, 0).(Regex); ok && name != "concat" && strings.HasPrefix(re.Source, "/[^") {
			id = madeID("clean", t.ID) // of everything but some characters
		}
		if name == "replace" || name == "replaceAll" {
			if it.makesOperators(args, at) {
				rebuilt = true
			}
			if len(args) > 1 {
				it.callback(args[1], &Taint{ID: id, State: taint.Text, Trace: t.Trace}, at)
			}
		}
		return &Taint{ID: id, State: state, Rebuilt: rebuilt, Trace: it.traced(t, at, name+" makes it text")}
	case "mv": // of express-fileupload
		it.emit(&Event{Kind: Called, Recv: t, Name: name, Args: args, At: at})
		it.callbacks(args, nil, at)
		return nil
	case "split", "match":
		it.facts = it.facts.With(t.ID, taint.String)
		return &Taint{ID: madeID(name, t.ID), State: taint.Text, Trace: t.Trace}
	case "includes", "startsWith", "endsWith", "indexOf", "test", "localeCompare", "charCodeAt", "search", "codePointAt":
		return &Test{}
	case "map", "filter", "forEach", "some", "every", "find", "reduce", "flatMap", "sort", "reverse", "flat":
		return it.eachOf(t, name, args, at)
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
