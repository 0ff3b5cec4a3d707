// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package remedy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/model"
)

// Bounds of a schema that is made from a declaration. What is deeper may be
// anything, and of longer lists the rest is left out.
const (
	maxDeclaredDepth  = 5
	maxDeclaredFields = 200
	maxDeclaredValues = 100
)

// shape is JSON Schema while it is put together: keywords in their order.
type shape struct {
	types    []string // none for anything
	words    []string
	object   bool
	names    []string
	fields   map[string]*shape
	optional bool
}

func anything() *shape { return &shape{optional: true} }

func (s *shape) field(name string, f *shape) {
	if s.fields == nil {
		s.fields = map[string]*shape{}
	}
	if s.fields[name] == nil {
		if !plain(name) || len(s.names) >= maxDeclaredFields {
			return
		}
		s.names = append(s.names, name)
	}
	s.fields[name] = f
}

// drop takes keywords back, and those alone.
func (s *shape) drop(words ...string) {
	s.words = slices.DeleteFunc(s.words, func(w string) bool {
		name, _, _ := strings.Cut(w, ":")
		return slices.Contains(words, name)
	})
}

func (s *shape) set(word, value string) {
	s.drop(word)
	s.words = append(s.words, word+": "+value)
}

func (s *shape) number(word string, v model.Value) {
	if n, ok := v.(model.Num); ok {
		s.set(word, strconv.FormatFloat(n.F, 'f', -1, 64))
	}
}

// length is one of text or a list: a whole number that is not negative.
func (s *shape) length(word string, v model.Value) {
	if n, ok := v.(model.Num); ok && n.F >= 0 && n.F < 1<<31 && n.F == float64(int(n.F)) {
		s.set(word, strconv.Itoa(int(n.F)))
	}
}

func (s *shape) nullable() {
	if len(s.types) > 0 && !slices.Contains(s.types, "'null'") {
		s.types = append(s.types, "'null'")
		s.drop("enum")
	}
}

// lax allows the text of what is converted.
func (s *shape) lax() {
	if len(s.types) > 0 && !slices.Contains(s.types, "string") {
		s.types = append(s.types, "string")
	}
}

func (s *shape) String() string {
	var parts []string
	switch len(s.types) {
	case 0:
		return "{}"
	case 1:
		parts = append(parts, "type: "+s.types[0])
	default:
		parts = append(parts, "type: ["+strings.Join(s.types, ", ")+"]")
	}
	parts = append(parts, s.words...)
	if s.object && len(s.names) > 0 {
		var props, required []string
		for _, n := range s.names {
			props = append(props, n+": "+s.fields[n].String())
			if !s.fields[n].optional {
				required = append(required, n)
			}
		}
		if len(required) > 0 {
			parts = append(parts, "required: ["+strings.Join(required, ", ")+"]")
		}
		parts = append(parts, "properties: {"+strings.Join(props, ", ")+"}")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// declared is the rule for a body that the app itself declares, or nil.
func declared(n checks.Need, pattern string) []string {
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
	lines := []string{"    # as declared in " + strings.Join(from, ", ")}
	if len(privileges) > 0 {
		lines = append(lines, "    # declared, so clients may set it: see whether they should: "+comment(strings.Join(privileges, ", ")))
	}
	return append(lines, fmt.Sprintf("    - {match: %q, unknown: strip, schema: %s}", pattern, s))
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

// chain adds the fields that express-validator is given.
func chain(s *shape, c *model.Call) {
	all := steps(c)
	switch all[0].name {
	case "body", "check":
	case "checkSchema":
		if o, ok := first(all[0].args).(*model.Obj); ok {
			for _, k := range o.Keys() {
				v, _ := o.Get(k)
				opts, ok := v.(*model.Obj)
				if !ok {
					continue
				}
				if in, ok := opts.Get("in"); ok && !bodyOnly(in) {
					continue
				}
				var list []step
				for _, name := range opts.Keys() {
					arg, _ := opts.Get(name)
					if o, ok := arg.(*model.Obj); ok {
						arg, _ = o.Get("options")
					}
					list = append(list, step{name, []model.Value{arg}})
				}
				validated(s, k, list)
			}
		}
		return
	default:
		return
	}
	names := []model.Value{first(all[0].args)}
	if o, ok := names[0].(*model.Obj); ok && o.Array {
		names = o.Elems
	}
	for _, n := range names {
		if name, ok := model.Constant(n); ok {
			validated(s, name, all[1:])
		}
	}
}

func bodyOnly(in model.Value) bool {
	if o, ok := in.(*model.Obj); ok && len(o.Elems) == 1 {
		in = o.Elems[0]
	}
	return in == model.Str{S: "body"}
}

// validated is one field of express-validator's: its checks are of the text of
// what is sent, so numbers are as good.
func validated(s *shape, name string, list []step) {
	f := &shape{types: []string{"string", "number", "boolean"}}
	if before, _, nested := strings.Cut(name, "."); nested {
		s.field(before, anything())
		return
	}
	converted, optional := false, false
	f.set("maxLength", "10000")
	for _, st := range list {
		switch st.name {
		case "isString":
			f.types = []string{"string"}
		case "isEmail":
			f.types = []string{"string"}
			if !converted {
				f.set("format", "email")
			}
		case "isInt", "isNumeric", "isFloat", "isDecimal":
			f.types = []string{"number", "string"}
		case "isBoolean":
			f.types = []string{"boolean", "string", "number"}
		case "isArray":
			f = &shape{types: []string{"array"}, words: []string{"maxItems: 1000"}}
		case "isObject":
			f = &shape{types: []string{"object"}}
		case "trim", "escape", "normalizeEmail", "customSanitizer", "toLowerCase":
			converted = true
		case "isLength":
			if o, ok := first(st.args).(*model.Obj); ok && !converted {
				if v, ok := o.Get("min"); ok {
					f.length("minLength", v)
				}
				if v, ok := o.Get("max"); ok {
					f.length("maxLength", v)
				}
			}
		case "optional":
			optional = true
		case "exists", "notEmpty":
		}
	}
	if optional {
		f.types = append(f.types, "'null'")
		f.drop("format", "minLength") // an empty text may count as none
	}
	f.optional = optional || !slices.ContainsFunc(list, func(st step) bool {
		return st.name == "exists" || st.name == "notEmpty" || strings.HasPrefix(st.name, "is")
	})
	s.field(name, f)
}
