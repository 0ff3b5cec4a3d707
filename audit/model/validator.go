// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// middleware is what a package's middleware makes sure of.
func (it *interp) middleware(c *Call, at Site) {
	if it.flow == nil {
		return
	}
	all := func(fact taint.Fact) {
		for _, root := range []string{"body", "query", "params"} {
			it.facts = it.facts.With(root, fact)
		}
	}
	switch c.Lib.Mod {
	case "express-mongo-sanitize", "express-mongo-sanitizer", "@exortek/express-mongo-sanitize":
		all(taint.NoOps)
	case "celebrate":
		if o, ok := arg(c.Args, 0).(*Obj); ok {
			for _, k := range o.Keys() {
				f, _ := o.Get(k)
				if s, ok := f.(*Call); ok && strings.ToLower(strings.Trim(k, "[]")) == "body" {
					it.checked(it.requestMember(&Req{it.flow}, "body", at), s, at)
				}
				fact := taint.Declared
				if s, ok := f.(*Call); ok && loose(s) || allowsUnknown(arg(c.Args, 1)) {
					fact = taint.Typed
				}
				root := strings.ToLower(strings.Trim(k, "[]"))
				if s, ok := f.(*Call); ok {
					if fields, ok := fittedFields(root, s, true); ok {
						it.facts = it.facts.And(fields)
						continue
					}
				}
				it.facts = it.facts.With(root, fact)
			}
		} else {
			it.facts = it.facts.With("body", taint.Declared)
		}
	case "express-openapi-validator":
		if fact, ok := apiFact(c); ok {
			all(fact)
		}
	case "express-json-validator-middleware", "express-jsonschema", "zod-express-middleware", "express-zod-safe", "express-joi-validation", "express-validation", "class-validator", "routing-controllers":
		all(taint.Declared)
	case "express-validator", "express-validator/check":
		it.validatorRun(c)
	}
}

// validatorRun is one field of express-validator: what it makes sure of counts
// once the result is looked at.
func (it *interp) validatorRun(c *Call) Value {
	it.checked(nil, c, c.At)
	if c.Lib.Path == "checkSchema" {
		it.validatorSchema(c)
		return nil
	}
	var fields []string
	typed, converts := false, false
	root := "body"
	for i := c; i != nil; i = i.Lib.Of {
		p := i.Lib.Path[strings.LastIndexByte(i.Lib.Path, '.')+1:]
		if i.Lib.Of == nil {
			switch p {
			case "query", "param", "cookie", "header":
				if root = p; p == "param" {
					root = "params"
				}
			}
			if list, ok := arg(i.Args, 0).(*Obj); ok && list.Array {
				for _, e := range list.Elems {
					if s, ok := Constant(e); ok {
						fields = append(fields, s)
					}
				}
			} else if s, ok := Constant(arg(i.Args, 0)); ok {
				fields = append(fields, s)
			}
			break
		}
		switch p {
		default:
			typed = typed || validatorTypes(p)
			converts = converts || validatorConverts(p)
		}
	}
	for _, f := range fields {
		id := root + "." + f
		if typed {
			it.flow.pending = it.flow.pending.With(id, taint.String)
		}
		if converts {
			it.facts = it.facts.With(id, taint.String) // written back as text, whatever the result
		}
	}
	return nil
}

// validatorTypes says whether a check refuses what is no text or number.
func validatorTypes(name string) bool {
	switch name {
	case "isString", "isEmail", "isInt", "isNumeric", "isFloat", "isDecimal", "isBoolean", "isMongoId", "isUUID", "isAlphanumeric", "isAlpha", "isIn", "isURL", "isDate", "isISO8601", "isMobilePhone", "isStrongPassword", "isHexadecimal", "isSlug", "isJWT", "isCreditCard":
		return true
	}
	return false
}

// validatorConverts says whether a sanitizer leaves text or a number.
func validatorConverts(name string) bool {
	switch name {
	case "trim", "escape", "normalizeEmail", "toInt", "toString", "toLowerCase", "toFloat", "toBoolean", "ltrim", "rtrim", "stripLow", "whitelist", "blacklist":
		return true
	}
	return false
}

// validatorSchema is checkSchema: the fields with what each must be.
func (it *interp) validatorSchema(c *Call) {
	o, ok := arg(c.Args, 0).(*Obj)
	if !ok {
		return
	}
	for _, k := range o.Keys() {
		v, _ := o.Get(k)
		field, ok := v.(*Obj)
		if !ok {
			continue
		}
		roots := []string{"body", "query", "params"}
		if in, ok := field.Get("in"); ok {
			if list, ok := in.(*Obj); ok && len(list.Elems) == 1 {
				in = list.Elems[0]
			}
			if s, ok := Constant(in); ok {
				roots = []string{s}
			}
		}
		for _, name := range field.Keys() {
			for _, root := range roots {
				if id := root + "." + k; validatorTypes(name) {
					it.flow.pending = it.flow.pending.With(id, taint.String)
				} else if validatorConverts(name) {
					it.facts = it.facts.With(id, taint.String)
				}
			}
		}
	}
}
