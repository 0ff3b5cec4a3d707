// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import "strings"

// repository is the repository of an entity.
func (it *interp) repository(v Value) *Model {
	if c, ok := One[*Class](v); ok {
		return it.entityModel("typeorm", c)
	}
	if m, ok := One[*Model](v); ok {
		return m
	}
	s, _ := Constant(v)
	return it.tableModel("typeorm", s)
}

// manager is a method of an entity manager, which is told the entity first.
func (it *interp) manager(name string, args []Value, at Site) Value {
	m := it.tableModel("typeorm", "")
	if name == "getRepository" {
		return it.repository(arg(args, 0))
	}
	if _, ok := One[*Class](arg(args, 0)); ok {
		m = it.repository(args[0])
		if len(args) > 1 && name != "createQueryBuilder" {
			// What comes behind the entity is what a repository takes.
			it.emit(&Event{Kind: Queried, Recv: m, Name: name, Args: args, At: at})
			v, _ := it.typeormAnswer(m, name, args[1:], at)
			return v
		}
	}
	v, _ := it.typeormMethod(m, name, args, at)
	return v
}

// typeormMethod is a method of a repository.
func (it *interp) typeormMethod(m *Model, name string, args []Value, at Site) (Value, bool) {
	if name == "createQueryBuilder" {
		return &Query{Model: m, Many: true, Op: "builder", At: at}, true
	}
	v, ok := it.typeormAnswer(m, name, args, at)
	if ok {
		it.emit(&Event{Kind: Queried, Recv: m, Name: name, Args: args, At: at})
	}
	return v, ok
}

// typeormAnswer is what a method of a repository gives.
func (it *interp) typeormAnswer(m *Model, name string, args []Value, at Site) (Value, bool) {
	q := &Query{Model: m, Op: name, At: at}
	switch name {
	case "find", "findBy":
		q.Many = true
	case "findOne", "findOneBy", "findOneOrFail", "findOneByOrFail", "preload":
	case "save", "create", "merge":
		data := arg(args, 0)
		m.learn(data)
		if o, ok := One[*Obj](data); ok && o.Array {
			q.Many = true
		}
		if d, ok := One[*Doc](data); ok {
			return d, true
		}
		if o, ok := One[*Obj](data); ok && o.Class != nil && name == "save" {
			return o, true
		}
	case "findAndCount", "findAndCountBy":
		q.Many = true
		it.projected(q, args)
		return newArray(at, []Value{q.doc(), nil}), true
	case "insert", "update", "upsert", "delete", "softDelete", "remove", "count", "countBy", "exists", "existsBy", "increment", "decrement", "clear", "query":
		q.Op = "count"
	default:
		return nil, false
	}
	it.projected(q, args)
	it.callbacks(args, nil, at)
	return q, true
}

// builderMethod is a method of a query builder of TypeORM's.
func (it *interp) builderMethod(q *Query, name string, args []Value, at Site) (Value, bool) {
	c := *q
	switch name {
	case "values", "set":
		it.emit(&Event{Kind: Queried, Recv: c.Model, Name: "." + name, Args: args, At: at})
		c.Op = "builder-write"
	case "into", "update", "from":
		if _, ok := One[*Class](arg(args, 0)); ok {
			c.Model = it.repository(args[0])
		}
	case "select":
		if len(args) > 0 {
			c = *c.choose(args[0])
		}
	case "addSelect":
		c.Shown = c.Shown || asks(arg(args, 0)) || hidesNot(arg(args, 0))
	case "getMany", "getOne", "getOneOrFail", "getRawMany", "getRawOne":
		c.Many = strings.HasSuffix(name, "Many")
		return c.doc(), true
	case "getManyAndCount":
		return newArray(at, []Value{c.doc(), nil}), true
	case "execute", "getCount", "getExists":
		return nil, true
	case "then", "catch", "finally":
		return nil, false
	}
	return &c, true
}

// hidesNot says whether a column such as user.password is a password's.
func hidesNot(v Value) bool {
	s, ok := Constant(v)
	return ok && isPassword(s[strings.LastIndexByte(s, '.')+1:])
}
