// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

// Names that a client chose: the keys of what it sent. What is written under
// such a name copies the client's fields, one at a time; a name that the app
// found in a list of its own is the app's.

// keyed is o[key] = v, or {[key]: v}, for a key that is not known.
func (it *interp) keyed(o *Obj, key, v Value, at Site) {
	o.Open = true
	if t := it.copied(key, v, at); t != nil {
		if len(o.Spread) < maxLoop && !slices.ContainsFunc(o.Spread, func(s Value) bool { return same(s, t) }) {
			o.Spread = append(o.Spread, t)
		}
		return
	}
	if old, ok := o.Get("[computed]"); ok {
		v = join(old, v)
	}
	it.put(o, "[computed]", v)
}

// copied is what an object holds once v, which a client sent, was put into it
// under a name of the client's: any field of the client's. It is nil for
// names of the app's own.
func (it *interp) copied(key, v Value, at Site) *Taint {
	if _, ok := One[*Taint](v); !ok {
		return nil
	}
	var out *Taint
	Each(key, func(k Value) {
		t, ok := k.(*Taint)
		if !ok || it.facts.Of(t.ID)&taint.Listed != 0 || strings.HasPrefix(t.ID, "text(") {
			return
		}
		id, whole := strings.CutPrefix(t.ID, "key(")
		if id = strings.TrimSuffix(id, ")"); !whole {
			id = "named(" + t.ID + ")"
		}
		out = &Taint{ID: id, State: taint.Whole, Trace: it.traced(t, at, "a field of that name is set")}
	})
	return out
}

// keyFacts says that the names of a value are the app's own.
func keyFacts(id string) taint.Facts { return taint.Facts{}.With("key("+id+")", taint.Listed) }

// everywhere is what facts about one element of something say of all of it, when
// they hold for each of its elements: of names, that they are listed; of values,
// that they are texts.
func everywhere(f taint.Facts) taint.Facts {
	all := taint.Facts{}
	for id, fact := range f {
		if strings.HasPrefix(id, "key(") && fact&taint.Listed != 0 {
			all = all.With(id, taint.Listed)
		}
		if whole, ok := strings.CutSuffix(id, ".*"); ok && fact&taint.String != 0 {
			all = all.With(whole, taint.Typed)
		}
	}
	return all
}

// listed is what is known where a value is in a list of the app's own.
func listed(v Value) *Test {
	t, ok := One[*Taint](v)
	if !ok {
		return &Test{}
	}
	n := 0
	Each(v, func(v Value) {
		if _, ok := v.(*Taint); ok {
			n++
		}
	})
	if n > 1 { // which of them is not known
		return &Test{}
	}
	return &Test{True: taint.Facts{}.With(t.ID, taint.String|taint.Listed)}
}

// quantified is what every and some say of a list, of one of whose elements
// t was found.
func quantified(method string, t Value) Value {
	one, ok := t.(*Test)
	if !ok {
		return nil
	}
	switch method {
	case "every":
		return &Test{True: everywhere(one.True)}
	case "some", "find", "findIndex":
		return &Test{False: everywhere(one.False)}
	}
	return nil
}

// without is a taint of a name that is known to be the app's: none.
func without(v Value, f taint.Facts) Value {
	if t, ok := v.(*Taint); ok && strings.HasPrefix(t.ID, "key(") && f.Of(t.ID)&taint.Listed != 0 {
		return nil
	}
	if o, ok := v.(*Obj); ok && o.Array && len(o.Elems) > 0 { // an entry
		if first := without(o.Elems[0], f); first != o.Elems[0] {
			return newArray(Site{o.File, o.Node}, append([]Value{first}, o.Elems[1:]...))
		}
	}
	return v
}

// filtered is an unknown list with only those elements for which t holds.
func filtered(o *Obj, t Value, at Site) *Obj {
	out := newArray(at, o.Elems)
	out.Open, out.Like = true, o.Like
	one, ok := t.(*Test)
	if !ok {
		return out
	}
	kept := make([]Value, len(o.Elems))
	for i, e := range o.Elems {
		kept[i] = without(e, one.True)
	}
	out.Elems = kept
	out.Empty = everywhere(one.False)
	return out
}

