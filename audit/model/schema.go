// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// schemaLibraries check data against a declaration.
var schemaLibraries = []string{"zod", "joi", "@hapi/joi", "@hapi/joi-date", "yup", "superstruct", "valibot", "ajv", "io-ts", "runtypes", "celebrate", "zod/v4", "@sinclair/typebox", "fastest-validator", "validatorjs"}

func isSchemaLibrary(mod string) bool {
	for _, l := range schemaLibraries {
		if mod == l || strings.HasPrefix(mod, l+"/") {
			return true
		}
	}
	return false
}

// loose says whether a schema lets fields through that it does not declare.
func loose(c *Call) bool {
	for i := 0; c != nil && i < 50; i++ {
		p := c.Lib.Path[strings.LastIndexByte(c.Lib.Path, '.')+1:]
		switch p {
		case "passthrough", "catchall", "looseObject", "any", "unknown", "record":
			if p != "unknown" || c.Lib.Mod == "joi" || strings.Contains(c.Lib.Mod, "joi") {
				if b, ok := arg(c.Args, 0).(Bool); !ok || b.B {
					return true
				}
			}
		case "options", "prefs", "preferences":
			if allowsUnknown(arg(c.Args, 0)) {
				return true
			}
		}
		c = c.Lib.Of
	}
	return false
}

func allowsUnknown(v Value) bool {
	o, ok := v.(*Obj)
	if !ok {
		return false
	}
	allow, _ := o.Get("allowUnknown")
	strip, _ := o.Get("stripUnknown")
	return allow == (Bool{true}) && strip != (Bool{true})
}

// valid is a value that fitted a schema.
func (it *interp) valid(v Value, c *Call, at Site) Value {
	if it.nest++; it.nest > maxNest {
		it.nest--
		return nil
	}
	defer func() { it.nest-- }()
	if !it.spend() {
		return nil
	}
	switch x := v.(type) {
	case *Taint:
		if o, ok := it.validFields(x, c, at); ok {
			return o
		}
		if loose(c) {
			return &Taint{ID: "valid(" + x.ID + ")", State: x.State, Trace: it.traced(x, at, "checked, with fields let through that are not declared")}
		}
		return &Taint{ID: "valid(" + x.ID + ")", State: taint.Text, Trace: x.Trace}
	case *Obj:
		o := newObj(at)
		for _, k := range x.Keys() {
			f, _ := x.Get(k)
			it.put(o, k, it.valid(f, c, at))
		}
		return o
	case *Lib:
		if x.Mod == "" && x.Path == "process.env" {
			return it.environment(c, at)
		}
	case *Req:
		o := newObj(at)
		for _, k := range []string{"body", "query", "params"} {
			it.put(o, k, it.valid(it.requestMember(x, k, at), c, at))
		}
		return o
	}
	return v
}

// fitted is what is known of a value itself once it was found to fit a schema:
// joi and ajv refuse what is not declared, zod and yup leave it in the original.
func (it *interp) fitted(v Value, c *Call) taint.Facts {
	fact := taint.Typed
	strict := strings.Contains(c.Lib.Mod, "joi") || c.Lib.Mod == "celebrate"
	for i := c; i != nil; i = i.Lib.Of {
		if p := i.Lib.Path; strings.HasSuffix(p, "strict") || strings.HasSuffix(p, "strictObject") || strings.HasSuffix(p, "noUnknown") {
			strict = true
		}
	}
	if strings.HasPrefix(c.Lib.Mod, "ajv") {
		strict = ajvStrict(c)
	}
	if strict && !loose(c) {
		fact = taint.Declared
	}
	f := taint.Facts{}
	Each(v, func(v Value) {
		switch x := v.(type) {
		case *Taint:
			if fields, ok := fittedFields(x.ID, c, strict); ok {
				f = f.And(fields)
			} else if loose(c) {
				f = f.With(x.ID, taint.Typed)
			} else {
				f = f.With(x.ID, fact)
			}
		case *Obj:
			for _, k := range x.Keys() {
				field, _ := x.Get(k)
				if t, ok := field.(*Taint); ok {
					f = f.With(t.ID, fact)
				}
			}
		}
	})
	return f
}

func ajvStrict(c *Call) bool {
	if _, known := arg(c.Args, 0).(*Obj); !known && strings.HasSuffix(c.Lib.Path, "compile") {
		return true // what it declares is elsewhere
	}
	for ; c != nil; c = c.Lib.Of {
		for _, a := range c.Args {
			if o, ok := a.(*Obj); ok {
				if v, _ := o.Get("additionalProperties"); v == (Bool{false}) {
					return true
				}
				if v, ok := o.Get("removeAdditional"); ok && v != (Bool{false}) {
					return true
				}
			}
		}
	}
	return false
}
