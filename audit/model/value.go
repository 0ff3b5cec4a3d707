// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/audit/taint"
)

// Value is what an expression may be when the app runs. nil is unknown: it may
// be anything that does not come from a client.
type Value any

// The values. Those that hold others are pointers, so that two names for one
// object see each other's changes.
type (
	// Undef is undefined or null.
	Undef struct{}
	// Str, Num, Bool are constants; Regex is a regular expression.
	Str   struct{ S string }
	Num   struct{ F float64 }
	Bool  struct{ B bool }
	Regex struct{ Source string }

	// Part is a text that is known in part; the rest is a question mark.
	Part struct{ S string }

	// Env is an environment variable with what the app uses in its place.
	Env struct {
		Name    string
		Default Value
	}

	// Test is a condition: what is known where it holds and where it does not, and
	// whether it holds in production (1), elsewhere (-1), or has to do with neither.
	Test struct {
		True, False taint.Facts
		Production  int
	}

	// Obj is an object or array made by the app.
	Obj struct {
		Array bool
		Elems []Value // of an array
		Class *Class  // of an instance
		Node  *ts.Node
		File  *source.File
		// Spread are values of which all fields were taken over.
		Spread []Value
		// Open says that it has fields that are not known.
		Open bool
		// Like says that what is not known of an array is like its elements.
		Like bool
		// Empty is what is known where an array turns out to be empty.
		Empty taint.Facts

		props map[string]*cell
		keys  []string
	}

	// Func is a function of the app.
	Func struct {
		Node  *ts.Node
		Mod   *Module
		This  Value // of an arrow function or a bound one
		Bound []Value
		// Wrapped says that a package's wrapper hands on what goes wrong in it.
		Wrapped bool

		scope *scope
		home  *Class
	}

	// Class is a class of the app.
	Class struct {
		Node   *ts.Node
		Mod    *Module
		Super  Value
		Static *Obj

		scope *scope
	}

	// Lib is a package or a builtin, or something that is part of one.
	Lib struct {
		Mod  string // empty for builtins
		Path string // a.b; () stands for a call
		Of   *Call  // the call it is a member of
	}

	// Call is what a call of a package gave back: a middleware, a storage, a client.
	Call struct {
		Lib  *Lib
		Args []Value
		New  bool
		At   Site
	}

	// Schema is the declaration of a model's documents.
	Schema struct {
		Def    *Obj
		Opts   Value
		Hidden bool // it takes fields out of what is sent
		JSON   bool // it does when documents become JSON
		Object bool // it does when they become objects
		At     Site
	}

	// Model is a collection of documents.
	Model struct {
		Name   string
		Lib    string // mongoose, mongodb, sequelize, prisma, typeorm; "?" when only its use tells
		Schema *Schema
		// Fields are those of the documents that the app itself stores.
		Fields []Field
		// Class is the class of its documents, if there is one.
		Class *Class
		// Chosen says that its queries choose fields.
		Chosen bool
	}

	// Field is a field with the JSON type of a constant stored in it, or "".
	Field struct{ Name, Type string }

	// Query is a query that is still being put together.
	Query struct {
		Model *Model
		Many  bool
		// Safe says that fields were chosen.
		Safe bool
		// Op is the method that began it.
		Op string
		At Site
		// Plain, Shown and With are those of its documents.
		Plain, Shown bool
		With         []*Model
	}

	// Req, Res and Next are the parameters of a handler.
	Req  struct{ flow *flow }
	Res  struct{ flow *flow }
	Next struct{ flow *flow }

	// Err is an error that was caught, or a part of it.
	Err struct {
		ID   string
		From string // catch, callback, promise, handler
		Part string // message, stack, or the whole
		At   Site
	}

	// Taint is data from the client.
	Taint struct {
		ID    string // body.email
		State taint.State
		// Rebuilt says that operators were put in by the app after any check.
		Rebuilt bool
		Trace   *Trace
	}

	// Method is a method that was taken off its object.
	Method struct {
		Recv Value
		Name string
	}

	// Union is one of several values.
	Union struct{ Of []Value }

	native struct {
		call func(it *interp, args []Value) Value
	}
)

// Trace is how data got where it is, the last step first.
type Trace struct {
	Before *Trace
	At     Site
	Note   string
}

