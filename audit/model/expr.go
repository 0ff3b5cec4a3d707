// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strconv"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

func (it *interp) eval(n *ts.Node, s *scope) Value {
	if n == nil || !it.spend() {
		return nil
	}
	if it.nest++; it.nest > maxNest {
		it.nest--
		return nil
	}
	defer func() { it.nest-- }()
	switch n.Kind {
	case ts.KindIdentifier:
		return it.name(n, s)
	case ts.KindStringLiteral, ts.KindNoSubstitutionTemplateLiteral:
		return Str{n.Text()}
	case ts.KindNumericLiteral:
		f, err := strconv.ParseFloat(n.Text(), 64)
		if err != nil {
			return nil
		}
		return Num{f}
	case ts.KindTrueKeyword:
		return Bool{true}
	case ts.KindFalseKeyword:
		return Bool{false}
	case ts.KindNullKeyword:
		return &Undef{}
	case ts.KindRegularExpressionLiteral:
		return Regex{n.Text()}
	case ts.KindThisKeyword:
		if it.frame != nil {
			return it.frame.this
		}
	case ts.KindParenthesizedExpression, ts.KindAsExpression, ts.KindSatisfiesExpression, ts.KindTypeAssertionExpression,
		ts.KindNonNullExpression, ts.KindExpressionWithTypeArguments, ts.KindPartiallyEmittedExpression:
		return it.eval(n.Expression(), s)
	case ts.KindAwaitExpression, ts.KindYieldExpression:
		return awaited(it.eval(n.Expression(), s))
	case ts.KindVoidExpression:
		it.eval(n.Expression(), s)
		return &Undef{}
	case ts.KindDeleteExpression:
		it.assign(n.Expression(), &Undef{}, s)
	case ts.KindTypeOfExpression:
		return &Call{Lib: &Lib{Path: "typeof"}, Args: []Value{it.eval(n.Expression(), s)}, At: it.site(n)}
	case ts.KindObjectLiteralExpression:
		return it.object(n, s)
	case ts.KindArrayLiteralExpression:
		return it.array(n, s)
	case ts.KindFunctionExpression, ts.KindArrowFunction:
		f := &Func{Node: n, Mod: it.mod, scope: s}
		if n.Kind == ts.KindArrowFunction && it.frame != nil {
			f.This = it.frame.this
			if it.frame.fn != nil {
				f.home = it.frame.fn.home
			}
		}
		return f
	case ts.KindClassExpression:
		return it.class(n, s)
	case ts.KindPropertyAccessExpression:
		return it.member(it.eval(n.Expression(), s), n.Name().Text(), it.site(n))
	case ts.KindElementAccessExpression:
		return it.element(n, s)
	case ts.KindCallExpression:
		return it.invoke(n, s)
	case ts.KindNewExpression:
		args := it.arguments(n.Arguments(), s)
		return it.apply(it.eval(n.Expression(), s), nil, args, true, it.site(n))
	case ts.KindTaggedTemplateExpression:
		t := n.AsTaggedTemplateExpression()
		it.eval(t.Tag, s)
		it.eval(t.Template, s)
	case ts.KindTemplateExpression:
		return it.template(n, s)
	case ts.KindConditionalExpression:
		return it.conditional(n, s)
	case ts.KindBinaryExpression:
		return it.binary(n, s)
	case ts.KindPrefixUnaryExpression:
		return it.unary(n, s)
	case ts.KindPostfixUnaryExpression:
		it.eval(n.AsPostfixUnaryExpression().Operand, s)
	}
	return nil
}

// awaited is what a promise or query is worth once it is there.
func awaited(v Value) Value {
	switch x := v.(type) {
	case *Query:
		return x.doc()
	case *Union:
		var out Value
		for i, one := range x.Of {
			if a := awaited(one); i == 0 {
				out = a
			} else {
				out = join(out, a)
			}
		}
		return out
	case *Obj:
		if x.Array && len(x.Elems) <= maxLoop { // Promise.all
			for i, e := range x.Elems {
				x.Elems[i] = awaited(e)
			}
		}
	}
	return v
}

func (it *interp) name(n *ts.Node, s *scope) Value {
	name := n.Text()
	if c := s.lookup(it, name); c != nil {
		return c.v
	}
	switch name {
	case "undefined":
		return &Undef{}
	case "module":
		return it.mod.Exports
	case "exports":
		return it.mod.exports()
	case "__dirname":
		dir, _ := cutLast(it.mod.File.Path, "/")
		return Str{"/" + dir}
	case "__filename":
		return Str{"/" + it.mod.File.Path}
	}
	return &Lib{Path: name}
}

func cutLast(s, sep string) (before, after string) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s
	}
	return s[:i], s[i+len(sep):]
}

// key is the name of a property in a literal, pattern or class.
func (it *interp) key(n *ts.Node, s *scope) (string, bool) {
	switch n.Kind {
	case ts.KindComputedPropertyName:
		return asKey(it.eval(n.Expression(), s))
	case ts.KindIdentifier, ts.KindStringLiteral, ts.KindNumericLiteral, ts.KindPrivateIdentifier, ts.KindNoSubstitutionTemplateLiteral:
		return n.Text(), true
	}
	return "", false
}

