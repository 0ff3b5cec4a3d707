// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// queryMethods are the methods of models that take a query (1), data (2), a
// query and data (3), or a pipeline (4) first.
var queryMethods = map[string]int{
	"find": 1, "findOne": 1, "findById": 1, "findAll": 1, "findFirst": 1, "findUnique": 1, "findMany": 1, "findAndCountAll": 1,
	"findByPk": 1, "findBy": 1, "findOneBy": 1, "count": 1, "countDocuments": 1, "exists": 1, "distinct": 0, "deleteOne": 1,
	"deleteMany": 1, "remove": 1, "destroy": 1, "findOneAndDelete": 1, "findOneAndRemove": 1, "findByIdAndDelete": 1,
	"findByIdAndRemove": 1, "findOneAndUpdate": 3, "findOneAndReplace": 3, "findByIdAndUpdate": 3, "findAndModify": 3,
	"updateOne": 3, "updateMany": 3, "update": 3, "replaceOne": 3, "aggregate": 4, "create": 2, "insertMany": 2,
	"insertOne": 2, "insert": 2, "bulkCreate": 2, "createMany": 2, "upsert": 2, "build": 2, "where": 1, "findOrCreate": 1, "save": 2,
	"bulkWrite": 2,
}

func isORM(mod string) bool {
	switch mod {
	case "mongoose", "sequelize", "typeorm", "sequelize-typescript", "objection", "@typegoose/typegoose", "mongodb":
		return true
	}
	return false
}

// mongoOnly says whether what looks like a query is one of MongoDB's.
func (p *Program) mongoOnly() bool {
	t := p.Tree
	if t.Depends("sequelize") || t.Depends("@prisma/client") || t.Depends("typeorm") || t.Depends("knex") || t.Depends("objection") {
		return false
	}
	return t.Depends("mongoose") || t.Depends("mongodb") || t.Depends("monk") || t.Depends("mongoist")
}

// model is the model with a name; the first declaration with a schema wins.
func (it *interp) model(name string, schema Value, at Site) *Model {
	m := it.p.models[name]
	if m == nil {
		m = &Model{Name: name, Lib: "mongoose"}
		it.p.models[name] = m
	}
	if s, ok := One[*Schema](schema); ok && m.Schema == nil {
		m.Schema = s
	} else if o, ok := schema.(*Obj); ok && m.Schema == nil {
		m.Schema = &Schema{Def: o, At: at}
	}
	return m
}

// modelOf is the model that a class stands for.
func (it *interp) modelOf(c *Class, lib *Lib) *Model {
	name := ""
	if c.Node.Name() != nil {
		name = c.Node.Name().Text()
	}
	if lib.Mod == "mongoose" {
		return it.model(name, nil, Site{c.Mod.File, c.Node})
	}
	return it.entityModel(lib.Mod, c)
}

func (it *interp) newDoc(m *Model, args []Value, at Site) Value {
	it.emit(&Event{Kind: Made, Recv: m, Name: "new", Args: args, At: at})
	return &Doc{Model: m, At: at}
}

// modelMethod is a method of a model or collection.
func (it *interp) modelMethod(m *Model, name string, args []Value, at Site) Value {
	if v, ok := it.ormStatic(m, name, args, at); ok {
		return v
	}
	kind, known := queryMethods[name]
	if !known {
		switch name {
		case "then":
			return it.apply(arg(args, 0), nil, []Value{m}, false, at)
		case "findAllBy", "query", "raw":
		case "scope", "unscoped", "schema", "collection", "native", "withTransaction", "discriminator":
			return m
		}
		it.emit(&Event{Kind: Called, Recv: m, Name: name, Args: args, At: at})
		it.callbacks(args, nil, at)
		return nil
	}
	it.emit(&Event{Kind: Queried, Recv: m, Name: name, Args: args, At: at})
	if kind == 2 {
		m.learn(arg(args, 0))
	}
	q := &Query{Model: m, Op: name, At: at, Safe: m.Chosen}
	switch name {
	case "find", "findAll", "findMany", "where", "aggregate", "findBy", "insertMany", "bulkCreate":
		q.Many = true
	case "count", "countDocuments", "exists", "distinct", "deleteOne", "deleteMany", "updateOne", "updateMany", "remove", "destroy", "update", "replaceOne", "insertOne", "insert":
		it.callbacks(args, nil, at)
		if _, isFunc := One[*Func](arg(args, len(args)-1)); isFunc {
			return nil
		}
		q.Safe = true
		q.Op = "count"
	}
	if kind == 3 { // a query, an update, options
		it.projected(q, append([]Value{nil}, args[min(2, len(args)):]...))
	} else {
		it.projected(q, args)
	}
	if stages, ok := arg(args, 0).(*Obj); ok && name == "aggregate" && stages.Array {
		for _, st := range stages.Elems {
			q.Safe = q.Safe || stageHides(st) // what comes out is made of chosen fields
		}
	}
	if name == "create" {
		it.emit(&Event{Kind: Made, Recv: m, Name: name, Args: args, At: at})
	}
	it.callbacks(args, q.doc(), at)
	if name == "find" || name == "findOne" || name == "findById" || name == "where" || name == "findOneAndUpdate" || name == "findByIdAndUpdate" || name == "aggregate" {
		return q
	}
	if q.Op == "count" {
		return q
	}
	return q.doc()
}

