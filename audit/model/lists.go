// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"github.com/panoply-security/panoply/audit/taint"
)

// Fields says whether a client chooses the fields of a value too, not only what
// is in those that the app named.
func (e *Event) Fields(t *Taint) bool {
	return t.State >= taint.Any && e.State(t) >= taint.Any && !isListed(t.ID) && e.Facts.Of("key("+t.ID+")")&taint.Listed == 0
}

// Listed values are objects whose names were found to be the app's own.
const listedPrefix = "listed("

func isListed(id string) bool {
	return len(id) > len(listedPrefix) && id[:len(listedPrefix)] == listedPrefix
}

// asListed is a value whose names are known to be the app's own, for when the
// knowledge is about to be lost.
func asListed(t *Taint, f taint.Facts) *Taint {
	if t.State < taint.Any || isListed(t.ID) || f["key("+t.ID+")"]&taint.Listed == 0 {
		return t
	}
	return &Taint{ID: listedPrefix + t.ID + ")", State: t.State, Rebuilt: t.Rebuilt, Trace: t.Trace}
}

// asked is a question whether something of which nothing is known, such as a list
// that came from a package, holds a value.
func asked(name string, args []Value) Value {
	switch name {
	case "includes", "has", "hasOwnProperty", "contains":
		return listed(arg(args, 0))
	case "indexOf":
		return &Tally{Some: listed(arg(args, 0)), Index: true}
	}
	return nil
}

// eachOf is a method of a list that a client sent: forEach, map, every and their
// kin.
func (it *interp) eachOf(t *Taint, name string, args []Value, at Site) Value {
	elem := it.part(t, "*", at)
	params := []Value{elem}
	if name == "reduce" {
		params = []Value{arg(args, 1), elem}
	}
	var out Value
	if f := arg(args, 0); f != nil {
		out = it.callEach(f, params, at)
	}
	switch name {
	case "map", "flatMap":
		a := newArray(at, []Value{out})
		a.Open, a.Like = true, true
		return a
	case "reduce":
		return out
	case "find":
		return elem
	case "every", "some":
		return quantified(name, out)
	case "filter":
		if test, ok := out.(*Test); ok && everywhere(test.True)[t.ID]&taint.Typed != 0 {
			return &Taint{ID: "text(" + t.ID + ")", State: taint.List, Trace: t.Trace}
		}
		return t
	case "sort", "reverse", "flat":
		return t
	}
	return nil
}
