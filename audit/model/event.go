// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"

	"github.com/panoply-security/panoply/audit/taint"
)

// EventKind says what happened.
type EventKind int

// The kinds.
const (
	Called    EventKind = iota + 1 // a package, or something unknown, was called
	Queried                        // a method of a model, with its query or data
	Made                           // a document was made from Args[0]
	Responded                      // a method of the response, or next with an error
	Assigned                       // a computed member, or one of a document
	Compared                       // two values with == or ===
	Checked                        // Args[0] was checked against the declaration Recv
)

// Event is something that a check may want to look at, in the order in which it
// happens when the app runs.
type Event struct {
	Kind  EventKind
	Lib   *Lib   // of what was called, if it belongs to a package
	Recv  Value  // whose method it is
	Name  string // of the method
	Args  []Value
	New   bool
	At    Site
	Route *Route // which is being served; nil while the app sets itself up
	Facts taint.Facts
	Conds []Cond
	// Handler is the function that the event stands in.
	Handler *Func
	// Status is the last status that the handler set, or 0.
	Status int
	// Guess says that the handler was found by its parameters alone: no route leads
	// to it.
	Guess bool
	// Own says that it happens in a handler that was given with the route, and Mount
	// what a middleware before it is mounted under.
	Own   bool
	Mount string
}

func (it *interp) emit(e *Event) {
	if it.watch == nil {
		return
	}
	e.Facts = it.facts
	e.Conds = slices.Clone(it.conds)
	if it.frame != nil {
		e.Handler = it.frame.fn
	}
	if it.flow != nil {
		e.Route, e.Status, e.Guess = it.flow.route, it.flow.status, it.flow.guess
		e.Own, e.Mount = it.flow.own, it.flow.mount
	}
	it.watch(e)
}

// checked tells of a check against a declaration of a package's.
func (it *interp) checked(v Value, c *Call, at Site) {
	if it.flow != nil {
		it.emit(&Event{Kind: Checked, Lib: c.Lib, Recv: c, Args: []Value{v}, At: at})
	}
}

// Begin is where a chain of calls begins.
func (c *Call) Begin() Site {
	for i := 0; c.Lib.Of != nil && i < 100; i++ {
		c = c.Lib.Of
	}
	return c.At
}

// compared tells of a comparison that a check may care about: of a secret.
func (it *interp) compared(l, r Value, at Site) {
	_, a := One[*Doc](l)
	_, b := One[*Doc](r)
	if a || b {
		it.emit(&Event{Kind: Compared, Args: []Value{l, r}, At: at})
	}
}

// Development says whether an event happens outside production only.
func (e *Event) Development() bool {
	return slices.ContainsFunc(e.Conds, func(c Cond) bool { return c.Production < 0 })
}

// State is what a client can make of a value at this point.
func (e *Event) State(t *Taint) taint.State {
	return t.State.After(e.Facts.Of(t.ID))
}