// learn notes the fields of a document that the app itself wrote down.
func (m *Model) learn(v Value) {
	o, ok := v.(*Obj)
	if !ok || o.Array || len(o.Spread) > 0 {
		return
	}
	for _, k := range o.Keys() {
		f := Field{Name: k}
		v, _ := o.Get(k)
		Each(v, func(v Value) {
			switch v.(type) {
			case Str:
				f.Type = "string"
			case Num:
				f.Type = "number"
			case Bool:
				f.Type = "boolean"
			}
		})
		i := slices.IndexFunc(m.Fields, func(g Field) bool { return g.Name == k })
		switch {
		case i < 0 && len(m.Fields) < 200:
			m.Fields = append(m.Fields, f)
		case i >= 0 && m.Fields[i].Type == "":
			m.Fields[i].Type = f.Type
		}
	}
}

func (q *Query) doc() Value {
	if q.Op == "count" {
		return nil
	}
	return &Doc{Model: q.Model, Many: q.Many, Safe: q.Safe, At: q.At, Plain: q.Plain, Shown: q.Shown, With: q.With}
}

// queryMethod is a method of a query that is being put together.
func (it *interp) queryMethod(q *Query, name string, args []Value, at Site) Value {
	switch q.Model.Lib {
	case "knex", "objection":
		if v, ok := it.knexMethod(q, name, args, at); ok {
			return v
		}
	case "typeorm":
		if strings.HasPrefix(q.Op, "builder") {
			if v, ok := it.builderMethod(q, name, args, at); ok {
				return v
			}
		}
	}
	switch name {
	case "select", "projection", "project", "fields":
		return q.choose(arg(args, 0))
	case "then":
		it.rejected(args, at)
		return it.apply(arg(args, 0), nil, []Value{q.doc()}, false, at)
	case "catch":
		it.callback1(arg(args, 0), it.caughtBy(arg(args, 0), "promise", at), at)
		return q
	case "finally":
		it.callback1(arg(args, 0), nil, at)
		return q
	case "exec", "toArray", "next", "lean", "orFail":
		if len(args) > 0 && name != "lean" {
			it.callbacks(args, q.doc(), at)
		}
		if name == "lean" {
			c := *q
			c.Plain = true
			return &c
		}
		if name == "orFail" {
			return q
		}
		return q.doc()
	case "populate":
		c := *q
		c.With = append(c.With[:len(c.With):len(c.With)], it.populated(q.Model, args, 0)...)
		return &c
	case "forEach", "map", "each", "eachAsync":
		it.callback1(arg(args, 0), it.anyField(q, at), at)
		return nil
	case "countDocuments", "estimatedDocumentCount", "count", "distinct", "deleteOne", "deleteMany", "updateOne", "updateMany", "replaceOne":
		// A number, or what was done: no document.
		it.emit(&Event{Kind: Queried, Recv: q.Model, Name: "." + name, Args: args, At: at})
		it.callbacks(args, nil, at)
		return &Query{Model: q.Model, Safe: true, Op: "count", At: q.At}
	case "and", "or", "nor", "where", "find", "findOne", "equals", "in", "nin", "ne", "elemMatch", "match", "merge", "setQuery", "regex", "$where", "update", "set":
		it.emit(&Event{Kind: Queried, Recv: q.Model, Name: "." + name, Args: args, At: at})
		it.callbacks(args, q.doc(), at)
		return q
	}
	it.callbacks(args, q.doc(), at)
	return q
}

