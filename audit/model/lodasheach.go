// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// lodashEach are the functions of lodash that go through the fields of what a
// client sent; ok is false for others, and for values of another kind.
func (it *interp) lodashEach(name string, args []Value, at Site) (v Value, ok bool) {
	if len(args) == 0 {
		return nil, false
	}
	if list, ok := args[0].(*Obj); ok && (name == "difference" || name == "without") && list.Like && len(list.Elems) == 1 {
		// The names that are not among the app's.
		if key, ok := list.Elems[0].(*Taint); ok {
			out := newArray(at, list.Elems)
			out.Open, out.Like = true, true
			out.Empty = everywhere(taint.Facts{}.With(key.ID, taint.Listed))
			return out, true
		}
	}
	t, ok := One[*Taint](args[0])
	if !ok || t.State < taint.Any {
		return nil, false
	}
	switch name {
	case "keys", "values", "entries", "toPairs":
		if name == "toPairs" {
			name = "entries"
		}
		return it.builtin(&Lib{Path: "Object." + name}, args[:1], false, at)
	case "forEach", "each", "forOwn", "forIn", "mapValues", "pickBy", "omitBy", "mapKeys":
		var out Value
		if f := arg(args, 1); f != nil {
			out = it.callEach(f, []Value{it.anyField(args[0], at), it.keyOf(args[0], at)}, at)
		}
		switch name {
		case "forEach", "each", "forOwn", "forIn":
			return args[0], true
		}
		facts := taint.Facts{}
		if test, ok := out.(*Test); ok && name == "pickBy" {
			facts = everywhere(test.True)
		} else if ok && name == "omitBy" {
			facts = everywhere(test.False)
		}
		if facts["key("+t.ID+")"]&taint.Listed != 0 {
			o := newObj(at)
			o.Open = true
			return o, true
		}
		return &Taint{ID: t.ID, State: taint.Whole, Rebuilt: t.Rebuilt, Trace: it.traced(t, at, "all fields but some")}, true
	}
	return nil, false
}

// oneOfLodash is the function that a package with one of lodash's is:
// lodash/pick, lodash.pick.
func oneOfLodash(mod string) (name string, ok bool) {
	for _, prefix := range []string{"lodash/", "lodash.", "lodash-es/"} {
		if name, ok = strings.CutPrefix(mod, prefix); ok {
			return strings.TrimSuffix(strings.TrimPrefix(name, "fp/"), ".js"), true
		}
	}
	return "", false
}
