// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

func (it *interp) conditional(n *ts.Node, s *scope) Value {
	c := n.AsConditionalExpression()
	var yes, no Value
	t := it.test(it.eval(c.Condition, s))
	at := it.site(c.Condition)
	text := at.Text()
	arm1 := func(e *ts.Node, into *Value, production int) func() ctl {
		return func() ctl {
			*into = refine(inProduction(it.eval(e, s), production), it.facts)
			return normal
		}
	}
	it.branch(
		arm{t.True, []Cond{{text, t.Production, at}}, arm1(c.WhenTrue, &yes, t.Production)},
		arm{t.False, []Cond{{"not " + text, -t.Production, at}}, arm1(c.WhenFalse, &no, -t.Production)})
	return join(yes, no)
}

func (it *interp) unary(n *ts.Node, s *scope) Value {
	u := n.AsPrefixUnaryExpression()
	v := it.eval(u.Operand, s)
	switch u.Operator {
	case ts.KindExclamationToken:
		switch x := v.(type) {
		case *Test:
			return &Test{x.False, x.True, -x.Production}
		case Bool:
			return Bool{!x.B}
		}
		t := it.truth(v)
		return &Test{t.False, t.True, -t.Production}
	case ts.KindMinusToken:
		if x, ok := v.(Num); ok {
			return Num{-x.F}
		}
	case ts.KindPlusToken:
		return v1(v)
	}
	return nil
}

func v1(v Value) Value {
	if x, ok := v.(Num); ok {
		return x
	}
	return nil
}

// truth is what is known where a value is truthy, and where not.
func (it *interp) truth(v Value) *Test {
	switch x := v.(type) {
	case *Test:
		return x
	case *Tally:
		if !x.Index {
			return x.Some
		}
	case *Err:
		if x.Part == "code" {
			return &Test{True: taint.Facts{}.With(x.ID, taint.Known)}
		}
	}
	return &Test{}
}

func (it *interp) binary(n *ts.Node, s *scope) Value {
	b := n.AsBinaryExpression()
	op := b.OperatorToken.Kind
	switch op {
	case ts.KindEqualsToken:
		v := it.eval(b.Right, s)
		it.assign(b.Left, v, s)
		return v
	case ts.KindAmpersandAmpersandToken:
		left := it.truth(it.eval(b.Left, s))
		var right Value
		at := it.site(b.Left)
		it.branch(arm{left.True, []Cond{{at.Text(), left.Production, at}}, func() ctl { right = it.eval(b.Right, s); return normal }}, arm{facts: left.False})
		if _, ok := right.(*Test); !ok && right != nil {
			return refine(inProduction(right, left.Production), left.True) // b is what a && b is worth where it is used
		}
		r := it.truth(right)
		return &Test{left.True.And(r.True), left.False.Or(left.True.And(r.False)), either(left.Production, r.Production)}
	case ts.KindBarBarToken, ts.KindQuestionQuestionToken:
		l := it.eval(b.Left, s)
		left := it.truth(l)
		var right Value
		at := it.site(b.Left)
		it.branch(arm{left.False, []Cond{{"not " + at.Text(), -left.Production, at}}, func() ctl { right = it.eval(b.Right, s); return normal }}, arm{facts: left.True})
		_, lt := l.(*Test)
		_, rt := right.(*Test)
		switch {
		case lt && rt || rt && op == ts.KindBarBarToken && l == nil:
			r := it.truth(right)
			return &Test{left.True.Or(left.False.And(r.True)), left.False.And(r.False), either(left.Production, r.Production)}
		}
		switch x := l.(type) {
		case *Env:
			if x.Default == nil {
				return &Env{x.Name, right}
			}
			return x
		case *Undef:
			return right
		case *Obj, *Func, *Router, *Class, *Model:
			return l
		case nil:
			if _, ok := right.(*Obj); ok {
				return join(right, nil)
			}
		}
		return join(l, right)
	case ts.KindCommaToken:
		it.eval(b.Left, s)
		return it.eval(b.Right, s)
	case ts.KindBarBarEqualsToken, ts.KindQuestionQuestionEqualsToken, ts.KindAmpersandAmpersandEqualsToken:
		l, r := it.eval(b.Left, s), it.eval(b.Right, s)
		v := join(l, r)
		if _, ok := l.(*Undef); ok || l == nil {
			v = r
		}
		it.assign(b.Left, v, s)
		return v
	}
	l, r := it.eval(b.Left, s), it.eval(b.Right, s)
	if t, ok := tallied(op, l, r); ok {
		return t
	}
	switch op {
	case ts.KindPlusToken:
		if x, ok := l.(Num); ok {
			if y, ok := r.(Num); ok {
				return Num{x.F + y.F}
			}
		}
		return it.concat(l, r, it.site(n))
	case ts.KindPlusEqualsToken:
		v := it.concat(l, r, it.site(n))
		it.assign(b.Left, v, s)
		return v
	case ts.KindMinusToken, ts.KindAsteriskToken, ts.KindSlashToken, ts.KindPercentToken, ts.KindAsteriskAsteriskToken:
		return arithmetic(op, l, r)
	case ts.KindEqualsEqualsToken, ts.KindEqualsEqualsEqualsToken:
		it.compared(l, r, it.site(n))
		return it.equals(l, r)
	case ts.KindExclamationEqualsToken, ts.KindExclamationEqualsEqualsToken:
		it.compared(l, r, it.site(n))
		t := it.equals(l, r)
		return &Test{t.False, t.True, -t.Production}
	case ts.KindInstanceOfKeyword:
		if c, ok := r.(*Lib); ok && c.Mod == "" && c.Path == "Error" {
			return &Test{} // every error is one
		}
		return it.instance(l)
	case ts.KindInKeyword, ts.KindLessThanToken, ts.KindGreaterThanToken, ts.KindLessThanEqualsToken, ts.KindGreaterThanEqualsToken:
		if t, ok := statusCompared(op, l, r); ok {
			return t
		}
		if op == ts.KindInKeyword {
			return it.within(l, r)
		}
		return &Test{}
	}
	if op >= ts.KindFirstAssignment && op <= ts.KindLastAssignment {
		it.assign(b.Left, nil, s)
	}
	return nil
}

