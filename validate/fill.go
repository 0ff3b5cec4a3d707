// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding"
	"encoding/base64"
	stdjson "encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/inspect"
)

// filler fills one value from a reading's tree, and collects what is wrong with
// it on the way. A value with a fault is not to be used.
type filler struct {
	data  []byte // of the reading: its numbers stand there
	text  bool   // a form or query, where every scalar is a string
	strip bool   // members that are not declared are left out, not faults
	misfits
}

// fill reads n into v by the plan.
func (f *filler) fill(p *plan, n *inspect.Node, v reflect.Value) {
	before := len(f.misfits)
	switch p.how {
	case asString:
		if f.want(n, inspect.String) && f.fits(p, n.Text) {
			v.SetString(strings.Clone(n.Text)) // or it would keep the whole body
		}
	case asBool:
		f.boolean(n, v)
	case asInt, asUint, asFloat, asNumber:
		f.number(p, n, v)
	case asBytes:
		f.bytes(p, n, v)
	case asText:
		if f.want(n, inspect.String) && f.fits(p, n.Text) {
			if v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Text)) != nil {
				f.add(unfit(p)) // never its error, which may quote the value
			}
		}
	case asJSON:
		if v.Addr().Interface().(stdjson.Unmarshaler).UnmarshalJSON(f.source(n)) != nil {
			f.add(unfit(p))
		}
	case asAny:
		f.any(n, v)
	case asPointer:
		if n.Kind == inspect.Null {
			v.SetZero()
			return
		}
		v.Set(reflect.New(p.elem.typ))
		f.fill(p.elem, n, v.Elem())
	case asStruct:
		f.structure(p, n, v)
	case asSlice, asArray:
		f.list(p, n, v)
	case asDict:
		f.dict(p, n, v)
	}
	if p.own && len(f.misfits) == before && before < maxFields {
		if err := v.Addr().Interface().(validator).Validate(); err != nil {
			f.add(err.Error())
		}
	}
}

func unfit(p *plan) string {
	if p.typ == timeType {
		return "It is not a valid date-time."
	}
	return "It does not fit."
}

// want reports whether a value is of the kind, and adds a fault if not.
func (f *filler) want(n *inspect.Node, k inspect.Kind) bool {
	if n.Kind == k {
		return true
	}
	f.add("It must be " + article([]string{k.String()}) + ".")
	return false
}

// fits holds a text against the rules.
func (f *filler) fits(p *plan, s string) bool {
	before := len(f.misfits)
	if p.least > 0 || p.most < len(s) { // of n bytes there are at most n characters
		f.count(p, utf8.RuneCountInString(s))
	}
	for i := range p.tests {
		if !p.tests[i].pass(s) {
			f.add(p.tests[i].detail)
		}
	}
	return len(f.misfits) == before
}

func (f *filler) count(p *plan, n int) (fits bool) {
	if n < p.least {
		f.add(p.tooFew())
	}
	if n > p.most {
		f.add(p.tooMany())
	}
	return n >= p.least && n <= p.most
}

func (f *filler) boolean(n *inspect.Node, v reflect.Value) {
	if f.text && n.Kind == inspect.String && (n.Text == "true" || n.Text == "false") {
		v.SetBool(n.Text == "true")
	} else if f.want(n, inspect.Bool) {
		v.SetBool(f.data[n.Start] == 't')
	}
}

// number reads a number of the plan's size and nothing else: no fraction for a
// whole number, no rounding to infinity, no number that stands in a string unless
// the plan or the source says that it does.
func (f *filler) number(p *plan, n *inspect.Node, v reflect.Value) {
	var text string
	switch {
	case n.Kind == inspect.Number && !p.quoted:
		text = string(f.data[n.Start:n.End])
	case n.Kind == inspect.String && (f.text || p.quoted) && isNumber(n.Text):
		text = n.Text
	case p.quoted && !f.text:
		f.add("It must be a number in a string.")
		return
	default:
		f.want(n, inspect.Number)
		return
	}
	if (p.how == asInt || p.how == asUint) && strings.ContainsAny(text, ".eE") {
		f.add("It must be a whole number.")
		return
	}
	var err error
	var low, high bool
	switch p.how {
	case asInt:
		var i int64
		i, err = strconv.ParseInt(text, 10, p.typ.Bits())
		low, high = i < p.minInt, i > p.maxInt
		v.SetInt(i)
	case asUint:
		var u uint64
		u, err = strconv.ParseUint(text, 10, p.typ.Bits())
		low, high = u < p.minUint, u > p.maxUint
		v.SetUint(u)
	case asFloat:
		var x float64
		x, err = strconv.ParseFloat(text, p.typ.Bits())
		low, high = x < p.minNum, x > p.maxNum
		v.SetFloat(x)
	case asNumber:
		var x float64
		x, err = strconv.ParseFloat(text, 64)
		low, high = x < p.minNum, x > p.maxNum
		v.SetString(strings.Clone(text))
	}
	switch {
	case err != nil:
		f.add("It is out of range.")
	case low:
		f.add(p.low)
	case high:
		f.add(p.high)
	}
	for i := range p.tests {
		if !p.tests[i].pass(text) {
			f.add(p.tests[i].detail)
		}
	}
}

const (
	maxNumber   = 100 // bytes of a number in a text, as package inspect has it
	maxExponent = 400 // of ten, either way
)

