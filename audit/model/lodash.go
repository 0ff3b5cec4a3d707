// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// lodash is the part of lodash through which data flows.
func (it *interp) lodash(name string, l *Lib, args []Value, at Site) Value {
	if v, ok := it.lodashEach(name, args, at); ok {
		return v
	}
	a := arg(args, 0)
	switch name {
	case "pick", "pickBy":
		o := newObj(at)
		keys := args[min(1, len(args)):]
		if list, ok := arg(args, 1).(*Obj); ok {
			keys = list.Elems
		}
		for _, k := range keys {
			if s, ok := Constant(k); ok {
				it.put(o, s, it.member(a, s, at))
			} else {
				o.Open = true
			}
		}
		return o
	case "omit":
		if t, ok := One[*Taint](a); ok && t.State >= taint.Any {
			return &Taint{ID: t.ID + ".*", State: taint.Whole, Trace: it.traced(t, at, "all fields but some")}
		}
		return a
	case "isString", "isNumber", "isBoolean":
		if t, ok := a.(*Taint); ok {
			return &Test{True: taint.Facts{}.With(t.ID, taint.String)}
		}
		return &Test{}
	case "isObject", "isPlainObject":
		if t, ok := a.(*Taint); ok {
			return &Test{False: taint.Facts{}.With(t.ID, taint.String)}
		}
		return &Test{}
	case "toString", "trim", "escape", "toLower", "lowerCase":
		return it.tainted(args[:min(1, len(args))])
	case "extend", "assign", "merge", "defaults", "defaultsDeep", "assignIn", "mergeWith":
		if o, ok := a.(*Obj); ok {
			for _, from := range args[1:] {
				it.spread(o, from)
			}
		}
		return a
	case "clone", "cloneDeep":
		return a
	case "get":
		if s, ok := Constant(arg(args, 1)); ok {
			for _, k := range strings.Split(s, ".") {
				a = it.member(a, k, at)
			}
			return a
		}
		return nil
	case "map", "forEach", "each", "filter", "some", "every", "find":
		return it.method(a, name, args[min(1, len(args)):], at)
	}
	it.callbacks(args, nil, at)
	return nil
}