func either(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

func arithmetic(op ts.Kind, l, r Value) Value {
	x, ok := l.(Num)
	y, ok2 := r.(Num)
	if e, is := l.(*Env); is {
		x, ok = e.Default.(Num)
	}
	if !ok || !ok2 {
		return nil
	}
	switch op {
	case ts.KindMinusToken:
		return Num{x.F - y.F}
	case ts.KindAsteriskToken:
		return Num{x.F * y.F}
	case ts.KindSlashToken:
		if y.F != 0 {
			return Num{x.F / y.F}
		}
	}
	return nil
}

// equals is what is known where two values are equal, and where not.
func (it *interp) equals(a, b Value) *Test {
	if _, ok := a.(Str); ok {
		a, b = b, a
	}
	if s, ok := b.(Str); ok {
		switch x := a.(type) {
		case *Call:
			if x.Lib.Path == "typeof" && len(x.Args) == 1 {
				if t, ok := x.Args[0].(*Taint); ok {
					switch s.S {
					case "string", "number", "boolean":
						return &Test{True: taint.Facts{}.With(t.ID, taint.String)}
					case "object":
						return &Test{False: taint.Facts{}.With(t.ID, taint.String)}
					}
				}
			}
		case *Env:
			if x.Name == "NODE_ENV" || x.Name == "ENV" || x.Name == "APP_ENV" || x.Name == "ENVIRONMENT" {
				if strings.HasPrefix(strings.ToLower(s.S), "prod") {
					return &Test{Production: 1}
				}
				return &Test{Production: -1}
			}
		}
	}
	if t, ok := statusEquals(a, b); ok {
		return t
	}
	if t, ok := a.(*Taint); ok {
		switch b.(type) {
		case Str, Num, Bool, *Env:
			return listed(t)
		}
		return &Test{}
	}
	for _, v := range []Value{a, b} {
		if t, ok := v.(*Test); ok && (t.True != nil || t.False != nil || t.Production != 0) {
			other := b
			if v == b {
				other = a
			}
			_, nothing := other.(*Undef)
			if w, ok := other.(Bool); ok && !w.B || nothing {
				return &Test{t.False, t.True, -t.Production}
			}
			return t
		}
	}
	return &Test{}
}

func (it *interp) instance(l Value) *Test {
	switch x := l.(type) {
	case *Err:
		return &Test{True: taint.Facts{}.With(x.ID, taint.Known)}
	case *Taint:
		return &Test{False: nil}
	}
	return &Test{}
}