// Tally is how many elements a list has, or where in it something is.
type Tally struct {
	// Some is what is known when there are some, or when it is there.
	Some *Test
	// Index says that it counts from 0, with -1 for what is not there.
	Index bool
}

// compare is what a comparison of a tally with a number says; ok is false where
// nothing is known.
func (c *Tally) compare(op ts.Kind, n float64) (t *Test, ok bool) {
	not := &Test{True: c.Some.False, False: c.Some.True}
	none := 0.0
	if c.Index {
		none = -1
	}
	switch op {
	case ts.KindEqualsEqualsToken, ts.KindEqualsEqualsEqualsToken:
		if n == none {
			return not, true
		}
		return &Test{True: c.Some.True}, true
	case ts.KindExclamationEqualsToken, ts.KindExclamationEqualsEqualsToken, ts.KindGreaterThanToken:
		return c.Some, n == none
	case ts.KindGreaterThanEqualsToken:
		return c.Some, n == none+1
	case ts.KindLessThanToken:
		return not, n == none+1
	case ts.KindLessThanEqualsToken:
		return not, n == none
	}
	return nil, false
}

// tallied is the comparison of a tally, if it is one.
func tallied(op ts.Kind, l, r Value) (*Test, bool) {
	c, ok := l.(*Tally)
	n, is := r.(Num)
	if !ok || !is {
		return nil, false
	}
	return c.compare(op, n.F)
}

// within is what is known where a name is a member of an object of the app's.
func (it *interp) within(name, of Value) *Test {
	o, ok := of.(*Obj)
	if !ok || o.Array || len(o.Spread) > 0 || len(o.Keys()) == 0 {
		return &Test{}
	}
	return listed(name)
}

// flags is allowed[k] for an object that says of names whether they are allowed.
func flags(o *Obj, key Value) (*Test, bool) {
	if _, ok := One[*Taint](key); !ok || o.Open || o.Array || len(o.Spread) > 0 || len(o.Keys()) == 0 {
		return nil, false
	}
	for _, k := range o.Keys() {
		switch f, _ := o.Get(k); f {
		case Bool{true}, Num{1}:
		default:
			return nil, false
		}
	}
	return listed(key), true
}

// entriesOf is the object that a list of entries makes.
func (it *interp) entriesOf(v Value, at Site) *Obj {
	o := newObj(at)
	o.Open = true
	list, ok := v.(*Obj)
	if !ok || !list.Array {
		return o
	}
	known := !list.Open && len(list.Spread) == 0
	for _, e := range list.Elems {
		entry, ok := e.(*Obj)
		if !ok || !entry.Array || len(entry.Elems) < 2 {
			known = false
			continue
		}
		if k, ok := asKey(entry.Elems[0]); ok {
			it.put(o, k, entry.Elems[1])
			continue
		}
		known = false
		it.keyed(o, entry.Elems[0], entry.Elems[1], at)
	}
	o.Open = !known
	return o
}

// sent says whether a list holds what clients sent.
func (it *interp) sent(o *Obj) bool {
	for _, e := range o.Elems {
		if _, ok := One[*Taint](e); ok {
			return true
		}
	}
	return len(o.Spread) > 0
}

// setKeyed is recv[key] = v for a key that is not known.
func (it *interp) setKeyed(recv, key, v Value, at Site) {
	Each(recv, func(r Value) {
		switch x := r.(type) {
		case *Obj:
			it.keyed(x, key, v, at)
		case *Doc:
			if t := it.copied(key, v, at); t != nil {
				it.emit(&Event{Kind: Queried, Recv: x.Model, Name: "doc.[]", Args: []Value{t}, At: at})
			}
		}
	})
}

// remove is delete n. A name of the client's that is taken out is as good as one
// that was not sent.
func (it *interp) remove(n *ts.Node, s *scope) {
	if n.Kind == ts.KindElementAccessExpression {
		key := it.eval(n.AsElementAccessExpression().ArgumentExpression, s)
		if _, ok := asKey(key); !ok {
			it.eval(n.Expression(), s)
			if t, ok := key.(*Taint); ok && strings.HasPrefix(t.ID, "key(") {
				it.facts = it.facts.With(t.ID, taint.Listed)
			}
			return
		}
	}
	it.assign(n, &Undef{}, s)
}
