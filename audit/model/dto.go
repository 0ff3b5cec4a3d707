// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

// Classes whose fields class-validator checks.

// maxFields is how many fields of one class are looked at.
const maxFields = 200

// dtoFacts is what is known of a value that fitted a class: of which type its
// fields are, and, when undeclared fields are taken out, that it has no others.
func (it *interp) dtoFacts(id string, c *Class, whitelist bool, depth int) taint.Facts {
	facts := taint.Facts{}
	all, some := true, false
	for _, f := range it.dtoFields(c, 0) {
		some = true
		field := id + "." + f.name
		switch {
		case f.typed:
			facts = facts.With(field, taint.String)
		case f.nested != nil && depth < 4:
			inner := it.dtoFacts(field, f.nested, whitelist, depth+1)
			facts = facts.And(inner)
			all = all && (inner[field]&(taint.Declared|taint.Typed) != 0)
		default:
			all = false
		}
	}
	if !some {
		return nil
	}
	if whitelist {
		facts = facts.And(keyFacts(id))
	}
	if all {
		fact := taint.Typed
		if whitelist {
			fact = taint.Declared
		}
		facts = facts.With(id, fact)
	}
	return facts
}

type dtoField struct {
	name   string
	typed  bool
	nested *Class
}

// dtoFields are the fields of a class and of those that it is made from which
// carry a validator.
func (it *interp) dtoFields(c *Class, depth int) (fields []dtoField) {
	if c == nil || depth > 6 {
		return nil
	}
	for _, m := range c.Node.Members() {
		if m.Kind != ts.KindPropertyDeclaration || m.Name() == nil || m.Name().Kind != ts.KindIdentifier || len(fields) >= maxFields {
			continue
		}
		f := dtoField{name: m.Name().Text()}
		checked, nested := false, false
		for _, d := range decorators(m) {
			if !strings.HasPrefix(d.name, "Is") && !validates(d.name) {
				continue
			}
			checked = true
			f.typed = f.typed || dtoTypes(d.name)
			nested = nested || d.name == "ValidateNested"
		}
		if !checked {
			continue
		}
		if nested {
			f.typed = false
			t := m.Type()
			if of := ts.ElementType(t); of != nil {
				t = of
			}
			f.nested, _ = it.typed(c, t).(*Class)
		}
		fields = append(fields, f)
	}
	switch x := c.Super.(type) {
	case *Class:
		fields = append(fields, it.dtoFields(x, depth+1)...)
	case *Call: // PartialType(…) and its kin
		for _, a := range x.Args {
			if super, ok := One[*Class](a); ok {
				fields = append(fields, it.dtoFields(super, depth+1)...)
			}
		}
	}
	return fields
}

// validates says whether a decorator that is not called Is… declares a field.
func validates(name string) bool {
	switch name {
	case "Allow", "Length", "MinLength", "MaxLength", "Min", "Max", "Matches", "Contains", "Equals", "ValidateNested", "ArrayMinSize", "ArrayMaxSize", "ValidateIf", "Validate":
		return true
	}
	return false
}

// dtoTypes says whether a validator refuses objects.
func dtoTypes(name string) bool {
	switch name {
	case "IsOptional", "IsNotEmpty", "IsDefined", "IsObject", "IsNotEmptyObject", "IsArray", "IsEmpty", "IsInstance", "IsNotIn",
		"Allow", "ValidateNested", "ArrayMinSize", "ArrayMaxSize", "ValidateIf", "Validate":
		return false
	}
	return true
}