// isNumber reports whether a text is a number as JSON spells it, at a cost that its
// bytes account for: 1e999999 takes one who computes exactly a megabyte.
func isNumber(s string) bool {
	rest := strings.TrimPrefix(s, "-")
	whole := strings.TrimLeft(rest, digits)
	if n := len(rest) - len(whole); n == 0 || n > 1 && rest[0] == '0' || len(s) > maxNumber {
		return false
	}
	if fraction, ok := strings.CutPrefix(whole, "."); ok {
		if whole = strings.TrimLeft(fraction, digits); len(whole) == len(fraction) {
			return false
		}
	}
	if whole == "" {
		return true
	}
	exponent := whole[1:]
	if (whole[0] != 'e' && whole[0] != 'E') || exponent == "" || strings.Trim(exponent[1:], digits) != "" {
		return false
	}
	n, err := strconv.Atoi(exponent)
	return err == nil && n >= -maxExponent && n <= maxExponent
}

func (f *filler) bytes(p *plan, n *inspect.Node, v reflect.Value) {
	if !f.want(n, inspect.String) {
		return
	}
	b, err := base64.StdEncoding.Strict().DecodeString(n.Text)
	if err != nil || strings.ContainsAny(n.Text, "\r\n") { // which the decoder skips
		f.add("It must be base64.")
		return
	}
	if f.count(p, len(b)) {
		v.SetBytes(b)
	}
}

// source is a value as JSON, for a type that decodes itself.
func (f *filler) source(n *inspect.Node) []byte {
	if !f.text {
		return f.data[n.Start:n.End]
	}
	b, _ := stdjson.Marshal(n.Any(nil)) // texts, lists and objects of them cannot fail
	return b
}

func (f *filler) any(n *inspect.Node, v reflect.Value) {
	value, ok := native(n, f.data)
	if !ok {
		f.add("It is out of range.")
	}
	if value == nil {
		v.SetZero()
		return
	}
	v.Set(reflect.ValueOf(value))
}

// native is a value as encoding/json decodes it into an any.
func native(n *inspect.Node, data []byte) (value any, ok bool) {
	ok = true
	switch n.Kind {
	case inspect.String:
		return strings.Clone(n.Text), true
	case inspect.Number:
		x, err := strconv.ParseFloat(string(data[n.Start:n.End]), 64)
		return x, err == nil
	case inspect.Array:
		list := make([]any, len(n.Elems))
		for i, e := range n.Elems {
			var fits bool
			list[i], fits = native(e, data)
			ok = ok && fits
		}
		return list, ok
	case inspect.Object:
		object := make(map[string]any, len(n.Members))
		for _, m := range n.Members {
			var fits bool
			object[strings.Clone(m.Name)], fits = native(m.Value, data)
			ok = ok && fits
		}
		return object, ok
	}
	return n.Any(data), true
}

func (f *filler) structure(p *plan, n *inspect.Node, v reflect.Value) {
	if !f.want(n, inspect.Object) {
		return
	}
	var seen nameSet
	at := -1
	for i := range n.Members {
		m := &n.Members[i]
		if at = p.names.find(m.Name, at+1); at < 0 {
			if !f.strip {
				f.at(m.Name, "It is not a known field.")
			}
			continue
		}
		field := &p.fields[at]
		if f.text && field.optional && m.Value.Kind == inspect.String && m.Value.Text == "" && !field.plan.takesText() {
			continue // an input that was left empty
		}
		seen.add(at)
		before := len(f.misfits)
		f.fill(field.plan, m.Value, field.of(v))
		f.inside(before, m.Name)
	}
	if seen.holds(&p.required) {
		return
	}
	for i := range p.fields {
		if p.required.has(i) && !seen.has(i) {
			f.at(p.fields[i].name, "It is required.")
		}
	}
}

// takesText reports whether an empty text is a value of its own.
func (p *plan) takesText() bool {
	p = p.target()
	return p.how == asString || p.how == asAny
}

// of is the field in its struct; the embedded pointers on the way are set.
func (fd *field) of(v reflect.Value) reflect.Value {
	for i, at := range fd.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v
}

func (f *filler) list(p *plan, n *inspect.Node, v reflect.Value) {
	elems := n.Elems
	var one [1]*inspect.Node
	if f.text && n.Kind == inspect.String { // a form has no other list of one
		one[0] = n
		elems = one[:]
	} else if !f.want(n, inspect.Array) {
		return
	}
	if p.how == asArray {
		if len(elems) != v.Len() {
			f.add("It must have " + plural(v.Len(), "item") + ".")
			return
		}
	} else {
		if !f.count(p, len(elems)) {
			return // and nothing is made for a list that is too long
		}
		v.Set(reflect.MakeSlice(p.typ, len(elems), len(elems)))
	}
	for i, e := range elems {
		before := len(f.misfits)
		f.fill(p.elem, e, v.Index(i))
		if len(f.misfits) > before {
			f.inside(before, strconv.Itoa(i))
		}
	}
}

func (f *filler) dict(p *plan, n *inspect.Node, v reflect.Value) {
	if !f.want(n, inspect.Object) || !f.count(p, len(n.Members)) {
		return
	}
	m := reflect.MakeMapWithSize(p.typ, len(n.Members))
	key, elem := reflect.New(p.typ.Key()).Elem(), reflect.New(p.elem.typ).Elem()
	for i := range n.Members {
		name := n.Members[i].Name
		key.SetZero()
		elem.SetZero()
		if own, ok := key.Addr().Interface().(encoding.TextUnmarshaler); !ok {
			key.SetString(strings.Clone(name))
		} else if own.UnmarshalText([]byte(name)) != nil || m.MapIndex(key).IsValid() {
			f.at(name, "Its name is not allowed.")
			continue
		}
		before := len(f.misfits)
		f.fill(p.elem, n.Members[i].Value, elem)
		f.inside(before, name)
		m.SetMapIndex(key, elem)
	}
	v.Set(m)
}
