// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"
)

// ormCall is a call of a package that maps objects to a database; ok is false for
// calls that say nothing about models.
func (it *interp) ormCall(l *Lib, args []Value, at Site) (v Value, ok bool) {
	parts := strings.Split(l.Path, ".")
	last := parts[len(parts)-1]
	switch l.Mod {
	case "@prisma/client":
		if l.Path == "PrismaClient" {
			it.prismaOptions(arg(args, 0))
			return nil, false
		}
		if len(parts) == 3 && parts[0] == "PrismaClient()" {
			return it.prismaMethod(it.prismaModel(parts[1]), last, args, at), true
		}
	case "sequelize", "sequelize-typescript":
		if last == "define" {
			return it.define(args, at), true
		}
		if i := slices.Index(parts, "models"); i >= 0 && i == len(parts)-3 {
			return it.modelMethod(it.tableModel("sequelize", parts[i+1]), last, args, at), true
		}
	case "typeorm":
		if last == "getRepository" || last == "getMongoRepository" || last == "getTreeRepository" {
			return it.repository(arg(args, 0)), true
		}
		if i := slices.Index(parts, "manager"); i >= 0 && i == len(parts)-2 {
			return it.manager(last, args, at), true
		}
	case "@nestjs/mongoose":
		switch last {
		case "createForClass":
			if c, ok := One[*Class](arg(args, 0)); ok {
				return it.entity(c), true
			}
		case "forFeature":
			if list, ok := arg(args, 0).(*Obj); ok {
				for _, e := range list.Elems {
					if o, ok := e.(*Obj); ok {
						name, _ := o.Get("name")
						schema, _ := o.Get("schema")
						if s, ok := Constant(name); ok {
							it.model(s, schema, at)
						}
					}
				}
			}
		}
	}
	return nil, false
}

// ormMethod is a method of what such a package gave back: a connection, a client.
func (it *interp) ormMethod(c *Call, name string, args []Value, at Site) (v Value, ok bool) {
	switch c.Lib.Mod {
	case "@prisma/client":
		switch name {
		case "$transaction":
			it.callbacks(args, c, at)
			return nil, true
		case "$extends":
			return c, true
		}
	case "typeorm":
		switch name {
		case "getRepository", "getMongoRepository", "getTreeRepository":
			return it.repository(arg(args, 0)), true
		case "createQueryBuilder":
			return it.manager(name, args, at), true
		case "transaction":
			it.callbacks(args, &Call{Lib: &Lib{Mod: "typeorm", Path: "getManager"}, At: at}, at)
			return nil, true
		case "initialize":
			return c, true
		}
		if strings.HasSuffix(c.Lib.Path, "getManager") || strings.HasSuffix(c.Lib.Path, "manager") {
			return it.manager(name, args, at), true
		}
	case "knex":
		return it.knexStart(c, name, args, at)
	}
	return nil, false
}

// tableModel is the model of a package with a name.
func (it *interp) tableModel(lib, name string) *Model {
	key := lib + ":" + name
	m := it.p.models[key]
	if m == nil {
		m = &Model{Name: name, Lib: lib}
		if len(it.p.models) < MaxRoutes {
			it.p.models[key] = m
		}
	}
	return m
}

// define is sequelize.define(name, columns, options).
func (it *interp) define(args []Value, at Site) *Model {
	s, _ := Constant(arg(args, 0))
	m := it.tableModel("sequelize", s)
	def, _ := arg(args, 1).(*Obj)
	m.Schema = &Schema{Def: def, Opts: arg(args, 2), At: at}
	return m
}

// ormStatic is a method of models that makes no query; ok is false for others.
func (it *interp) ormStatic(m *Model, name string, args []Value, at Site) (v Value, ok bool) {
	switch m.Lib {
	case "sequelize", "sequelize-typescript":
		switch name {
		case "init":
			def, _ := arg(args, 0).(*Obj)
			m.Schema = &Schema{Def: def, Opts: arg(args, 1), At: at}
			return m, true
		case "scope": // a scope mostly leaves out what is not for everyone
			c := *m
			c.Chosen = true
			return &c, true
		case "findAndCountAll":
			q := &Query{Model: m, Many: true, Op: name, At: at, Safe: m.Chosen}
			it.emit(&Event{Kind: Queried, Recv: m, Name: name, Args: args, At: at})
			it.projected(q, args)
			o := newObj(at)
			it.put(o, "rows", q.doc())
			it.put(o, "count", nil)
			return o, true
		}
	case "typeorm":
		return it.typeormMethod(m, name, args, at)
	case "objection":
		if name == "query" {
			return &Query{Model: m, Many: true, Op: "rows", At: at}, true
		}
	}
	return nil, false
}

// modelName is the name that a model has in the app.
func modelName(v Value) (string, bool) {
	switch x := v.(type) {
	case *Model:
		return x.Name, x.Name != ""
	case *Class:
		if n := x.Node.Name(); n != nil {
			return n.Text(), true
		}
	}
	return "", false
}
