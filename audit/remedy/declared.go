// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package remedy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/model"
)

// declared is the rule for a body that the app itself declares, or nil.
func declared(n checks.Need) *ruled {
	s := &shape{types: []string{"object"}, object: true}
	var from, privileges []string
	for _, d := range n.Declared {
		was := len(s.names)
		if d.Schema.Lib.Mod == "express-validator" || strings.HasPrefix(d.Schema.Lib.Mod, "express-validator/") {
			chain(s, d.Schema)
		} else if of := part(d); of != nil && of.object {
			for _, k := range of.names {
				s.field(k, of.fields[k])
			}
		}
		if at := place(d.Schema.Begin()); len(s.names) > was && !slices.Contains(from, at) && len(from) < 5 {
			from = append(from, at)
		}
	}
	if len(s.names) == 0 {
		return nil
	}
	for _, k := range s.names {
		if privileged(k) {
			privileges = append(privileges, k)
		}
	}
	r := &ruled{notes: []string{"    # as declared in " + strings.Join(from, ", ")}, body: fmt.Sprintf("unknown: strip, schema: %s", s)}
	if len(privileges) > 0 {
		r.notes = append(r.notes, "    # declared, so clients may set it: see whether they should: "+comment(strings.Join(privileges, ", ")))
	}
	return r
}

// part is the shape of a body of which a declaration is about the whole request,
// or about the body.
func part(d checks.Declaration) *shape {
	s := of(d.Schema, 0)
	if d.Part != "" && s != nil {
		return s.fields[d.Part]
	}
	return s
}

// step is one call of a declaration: z.string().min(1) has two.
type step struct {
	name string
	args []model.Value
}

func steps(c *model.Call) (out []step) {
	for i := 0; c != nil && i < 60; i++ {
		out = append(out, step{c.Lib.Path[strings.LastIndexByte(c.Lib.Path, '.')+1:], c.Args})
		if strings.Contains(c.Lib.Path, "coerce.") {
			out = append(out[:len(out)-1], step{"coerce", nil}, out[len(out)-1])
		}
		c = c.Lib.Of
	}
	slices.Reverse(out)
	return out
}

// of is what a declaration of zod's or joi's declares.
func of(v model.Value, depth int) *shape {
	if depth > maxDeclaredDepth {
		return anything()
	}
	if o, ok := v.(*model.Obj); ok && !o.Array { // celebrate and joi take the bare fields
		s := &shape{types: []string{"object"}, object: true, optional: true}
		fieldsOf(s, o, depth)
		return s
	}
	c, ok := v.(*model.Call)
	if !ok {
		return anything()
	}
	isJoi := strings.Contains(c.Lib.Mod, "joi") || c.Lib.Mod == "celebrate"
	if !isJoi && c.Lib.Mod != "zod" && !strings.HasPrefix(c.Lib.Mod, "zod/") {
		return anything()
	}
	all := steps(c)
	s := begin(all[0], isJoi, depth)
	converted := false
	for _, st := range all[1:] {
		if st.name == "coerce" {
			s.lax()
			s.drop("minimum", "maximum")
			continue
		}
		switch st.name {
		case "trim", "transform", "preprocess", "pipe", "toLowerCase", "toUpperCase", "lowercase", "uppercase", "replace", "truncate", "normalize":
			// What follows is about another text than what is sent.
			converted = true
			s.drop("minLength", "maxLength", "format", "enum")
			continue
		}
		s.then(st, isJoi, converted, depth)
	}
	return s
}

// begin is the first call of a declaration.
func begin(st step, isJoi bool, depth int) *shape {
	s := &shape{optional: isJoi}
	switch st.name {
	case "string", "email", "uuid", "url", "cuid", "hex", "guid", "base64":
		s.types = []string{"string"}
		if st.name == "email" || st.name == "uuid" {
			s.set("format", st.name)
		}
		if isJoi {
			s.set("minLength", "1")
		}
		s.set("maxLength", "10000")
	case "number", "float":
		s.types = []string{"number"}
	case "int", "int32":
		s.types = []string{"integer"}
	case "boolean", "bool":
		s.types = []string{"boolean"}
	case "date":
		s.types = []string{"string", "number"}
	case "enum", "valid", "literal", "only", "equal":
		s.values(st.args)
	case "array":
		s.types = []string{"array"}
		s.set("maxItems", "1000")
		if !isJoi && len(st.args) > 0 {
			s.set("items", of(st.args[0], depth+1).String())
		}
	case "object", "strictObject", "looseObject":
		s.types, s.object = []string{"object"}, true
		if o, ok := first(st.args).(*model.Obj); ok {
			fieldsOf(s, o, depth)
		}
	case "record":
		s.types = []string{"object"}
	case "optional", "nullable", "nullish":
		in := of(first(st.args), depth+1)
		in.optional = st.name != "nullable"
		if st.name != "optional" {
			in.nullable()
		}
		return in
	case "any", "unknown", "union", "alternatives", "discriminatedUnion", "preprocess", "custom", "lazy", "intersection":
		s.optional = true
	}
	if isJoi && len(s.types) > 0 && !s.object {
		s.lax() // joi converts text
	}
	return s
}

