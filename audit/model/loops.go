// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"github.com/panoply-security/panoply/audit/taint"
)

// pass is one pass through the body of a loop: what is known wherever it ends,
// and whether passes after it may not happen.
type pass struct {
	known taint.Facts
	some  bool
	broke bool
}

// continues notes that a pass ends here.
func (p *pass) continues(f taint.Facts) {
	if p == nil {
		return
	}
	if p.some {
		f = p.known.Or(f)
	}
	p.known, p.some = f, true
}

// overall runs one pass that stands for all of them, and keeps what then holds
// for every element: that each name is listed, that each value is a text. A pass
// that ends the function does not come to what is behind the loop.
func (it *interp) overall(run func() ctl) {
	saved := it.pass
	p := &pass{}
	it.pass = p
	it.branch(arm{run: func() ctl {
		if run() == normal {
			p.continues(it.facts)
		}
		return normal
	}}, arm{})
	it.pass = saved
	if p.some && !p.broke {
		it.facts = it.facts.And(everywhere(p.known))
	}
}

// callEach calls a function for an element that stands for all of a list, as
// overall does, and gives what it gave.
func (it *interp) callEach(f Value, args []Value, at Site) (result Value) {
	var known taint.Facts
	it.returned = nil
	it.branch(arm{run: func() ctl {
		result = it.apply(f, nil, args, false, at)
		known = it.returned
		return normal
	}}, arm{})
	it.facts = it.facts.And(everywhere(known))
	return result
}

// returns notes what is known where the running function returns.
func (fr *frame) returns(f taint.Facts) {
	if fr.left {
		f = fr.known.Or(f)
	}
	fr.known, fr.left = f, true
}