func asKey(v Value) (string, bool) {
	switch x := v.(type) {
	case Str:
		return x.S, true
	case Num:
		return number(x.F), true
	}
	return "", false
}

func (it *interp) object(n *ts.Node, s *scope) Value {
	o := newObj(it.site(n))
	for _, p := range n.Properties() {
		switch p.Kind {
		case ts.KindPropertyAssignment:
			v := it.eval(p.Initializer(), s)
			if k, ok := it.key(p.Name(), s); ok {
				it.put(o, k, v)
			} else {
				o.Open = true
				it.put(o, "[computed]", v)
			}
		case ts.KindShorthandPropertyAssignment:
			it.put(o, p.Name().Text(), it.name(p.Name(), s))
		case ts.KindSpreadAssignment:
			it.spread(o, it.eval(p.Expression(), s))
		case ts.KindMethodDeclaration:
			if k, ok := it.key(p.Name(), s); ok {
				it.put(o, k, &Func{Node: p, Mod: it.mod, scope: s})
			}
		case ts.KindGetAccessor:
			if k, ok := it.key(p.Name(), s); ok {
				it.put(o, k, it.call(&Func{Node: p, Mod: it.mod, scope: s}, o, nil, it.site(p)))
			}
		}
	}
	return o
}

// spread takes over the fields of v.
func (it *interp) spread(o *Obj, v Value) {
	switch x := v.(type) {
	case *Obj:
		if x.Array {
			o.Open = true
			return
		}
		for _, k := range x.Keys() {
			f, _ := x.Get(k)
			it.put(o, k, f)
		}
		for _, s := range x.Spread {
			if _, ok := s.(*Obj); !ok {
				o.Spread = append(o.Spread, s)
			}
		}
		o.Open = o.Open || x.Open
	case *Undef, Bool, Str, Num, *Test:
	case *Union:
		for _, one := range x.Of {
			it.spread(o, one)
		}
	case nil:
		o.Open = true
	default:
		o.Spread = append(o.Spread, v)
	}
}

func (it *interp) array(n *ts.Node, s *scope) Value {
	a := newArray(it.site(n), nil)
	for _, e := range n.Elements() {
		if e.Kind == ts.KindSpreadElement {
			v := it.eval(e.Expression(), s)
			if o, ok := v.(*Obj); ok && o.Array {
				a.Elems = append(a.Elems, o.Elems...)
				a.Open = a.Open || o.Open
			} else {
				a.Open = true
				a.Spread = append(a.Spread, v)
			}
			continue
		}
		a.Elems = append(a.Elems, it.eval(e, s))
	}
	return a
}

func (it *interp) arguments(nodes []*ts.Node, s *scope) []Value {
	args := make([]Value, 0, len(nodes))
	for _, a := range nodes {
		if a.Kind == ts.KindSpreadElement {
			v := it.eval(a.Expression(), s)
			if o, ok := v.(*Obj); ok && o.Array {
				args = append(args, o.Elems...)
			} else {
				args = append(args, it.anyField(v, it.site(a)))
			}
			continue
		}
		args = append(args, it.eval(a, s))
	}
	return args
}

func (it *interp) element(n *ts.Node, s *scope) Value {
	e := n.AsElementAccessExpression()
	v := it.eval(e.Expression, s)
	k := it.eval(e.ArgumentExpression, s)
	if name, ok := asKey(k); ok {
		return it.member(v, name, it.site(n))
	}
	if u, ok := k.(*Union); ok { // one of several names
		var out Value
		for i, one := range u.Of {
			var m Value
			if name, ok := asKey(one); ok {
				m = it.member(v, name, it.site(n))
			} else {
				m = it.anyField(v, it.site(n))
			}
			if i == 0 {
				out = m
			} else {
				out = join(out, m)
			}
		}
		return out
	}
	return it.anyField(v, it.site(n))
}

func (it *interp) template(n *ts.Node, s *scope) Value {
	t := n.AsTemplateExpression()
	var v Value = Str{t.Head.Text()}
	for _, sp := range t.TemplateSpans.Nodes {
		x := sp.AsTemplateSpan()
		v = it.concat(v, it.eval(x.Expression, s), it.site(n))
		v = it.concat(v, Str{x.Literal.Text()}, it.site(n))
	}
	return v
}

// concat is a + b as a string.
func (it *interp) concat(a, b Value, at Site) Value {
	for _, v := range []Value{a, b} {
		if e, ok := One[*Err](v); ok && e.Part != "code" {
			return &Err{ID: e.ID, From: e.From, Part: part(e.Part, "message"), At: e.At}
		}
	}
	for _, v := range []Value{a, b} {
		if t, ok := One[*Taint](v); ok {
			return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: it.traced(t, at, "part of a text")}
		}
	}
	if x, ok := Constant(a); ok {
		if y, ok := Constant(b); ok {
			return Str{x + y}
		}
	}
	// A path that is known in part.
	x, xok := partly(a)
	y, yok := partly(b)
	if xok && yok && strings.Contains(x+y, "/") {
		return Part{x + y}
	}
	return nil
}

