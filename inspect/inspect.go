// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package inspect reads a request in exactly one way.
//
// # Threat
//
// Every bypass of a filter is a difference between two parsers: the filter
// reads one thing, the app behind it another. A duplicate JSON name, a UTF-16
// body, a bracket in a query, a repeated part header are each read differently
// by common parsers.
//
// # What it does
//
// There is one reading of a request, it is strict, and what cannot be read in
// exactly one way is refused (400, 413, 415), never guessed. Body checks are
// [Visitor]s on that one reading. What passed goes on byte for byte, after its
// content coding was taken off, so that the app inflates nothing.
//
// # What it does not do
//
// It knows no attack: what a key means is for its visitors. It does not look
// into JSON text inside strings, nor into bodies of a type that nobody parses,
// unless they look like JSON.
//
// # Bounds
//
// JSON, forms and JSON look-alikes are buffered, at most Options.MaxBytes each
// and all together within a [Budget]. Of JSON: 64 levels, 1,000,000 values, an
// object of 10,000 names, a name of 4 KiB, a string of 16 MiB, a number of 100
// digits; a [Node] tree has at most 200,000 values. Of a query or form: 32
// brackets or dots in a name, 1000 parameters, a name of 1 KiB, 64 names in which the
// brackets are not balanced. Beyond 1 MiB a
// compressed body inflates to at most 200 times what has arrived. Of Brotli bodies,
// whose decoders take up to 20 MiB as the client likes, four are inflated at a time,
// each once it has arrived whole. The JSON cookies
// of a request have 16 KiB together. Time is linear in what was sent. Opaque bodies
// stream.
package inspect

import (
	"strconv"
	"strings"
)

// Kind is the JSON kind of a value. Form and query values are strings.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Object
	Array
)

// String is the kind's name in JSON Schema.
func (k Kind) String() string {
	return [...]string{"null", "boolean", "number", "string", "object", "array"}[k]
}

// Place is the part of a request that a value stands in.
type Place uint8

// The places.
const (
	Body Place = iota
	Query
	Cookie
)

// Visitor sees every name and value of a request, once, in order. An error
// ends the reading; it should be a *problem.Error.
type Visitor interface {
	// Key is called with a path that ends in an object member's name.
	Key(p *Path) error
	// Value is called with the kind of the value at the path; for objects and
	// arrays before what they hold. A form field given twice is first a string
	// and then an array.
	Value(p *Path, k Kind) error
}

// Path is where a name or value stands. It is only valid during the call; the
// names that it gives may keep the whole body in memory for as long as they are
// kept.
type Path struct {
	Place Place
	steps []step
}

type step struct {
	name  string // of an object member
	index int    // in an array; -1 for a member
}

// Len is the number of steps; 0 is the whole body.
func (p *Path) Len() int { return len(p.steps) }

// Name is the member name that the path ends in, "" for an array element or
// the whole body.
func (p *Path) Name() string {
	if len(p.steps) == 0 {
		return ""
	}
	return p.steps[len(p.steps)-1].name
}

// Parent is the member name one step up, "" when there is none.
func (p *Path) Parent() string {
	if len(p.steps) < 2 {
		return ""
	}
	return p.steps[len(p.steps)-2].name
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// Pointer spells the path as an RFC 6901 JSON Pointer; outside the body it
// starts with #query or #cookie. Names are cut at 64 bytes, so that an answer
// stays small.
func (p *Path) Pointer() string {
	var b strings.Builder
	switch p.Place {
	case Query:
		b.WriteString("#query")
	case Cookie:
		b.WriteString("#cookie")
	}
	for i, s := range p.steps {
		if i == 16 {
			b.WriteString("/…")
			break
		}
		b.WriteByte('/')
		if s.index >= 0 {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		name := s.name
		if len(name) > 64 {
			name = strings.ToValidUTF8(name[:64], "") + "…"
		}
		b.WriteString(pointerEscape.Replace(name))
	}
	return b.String()
}

func (p *Path) push(name string) { p.steps = append(p.steps, step{name, -1}) }
func (p *Path) pushIndex(i int)  { p.steps = append(p.steps, step{index: i}) }
func (p *Path) pop()             { p.steps = p.steps[:len(p.steps)-1] }
func (p *Path) reset()           { p.steps = p.steps[:0] }

// Visitors calls several visitors as one.
type Visitors []Visitor

// Key calls every visitor's Key until one fails.
func (vs Visitors) Key(p *Path) error {
	for _, v := range vs {
		if err := v.Key(p); err != nil {
			return err
		}
	}
	return nil
}

// Value calls every visitor's Value until one fails.
func (vs Visitors) Value(p *Path, k Kind) error {
	for _, v := range vs {
		if err := v.Value(p, k); err != nil {
			return err
		}
	}
	return nil
}

// PrototypeKey reports whether a path ends in a name that reaches JavaScript's
// Object.prototype when it is merged: __proto__, or prototype below
// constructor, also spelled within one name, with dots or brackets.
func PrototypeKey(p *Path) bool { return PrototypeName(p.Parent(), p.Name()) }

// PrototypeName is [PrototypeKey] of a name and the one above it, "" for none.
func PrototypeName(above, name string) bool {
	if len(name) < len("prototype") {
		return false // as most are, and __proto__ is as long
	}
	if name == "prototype" {
		return above == "constructor" || strings.HasSuffix(above, ".constructor")
	}
	if !strings.Contains(name, "proto") {
		return false
	}
	if strings.Contains(name, "__proto__") {
		return true
	}
	_, below, found := strings.Cut(name, "constructor")
	return found && strings.Contains(below, "prototype")
}