// docMethod is a method of a document, or of a list of them.
func (it *interp) docMethod(d *Doc, name string, args []Value, at Site) Value {
	one := d.as(false)
	switch name {
	case "map", "forEach", "filter", "find", "some", "every", "flatMap":
		var out Value
		if f := arg(args, 0); f != nil {
			it.branch(arm{run: func() ctl { out = it.apply(f, nil, []Value{one}, false, at); return normal }}, arm{})
		}
		switch name {
		case "map", "flatMap":
			a := newArray(at, []Value{out})
			a.Open = true
			return a
		case "filter":
			return d
		case "find":
			return one
		}
		return nil
	case "toObject", "lean":
		c := d.plain()
		c.Safe = c.Safe || d.Model != nil && d.Model.Schema != nil && d.Model.Schema.Object
		return c
	case "populate":
		d.With = append(slices.Clip(d.With), it.populated(d.Model, args, 0)...)
		return d
	case "get":
		if s, ok := Constant(arg(args, 0)); ok {
			return it.member(d, s, at)
		}
		return d
	case "toJSON", "execPopulate", "slice", "sort", "reverse", "concat", "reload":
		return d
	case "save":
		it.callbacks(args, d, at)
		return d
	case "then":
		it.rejected(args, at)
		return it.apply(arg(args, 0), nil, []Value{d}, false, at)
	case "catch":
		it.callback1(arg(args, 0), it.caughtBy(arg(args, 0), "promise", at), at)
		return d
	case "set", "overwrite", "update", "updateOne", "merge", "replaceOne", "patch", "assign", "$set", "setAttributes":
		if _, named := asKey(arg(args, 0)); !named && len(args) > 1 && strings.HasSuffix(name, "set") {
			it.setKeyed(d, args[0], args[1], at)
			return d
		}
		it.emit(&Event{Kind: Queried, Recv: d.Model, Name: "doc." + name, Args: args, At: at})
		it.callbacks(args, d, at)
		return d
	}
	if m := d.Model; m != nil && m.Schema != nil {
		if ms, ok := it.extra(m.Schema).Get("methods"); ok {
			if o, ok := ms.(*Obj); ok {
				if f, ok := o.Get(name); ok {
					return it.apply(f, d, args, false, at)
				}
			}
		}
	}
	it.emit(&Event{Kind: Called, Recv: d, Name: name, Args: args, At: at})
	it.callbacks(args, nil, at)
	return nil
}

// schemaMethod is a method of a schema.
func (it *interp) schemaMethod(s *Schema, name string, args []Value, at Site) Value {
	a, _ := Constant(arg(args, 0))
	switch name {
	case "set":
		if o, ok := arg(args, 1).(*Obj); ok {
			if f, has := o.Get("transform"); has && cleans(f) {
				s.JSON = s.JSON || a == "toJSON"
				s.Object = s.Object || a == "toObject"
			}
		}
	case "plugin":
		// Most of what is plugged into a schema changes how it is sent.
		s.Hidden = true
	case "method":
		if a == "toJSON" && cleans(arg(args, 1)) {
			s.JSON = true
		}
	case "pre", "post":
		if f, ok := One[*Func](arg(args, len(args)-1)); ok {
			it.branch(arm{run: func() ctl {
				it.call(f, &Doc{Model: &Model{Schema: s, Lib: "mongoose"}, Safe: true}, []Value{nil}, at)
				return normal
			}}, arm{})
		}
	case "virtual":
		return nil
	}
	return s
}

func looksLikeUser(name string) bool {
	name = strings.ToLower(name)
	for _, w := range []string{"user", "account", "member", "customer", "admin"} {
		if strings.TrimSuffix(name, "s") == w {
			return true
		}
	}
	return false
}

// sanitized is a value without operators.
func sanitized(t *Taint, tr *Trace) *Taint {
	if t.State <= taint.List {
		return t
	}
	return &Taint{ID: "clean(" + t.ID + ")", State: t.State, Trace: tr}
}

// FirstArgument says what a model's method takes first: a query (1), data (2), a
// query before data (3), a pipeline (4), or none of these (0).
func FirstArgument(method string) int { return queryMethods[method] }
