// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"strings"

	"github.com/panoply-security/panoply/audit/model"
)

// documents are the values that a call stores as documents or rows, each with
// all the fields that it has.
func documents(e *model.Event) []model.Value {
	m, _ := e.Recv.(*model.Model)
	first, second := arg(e.Args, 0), arg(e.Args, 1)
	if _, named := option(second, "fields"); named { // sequelize: these columns only
		return nil
	}
	if e.Kind == model.Made {
		if m != nil && m.Lib == "prisma" {
			return nil // create, which comes as a query too
		}
		return e.Args
	}
	if strings.HasPrefix(e.Name, "doc.") {
		return updates(first)
	}
	if m == nil {
		return nil
	}
	switch m.Lib {
	case "prisma":
		var all []model.Value
		for _, name := range []string{"data", "create", "update"} {
			if v, ok := option(first, name); ok {
				all = append(all, v)
			}
		}
		return all
	case "sequelize", "sequelize-typescript":
		switch name := strings.TrimPrefix(e.Name, "."); {
		case name == "create": // made
		case name == "findOrCreate" || name == "findOrBuild" || name == "findCreateFind":
			if v, ok := option(first, "defaults"); ok {
				return []model.Value{v}
			}
		case name == "update" || model.FirstArgument(name) == 2:
			return []model.Value{first}
		}
		return nil
	case "typeorm", "mikro-orm":
		return entities(e)
	case "knex", "objection":
		switch strings.TrimPrefix(e.Name, ".") {
		case "insert", "update", "upsert", "merge", "patch", "insertGraph", "upsertGraph", "patchAndFetchById", "updateAndFetchById", "insertAndFetch", "patchAndFetch":
			return e.Args
		}
		return nil
	}
	name := strings.TrimPrefix(e.Name, ".")
	switch {
	case name == "create": // made
	case name == "bulkWrite":
		return append(operations(first, "document", "update", "replacement"), first)
	case strings.HasPrefix(e.Name, "."):
		switch name {
		case "update", "updateOne", "updateMany", "replaceOne", "findOneAndUpdate", "set":
			return append(updates(first), updates(second)...)
		}
	case model.FirstArgument(name) == 2:
		return []model.Value{first}
	case model.FirstArgument(name) == 3:
		return updates(second)
	}
	return nil
}

// entities are what the methods of TypeORM's repositories and managers store; a
// manager is told the class first.
func entities(e *model.Event) []model.Value {
	args := e.Args
	if len(args) > 0 {
		switch args[0].(type) {
		case *model.Class, *model.Model:
			args = args[1:]
		}
	}
	switch strings.TrimPrefix(e.Name, ".") {
	case "save", "create", "insert", "preload", "upsert", "values", "set":
		return args[:min(1, len(args))]
	case "merge", "update", "assign":
		return args[min(1, len(args)):]
	}
	return nil
}

// updates are the documents in an update: the whole, or what its operators set.
func updates(v model.Value) []model.Value {
	all := []model.Value{v}
	for _, op := range []string{"$set", "$setOnInsert", "$push", "$addToSet"} {
		if set, ok := option(v, op); ok {
			all = append(all, set)
		}
	}
	return all
}

// operations are the parts of a bulk write's operations with one of the names.
func operations(v model.Value, names ...string) (parts []model.Value) {
	list, ok := model.One[*model.Obj](v)
	if !ok || !list.Array {
		return nil
	}
	for _, el := range list.Elems {
		op, ok := model.One[*model.Obj](el)
		if !ok {
			continue
		}
		for _, k := range op.Keys() {
			for _, name := range names {
				if v, ok := option(el, k, name); ok {
					parts = append(parts, updates(v)...)
				}
			}
		}
	}
	return parts
}
