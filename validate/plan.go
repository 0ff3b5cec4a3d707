// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// plan is how a Go type is filled from a reading, compiled once per type.
type plan struct {
	how    how
	typ    reflect.Type
	own    bool  // it has a Validate method of its own
	quoted bool  // a number that stands in a string
	elem   *plan // of a pointer, slice, array or map
	rules

	fields   []field // of a struct
	names    names
	required nameSet
}

type field struct {
	name     string
	index    []int // more than one through embedded structs
	plan     *plan
	optional bool
}

// how a value is read.
type how uint8

const (
	asString how = iota
	asBool
	asInt
	asUint
	asFloat
	asNumber // json.Number
	asBytes  // base64
	asText   // by its own UnmarshalText
	asJSON   // by its own UnmarshalJSON
	asAny
	asPointer
	asStruct
	asSlice
	asArray
	asDict
)

// Check compiles T's rules, and reports every fault in its tags and types, so that
// a program can ask for them at its start instead of at the first request:
//
//	var _ = validate.Must[CreateUser]()
func Check[T any]() error {
	_, err := planOf(reflect.TypeFor[T]())
	return err
}

// Must is [Check] for a variable of a package: it panics on a fault.
func Must[T any]() struct{} {
	mustPlan[T]()
	return struct{}{}
}

func mustPlan[T any]() *plan {
	p, err := planOf(reflect.TypeFor[T]())
	if err != nil {
		panic("validate: " + err.Error())
	}
	return p
}

type compiledPlan struct {
	plan *plan
	err  error
}

var plans sync.Map // reflect.Type to compiledPlan; bounded by the types of the program

func planOf(t reflect.Type) (*plan, error) {
	have, ok := plans.Load(t)
	if !ok {
		c := planner{done: map[planKey]*plan{}}
		p := c.plan(t, "", t.String())
		have, _ = plans.LoadOrStore(t, compiledPlan{p, c.faults.Err()})
	}
	c := have.(compiledPlan)
	return c.plan, c.err
}

// planner compiles one type with the types in it.
type planner struct {
	done   map[planKey]*plan
	faults fault.List
}

// planKey tells plans apart: a type may hold itself, and has other rules wherever
// a tag says so.
type planKey struct {
	typ reflect.Type
	tag string
}

var (
	timeType        = reflect.TypeFor[time.Time]()
	numberType      = reflect.TypeFor[json.Number]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	validatorType   = reflect.TypeFor[validator]()
)

// validator is a type with a rule of its own.
type validator interface{ Validate() error }

func (c *planner) plan(t reflect.Type, text, at string) *plan {
	key := planKey{t, text}
	if p := c.done[key]; p != nil {
		return p
	}
	p := &plan{typ: t}
	c.done[key] = p
	p.own = t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && reflect.PointerTo(t).Implements(validatorType)
	tag := parseTag(text)
	p.how = c.how(t, at)
	switch p.how {
	case asPointer:
		p.elem = c.plan(t.Elem(), text, at) // its rules are those of what it points to
		return p
	case asSlice, asArray, asDict:
		p.elem = c.plan(t.Elem(), tag.items, at+"[]")
	case asStruct:
		c.structure(p, t, at)
	}
	if tag.items != "" && p.elem == nil {
		c.faults.Addf(at, "only lists and maps have elements", "dive does not fit a %s", t)
	}
	p.setRules(tag, at, measureOf(p), &c.faults)
	return p
}

// how finds out how a type is read. One that cannot be is a fault.
func (c *planner) how(t reflect.Type, at string) how {
	switch pointer := reflect.PointerTo(t); {
	case t == timeType:
		return asText
	case t == numberType:
		return asNumber
	case t.Kind() == reflect.Interface: // nothing can be put into one with methods
	case pointer.Implements(jsonUnmarshaler):
		return asJSON
	case pointer.Implements(textUnmarshaler):
		return asText
	}
	switch t.Kind() {
	case reflect.String:
		return asString
	case reflect.Bool:
		return asBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return asInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return asUint
	case reflect.Float32, reflect.Float64:
		return asFloat
	case reflect.Pointer:
		return asPointer
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return asAny
		}
	case reflect.Struct:
		return asStruct
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return asBytes // as encoding/json has it
		}
		return asSlice
	case reflect.Array:
		return asArray
	case reflect.Map:
		if t.Key().Kind() == reflect.String || reflect.PointerTo(t.Key()).Implements(textUnmarshaler) {
			return asDict
		}
		c.faults.Addf(at, "use a string, or a type with UnmarshalText", "names cannot be read into a %s", t.Key())
		return asDict
	}
	c.faults.Addf(at, `tag it json:"-"`, "nothing can be read into a %s", t)
	return asAny
}

