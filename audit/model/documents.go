// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"regexp"
	"slices"
	"strings"
)

// What of a document a client is shown.

// Doc is a document, or several, that a query gave back.
type Doc struct {
	Model *Model
	Many  bool
	Safe  bool // what is sent of it was chosen
	At    Site
	// Plain says that it is an object without the methods of its model, so that
	// nothing is taken out of it when it is sent.
	Plain bool
	// Shown says that its password was asked for.
	Shown bool
	// With are models whose documents are inside it.
	With []*Model

	list *Doc // that it is one of
}

// as is the document again, or one of them.
func (d *Doc) as(many bool) *Doc {
	c := *d
	c.Many = many
	if d.Many && !many {
		c.list = d
	}
	return &c
}

// plain is the document as an object of its fields.
func (d *Doc) plain() *Doc {
	c := *d
	c.Plain = true
	return &c
}

// cleared notes that the password was taken out.
func (d *Doc) cleared() {
	for i := 0; d != nil && i < 8; i++ {
		d.Safe = true
		d = d.list
	}
}

// without is what is left of a document when some fields are taken out.
func (d *Doc) without(taken []string) *Doc {
	c := d.plain()
	c.Safe = c.Safe || slices.ContainsFunc(taken, isPassword)
	return c
}

// hides says whether a projection keeps passwords back; what is not known of it
// does.
func hides(v Value) bool {
	switch x := v.(type) {
	case nil:
		return true
	case *Undef:
		return false
	case Str:
		return hidesNames(strings.Fields(x.S))
	case *Union:
		return slices.ContainsFunc(x.Of, hides)
	case *Obj:
		if x.Array {
			var names []string
			for _, e := range x.Elems {
				s, ok := Constant(e)
				if !ok {
					return true
				}
				names = append(names, s)
			}
			return hidesNames(names) || x.Open
		}
		return hidesFields(x)
	}
	return true
}

// hidesNames reads name, -name and +name.
func hidesNames(names []string) bool {
	chosen, out, password := false, false, false
	for _, n := range names {
		switch {
		case strings.HasPrefix(n, "-"):
			out = out || isPassword(n[1:])
		case strings.HasPrefix(n, "+"):
		default:
			chosen = chosen || n != "*" && !strings.HasSuffix(n, ".*")
			password = password || isPassword(n[strings.LastIndexByte(n, '.')+1:])
		}
	}
	return out || chosen && !password
}

// hidesFields reads {name: 1}, {name: 0}, and the options that hold such.
func hidesFields(o *Obj) bool {
	if o.Open || len(o.Spread) > 0 {
		return true
	}
	chosen, out, password := false, false, false
	for _, k := range o.Keys() {
		f, _ := o.Get(k)
		switch k {
		case "lean", "new", "session", "sort", "limit", "skip", "upsert", "runValidators", "returnDocument", "returnOriginal", "rawResult", "useFindAndModify":
			continue
		case "projection", "select", "fields", "include", "attributes":
			if _, ok := f.(*Obj); ok || k != "include" {
				return hides(f)
			}
		case "exclude":
			list, ok := f.(*Obj)
			return !ok || list.Open || slices.ContainsFunc(list.Elems, func(e Value) bool { s, _ := Constant(e); return isPassword(s) })
		}
		off := f == (Num{0}) || f == (Bool{false})
		switch {
		case off:
			out = out || isPassword(k)
		case k != "_id":
			chosen = true
			password = password || isPassword(k)
		}
	}
	return out || chosen && !password
}

// asks says whether a projection asks for a password by name.
func asks(v Value) bool {
	switch x := v.(type) {
	case Str:
		return slices.ContainsFunc(strings.Fields(x.S), func(n string) bool {
			return !strings.HasPrefix(n, "-") && isPassword(strings.TrimPrefix(n, "+"))
		})
	case *Obj:
		for _, k := range x.Keys() {
			if f, _ := x.Get(k); isPassword(k) && f != (Num{0}) && f != (Bool{false}) {
				return true
			}
		}
		return slices.ContainsFunc(x.Elems, asks)
	}
	return false
}

// takesOut tells a function that sends a document without its password from one
// that only changes names.
var takesOut = regexp.MustCompile(`(?i)passw|pwd|hash|salt|secret|pick\(|omit\(|exclude|private|return\s*\{|=>\s*\(\s*\{`)

// cleans says whether a transformation keeps passwords back; what is not known of
// it does.
func cleans(v Value) bool {
	f, ok := One[*Func](v)
	return !ok || takesOut.MatchString(Site{f.Mod.File, f.Node}.Text())
}

