// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"
)

// prismaModel is the model behind prisma.user, with the fields that the app's
// schema.prisma declares.
func (it *interp) prismaModel(name string) *Model {
	m := it.tableModel("prisma", name)
	if m.Schema == nil {
		m.Schema = &Schema{Def: it.prismaFields(name)}
	}
	return m
}

// prismaFields reads one model of the schema files: a field a line, its name,
// its type, its attributes.
func (it *interp) prismaFields(name string) *Obj {
	for _, text := range it.p.Tree.Texts(".prisma") {
		var def *Obj
		for line := range strings.Lines(text) {
			words := strings.Fields(line)
			switch {
			case len(words) < 2 || strings.HasPrefix(words[0], "//") || strings.HasPrefix(words[0], "@@"):
				if def != nil && len(words) > 0 && words[0] == "}" {
					return def
				}
			case words[0] == "model" && strings.EqualFold(words[1], name):
				def = newObj(Site{})
			case def != nil && len(def.keys) < 500:
				f := newObj(Site{})
				it.put(f, "type", Str{prismaType(words[1])})
				it.put(f, "of", Str{strings.TrimRight(words[1], "?[]")})
				it.put(def, words[0], f)
			}
		}
	}
	return nil
}

// prismaType is a type of Prisma's as the other mappers call it; a relation has
// none.
func prismaType(t string) string {
	if strings.HasSuffix(t, "[]") {
		return ""
	}
	switch t = strings.TrimSuffix(t, "?"); t {
	case "String":
		return "string"
	case "DateTime":
		return "date"
	case "Int", "BigInt", "Float", "Decimal":
		return "number"
	case "Boolean":
		return "boolean"
	}
	return ""
}

// prismaOptions are those of the client: omit leaves fields out of every answer.
func (it *interp) prismaOptions(v Value) {
	o, ok := v.(*Obj)
	if !ok {
		return
	}
	omit, _ := o.Get("omit")
	models, ok := omit.(*Obj)
	if !ok {
		return
	}
	for _, name := range models.Keys() {
		if f, _ := models.Get(name); asks(f) {
			it.prismaModel(name).Schema.Hidden = true
		}
	}
}

func (it *interp) prismaMethod(m *Model, name string, args []Value, at Site) Value {
	it.emit(&Event{Kind: Queried, Recv: m, Name: name, Args: args, At: at})
	q := &Query{Model: m, Op: name, At: at}
	switch name {
	case "findMany", "createManyAndReturn", "updateManyAndReturn":
		q.Many = true
	case "findUnique", "findFirst", "findUniqueOrThrow", "findFirstOrThrow", "create", "update", "upsert", "delete":
	default:
		q.Op = "count"
	}
	it.projected(q, args)
	if o, ok := arg(args, 0).(*Obj); ok {
		data, _ := o.Get("data")
		m.learn(data)
		for _, k := range []string{"include", "select"} {
			joined, _ := o.Get(k)
			q.With = append(q.With, it.prismaJoined(m, joined)...)
		}
	}
	return q
}

// prismaJoined are the models of relations that are sent whole.
func (it *interp) prismaJoined(m *Model, v Value) (with []*Model) {
	o, ok := v.(*Obj)
	if !ok || m.Schema.Def == nil {
		return nil
	}
	for _, k := range o.Keys() {
		f, _ := m.Schema.Def.Get(k)
		field, ok := f.(*Obj)
		if !ok {
			continue
		}
		of, _ := field.Get("of")
		s, _ := Constant(of)
		if it.prismaFields(s) == nil {
			continue
		}
		chosen, _ := o.Get(k)
		if opts, ok := chosen.(*Obj); ok {
			if sel, has := opts.Get("select"); has && hides(sel) {
				continue
			}
			if out, has := opts.Get("omit"); has && asks(out) {
				continue
			}
		} else if chosen != (Bool{true}) {
			continue
		}
		with = append(with, it.prismaModel(s))
	}
	return with
}
