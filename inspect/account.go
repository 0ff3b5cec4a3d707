// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"hash/maphash"
	"math/bits"
)

// shape is how a name was used so far.
type shape uint8

const (
	unused   shape = iota
	leaf           // it holds a value
	nested         // it holds other names
	appended       // a list that a[] adds to
	numbered       // a list with positions, a[0]
)

// spelling stands for a name of a query or form, whichever way it is spelled: a[b]
// and [a][b] are one. It is a hash with a secret. Two names that collide are taken
// for one, which can only lead to a refusal.
type spelling uint64

// within is the name of a part inside another one; the root is 0.
func (s spelling) within(part string) spelling {
	return spelling(bits.RotateLeft64(uint64(s), 23)*0x9e3779b97f4a7c15 + maphash.String(seed, part))
}

// The other things that are noted of a name each have a place of their own.
func (s spelling) list() spelling        { return s ^ 0x5bf0a8b1457695c1 } // its items
func (s spelling) dotted() spelling      { return s ^ 0xc2b2ae3d27d4eb4f } // as a parser has it that splits at dots
func (s spelling) dottedValue() spelling { return s ^ 0x165667b19e3779f9 } // its value there

// account notes how each name, and each that a bracket makes on the way to it, was
// used. A few are looked through; more are in a map. A query has at most 1000
// parameters of 33 parts each.
type account struct {
	few  [12]usage
	n    int
	more map[spelling]shape
}

type usage struct {
	name spelling
	as   shape
}

func (a *account) of(name spelling) shape {
	for i := range a.few[:a.n] {
		if a.few[i].name == name {
			return a.few[i].as
		}
	}
	return a.more[name]
}

// note notes a name that is new.
func (a *account) note(name spelling, as shape) {
	if a.n < len(a.few) {
		a.few[a.n] = usage{name, as}
		a.n++
		return
	}
	if a.more == nil {
		a.more = make(map[spelling]shape, 64)
	}
	a.more[name] = as
}

// reset forgets everything.
func (a *account) reset() {
	a.n = 0
	if len(a.more) > 1024 {
		a.more = nil // a large one is not kept for small ones
	}
	clear(a.more)
}
