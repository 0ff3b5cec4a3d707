// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"
)

// knexStart begins a query with a method of the connection.
func (it *interp) knexStart(c *Call, name string, args []Value, at Site) (Value, bool) {
	switch name {
	case "transaction":
		it.callbacks(args, c, at)
		return c, true
	case "select", "from", "table", "insert", "into", "where", "with", "first", "update", "column", "columns", "distinct", "count", "queryBuilder":
		return it.knexMethod(&Query{Model: it.tableModel("knex", ""), Many: true, Op: "rows", At: at}, name, args, at)
	}
	return nil, false
}

// knexTable is db('users').
func (it *interp) knexTable(c *Call, args []Value, at Site) (Value, bool) {
	table, ok := Constant(arg(args, 0))
	if c.Lib.Mod != "knex" || !ok || len(args) > 2 {
		return nil, false
	}
	return &Query{Model: it.tableModel("knex", tableName(table)), Many: true, Op: "rows", At: at}, true
}

// tableName is a table without its alias.
func tableName(s string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	return name
}

// knexMethod is a method of a query of knex's or objection's.
func (it *interp) knexMethod(q *Query, name string, args []Value, at Site) (Value, bool) {
	c := *q
	columns := func() {
		if len(args) > 0 {
			list := arg(args, 0)
			if o, ok := list.(*Obj); !ok || !o.Array {
				list = newArray(at, args)
			}
			c = *c.choose(list)
		}
	}
	objection := q.Model.Lib == "objection"
	switch name {
	case "then", "catch", "finally", "map", "forEach":
		return nil, false
	case "from", "into", "table":
		if s, ok := Constant(arg(args, 0)); ok {
			c.Model = it.tableModel("knex", tableName(s))
		}
	case "select", "column", "columns":
		columns()
	case "first", "findById", "findOne":
		if c.Many = false; name == "first" {
			columns()
		}
	case "returning":
		c.Op = "rows"
		columns()
	case "insert", "update", "upsert", "merge", "patch", "insertGraph", "upsertGraph", "patchAndFetchById", "updateAndFetchById", "insertAndFetch", "patchAndFetch":
		it.emit(&Event{Kind: Queried, Recv: c.Model, Name: name, Args: args, At: at})
		c.Model.learn(arg(args, 0))
		if c.Op = "count"; objection && (strings.HasPrefix(name, "insert") || strings.Contains(name, "Fetch")) {
			c.Op, c.Many = "rows", false
		}
		if cols := arg(args, 1); cols != nil && name != "update" {
			c.Op = "rows"
			c = *c.choose(cols)
		}
	case "del", "delete", "deleteById", "count", "countDistinct", "max", "min", "sum", "avg", "increment", "decrement", "truncate", "pluck", "resultSize":
		c.Op = "count"
	case "where", "andWhere", "orWhere": // a function that adds to it
		it.callbacks(args, &c, at)
	}
	return &c, true
}
