// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// A decoder puts nodes into Go values and collects what does not fit.
type decoder struct {
	found *collector
}

// value puts n into v, whose shape is s.
func (d decoder) value(path string, n *node, s *shape, v reflect.Value) {
	switch {
	case s.kind == pointerKind:
		d.pointer(path, n, s, v)
	case s.text && (n.kind == scalarNode || n.kind == nullNode && !n.isMissing()):
		d.text(path, n, s, v)
	case s.kind == anyKind:
		if plain := d.plain(path, n); plain != nil {
			v.Set(reflect.ValueOf(plain))
		} else {
			v.SetZero()
		}
	case n.kind == nullNode:
		// An empty section is the section without entries; an empty anything
		// else is a value that somebody forgot.
		if s.text || s.kind != structKind && s.kind != mapKind {
			d.found.add(n, path, "has no value", "write "+s.want()+", or leave the key out")
		}
	case s.kind == structKind:
		d.structure(path, n, s, v)
	case s.kind == mapKind:
		d.mapping(path, n, s, v)
	case s.kind == listKind:
		d.list(path, n, s, v)
	case n.kind != scalarNode:
		d.mismatch(path, n, s, "")
	default:
		if message, hint := setScalar(n, s, v); message != "" {
			d.found.add(n, path, message, hint)
		}
	}
}

func (d decoder) mismatch(path string, n *node, s *shape, hint string) {
	d.found.add(n, path, "expected "+s.want()+", found "+n.describe(), hint)
}

// pointer sets a pointer to nil for an explicit null, else to what n says.
func (d decoder) pointer(path string, n *node, s *shape, v reflect.Value) {
	if n.isMissing() {
		d.found.add(n, path, "has no value", "write "+s.want()+", or leave the key out")
		return
	}
	if n.kind == nullNode {
		v.SetZero()
		return
	}
	if v.IsNil() {
		v.Set(reflect.New(s.elem.typ))
	}
	d.value(path, n, s.elem, v.Elem())
}

// text hands a scalar to the type's UnmarshalText.
func (d decoder) text(path string, n *node, s *shape, v reflect.Value) {
	if message, hint := s.checkValue(n.text); message != "" {
		d.found.add(n, path, message, hint)
		return
	}
	if n.quoted && v.CanInt() {
		d.found.add(n, path, "expected a number, found text", "write it without quotes")
		return
	}
	err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.text))
	if err == nil {
		return
	}
	for _, f := range faults(err) {
		if f.Path != "" {
			f.Message = f.Path + ": " + f.Message
		}
		d.found.add(n, path, f.Message, f.Hint)
	}
}

// structure puts a mapping into a struct, or a list into the field of the
// struct that stands for it.
func (d decoder) structure(path string, n *node, s *shape, v reflect.Value) {
	if s.list != nil && (n.kind == sequenceNode || n.kind == scalarNode && s.list.shape.elem.isScalar()) {
		d.value(path, n, s.list.shape, v.FieldByIndex(s.list.index))
		return
	}
	if n.kind != mappingNode || s.text && s.fields == nil {
		d.mismatch(path, n, s, "")
		return
	}
	for _, e := range n.entries {
		below := pathKey(path, e.key)
		f := s.field(e.key)
		if f == nil && s.rest != nil {
			rest := v.FieldByIndex(s.rest.index)
			if rest.IsNil() {
				rest.Set(reflect.MakeMap(restType))
			}
			rest.Interface().(map[string]any)[e.key] = d.plain(below, e.value)
			continue
		}
		if f == nil {
			d.found.at(e.line, e.column, below, "unknown key", choose(e.key, s.names()))
			continue
		}
		d.value(below, e.value, f.shape, v.FieldByIndex(f.index))
		if f.not && e.value.kind == scalarNode {
			b := v.FieldByIndex(f.index)
			b.SetBool(!b.Bool())
		}
	}
}

// mapping puts a mapping into a new map.
func (d decoder) mapping(path string, n *node, s *shape, v reflect.Value) {
	if n.kind != mappingNode {
		d.mismatch(path, n, s, "")
		return
	}
	m := reflect.MakeMapWithSize(s.typ, len(n.entries))
	for _, e := range n.entries {
		below := pathKey(path, e.key)
		key := reflect.New(s.key.typ).Elem()
		if message, hint := s.key.checkValue(e.key); message != "" {
			d.found.at(e.line, e.column, below, message, hint)
			continue
		}
		key.SetString(e.key)
		value := reflect.New(s.elem.typ).Elem()
		d.value(below, e.value, s.elem, value)
		m.SetMapIndex(key, value)
	}
	v.Set(m)
}

// list puts a sequence, or a single scalar, into a new slice.
func (d decoder) list(path string, n *node, s *shape, v reflect.Value) {
	items := n.items
	switch {
	case n.kind == scalarNode && s.elem.isScalar():
		out := reflect.MakeSlice(s.typ, 1, 1)
		d.value(path, n, s.elem, out.Index(0))
		v.Set(out)
		return
	case n.kind != sequenceNode:
		d.mismatch(path, n, s, "put - before it")
		return
	}
	out := reflect.MakeSlice(s.typ, len(items), len(items))
	for i, item := range items {
		below := pathIndex(path, i)
		if item.isMissing() {
			d.found.add(item, below, "has no value", "write it after the -, or remove the -")
			continue
		}
		d.value(below, item, s.elem, out.Index(i))
	}
	v.Set(out)
}

// plain returns n as what encoding/json would make of it, with integers as
// int64.
func (d decoder) plain(path string, n *node) any {
	switch n.kind {
	case mappingNode:
		m := make(map[string]any, len(n.entries))
		for _, e := range n.entries {
			m[e.key] = d.plain(pathKey(path, e.key), e.value)
		}
		return m
	case sequenceNode:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			list[i] = d.plain(pathIndex(path, i), item)
		}
		return list
	case nullNode:
		return nil
	}
	switch {
	case n.quoted:
		return n.text
	case boolText.MatchString(n.text):
		return strings.EqualFold(n.text, "true")
	case !numberText.MatchString(n.text):
		return n.text
	}
	if decimal.MatchString(n.text) {
		if i, err := strconv.ParseInt(n.text, 10, 64); err == nil {
			return i
		}
	} else if jsonNumber.MatchString(n.text) {
		if f, err := strconv.ParseFloat(n.text, 64); err == nil {
			return f
		}
	}
	d.found.add(n, path, fmt.Sprintf("%s is not a number that JSON can hold", excerpt(n.text)), "write it as a decimal number, or in quotes if it is text")
	return nil
}