// Site is a place in the source.
type Site struct {
	File *source.File
	Node *ts.Node
}

// Line and column, from 1.
func (s Site) Line() (line, column int) {
	if s.Node == nil {
		return 0, 0
	}
	return ts.LineColumn(s.File.AST, ts.Start(s.File.AST, s.Node))
}

// End is the place behind the last character.
func (s Site) End() (line, column int) {
	if s.Node == nil {
		return 0, 0
	}
	return ts.LineColumn(s.File.AST, s.Node.End())
}

// Path is the file's, or empty.
func (s Site) Path() string {
	if s.File == nil {
		return ""
	}
	return s.File.Path
}

// Text is the source text of the place.
func (s Site) Text() string {
	if s.Node == nil {
		return ""
	}
	return s.File.Text[ts.Start(s.File.AST, s.Node):s.Node.End()]
}

const maxUnion = 8

// join is a value that may be a or b.
func join(a, b Value) Value {
	if same(a, b) {
		return a
	}
	var of []Value
	for _, v := range []Value{a, b} {
		if u, ok := v.(*Union); ok {
			of = append(of, u.Of...)
		} else {
			of = append(of, v)
		}
	}
	var kept []Value
	for _, v := range of {
		if !slices.ContainsFunc(kept, func(k Value) bool { return same(k, v) }) && len(kept) < maxUnion {
			kept = append(kept, v)
		}
	}
	if len(kept) == 1 {
		return kept[0]
	}
	return &Union{kept}
}

func same(a, b Value) bool {
	switch x := a.(type) {
	case *Taint:
		y, ok := b.(*Taint)
		return ok && x.ID == y.ID && x.State == y.State && x.Rebuilt == y.Rebuilt
	case *Err:
		y, ok := b.(*Err)
		return ok && x.ID == y.ID && x.Part == y.Part
	case *Lib:
		y, ok := b.(*Lib)
		return ok && *x == *y
	case *Env:
		y, ok := b.(*Env)
		return ok && x.Name == y.Name && same(x.Default, y.Default)
	}
	return a == b
}

// Each calls f with everything that v may be.
func Each(v Value, f func(Value)) {
	if u, ok := v.(*Union); ok {
		for _, one := range u.Of {
			f(one)
		}
		return
	}
	f(v)
}

// One returns the first of what v may be that is a T.
func One[T any](v Value) (t T, ok bool) {
	Each(v, func(v Value) {
		if x, is := v.(T); is && !ok {
			t, ok = x, true
		}
	})
	return t, ok
}

// Get is a field of an object; ok says whether it is there.
func (o *Obj) Get(name string) (v Value, ok bool) {
	if c := o.props[name]; c != nil && c.v != absent {
		return c.v, true
	}
	for i := len(o.Spread) - 1; i >= 0; i-- {
		if from, is := One[*Obj](o.Spread[i]); is {
			if v, ok = from.Get(name); ok {
				return v, true
			}
		}
	}
	return nil, false
}

// Keys are the known fields in the order in which they were written.
func (o *Obj) Keys() []string {
	var keys []string
	for _, s := range o.Spread {
		if from, ok := One[*Obj](s); ok {
			keys = append(keys, from.Keys()...)
		}
	}
	spread := make(map[string]bool, len(keys))
	for _, k := range keys {
		spread[k] = true
	}
	for _, k := range o.keys {
		if o.props[k].v != absent && !spread[k] {
			keys = append(keys, k)
		}
	}
	return keys
}

// absent is in the cell of a field that is not there on this path.
var absent Value = &struct{ name string }{"absent"}

func newObj(at Site) *Obj { return &Obj{Node: at.Node, File: at.File, props: map[string]*cell{}} }

func newArray(at Site, elems []Value) *Obj {
	o := newObj(at)
	o.Array, o.Elems = true, elems
	return o
}

// Constant is the string that v is, if it is one and no other; an environment
// variable is its default.
func Constant(v Value) (string, bool) {
	switch x := v.(type) {
	case Str:
		return x.S, true
	case Num:
		return number(x.F), true
	case *Env:
		return Constant(x.Default)
	case *Union:
		for _, one := range x.Of {
			if s, ok := Constant(one); ok {
				return s, ok
			}
		}
	}
	return "", false
}
