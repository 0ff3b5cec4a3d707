// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strconv"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"
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
		it.remove(n.Expression(), s)
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

func (it *interp) arguments(nodes []*ts.Node, s *scope) []Value {
	args := make([]Value, 0, len(nodes))
	for _, a := range nodes {
		if a.Kind == ts.KindSpreadElement {
			v := it.eval(a.Expression(), s)
			if o, ok := v.(*Obj); ok && o.Array && len(args)+len(o.Elems) <= maxElems {
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
	if o, ok := v.(*Obj); ok {
		if t, ok := flags(o, k); ok {
			return t
		}
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