// found is a field of a struct or of one that is embedded in it.
type found struct {
	reflect.StructField
	name  string
	index []int
}

// structure compiles the fields of a struct. Those of embedded structs are its
// own, unless one further out has the same name.
func (c *planner) structure(p *plan, t reflect.Type, at string) {
	var list []string
	level := []found{{StructField: reflect.StructField{Type: t}}}
	seen := map[reflect.Type]bool{t: true}
	for len(level) > 0 {
		var fields, embedded []found
		for _, outer := range level {
			c.members(outer, at, &fields, &embedded, seen)
		}
		outside := len(list)
		for _, f := range fields {
			if i := slices.Index(list, f.name); i >= outside {
				c.faults.Addf(at, "give one of them another", "two fields have the name %q", f.name)
			} else if i < 0 {
				list = append(list, f.name)
				c.field(p, f, at)
			}
		}
		level = embedded
	}
	if len(list) > maxNames {
		c.faults.Addf(at, "split it", "a struct has more than %d fields", maxNames)
		return
	}
	p.names = newNames(list)
	for i := range p.fields {
		if !p.fields[i].optional {
			p.required.add(i)
		}
	}
}

// members sorts the fields of one struct into those with a name and those
// embedded without one.
func (c *planner) members(outer found, at string, fields, embedded *[]found, seen map[reflect.Type]bool) {
	t := indirect(outer.Type)
	for i := range t.NumField() {
		f := found{StructField: t.Field(i), index: append(slices.Clone(outer.index), i)}
		tag := f.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		inner := indirect(f.Type)
		embeds := f.Anonymous && name == "" && inner.Kind() == reflect.Struct
		switch {
		case tag == "-":
		case embeds && !f.IsExported() && f.Type.Kind() == reflect.Pointer:
			c.faults.Addf(at, "embed the struct itself", "an embedded pointer to the unexported %s cannot be set", inner)
		case embeds && f.Type.Kind() == reflect.Pointer && f.Type.Implements(validatorType):
			// Its method would be that of the struct around it, called with nil.
			c.faults.Addf(at, "embed the struct itself", "an embedded pointer to %s, which has a method Validate, may be nil", inner)
		case embeds && !seen[inner]:
			seen[inner] = true
			*embedded = append(*embedded, f)
		case embeds:
			c.faults.Addf(at, "give one of them a name", "%s is embedded twice", inner)
		case !f.IsExported():
		case strings.ContainsAny(name, "\"'`\\") || options != "" && options != "omitempty" && options != "omitzero" && options != "string":
			c.faults.Addf(at+"."+f.Name, "write a name, and after a comma omitempty, omitzero or string", "the tag json:%q is not known", tag)
		default:
			if f.name = name; name == "" {
				f.name = f.Name
			}
			*fields = append(*fields, f)
		}
	}
}

func (c *planner) field(p *plan, f found, at string) {
	text := f.Tag.Get("validate")
	sub := c.plan(f.Type, text, at+"."+f.Name)
	if _, options, _ := strings.Cut(f.Tag.Get("json"), ","); options == "string" {
		sub = c.quoted(sub, at+"."+f.Name)
	}
	p.fields = append(p.fields, field{f.name, f.index, sub, f.Type.Kind() == reflect.Pointer || parseTag(text).optional})
}

// quoted is the plan of a number that is sent as a string, which keeps one of
// more than 53 bits whole in JavaScript.
func (c *planner) quoted(p *plan, at string) *plan {
	q := *p
	switch p.how {
	case asInt, asUint, asFloat:
		q.quoted = true
	case asPointer:
		q.elem = c.quoted(p.elem, at)
	default:
		c.faults.Addf(at, "only numbers may be sent as strings", "the json option string does not fit a %s", p.typ)
	}
	return &q
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}
