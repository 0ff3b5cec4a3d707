// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/panoply-security/panoply/internal/fault"
)

// Encode writes v, a struct or a map or a pointer to one, as a file that
// [Decode] reads back to the same value: the fields in their order, map keys
// sorted, zero fields left out except those tagged not, which always say what
// is on. A type with MarshalText is written as its text unless that is empty.
// Inside a list or a map, a nil slice or map comes back empty.
//
// The error names what no file can say: a negative size or duration, a float
// that is not finite, text that is not UTF-8, more than the bounds allow.
func Encode(v any) ([]byte, error) {
	value := reflect.ValueOf(v)
	for value.Kind() == reflect.Pointer && !value.IsNil() {
		value = value.Elem()
	}
	if !value.IsValid() || value.Kind() != reflect.Struct && value.Kind() != reflect.Map {
		return nil, fmt.Errorf("conf: cannot encode %T as a file", v)
	}
	s, err := shapeOf(value.Type())
	if err != nil {
		return nil, err
	}
	// UnmarshalText aside, MarshalText may need an address.
	addressable := reflect.New(s.typ).Elem()
	addressable.Set(value)
	var e encoder
	var root *node
	if s.kind == structKind {
		root = e.structure("", addressable, s, 1)
	} else {
		root = e.value("", addressable, s, 1)
	}
	if err := e.faults.Err(); err != nil {
		return nil, fmt.Errorf("conf: %w", err)
	}
	out := printNode(root)
	if len(out) > maxBytes {
		return nil, fmt.Errorf("conf: the file would be larger than %d bytes", maxBytes)
	}
	return out, nil
}

// An encoder turns Go values into nodes and collects what it cannot.
type encoder struct {
	faults fault.List
}

// value turns v, whose shape is s, into a node.
func (e *encoder) value(path string, v reflect.Value, s *shape, depth int) *node {
	if depth > maxDepth {
		e.faults.Addf(path, "", "more than %d levels deep", maxDepth)
		return &node{kind: nullNode, text: "null"}
	}
	if s.text && (s.fields == nil || !v.IsZero()) {
		if text := e.text(path, v); text != "" || s.fields == nil {
			return e.spelled(path, text)
		}
	}
	switch s.kind {
	case pointerKind:
		if v.IsNil() {
			return &node{kind: nullNode, text: "null"}
		}
		return e.value(path, v.Elem(), s.elem, depth)
	case structKind:
		n := e.structure(path, v, s, depth)
		if s.list != nil && len(n.entries) == 1 && n.entries[0].key == s.list.name {
			return n.entries[0].value
		}
		return n
	case mapKind:
		return e.mapping(path, v, s, depth)
	case listKind:
		n := &node{kind: sequenceNode}
		for i := range v.Len() {
			n.items = append(n.items, e.value(pathIndex(path, i), v.Index(i), s.elem, depth+1))
		}
		return n
	case anyKind:
		return e.plain(path, v.Interface(), depth)
	}
	return e.scalar(path, v, s)
}

// structure turns the fields of a struct into a mapping.
func (e *encoder) structure(path string, v reflect.Value, s *shape, depth int) *node {
	n := &node{kind: mappingNode}
	for _, f := range s.fields {
		field := v.FieldByIndex(f.index)
		if f.not {
			n.entries = append(n.entries, entry{key: f.name, value: word(strconv.FormatBool(!field.Bool()))})
			continue
		}
		if field.IsZero() && f.shape.fields == nil {
			continue
		}
		value := e.value(pathKey(path, f.name), field, f.shape, depth+1)
		if f.shape.kind == structKind && value.kind == mappingNode && len(value.entries) == 0 {
			continue
		}
		n.entries = append(n.entries, entry{key: f.name, value: value})
	}
	if s.rest != nil {
		n.entries = append(n.entries, e.mapping(path, v.FieldByIndex(s.rest.index), s.rest.shape, depth).entries...)
	}
	return n
}

func (e *encoder) mapping(path string, v reflect.Value, s *shape, depth int) *node {
	n := &node{kind: mappingNode}
	for key, value := range v.Seq2() {
		// The elements of a map have no address, which MarshalText may need.
		elem := reflect.New(s.elem.typ).Elem()
		elem.Set(value)
		n.entries = append(n.entries, entry{key: key.String(), value: e.value(pathKey(path, key.String()), elem, s.elem, depth+1)})
	}
	return e.sorted(path, n)
}

