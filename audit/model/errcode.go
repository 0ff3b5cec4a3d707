// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

// statusOf is an error whose status, name or code v may be: err.status || 500.
func statusOf(v Value) (known taint.Facts, ok bool) {
	Each(v, func(v Value) {
		if e, is := v.(*Err); is && e.Part == "code" && !ok {
			known, ok = taint.Facts{}.With(e.ID, taint.Known), true
		}
	})
	return known, ok
}

// statusEquals is what a comparison of an error's status, name or code with a
// constant says: an error of a certain name, or of a status below 500, was made
// for clients.
func statusEquals(a, b Value) (*Test, bool) {
	known, ok := statusOf(a)
	if !ok {
		a, b = b, a
		if known, ok = statusOf(a); !ok {
			return nil, false
		}
	}
	if n, ok := b.(Num); ok && n.F >= 500 && n.F < 600 {
		return &Test{False: known}, true
	}
	return &Test{True: known}, true
}

// statusCompared is the same for < and its kin, and for in.
func statusCompared(op ts.Kind, l, r Value) (*Test, bool) {
	known, ok := statusOf(l)
	if !ok {
		if _, ok = statusOf(r); !ok {
			return nil, false
		}
		switch op { // 500 <= err.status
		case ts.KindLessThanToken:
			op = ts.KindGreaterThanToken
		case ts.KindLessThanEqualsToken:
			op = ts.KindGreaterThanEqualsToken
		case ts.KindGreaterThanToken:
			op = ts.KindLessThanToken
		case ts.KindGreaterThanEqualsToken:
			op = ts.KindLessThanEqualsToken
		}
		return statusCompared(op, r, l)
	}
	if n, ok := r.(Num); ok && n.F >= 499 && (op == ts.KindGreaterThanToken || op == ts.KindGreaterThanEqualsToken) {
		return &Test{False: known}, true // from 500 it is nobody's fault but the server's
	}
	return &Test{True: known}, true
}

// rejected runs the second function of a then, which is given what went wrong.
func (it *interp) rejected(args []Value, at Site) {
	if f := arg(args, 1); f != nil {
		it.callback1(f, it.caughtBy(f, "promise", at), at)
	}
}

// inProduction is what is left of a value that is used outside production only:
// nothing, unless it serves requests.
func inProduction(v Value, production int) Value {
	if production < 0 && !mountable(v) {
		if _, ok := v.(*Test); !ok {
			return nil
		}
	}
	return v
}

// developersOnly says whether an arm of a branch never runs in production.
func developersOnly(conds []Cond) bool {
	for _, c := range conds {
		if c.Production < 0 {
			return true
		}
	}
	return false
}
