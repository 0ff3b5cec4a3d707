// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

func (it *interp) statements(nodes []*ts.Node, s *scope) ctl {
	for _, n := range nodes {
		if n.Kind == ts.KindImportDeclaration || n.Kind == ts.KindJSImportDeclaration {
			it.importing(n, s) // imports run first, wherever they stand
		}
	}
	for _, n := range nodes {
		if c := it.statement(n, s); c != normal {
			return c
		}
	}
	return normal
}

func (it *interp) statement(n *ts.Node, s *scope) ctl {
	if !it.spend() {
		return end
	}
	if it.nest++; it.nest > maxNest {
		it.nest--
		return normal
	}
	defer func() { it.nest-- }()
	switch n.Kind {
	case ts.KindBlock:
		return it.statements(n.Statements(), s.child(n))
	case ts.KindExpressionStatement:
		it.eval(n.Expression(), s)
	case ts.KindVariableStatement:
		it.declarations(n.AsVariableStatement().DeclarationList, s)
		if ts.Exported(n) {
			for _, d := range n.AsVariableStatement().DeclarationList.AsVariableDeclarationList().Declarations.Nodes {
				it.exportNames(d.Name(), s)
			}
		}
	case ts.KindFunctionDeclaration, ts.KindClassDeclaration, ts.KindEnumDeclaration:
		if n.Name() != nil {
			s.lookup(it, n.Name().Text())
		}
		if ts.Exported(n) {
			it.exportDeclaration(n, s)
		}
	case ts.KindIfStatement:
		i := n.AsIfStatement()
		return it.decide(i.Expression, s,
			func() ctl { return it.statement(i.ThenStatement, s) },
			func() ctl {
				if i.ElseStatement == nil {
					return normal
				}
				return it.statement(i.ElseStatement, s)
			})
	case ts.KindReturnStatement:
		var v Value
		if e := n.Expression(); e != nil {
			v = it.eval(e, s)
			it.answers(v, it.site(e))
		}
		it.give(v)
		return end
	case ts.KindThrowStatement:
		it.eval(n.Expression(), s)
		return end
	case ts.KindBreakStatement, ts.KindContinueStatement:
		if it.pass != nil && n.Kind == ts.KindBreakStatement {
			it.pass.broke = true
		}
		it.pass.continues(it.facts)
		return leave
	case ts.KindTryStatement:
		return it.try(n.AsTryStatement(), s)
	case ts.KindForStatement, ts.KindWhileStatement, ts.KindDoStatement:
		return it.loop(n, s)
	case ts.KindForOfStatement, ts.KindForInStatement:
		return it.each(n, s)
	case ts.KindSwitchStatement:
		return it.choose(n, s)
	case ts.KindLabeledStatement:
		it.statement(n.AsLabeledStatement().Statement, s)
	case ts.KindExportAssignment:
		it.export1("default", it.eval(n.Expression(), s), n.AsExportAssignment().IsExportEquals)
	case ts.KindExportDeclaration:
		it.exporting(n, s)
	case ts.KindImportEqualsDeclaration:
		if r := n.AsImportEqualsDeclaration().ModuleReference; r.Kind == ts.KindExternalModuleReference {
			if spec := r.Expression(); spec != nil && spec.Kind == ts.KindStringLiteral {
				_, v := it.require(spec.Text(), it.site(n))
				it.set(s.declare(n.Name().Text()), v)
			}
		}
	case ts.KindModuleDeclaration:
		if b := n.Body(); b != nil && b.Kind == ts.KindModuleBlock {
			it.statements(b.Statements(), s.child(n))
		}
	}
	return normal
}

func (it *interp) declarations(list *ts.Node, s *scope) {
	for _, d := range list.AsVariableDeclarationList().Declarations.Nodes {
		v := d.AsVariableDeclaration()
		if v.Initializer != nil {
			it.bind(d.Name(), it.eval(v.Initializer, s), s, "kept in ")
		} else if d.Name().Kind == ts.KindIdentifier {
			if c := s.lookup(it, d.Name().Text()); c != nil && c.v == nil {
				it.set(c, &Undef{})
			}
		}
	}
}

// decide runs both sides of a condition, each knowing what the condition says.
func (it *interp) decide(cond *ts.Node, s *scope, yes, no func() ctl) ctl {
	t := it.test(it.eval(cond, s))
	text := it.site(cond).Text()
	at := it.site(cond)
	return it.branch(
		arm{t.True, []Cond{{text, t.Production, at}}, yes},
		arm{t.False, []Cond{{"not " + text, -t.Production, at}}, no},
	)
}

// test is what a value says as a condition.
func (it *interp) test(v Value) *Test { return it.truth(v) }