// sorted puts the entries of a map in order.
func (e *encoder) sorted(path string, n *node) *node {
	if len(n.entries) > maxKeys {
		e.faults.Addf(path, "", "more than %d keys in a mapping", maxKeys)
	}
	for _, entry := range n.entries {
		if len(entry.key) > maxKey || !utf8.ValidString(entry.key) {
			e.faults.Addf(path, "", "a key is longer than %d bytes, or not UTF-8", maxKey)
		}
	}
	slices.SortFunc(n.entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return n
}

func (e *encoder) text(path string, v reflect.Value) string {
	m, ok := v.Addr().Interface().(encoding.TextMarshaler)
	if !ok {
		if v.Kind() == reflect.String {
			return v.String() // its UnmarshalText reads what it is
		}
		return ""
	}
	text, err := m.MarshalText()
	if err != nil {
		e.faults.Join(path, err)
	}
	return string(text)
}

func (e *encoder) scalar(path string, v reflect.Value, s *shape) *node {
	switch s.kind {
	case boolKind:
		return word(strconv.FormatBool(v.Bool()))
	case intKind:
		return word(strconv.FormatInt(v.Int(), 10))
	case uintKind:
		return word(strconv.FormatUint(v.Uint(), 10))
	case floatKind:
		return e.float(path, v.Float(), v.Type().Bits())
	case durationKind:
		if v.Int() < 0 {
			e.faults.Add(path, "the duration is negative", "")
			return word("")
		}
		return word(formatDuration(time.Duration(v.Int())))
	case sizeKind:
		if v.CanUint() {
			return word(formatSize(v.Uint()))
		}
		if v.Int() < 0 {
			e.faults.Add(path, "the size is negative", "")
		}
		return word(formatSize(uint64(v.Int())))
	}
	if len(s.values) > 0 {
		return e.spelled(path, v.String())
	}
	return e.string(path, v.String())
}

// plain turns a value of a JSON document into a node.
func (e *encoder) plain(path string, v any, depth int) *node {
	if depth > maxDepth {
		e.faults.Addf(path, "", "more than %d levels deep", maxDepth)
		return word("")
	}
	switch v := v.(type) {
	case nil:
		return &node{kind: nullNode, text: "null"}
	case bool:
		return word(strconv.FormatBool(v))
	case int:
		return word(strconv.Itoa(v))
	case int64:
		return word(strconv.FormatInt(v, 10))
	case float64:
		n := e.float(path, v, 64)
		if decimal.MatchString(n.text) {
			n.text += ".0" // or it would come back as an int64
		}
		return n
	case string:
		return e.string(path, v)
	case []any:
		n := &node{kind: sequenceNode}
		for i, item := range v {
			n.items = append(n.items, e.plain(pathIndex(path, i), item, depth+1))
		}
		return n
	case map[string]any:
		n := &node{kind: mappingNode}
		for key, value := range v {
			n.entries = append(n.entries, entry{key: key, value: e.plain(pathKey(path, key), value, depth+1)})
		}
		return e.sorted(path, n)
	}
	e.faults.Addf(path, "", "a %T is no JSON value", v)
	return word("")
}

func (e *encoder) float(path string, f float64, bits int) *node {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.faults.Add(path, "the number is not finite", "")
	}
	return word(strconv.FormatFloat(f, 'g', -1, bits))
}

// string returns a node that is read as text, whatever the text looks like.
func (e *encoder) string(path, text string) *node {
	if !utf8.ValidString(text) {
		e.faults.Add(path, "the text is not UTF-8", "")
	}
	return &node{text: text, quoted: true}
}

// spelled returns a node for a type that takes any scalar as text. Quotes make
// no difference to it, so that off and 15552000 go without.
func (e *encoder) spelled(path, text string) *node {
	n := e.string(path, text)
	n.quoted = !isPlain(text) || nullText.MatchString(text)
	return n
}

// word returns a node that is written as it is.
func word(text string) *node { return &node{text: text} }