// Shows is the model whose password goes to a client when a document is sent, or
// nil.
func (p *Program) Shows(d *Doc) *Model {
	if d == nil {
		return nil
	}
	if m := d.Model; m != nil && !d.Safe && (d.Shown && !p.cleaned(m, d.Plain) || !p.hides(m, d.Plain)) {
		return m
	}
	for _, m := range d.With {
		if !p.hides(m, d.Plain) {
			return m
		}
	}
	return nil
}

// hides says whether documents of a model keep their passwords when they are
// sent: one without has none to keep.
func (p *Program) hides(m *Model, plain bool) bool {
	if m == nil || p.cleaned(m, plain) {
		return true
	}
	if m.Schema == nil || m.Schema.Def == nil {
		return !looksLikeUser(m.Name)
	}
	for _, k := range m.Schema.Def.Keys() {
		if !isPassword(k) {
			continue
		}
		f, _ := m.Schema.Def.Get(k)
		if o, ok := f.(*Obj); ok {
			if sel, ok := o.Get("select"); ok && sel == (Bool{false}) {
				continue
			}
		}
		return false
	}
	return true
}

// cleaned says whether a model's documents are changed before they are sent.
func (p *Program) cleaned(m *Model, plain bool) bool {
	if m.Class != nil {
		for _, n := range m.Class.Node.Members() {
			if n.Name() != nil && n.Name().Text() == "toJSON" && n.Body() != nil && !plain {
				return cleans(&Func{Node: n, Mod: m.Class.Mod})
			}
		}
	}
	if proto, ok := p.hung(m, "prototype").(*Obj); ok && !plain {
		if f, ok := proto.Get("toJSON"); ok && cleans(f) {
			return true
		}
	}
	s := m.Schema
	if s == nil {
		return false
	}
	if s.Hidden {
		return true
	}
	o, _ := s.Opts.(*Obj)
	if o != nil {
		if scope, ok := o.Get("defaultScope"); ok && hides(scope) { // sequelize
			return true
		}
	}
	if plain {
		return false
	}
	if s.JSON {
		return true
	}
	if o != nil {
		if j, ok := o.Get("toJSON"); ok {
			if jo, ok := j.(*Obj); ok {
				if f, has := jo.Get("transform"); has && cleans(f) {
					return true
				}
			}
		}
	}
	if ms, ok := p.hung(s, "methods").(*Obj); ok {
		if f, has := ms.Get("toJSON"); has && cleans(f) {
			return true
		}
	}
	return false
}

// hung is what the app hung on a value under a name.
func (p *Program) hung(v Value, name string) Value {
	if e := p.extra[v]; e != nil {
		f, _ := e.Get(name)
		return f
	}
	return nil
}

// projected notes which fields the options of a query choose.
func (it *interp) projected(q *Query, args []Value) {
	if len(args) > 1 {
		q.Safe = q.Safe || hides(args[1]) && isProjection(args[1])
		q.Shown = q.Shown || asks(args[1])
	}
	for _, a := range args[:min(2, len(args))] {
		o, ok := a.(*Obj)
		if !ok {
			continue
		}
		for _, k := range []string{"attributes", "select", "omit", "projection", "fields"} {
			v, has := o.Get(k)
			if !has {
				continue
			}
			if k == "omit" {
				q.Safe = q.Safe || asks(v)
				continue
			}
			q.Safe = q.Safe || hides(v)
			q.Shown = q.Shown || asks(v)
		}
		if inc, ok := o.Get("include"); ok {
			q.With = append(q.With, it.included(inc)...)
		}
	}
}

// isProjection tells a projection from a callback and from what is not known.
func isProjection(v Value) bool {
	switch v.(type) {
	case Str, *Obj:
		return true
	}
	return false
}

// choose is a query for some fields.
func (q *Query) choose(v Value) *Query {
	c := *q
	c.Safe = c.Safe || hides(v)
	c.Shown = c.Shown || asks(v)
	if c.Shown && !hides(v) {
		c.Safe = false
	}
	return &c
}

// stageHides says whether a stage of a pipeline makes documents of chosen
// fields.
func stageHides(v Value) bool {
	o, ok := v.(*Obj)
	if !ok {
		return false
	}
	for _, k := range []string{"$count", "$group", "$sortByCount", "$bucket", "$bucketAuto", "$facet", "$replaceRoot", "$replaceWith"} {
		if _, has := o.Get(k); has {
			return true
		}
	}
	if p, ok := o.Get("$project"); ok {
		return hides(p)
	}
	if out, ok := o.Get("$unset"); ok {
		return asks(out)
	}
	return false
}
