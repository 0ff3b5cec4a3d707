// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A shape is what the walkers need to know of a Go type.
type shape struct {
	kind   kind
	typ    reflect.Type
	text   bool     // the type has UnmarshalText
	values []string // of an enumeration
	elem   *shape   // of a pointer, list or map
	key    *shape   // of a map
	fields []field  // of a struct, in its order, inline ones included
	list   *field   // of a struct: the field that stands for it as a list
	rest   *field   // of a struct: the map of the keys that no field has
	filled bool     // of a string: given, it is not empty
}

type field struct {
	name  string
	doc   string
	index []int
	shape *shape
	not   bool
}

type kind uint8

const (
	stringKind kind = iota
	boolKind
	intKind
	uintKind
	floatKind
	durationKind
	sizeKind
	textKind // scalars only; a struct with UnmarshalText is a structKind
	structKind
	pointerKind
	listKind
	mapKind
	anyKind
)

var (
	durationType    = reflect.TypeFor[time.Duration]()
	anyType         = reflect.TypeFor[any]()
	restType        = reflect.TypeFor[map[string]any]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// shapeOf works out the shape of t. An error means that t is not a type for a
// policy file, a mistake of the programmer's.
func shapeOf(t reflect.Type) (*shape, error) {
	return shapes{}.of(t)
}

// shapes holds the types seen so far, so that a type may contain itself.
type shapes map[reflect.Type]*shape

func (m shapes) of(t reflect.Type) (*shape, error) {
	if s, ok := m[t]; ok {
		return s, nil
	}
	s := &shape{typ: t}
	m[t] = s
	s.text = t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(unmarshalerType)
	var err error
	switch k := t.Kind(); {
	case t == durationType:
		s.kind = durationKind
	case t == anyType:
		s.kind = anyKind
	case k == reflect.Struct:
		s.kind = structKind
		err = m.structure(s)
	case s.text:
		s.kind, s.values = textKind, valuesOf(t)
	case k == reflect.String:
		s.kind, s.values = stringKind, valuesOf(t)
	case k == reflect.Bool:
		s.kind = boolKind
	case k >= reflect.Int && k <= reflect.Int64:
		s.kind = intKind
	case k >= reflect.Uint && k <= reflect.Uint64:
		s.kind = uintKind
	case k == reflect.Float32 || k == reflect.Float64:
		s.kind = floatKind
	case k == reflect.Pointer:
		s.kind = pointerKind
		s.elem, err = m.of(t.Elem())
	case k == reflect.Slice:
		s.kind = listKind
		s.elem, err = m.of(t.Elem())
	case k == reflect.Map:
		s.kind = mapKind
		if s.key, err = m.of(t.Key()); err == nil && s.key.kind != stringKind {
			err = fmt.Errorf("conf: %s: the keys of a map must be strings", t)
		}
		if err == nil {
			s.elem, err = m.of(t.Elem())
		}
	default:
		err = fmt.Errorf("conf: %s is no type for a policy file", t)
	}
	return s, err
}

// valuesOf returns the values of an enumeration, nil for any other type.
func valuesOf(t reflect.Type) []string {
	if e, ok := reflect.Zero(t).Interface().(interface{ Values() []string }); ok {
		return e.Values()
	}
	return nil
}

// structure fills in the fields of a struct. One that has UnmarshalText and no
// tags is left without fields: it is only ever a scalar.
func (m shapes) structure(s *shape) error {
	s.values = valuesOf(s.typ)
	if s.text && !slices.ContainsFunc(reflect.VisibleFields(s.typ), tagged) {
		return nil
	}
	var problems []error
	for i := range s.typ.NumField() {
		f := s.typ.Field(i)
		if !f.IsExported() || f.Tag.Get("yaml") == "-" {
			continue
		}
		if err := m.field(s, f); err != nil {
			problems = append(problems, fmt.Errorf("conf: %s.%s: %w", s.typ, f.Name, err))
		}
	}
	return errors.Join(problems...)
}

func tagged(f reflect.StructField) bool {
	return f.Tag.Get("yaml") != ""
}

// field adds the field f to s.
func (m shapes) field(s *shape, f reflect.StructField) error {
	name, rest, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	var options []string
	if rest != "" {
		options = strings.Split(rest, ",")
	}
	part, err := m.of(f.Type)
	if err != nil {
		return err
	}
	if slices.Contains(options, "inline") {
		if part.kind != structKind || part.text {
			return errors.New("only a plain struct can be inline")
		}
		for _, inner := range part.fields {
			inner.index = append(slices.Clone(f.Index), inner.index...)
			if err := s.add(inner); err != nil {
				return err
			}
		}
		return nil
	}
	if rest == "rest" && f.Type == restType && s.rest == nil {
		s.rest = &field{index: f.Index, shape: part}
		return nil
	}
	if name == "" {
		return errors.New(`the yaml tag is missing; "-" leaves the field out`)
	}
	added := field{name: name, doc: f.Tag.Get("doc"), index: f.Index, shape: part}
	isList := false
	for _, option := range options {
		switch {
		case option == "size" && (part.kind == intKind || part.kind == uintKind):
			added.shape = &shape{kind: sizeKind, typ: part.typ}
		case option == "filled" && part.kind == stringKind:
			added.shape = &shape{kind: stringKind, typ: part.typ, values: part.values, filled: true}
		case option == "not" && part.kind == boolKind:
			added.not = true
		case option == "list" && part.kind == listKind && s.list == nil:
			isList = true
		default:
			return fmt.Errorf("the yaml option %q does not fit here", option)
		}
	}
	if err := s.add(added); err != nil {
		return err
	}
	if isList {
		s.list = &added
	}
	return nil
}

func (s *shape) add(f field) error {
	if s.field(f.name) != nil {
		return fmt.Errorf("the name %s is taken", f.name)
	}
	s.fields = append(s.fields, f)
	return nil
}

func (s *shape) field(name string) *field {
	for i := range s.fields {
		if s.fields[i].name == name {
			return &s.fields[i]
		}
	}
	return nil
}

func (s *shape) names() []string {
	names := make([]string, len(s.fields))
	for i, f := range s.fields {
		names[i] = f.name
	}
	return names
}

// isScalar reports whether a scalar of the file can be a value of the type, so
// that one may stand for a list of one.
func (s *shape) isScalar() bool {
	return s.text || s.kind < structKind
}

// want names what the file should have, for a message.
func (s *shape) want() string {
	if len(s.values) > 0 && s.kind != structKind {
		return "one of " + strings.Join(s.values, ", ")
	}
	switch s.kind {
	case stringKind, textKind:
		return "text"
	case boolKind:
		return "true or false"
	case intKind, uintKind:
		return "a whole number"
	case floatKind:
		return "a number"
	case durationKind:
		return "a duration"
	case sizeKind:
		return "a size"
	case pointerKind:
		return s.elem.want()
	case listKind:
		return "a list"
	case structKind:
		switch {
		case s.text && s.fields == nil:
			return "text"
		case s.text && s.list != nil:
			return "text, a mapping or a list"
		case s.text:
			return "text or a mapping"
		case s.list != nil:
			return "a mapping or a list"
		}
	}
	return "a mapping"
}
