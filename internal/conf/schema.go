// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"fmt"
	"reflect"
	"slices"
)

// Schema returns the JSON Schema (draft 2020-12) of the files that [Decode]
// reads into the type of v, for editors and for checks outside of Go. It is as
// strict as a schema can be; only Decode knows the rest, such as what a type
// with UnmarshalText takes. The caller may add an $id or a title.
func Schema(v any) (map[string]any, error) {
	t := reflect.TypeOf(v)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return nil, fmt.Errorf("conf: no schema for %T", v)
	}
	s, err := shapeOf(t)
	if err != nil {
		return nil, err
	}
	var b schemer
	out := b.of(s)
	if b.err != nil {
		return nil, b.err
	}
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	return out, nil
}

// A schemer builds schemas, inlined at every use.
type schemer struct {
	open []*shape // the structs being described, to notice one inside itself
	err  error
}

type object = map[string]any

func (b *schemer) of(s *shape) object {
	switch s.kind {
	case stringKind:
		if len(s.values) > 0 {
			return enum(s.values)
		}
		if s.filled {
			return object{"type": "string", "minLength": 1}
		}
		return object{"type": "string"}
	case boolKind:
		return object{"type": "boolean"}
	case intKind:
		return object{"type": "integer"}
	case uintKind:
		return object{"type": "integer", "minimum": 0}
	case floatKind:
		return object{"type": "number"}
	case durationKind:
		return object{"anyOf": []any{
			object{"type": "string", "pattern": durationPattern, "minLength": 1},
			object{"const": 0},
		}}
	case sizeKind:
		return object{"anyOf": []any{
			object{"type": "integer", "minimum": 0},
			object{"type": "string", "pattern": sizePattern},
		}}
	case textKind:
		return b.text(s)
	case pointerKind:
		return union(b.of(s.elem), object{"type": "null"})
	case listKind:
		return b.list(s)
	case mapKind:
		out := object{"type": []string{"object", "null"}, "additionalProperties": b.of(s.elem)}
		if len(s.key.values) > 0 {
			out["propertyNames"] = enum(s.key.values)
		}
		return out
	case structKind:
		return b.structure(s)
	}
	return object{} // anything
}

// text describes what a type with UnmarshalText is given: any scalar.
func (b *schemer) text(s *shape) object {
	if len(s.values) > 0 {
		return enum(s.values)
	}
	return object{"type": []string{"string", "number", "boolean", "null"}}
}

func enum(values []string) object {
	return object{"enum": values}
}

// list describes a list, and the single scalar that may stand for it.
func (b *schemer) list(s *shape) object {
	items := b.of(s.elem)
	list := object{"type": "array", "items": items}
	if s.elem.isScalar() {
		return union(items, list)
	}
	return list
}

// structure describes a mapping, and the text or list that may stand for it.
func (b *schemer) structure(s *shape) object {
	if slices.Contains(b.open, s) {
		b.err = fmt.Errorf("conf: no schema for %s: it contains itself", s.typ)
		return object{}
	}
	b.open = append(b.open, s)
	defer func() { b.open = b.open[:len(b.open)-1] }()

	properties := object{}
	for _, f := range s.fields {
		property := b.of(f.shape)
		if f.doc != "" {
			property["description"] = f.doc
		}
		if f.not {
			property["default"] = true
		}
		properties[f.name] = property
	}
	out := object{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": s.rest != nil}
	if s.text {
		out["type"] = "object"
		if out = union(b.text(s), out); s.fields == nil {
			out = b.text(s)
		}
	}
	if s.list != nil {
		out = union(out, b.list(s.list.shape))
	}
	return out
}

// union returns the schema of what either takes, without nesting unions.
func union(a, b object) object {
	var either []any
	for _, s := range []object{a, b} {
		if inner, ok := s["anyOf"].([]any); ok && len(s) == 1 {
			either = append(either, inner...)
		} else {
			either = append(either, s)
		}
	}
	return object{"anyOf": either}
}
