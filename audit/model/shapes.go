// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// Declarations of objects, field by field: one field that takes anything leaves
// the others as they are declared.

// shape is the object of fields that a declaration was made from, or nil.
func shape(c *Call) *Obj {
	for i := 0; c != nil && i < 50; i++ {
		switch c.Lib.Path[strings.LastIndexByte(c.Lib.Path, '.')+1:] {
		case "object", "strictObject", "looseObject", "keys", "shape":
			if o, ok := arg(c.Args, 0).(*Obj); ok && !o.Array {
				return o
			}
		}
		c = c.Lib.Of
	}
	return nil
}

// anything says whether a declaration of one field takes objects of any kind.
func anything(c *Call) bool {
	for i, at := 0, c; at != nil && i < 50; i, at = i+1, at.Lib.Of {
		p := at.Lib.Path[strings.LastIndexByte(at.Lib.Path, '.')+1:]
		switch p {
		case "valid", "equal", "only", "refine", "superRefine", "custom", "transform", "pipe":
			return false
		}
		if at.Lib.Of != nil {
			continue
		}
		switch p {
		case "unknown", "any", "mixed":
			return true
		case "array":
			of, ok := arg(at.Args, 0).(*Call)
			return ok && anything(of)
		case "object": // joi takes every field where none is named
			return strings.Contains(at.Lib.Mod, "joi") && len(at.Args) == 0 && shape(c) == nil || loose(c)
		}
	}
	return loose(c)
}

// openFields are the fields of a declaration that take anything.
func openFields(c *Call) (fields []string) {
	o := shape(c)
	if o == nil {
		return nil
	}
	for _, k := range o.Keys() {
		f, _ := o.Get(k)
		if of, ok := f.(*Call); ok && anything(of) {
			fields = append(fields, k)
		}
	}
	return fields
}

// validFields is a value that fitted a declaration some fields of which take
// anything; ok is false where none does.
func (it *interp) validFields(t *Taint, c *Call, at Site) (o *Obj, ok bool) {
	open := openFields(c)
	if len(open) == 0 || loose(c) {
		return nil, false
	}
	o = newObj(at)
	for _, k := range shape(c).Keys() {
		v := &Taint{ID: "valid(" + t.ID + ")." + k, State: taint.Text, Trace: t.Trace}
		if one, is := it.part(t, k, at).(*Taint); is {
			v.Trace = one.Trace
		}
		for _, name := range open {
			if name == k {
				v.State, v.Trace = taint.Any, it.traced(v, at, "its declaration takes any value")
			}
		}
		it.put(o, k, v)
	}
	return o, true
}

// fittedFields is what is known of the original of such a value.
func fittedFields(id string, c *Call, strict bool) (facts taint.Facts, ok bool) {
	open := openFields(c)
	if len(open) == 0 || loose(c) {
		return nil, false
	}
	facts = taint.Facts{}
	if strict {
		facts = keyFacts(id)
	}
	for _, k := range shape(c).Keys() {
		taken := false
		for _, name := range open {
			taken = taken || name == k
		}
		if !taken {
			facts = facts.With(id+"."+k, taint.String)
		}
	}
	return facts, true
}

// unstripped is what is known of the original when a check only left fields out
// of what it gave back.
func unstripped(f taint.Facts, opts Value) taint.Facts {
	o, ok := opts.(*Obj)
	if !ok {
		return f
	}
	if strip, _ := o.Get("stripUnknown"); strip == nil || strip == (Bool{false}) {
		return f
	}
	g := taint.Facts{}
	for id, fact := range f {
		if fact&taint.Declared != 0 {
			fact = fact&^taint.Declared | taint.Typed
		}
		g = g.With(id, fact)
	}
	return g
}

// ajvValidate is ajv.validate(schema, data).
func (it *interp) ajvValidate(c *Call, args []Value, at Site) Value {
	compiled := &Call{Lib: &Lib{c.Lib.Mod, "().compile", c}, Args: args[:1], At: at}
	it.checked(args[1], compiled, at)
	return &Test{True: it.fitted(args[1], compiled)}
}

// apiFact is what express-openapi-validator makes sure of: a specification lets
// other fields through unless it says that it does not. One that is in a file of
// another kind is taken to.
func apiFact(c *Call) (taint.Fact, bool) {
	opts, ok := arg(c.Args, 0).(*Obj)
	if !ok {
		return taint.Declared, true
	}
	if v, ok := opts.Get("validateRequests"); ok {
		if v == (Bool{false}) {
			return 0, false
		}
		if o, ok := v.(*Obj); ok {
			if _, ok := o.Get("removeAdditional"); ok {
				return taint.Declared, true
			}
		}
	}
	spec, _ := opts.Get("apiSpec")
	if o, ok := spec.(*Obj); ok && !closes(o, 0) {
		return taint.Typed, true
	}
	return taint.Declared, true
}

// closes says whether a schema somewhere refuses what it does not declare.
func closes(o *Obj, depth int) bool {
	if depth > 12 {
		return true
	}
	for _, k := range o.Keys() {
		f, _ := o.Get(k)
		if k == "additionalProperties" && f == (Bool{false}) {
			return true
		}
		if in, ok := f.(*Obj); ok && closes(in, depth+1) {
			return true
		}
	}
	for _, e := range o.Elems {
		if in, ok := e.(*Obj); ok && closes(in, depth+1) {
			return true
		}
	}
	return false
}

// classCall is a call of class-transformer or class-validator.
func (it *interp) classCall(l *Lib, args []Value, at Site) (Value, bool) {
	if l.Mod != "class-transformer" && l.Mod != "class-validator" || it.flow == nil {
		return nil, false
	}
	t, _ := One[*Taint](arg(args, 0))
	switch l.Path[strings.LastIndexByte(l.Path, '.')+1:] {
	case "plainToInstance", "plainToClass":
		data, ok := One[*Taint](arg(args, 1))
		c, is := One[*Class](arg(args, 0))
		if !ok || !is {
			return nil, false
		}
		if o, ok := arg(args, 2).(*Obj); ok {
			if v, _ := o.Get("excludeExtraneousValues"); v == (Bool{true}) {
				return &Taint{ID: "valid(" + data.ID + ")", State: taint.Text, Trace: data.Trace}, true
			}
		}
		if it.flow.dto == nil {
			it.flow.dto = map[string]*Class{}
		}
		it.flow.dto[data.ID] = c
		return it.step(data, at.Node, "made an instance of a class"), true
	case "validate", "validateSync", "validateOrReject":
		if t == nil || it.flow.dto[t.ID] == nil {
			return nil, false
		}
		opts := arg(args, 1)
		if opts == nil {
			opts = &Undef{}
		}
		facts := it.dtoFacts(t.ID, it.flow.dto[t.ID], whitelists(opts), 0)
		if strings.HasSuffix(l.Path, "OrReject") {
			it.facts = it.facts.And(facts)
			return &Undef{}, true
		}
		errors := newArray(at, nil)
		errors.Open, errors.Empty = true, facts
		return errors, true
	}
	return nil, false
}
