// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import "strings"

// What populate and include put into documents.

// populated are the models whose documents populate puts into those of m.
func (it *interp) populated(m *Model, args []Value, depth int) (with []*Model) {
	if m == nil || depth > 3 {
		return nil
	}
	switch x := arg(args, 0).(type) {
	case Str:
		if len(args) > 1 && hides(args[1]) {
			return nil
		}
		for _, path := range strings.Fields(x.S) {
			if ref := it.refers(m, path); ref != nil {
				with = append(with, ref)
			}
		}
	case *Obj:
		if x.Array {
			for _, e := range x.Elems {
				with = append(with, it.populated(m, []Value{e}, depth+1)...)
			}
			return with
		}
		path, _ := x.Get("path")
		sel, has := x.Get("select")
		s, ok := Constant(path)
		if !ok {
			return nil
		}
		if !has || !hides(sel) {
			with = it.populated(m, []Value{Str{s}}, depth+1)
		}
		if nested, ok := x.Get("populate"); ok {
			with = append(with, it.populated(it.refers(m, s), []Value{nested}, depth+1)...)
		}
	}
	return with
}

// refers is the model that a path of a schema refers to.
func (it *interp) refers(m *Model, path string) *Model {
	if m == nil || m.Schema == nil || m.Schema.Def == nil {
		return nil
	}
	var v Value = m.Schema.Def
	for _, k := range strings.Split(path, ".") {
		for range 3 { // lists, and {type: […]}
			o, ok := v.(*Obj)
			if !ok {
				return nil
			}
			if o.Array && len(o.Elems) > 0 {
				v = o.Elems[0]
				continue
			}
			if f, ok := o.Get(k); ok {
				v = f
				break
			}
			t, ok := o.Get("type")
			if !ok {
				return nil
			}
			v = t
		}
	}
	for range 3 {
		o, ok := v.(*Obj)
		if !ok {
			return nil
		}
		if o.Array && len(o.Elems) > 0 {
			v = o.Elems[0]
			continue
		}
		if ref, ok := o.Get("ref"); ok {
			if m, ok := One[*Model](ref); ok {
				return m
			}
			s, _ := Constant(ref)
			return it.p.models[s]
		}
		if v, ok = o.Get("type"); !ok {
			return nil
		}
	}
	return nil
}

// included are the models that an include of sequelize's joins whole.
func (it *interp) included(v Value) (with []*Model) {
	switch x := v.(type) {
	case *Model:
		return []*Model{x}
	case *Class:
		if lib, ok := rootSuper(x).(*Lib); ok && isORM(lib.Mod) {
			return []*Model{it.modelOf(x, lib)}
		}
	case *Obj:
		if x.Array {
			for _, e := range x.Elems[:min(len(x.Elems), maxLoop)] {
				with = append(with, it.included(e)...)
			}
			return with
		}
		m, ok := x.Get("model")
		if fields, chosen := x.Get("attributes"); ok && !(chosen && hides(fields)) {
			return it.included(m)
		}
	}
	return nil
}