func (it *interp) try(n *ts.TryStatement, s *scope) ctl {
	arms := []arm{{run: func() ctl { return it.statement(n.TryBlock, s) }}}
	if n.CatchClause != nil {
		arms = append(arms, arm{run: func() ctl {
			c := n.CatchClause.AsCatchClause()
			inner := s.child(n.CatchClause)
			if c.VariableDeclaration != nil {
				at := it.site(c.VariableDeclaration)
				it.bind(c.VariableDeclaration.Name(), it.caught("catch", at), inner, "caught as ")
			}
			return it.statement(c.Block, inner)
		}})
	}
	c := it.branch(arms...)
	if n.FinallyBlock != nil {
		if f := it.statement(n.FinallyBlock, s); f != normal {
			return f
		}
	}
	return c
}

func (it *interp) caught(from string, at Site) *Err {
	it.p.errors++
	return &Err{ID: "error" + number(float64(it.p.errors)), From: from, At: at}
}

func (it *interp) loop(n *ts.Node, s *scope) ctl {
	var cond, body *ts.Node
	inner := s
	switch n.Kind {
	case ts.KindForStatement:
		f := n.AsForStatement()
		inner = s.child(n)
		if f.Initializer != nil {
			if f.Initializer.Kind == ts.KindVariableDeclarationList {
				it.declarations(f.Initializer, inner)
			} else {
				it.eval(f.Initializer, inner)
			}
		}
		cond, body = f.Condition, f.Statement
		defer func() {
			if f.Incrementor != nil {
				it.eval(f.Incrementor, inner)
			}
		}()
		for _, d := range listNames(f.Initializer) {
			if c := inner.lookup(it, d); c != nil {
				it.set(c, nil) // a counter is some number
			}
		}
	case ts.KindWhileStatement:
		cond, body = n.AsWhileStatement().Expression, n.AsWhileStatement().Statement
	default:
		cond, body = n.AsDoStatement().Expression, n.AsDoStatement().Statement
	}
	t := &Test{}
	if cond != nil {
		t = it.test(it.eval(cond, inner))
	}
	it.branch(arm{facts: t.True, run: func() ctl { it.statement(body, inner); return normal }}, arm{facts: t.False})
	return normal
}

func listNames(n *ts.Node) (names []string) {
	if n == nil || n.Kind != ts.KindVariableDeclarationList {
		return nil
	}
	for _, d := range n.AsVariableDeclarationList().Declarations.Nodes {
		if d.Name().Kind == ts.KindIdentifier && d.Initializer() != nil && d.Initializer().Kind == ts.KindNumericLiteral {
			names = append(names, d.Name().Text())
		}
	}
	return names
}

// each runs a loop over the elements or keys of something.
func (it *interp) each(n *ts.Node, s *scope) ctl {
	f := n.AsForInOrOfStatement()
	v := it.eval(f.Expression, s)
	pass := func(elem Value) ctl {
		inner := s.child(n)
		if f.Initializer.Kind == ts.KindVariableDeclarationList {
			for _, d := range f.Initializer.AsVariableDeclarationList().Declarations.Nodes {
				it.bind(d.Name(), elem, inner, "one of them, ")
			}
		} else {
			it.assign(f.Initializer, elem, inner)
		}
		return it.statement(f.Statement, inner)
	}
	var elems []Value
	known := false
	if o, ok := v.(*Obj); ok {
		switch {
		case n.Kind == ts.KindForOfStatement && o.Array && len(o.Spread) == 0 && !o.Open:
			elems, known = o.Elems, true
		case n.Kind == ts.KindForInStatement && !o.Array && len(o.Spread) == 0 && !o.Open:
			for _, k := range o.Keys() {
				elems = append(elems, Str{k})
			}
			known = true
		}
	}
	if known && len(elems) > 0 && len(elems) <= maxLoop {
		for _, e := range elems {
			it.branch(arm{run: func() ctl { pass(e); return normal }})
		}
		return normal
	}
	elem := it.anyField(v, it.site(f.Expression))
	if n.Kind == ts.KindForInStatement {
		elem = it.keyOf(v, it.site(f.Expression))
	}
	it.overall(func() ctl { return pass(elem) })
	return normal
}

func (it *interp) choose(n *ts.Node, s *scope) ctl {
	sw := n.AsSwitchStatement()
	v := it.eval(sw.Expression, s)
	inner := s.child(sw.CaseBlock)
	clauses := sw.CaseBlock.AsCaseBlock().Clauses.Nodes
	var arms []arm
	hasDefault := false
	for i, cl := range clauses {
		c := cl.AsCaseOrDefaultClause()
		var facts taint.Facts
		if cl.Kind == ts.KindDefaultClause {
			hasDefault = true
		} else {
			facts = it.equals(v, it.eval(c.Expression, inner)).True
		}
		arms = append(arms, arm{facts: facts, run: func() ctl {
			for _, next := range clauses[i:] { // falling through
				if r := it.statements(next.AsCaseOrDefaultClause().Statements.Nodes, inner); r == end {
					return end
				} else if r == leave {
					return normal
				}
			}
			return normal
		}})
	}
	if !hasDefault {
		arms = append(arms, arm{})
	}
	return it.branch(arms...)
}