// partly is a text with a question mark for what is not known of it.
func partly(v Value) (string, bool) {
	switch x := v.(type) {
	case nil, *Env, *Undef, *Method:
		if s, ok := Constant(v); ok {
			return s, true
		}
		return "?", true
	case Part:
		return x.S, true
	}
	return Constant(v)
}

func part(p, otherwise string) string {
	if p == "" {
		return otherwise
	}
	return p
}

func (it *interp) conditional(n *ts.Node, s *scope) Value {
	c := n.AsConditionalExpression()
	var yes, no Value
	t := it.test(it.eval(c.Condition, s))
	at := it.site(c.Condition)
	text := at.Text()
	arm1 := func(e *ts.Node, into *Value, production int) func() ctl {
		return func() ctl {
			v := it.eval(e, s)
			if production < 0 { // what is shown to developers only
				if _, ok := One[*Err](v); ok {
					v = nil
				}
			}
			*into = refine(v, it.facts)
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
			if _, isErr := right.(*Err); isErr && left.Production < 0 {
				return nil
			}
			return refine(right, left.True) // b is what a && b is worth where it is used
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
		if e, ok := l.(*Err); ok && e.Part == "code" {
			known := taint.Facts{}.With(e.ID, taint.Known)
			if n, ok := r.(Num); ok && n.F >= 499 && (op == ts.KindGreaterThanToken || op == ts.KindGreaterThanEqualsToken) {
				return &Test{False: known} // from 500 it is nobody's fault but the server's
			}
			return &Test{True: known}
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
	if t, ok := a.(*Taint); ok {
		switch b.(type) {
		case Str, Num, Bool, *Env:
			return &Test{True: taint.Facts{}.With(t.ID, taint.String)}
		}
		return &Test{}
	}
	for _, v := range []Value{a, b} {
		if e, ok := v.(*Err); ok && e.Part == "code" {
			return &Test{True: taint.Facts{}.With(e.ID, taint.Known)}
		}
		if t, ok := v.(*Test); ok && (t.True != nil || t.False != nil || t.Production != 0) {
			other := b
			if v == b {
				other = a
			}
			if w, ok := other.(Bool); ok && !w.B {
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

// assign gives what stands left of an equals sign its value.
func (it *interp) assign(n *ts.Node, v Value, s *scope) {
	switch n.Kind {
	case ts.KindIdentifier:
		it.bind(n, v, s, "kept in ")
	case ts.KindParenthesizedExpression, ts.KindAsExpression, ts.KindNonNullExpression, ts.KindSatisfiesExpression, ts.KindTypeAssertionExpression:
		it.assign(n.Expression(), v, s)
	case ts.KindPropertyAccessExpression:
		it.setMember(it.eval(n.Expression(), s), n.Name().Text(), v, it.site(n))
	case ts.KindElementAccessExpression:
		e := n.AsElementAccessExpression()
		recv := it.eval(e.Expression, s)
		key := it.eval(e.ArgumentExpression, s)
		if k, ok := asKey(key); ok {
			it.setMember(recv, k, v, it.site(n))
			return
		}
		it.emit(&Event{Kind: Assigned, Recv: recv, Args: []Value{key, v}, At: it.site(n)})
		switch x := recv.(type) {
		case *Obj:
			if t, ok := One[*Taint](v); ok && t.State >= taint.Any {
				x.Spread = append(x.Spread, &Taint{ID: t.ID, State: taint.Any, Trace: t.Trace})
			}
			x.Open = true
		}
	case ts.KindArrayLiteralExpression:
		for i, e := range n.Elements() {
			if e.Kind != ts.KindSpreadElement && e.Kind != ts.KindOmittedExpression {
				it.assign(e, it.index(v, i, it.site(e)), s)
			}
		}
	case ts.KindObjectLiteralExpression:
		for _, p := range n.Properties() {
			switch p.Kind {
			case ts.KindShorthandPropertyAssignment:
				it.bind(p.Name(), it.field(v, p.Name().Text(), it.site(p)), s, "kept in ")
			case ts.KindPropertyAssignment:
				if k, ok := it.key(p.Name(), s); ok {
					it.assign(p.Initializer(), it.field(v, k, it.site(p)), s)
				}
			}
		}
	case ts.KindBinaryExpression: // a default in a pattern
		it.assign(n.AsBinaryExpression().Left, v, s)
	}
}

func (it *interp) enum(n *ts.Node, s *scope) Value {
	o := newObj(it.site(n))
	next := 0.0
	for _, m := range n.Members() {
		k, ok := it.key(m.Name(), s)
		if !ok {
			continue
		}
		var v Value = Num{next}
		if init := m.Initializer(); init != nil {
			v = it.eval(init, s)
		}
		if x, ok := v.(Num); ok {
			next = x.F + 1
		}
		it.put(o, k, v)
	}
	return o
}
