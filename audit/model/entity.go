// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"
)

// Decorated classes: entities of TypeORM, tables of sequelize-typescript,
// schemas of typegoose and of Nest's mongoose, and the DTOs of class-validator.

// decorator is @name(args) on a class, member or parameter.
type decorator struct {
	name string
	args []*ts.Node
	node *ts.Node
}

func decorators(n *ts.Node) (all []decorator) {
	for _, d := range ts.Decorators(n) {
		e := d.Expression()
		x := decorator{node: d}
		if e.Kind == ts.KindCallExpression {
			x.args = e.Arguments()
			e = e.Expression()
		}
		switch e.Kind {
		case ts.KindIdentifier:
			x.name = e.Text()
		case ts.KindPropertyAccessExpression:
			x.name = e.Name().Text()
		}
		all = append(all, x)
	}
	return all
}

func decorated(n *ts.Node, name string) (decorator, bool) {
	for _, d := range decorators(n) {
		if d.name == name {
			return d, true
		}
	}
	return decorator{}, false
}

// values are a decorator's arguments, as they are in the module of a class.
func (it *interp) values(d decorator, m *Module, s *scope) []Value {
	saved := it.mod
	it.mod = m
	args := it.arguments(d.args, s)
	it.mod = saved
	return args
}

// entityModel is the model of a decorated class.
func (it *interp) entityModel(lib string, c *Class) *Model {
	name, _ := modelName(c)
	m := it.tableModel(lib, name)
	if m.Schema == nil {
		m.Schema, m.Class = it.entity(c), c
	}
	return m
}

// entity is the declaration that the decorated fields of a class make.
func (it *interp) entity(c *Class) *Schema {
	def := newObj(Site{c.Mod.File, c.Node})
	for depth := 0; c != nil && depth < 8; depth++ {
		for _, m := range c.Node.Members() {
			if m.Kind != ts.KindPropertyDeclaration || m.Name() == nil || len(ts.Decorators(m)) == 0 || m.Name().Kind == ts.KindComputedPropertyName {
				continue
			}
			field := newObj(Site{c.Mod.File, m})
			it.put(field, "type", Str{typeName(m.Type())})
			for _, d := range decorators(m) {
				if d.name == "Exclude" || d.name == "HideField" {
					it.put(field, "exclude", Bool{true})
				}
				for _, a := range it.values(d, c.Mod, c.scope) {
					o, ok := a.(*Obj)
					if !ok {
						continue
					}
					for _, k := range []string{"select", "ref"} {
						if v, ok := o.Get(k); ok {
							it.put(field, k, v)
						}
					}
				}
			}
			if _, known := def.Get(m.Name().Text()); !known {
				it.put(def, m.Name().Text(), field)
			}
		}
		c, _ = One[*Class](c.Super)
	}
	if len(def.keys) == 0 {
		return &Schema{At: Site{}}
	}
	return &Schema{Def: def, At: Site{def.File, def.Node}}
}

// typeName is the name of a type, as the mappers call it.
func typeName(t *ts.Node) string {
	if t == nil {
		return ""
	}
	switch t.Kind {
	case ts.KindStringKeyword:
		return "string"
	case ts.KindNumberKeyword:
		return "number"
	case ts.KindBooleanKeyword:
		return "boolean"
	case ts.KindTypeReference:
		return strings.ToLower(ts.TypeName(t))
	}
	return ""
}
