// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package remedy

import (
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
)

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
