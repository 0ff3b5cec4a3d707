// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

// handler is a method of a controller that serves a route.
type handler struct {
	class  *Class // of the controller
	of     *Class // in which the method stands: class, or one that it extends
	method *ts.Node
	nest   *Nest
}

// serve runs the method with what its parameters are decorated with, each gone
// through its pipes. What it returns is sent, unless it asked for the response.
func (h *handler) serve(it *interp, args []Value) Value {
	at := Site{h.of.Mod.File, h.method}
	pipes := slices.Concat(h.nest.pipes, it.using(h.class, h.class.Node, "UsePipes"), it.using(h.of, h.method, "UsePipes"))
	raw := false
	var params []Value
	for _, p := range h.method.Parameters() {
		v, own, sends := h.parameter(it, p, args)
		raw = raw || sends
		for _, pipe := range slices.Concat(pipes, own) {
			v = it.piped(v, pipe, h.of, p.Type(), at)
		}
		params = append(params, v)
	}
	if _, page := decorated(h.method, "Render"); page || raw {
		return it.call(&Func{Node: h.method, Mod: h.of.Mod, scope: h.of.scope, home: h.of}, it.inject(h.class), params, at)
	}
	saved, savedExcluded := it.answering, it.excluding
	it.answering = h.method
	it.excluding = slices.ContainsFunc(slices.Concat(h.nest.interceptors, it.using(h.class, h.class.Node, "UseInterceptors"), it.using(h.of, h.method, "UseInterceptors")), serializes)
	v := it.call(&Func{Node: h.method, Mod: h.of.Mod, scope: h.of.scope, home: h.of}, it.inject(h.class), params, at)
	it.answering, it.excluding = saved, savedExcluded
	return v
}

func serializes(v Value) bool {
	l, ok := packageOf(v)
	return ok && l.Mod == "@nestjs/common" && strings.HasSuffix(l.Path, "ClassSerializerInterceptor")
}

// answers sends what a method of a controller returns.
func (it *interp) answers(v Value, at Site) {
	if it.answering == nil || it.frame == nil || it.frame.fn == nil || it.frame.fn.Node != it.answering || it.flow == nil {
		return
	}
	v = awaited(v)
	if it.excluding {
		v = excluded(v, 0)
	}
	it.emit(&Event{Kind: Responded, Recv: &Res{it.flow}, Name: "json", Args: []Value{v}, At: at})
}

// excluded is a value without the fields that their classes exclude.
func excluded(v Value, depth int) Value {
	switch x := v.(type) {
	case *Doc:
		if m := x.Model; m != nil && m.Schema != nil && m.Schema.Def != nil && !x.Plain {
			for _, k := range m.Schema.Def.Keys() {
				f, _ := m.Schema.Def.Get(k)
				if o, ok := f.(*Obj); ok && isPassword(k) {
					if out, ok := o.Get("exclude"); ok && out == (Bool{true}) {
						c := *x
						c.Safe = true
						return &c
					}
				}
			}
		}
	case *Obj:
		if depth > 2 {
			break
		}
		for k, c := range x.props {
			x.props[k] = &cell{excluded(c.v, depth+1)}
		}
		for i, e := range x.Elems {
			x.Elems[i] = excluded(e, depth+1)
		}
	case *Union:
		of := make([]Value, len(x.Of))
		for i, e := range x.Of {
			of[i] = excluded(e, depth)
		}
		return &Union{of}
	}
	return v
}

// parameter is what the framework hands to a parameter, with the pipes that
// stand beside it; sends says that it is the response itself.
func (h *handler) parameter(it *interp, p *ts.Node, args []Value) (v Value, pipes []Value, sends bool) {
	req, _ := arg(args, 0).(*Req)
	if req == nil {
		return nil, nil, false
	}
	for _, d := range decorators(p) {
		given := it.values(d, h.of.Mod, h.of.scope)
		at := Site{h.of.Mod.File, p}
		root := ""
		switch d.name {
		case "Body", "Query":
			root = strings.ToLower(d.name)
		case "Param":
			root = "params"
		case "Headers":
			root = "headers"
		case "RawBody":
			root = "rawBody"
		case "UploadedFile":
			return it.requestMember(req, "file", at), nil, false
		case "UploadedFiles":
			return it.requestMember(req, "files", at), nil, false
		case "Req", "Request":
			return req, nil, false
		case "Res", "Response":
			o, _ := arg(given, 0).(*Obj)
			through := false
			if o != nil {
				b, _ := o.Get("passthrough")
				through = b == (Bool{true})
			}
			return arg(args, 1), nil, !through
		case "Next":
			return arg(args, 2), nil, true
		case "Session":
			return it.requestMember(req, "session", at), nil, false
		default:
			continue
		}
		v = it.requestMember(req, root, at)
		if t, ok := v.(*Taint); ok {
			v = &Taint{ID: t.ID, State: t.State, Trace: &Trace{At: at, Note: "the client sends " + d.name}}
		}
		if name, ok := Constant(arg(given, 0)); ok {
			v = it.member(v, name, at)
			given = given[1:]
		}
		return v, given, false
	}
	return nil, nil, false
}

// piped is a value behind a pipe.
func (it *interp) piped(v, pipe Value, c *Class, t *ts.Node, at Site) Value {
	tainted, ok := v.(*Taint)
	if !ok {
		return v
	}
	name := ""
	var opts Value = &Undef{}
	switch x := pipe.(type) {
	case *Lib:
		name = x.Path
	case *Call:
		name = x.Lib.Path
		if len(x.Args) > 0 {
			opts = x.Args[0]
		}
	case *Class:
		if lib, ok := rootSuper(x).(*Lib); ok && lib != nil && lib.Mod != "" {
			return it.piped(v, lib, c, t, at)
		}
		return it.piped(v, it.inject(x), c, t, at)
	case *Obj:
		if x.Class != nil {
			if lib, ok := rootSuper(x.Class).(*Lib); ok && lib != nil && lib.Mod != "" {
				return it.piped(v, lib, c, t, at)
			}
			if f, ok := it.classMember(x.Class, "transform", x, false).(*Func); ok {
				return it.call(f, x, []Value{v, nil}, at)
			}
		}
		return v
	}
	switch name = name[strings.LastIndexByte(name, '.')+1:]; {
	case name == "ValidationPipe":
		if dto, ok := it.typed(c, t).(*Class); ok {
			it.facts = it.facts.And(it.dtoFacts(tainted.ID, dto, whitelists(opts), 0))
		}
	case strings.HasPrefix(name, "Parse"):
		return &Taint{ID: "text(" + tainted.ID + ")", State: taint.Text, Trace: tainted.Trace}
	case strings.Contains(name, "Validation") || strings.Contains(name, "Zod") || strings.Contains(name, "Joi"):
		return &Taint{ID: "valid(" + tainted.ID + ")", State: taint.Text, Trace: tainted.Trace}
	}
	return v
}

// whitelists says whether the options of a ValidationPipe take out, or refuse,
// what no decorator declares.
func whitelists(opts Value) bool {
	o, ok := opts.(*Obj)
	if !ok {
		_, none := opts.(*Undef)
		return !none
	}
	v, ok := o.Get("whitelist")
	if !ok {
		return o.Open || len(o.Spread) > 0
	}
	return v != (Bool{false})
}
