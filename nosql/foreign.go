// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql

import (
	"maps"
	"slices"

	"github.com/panoply-security/panoply/inspect"
)

// foreign are names with a `$` that belong to other standards, and that no version
// of MongoDB takes for an operator in a filter, an update or a pipeline: there they
// are unknown, and an error. Names that two of them share with MongoDB, such as
// $id, $db, $comment, $type and $regex, are not among them.
var foreign = set([]string{
	// JSON Schema 2019-09 and 2020-12, and OpenAPI.
	"$schema", "$ref", "$defs", "$anchor", "$vocabulary", "$recursiveRef", "$recursiveAnchor", "$dynamicRef", "$dynamicAnchor",
	// MongoDB Extended JSON version 2, for values. $regularExpression, $code, $scope,
	// $symbol and $dbPointer are left out: what they make does something.
	"$oid", "$date", "$numberInt", "$numberLong", "$numberDouble", "$numberDecimal", "$binary", "$uuid", "$timestamp",
})

// odata are the system query options of OData 4.01, each a text at the top of a
// query. There an app that takes the whole query for a filter meets an error: at the
// top of a filter MongoDB knows none of them. Deeper, or as anything but a text,
// some are operators ($filter), stages ($count, $skip, $search) or modifiers
// ($orderby) of MongoDB.
var odata = set([]string{
	"$filter", "$select", "$expand", "$orderby", "$top", "$skip", "$count", "$search", "$format", "$compute", "$apply",
	"$index", "$schemaversion", "$skiptoken", "$deltatoken", "$levels", "$id",
})

// inQuery reports whether a path is that of a parameter of the query, and not of
// something inside one.
func inQuery(p *inspect.Path) bool { return p.Place == inspect.Query && p.Len() == 1 }

// Foreign are the names with a `$` that pass everywhere by default, sorted.
func Foreign() []string { return slices.Sorted(maps.Keys(foreign)) }

// OData are the names with a `$` that pass as texts at the top of a query, sorted.
func OData() []string { return slices.Sorted(maps.Keys(odata)) }
