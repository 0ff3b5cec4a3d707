// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package taint says what is known about data that a client sends: where it
// came from, what it can be, and what a check along the way has made sure of.
//
// A source has an id, a path such as body, body.email or query.page. What a
// check makes sure of is a [Fact] about an id, and holds for everything below
// it. Facts hold along a path of execution: where two paths meet, only what
// both know is left, so a check that only one of them made closes nothing.
package taint

import (
	"maps"
	"strings"
)

// State is what a client can make of a value, from harmless to worst.
type State int

// The states.
const (
	Text  State = iota + 1 // a string of the client's choice
	List                   // a string, or an array of strings
	Any                    // any value, objects with operators too
	Whole                  // an object with any fields: a body, or what is left of one
)

// Fact is what a check has made sure of; facts are combined as bits.
type Fact uint8

// The facts.
const (
	String   Fact = 1 << iota // it is a string, number or boolean, or an array of such
	NoOps                     // no key begins with a dollar
	Declared                  // an object has declared fields only, of declared types
	Typed                     // declared fields have their types; other fields may be there
	Known                     // an error is one the app made for its clients
	Listed                    // a name is one of a list of the app's own
)

// Facts are the facts about ids at one point of execution. The zero value knows
// nothing; a Facts is never changed, only replaced.
type Facts map[string]Fact

// maxFacts are known at one point; checks beyond them are not seen, and close
// nothing.
const maxFacts = 500

// Of is what is known about an id, directly or by what it is part of.
func (f Facts) Of(id string) Fact {
	got := f[id]
	for i := len(id) - 1; i > 0; i-- {
		if id[i] == '.' {
			// That a whole is a declared object says nothing about a part but that it
			// was validated; a whole that is a string has no parts.
			got |= f[id[:i]]
		}
	}
	return got
}

// With is f and one more fact.
func (f Facts) With(id string, fact Fact) Facts {
	if f[id]&fact == fact || len(f) >= maxFacts && f[id] == 0 {
		return f
	}
	g := make(Facts, len(f)+1)
	maps.Copy(g, f)
	g[id] |= fact
	return g
}

// And is everything that f or g knows.
func (f Facts) And(g Facts) Facts {
	for id, fact := range g {
		f = f.With(id, fact)
	}
	return f
}

// Or is what both f and g know.
func (f Facts) Or(g Facts) Facts {
	both := Facts{}
	for id := range f {
		if fact := f.Of(id) & g.Of(id); fact != 0 {
			both[id] = fact
		}
	}
	for id := range g {
		if fact := f.Of(id) & g.Of(id); fact != 0 {
			both[id] |= fact
		}
	}
	return both
}

// Forget is f without what is known about an id and its parts.
func (f Facts) Forget(id string) Facts {
	g := make(Facts, len(f))
	for k, fact := range f {
		if k != id && !strings.HasPrefix(k, id+".") {
			g[k] = fact
		}
	}
	return g
}

// After is the state of a value once its facts are known.
func (s State) After(f Fact) State {
	switch {
	case f&String != 0 && s > Text:
		return Text
	case f&Declared != 0 && s > Text:
		return Text
	case f&Typed != 0 && s == Any:
		return Text
	}
	return s
}