// then is a further call of a declaration.
func (s *shape) then(st step, isJoi, converted bool, depth int) {
	text := len(s.types) > 0 && s.types[0] == "string"
	list := len(s.types) > 0 && s.types[0] == "array"
	switch st.name {
	case "optional", "default", "prefault", "catch", "failover", "forbidden":
		s.optional = true
		if st.name == "catch" || st.name == "failover" {
			s.types, s.words, s.object = nil, nil, false
		}
	case "required", "exist", "nonoptional":
		if s.object && !isJoi {
			for _, k := range s.names {
				s.fields[k].optional = false
			}
			return
		}
		s.optional = false
	case "nullable":
		s.nullable()
	case "nullish":
		s.nullable()
		s.optional = true
	case "allow":
		s.drop("enum", "minLength", "format")
		for _, v := range st.args {
			if _, ok := v.(*model.Undef); ok {
				s.nullable()
			} else if _, ok := v.(model.Str); !ok {
				s.types, s.words, s.object = nil, nil, false
			}
		}
	case "empty", "or", "and", "when", "concat", "try":
		s.types, s.words, s.object = nil, nil, false
	case "valid", "equal", "only":
		s.values(st.args)
	case "email", "uuid":
		if text && !converted {
			s.set("format", st.name)
		}
	case "guid":
		if text && !converted {
			s.set("format", "uuid")
		}
	case "int", "integer":
		if len(s.types) > 0 && s.types[0] == "number" {
			s.types[0] = "integer"
		}
	case "min", "gte", "max", "lte", "length", "nonempty", "size":
		s.bound(st, text, list, converted)
	case "positive":
		s.set("exclusiveMinimum", "0")
	case "nonnegative":
		s.set("minimum", "0")
	case "gt", "greater":
		s.number("exclusiveMinimum", first(st.args))
	case "lt", "less":
		s.number("exclusiveMaximum", first(st.args))
	case "items":
		if list && len(st.args) == 1 {
			s.set("items", of(st.args[0], depth+1).String())
		}
	case "array":
		in := s.String()
		*s = shape{types: []string{"array"}, words: []string{"maxItems: 1000", "items: " + in}}
	case "keys", "extend", "append", "augment", "safeExtend", "merge":
		o, ok := first(st.args).(*model.Obj)
		if ok {
			fieldsOf(s, o, depth)
		} else if more := of(first(st.args), depth+1); more.object {
			for _, k := range more.names {
				s.field(k, more.fields[k])
			}
		}
	case "pick", "omit":
		if o, ok := first(st.args).(*model.Obj); ok {
			s.names = slices.DeleteFunc(s.names, func(k string) bool {
				return slices.Contains(o.Keys(), k) == (st.name == "omit")
			})
			for k := range s.fields {
				if !slices.Contains(s.names, k) {
					delete(s.fields, k)
				}
			}
		}
	case "partial", "deepPartial":
		for _, k := range s.names {
			s.fields[k].optional = true
		}
	}
}

// bound is a least or greatest length or number.
func (s *shape) bound(st step, text, list, converted bool) {
	low := st.name != "max" && st.name != "lte"
	high := st.name == "max" || st.name == "lte" || st.name == "length" || st.name == "size"
	v := first(st.args)
	if st.name == "nonempty" {
		v = model.Num{F: 1}
	}
	least, most := "minimum", "maximum"
	switch {
	case text && converted, len(s.types) == 0, s.object:
		return
	case text:
		least, most = "minLength", "maxLength"
	case list:
		least, most = "minItems", "maxItems"
	}
	set := s.number
	if text || list {
		set = s.length
	}
	if low {
		set(least, v)
	}
	if high {
		set(most, v)
	}
}

// values are the only ones that are allowed, where all are known.
func (s *shape) values(args []model.Value) {
	if o, ok := first(args).(*model.Obj); ok {
		args = o.Elems
		if !o.Array { // an enum of TypeScript's
			for _, k := range o.Keys() {
				v, _ := o.Get(k)
				args = append(args, v)
			}
		}
	}
	if len(args) == 0 || len(args) > maxDeclaredValues {
		return
	}
	var quoted []string
	for _, v := range args {
		str, ok := v.(model.Str)
		if !ok {
			return
		}
		b, err := json.Marshal(str.S)
		if err != nil {
			return
		}
		quoted = append(quoted, string(b))
	}
	s.types = []string{"string"}
	s.words = []string{"enum: [" + strings.Join(quoted, ", ") + "]"}
}

func fieldsOf(s *shape, o *model.Obj, depth int) {
	for _, k := range o.Keys() {
		v, _ := o.Get(k)
		s.field(k, of(v, depth+1))
	}
}

func first(args []model.Value) model.Value {
	if len(args) > 0 {
		return args[0]
	}
	return nil
}
