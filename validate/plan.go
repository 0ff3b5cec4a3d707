// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding"
	stdjson "encoding/json"
	"fmt"
	"net/mail"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
)

// plan is a Go type's rules, compiled once per type.
type plan struct {
	kind   reflect.Kind
	bits   int              // of a number
	length int              // of an array
	free   bool             // decodes itself from any JSON value
	text   bool             // decodes itself from a string
	elem   *plan            // of a pointer, slice, array or map
	fields map[string]field // of a struct
	order  []string
	rules
}

type field struct {
	plan     *plan
	optional bool
}

// rules are what a tag says.
type rules struct {
	min, max       float64
	hasMin, hasMax bool
	email          bool
}

var plans sync.Map // reflect.Type to *plan; bounded by the types of the program

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, compilePlan(t, "", map[reflect.Type]*plan{}))
	return p.(*plan)
}

var (
	jsonUnmarshaler = reflect.TypeFor[stdjson.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func compilePlan(t reflect.Type, tag string, open map[reflect.Type]*plan) *plan {
	p := &plan{kind: t.Kind()}
	p.parse(t, tag)
	switch {
	case reflect.PointerTo(t).Implements(jsonUnmarshaler):
		p.free = true
		return p
	case reflect.PointerTo(t).Implements(textUnmarshaler):
		p.text = true
		return p
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		p.bits = t.Bits()
	case reflect.Pointer:
		p.elem = compilePlan(t.Elem(), tag, open)
	case reflect.Interface:
		p.free = true
	case reflect.Slice, reflect.Array, reflect.Map:
		if t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 {
			p.kind = reflect.String // base64, as encoding/json has it
			return p
		}
		p.elem = compilePlan(t.Elem(), "", open)
		if t.Kind() == reflect.Array {
			p.length = t.Len()
		}
	case reflect.Struct:
		if have := open[t]; have != nil {
			return have // a type that holds itself
		}
		open[t] = p
		p.fields = map[string]field{}
		p.addFields(t, open, nil)
	}
	return p
}

// addFields adds the fields of a struct, then those of the structs embedded in
// it, which its own hide.
func (p *plan) addFields(t reflect.Type, open map[reflect.Type]*plan, around []reflect.Type) {
	around = append(around, t)
	var embedded []reflect.Type
	for i := range t.NumField() {
		f := t.Field(i)
		jsonTag := f.Tag.Get("json")
		name, _, _ := strings.Cut(jsonTag, ",")
		if jsonTag == "-" {
			continue
		}
		if inner := indirect(f.Type); f.Anonymous && name == "" && inner.Kind() == reflect.Struct {
			if !slices.Contains(around, inner) {
				embedded = append(embedded, inner)
			}
			continue
		}
		if name == "" {
			name = f.Name
		}
		if _, hidden := p.fields[name]; hidden || !f.IsExported() {
			continue
		}
		tag := f.Tag.Get("validate")
		optional := f.Type.Kind() == reflect.Pointer || hasWord(tag, "optional")
		p.fields[name] = field{compilePlan(f.Type, tag, open), optional}
		p.order = append(p.order, name)
	}
	for _, inner := range embedded {
		p.addFields(inner, open, around)
	}
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func hasWord(tag, word string) bool {
	for w := range strings.SplitSeq(tag, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// parse reads a validate tag. A tag that means nothing is a bug in the program,
// found at its first use.
func (p *plan) parse(t reflect.Type, tag string) {
	for word := range strings.SplitSeq(tag, ",") {
		name, value, _ := strings.Cut(word, "=")
		n, err := strconv.ParseFloat(value, 64)
		switch {
		case word == "" || word == "optional":
		case word == "email":
			p.email = true
		case name == "min" && err == nil:
			p.min, p.hasMin = n, true
		case name == "max" && err == nil:
			p.max, p.hasMax = n, true
		default:
			panic(fmt.Sprintf("validate: %s: the tag %q is not known", t, word))
		}
	}
}

// checker collects the faults of one body.
type checker struct {
	data   []byte
	strip  bool
	path   []string
	fields []problem.Field
}

func (c *checker) add(detail string) {
	if len(c.fields) < maxFields {
		c.fields = append(c.fields, problem.Field{Pointer: pointer(c.path), Detail: detail})
	}
}

func (c *checker) at(name string, check func()) {
	c.path = append(c.path, name)
	check()
	c.path = c.path[:len(c.path)-1]
}

// check holds a value against the plan.
func (p *plan) check(c *checker, n *inspect.Node) {
	switch {
	case p.free:
		return
	case p.kind == reflect.Pointer:
		if n.Kind != inspect.Null {
			p.elem.check(c, n)
		}
		return
	case p.text || p.kind == reflect.String:
		p.checkString(c, n)
		return
	}
	switch p.kind {
	case reflect.Bool:
		p.want(c, n, inspect.Bool)
	case reflect.Struct:
		if p.want(c, n, inspect.Object) {
			p.checkStruct(c, n)
		}
	case reflect.Slice, reflect.Array:
		if p.want(c, n, inspect.Array) {
			p.size(c, float64(len(n.Elems)), "items")
			if p.kind == reflect.Array && len(n.Elems) != p.length {
				c.add(fmt.Sprintf("It must have %d items.", p.length))
			}
			for i, e := range n.Elems {
				c.at(strconv.Itoa(i), func() { p.elem.check(c, e) })
			}
		}
	case reflect.Map:
		if p.want(c, n, inspect.Object) {
			p.size(c, float64(len(n.Members)), "fields")
			for _, m := range n.Members {
				c.at(m.Name, func() { p.elem.check(c, m.Value) })
			}
		}
	default:
		p.checkNumber(c, n)
	}
}

func (p *plan) want(c *checker, n *inspect.Node, k inspect.Kind) bool {
	if n.Kind == k {
		return true
	}
	c.add("It must be " + article([]string{k.String()}) + ".")
	return false
}

func (p *plan) checkStruct(c *checker, n *inspect.Node) {
	for _, m := range n.Members {
		if f, ok := p.fields[m.Name]; ok {
			c.at(m.Name, func() { f.plan.check(c, m.Value) })
		} else if !c.strip {
			c.at(m.Name, func() { c.add("It is not a known field.") })
		}
	}
	for _, name := range p.order {
		if !p.fields[name].optional && n.Get(name) == nil {
			c.at(name, func() { c.add("It is required.") })
		}
	}
}

func (p *plan) checkString(c *checker, n *inspect.Node) {
	if !p.want(c, n, inspect.String) {
		return
	}
	p.size(c, float64(utf8.RuneCountInString(n.Text)), "characters")
	if p.email && !validEmail(n.Text) {
		c.add("It is not a valid email.")
	}
}

// validEmail accepts one address as people write it: without a display name, and
// without the quotes and brackets that only attacks still use.
func validEmail(s string) bool {
	if len(s) > 254 || strings.ContainsAny(s, "\"[]()<>\\, ") {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && strings.Contains(s[strings.LastIndexByte(s, '@')+1:], ".")
}

func (p *plan) checkNumber(c *checker, n *inspect.Node) {
	if !p.want(c, n, inspect.Number) {
		return
	}
	text := string(c.data[n.Start:n.End])
	var err error
	switch p.kind {
	case reflect.Float32, reflect.Float64:
		_, err = strconv.ParseFloat(text, p.bits)
	default:
		if strings.ContainsAny(text, ".eE") {
			c.add("It must be a whole number.")
			return
		}
		if p.kind >= reflect.Uint {
			_, err = strconv.ParseUint(text, 10, p.bits)
		} else {
			_, err = strconv.ParseInt(text, 10, p.bits)
		}
	}
	if err != nil {
		c.add("It is out of range.")
		return
	}
	v, _ := strconv.ParseFloat(text, 64)
	if p.hasMin && v < p.min {
		c.add("It must be at least " + number(p.min) + ".")
	}
	if p.hasMax && v > p.max {
		c.add("It must be at most " + number(p.max) + ".")
	}
}

func (p *plan) size(c *checker, n float64, of string) {
	if p.hasMin && n < p.min {
		c.add("It must have at least " + number(p.min) + " " + of + ".")
	}
	if p.hasMax && n > p.max {
		c.add("It must have at most " + number(p.max) + " " + of + ".")
	}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
