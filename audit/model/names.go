// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"
)

// names are what a file, function or block declares, sorted, each with the
// function, class or enumeration that it is from the start, if it is one. The
// parser's own binder tells more, and costs a third of all time and memory.
type names []name

type name struct {
	text string
	decl *ts.Node
}

func (n names) find(text string) (decl *ts.Node, ok bool) {
	i, ok := slices.BinarySearchFunc(n, text, func(one name, text string) int { return strings.Compare(one.text, text) })
	if !ok {
		return nil, false
	}
	return n[i].decl, true
}

// names of a node are found when it first runs.
func (m *Module) names(n *ts.Node) names {
	if own, ok := m.declared[n]; ok {
		return own
	}
	own := declared(n)
	if len(own) == 0 && !function(n) {
		return nil // found again as quickly
	}
	if m.declared == nil {
		m.declared = map[*ts.Node]names{}
	}
	list := make(names, 0, len(own))
	for text, decl := range own {
		list = append(list, name{text, decl})
	}
	slices.SortFunc(list, func(a, b name) int { return strings.Compare(a.text, b.text) })
	m.declared[n] = list
	return list
}

// declarations are names on their way to be names.
type declarations map[string]*ts.Node

func declared(n *ts.Node) declarations {
	own := declarations{}
	switch n.Kind {
	case ts.KindSourceFile:
		own.lexical(n.Statements())
		own.hoisted(n.Statements())
	case ts.KindModuleDeclaration:
		if b := n.Body(); b != nil && b.Kind == ts.KindModuleBlock {
			own.lexical(b.Statements())
			own.hoisted(b.Statements())
		}
	case ts.KindBlock:
		if !function(n.Parent) { // whose names are the function's
			own.lexical(n.Statements())
		}
	case ts.KindForStatement, ts.KindForInStatement, ts.KindForOfStatement:
		if init := n.Initializer(); init != nil && init.Kind == ts.KindVariableDeclarationList && !ts.Var(init) {
			own.list(init)
		}
	case ts.KindCatchClause:
		if v := n.AsCatchClause().VariableDeclaration; v != nil {
			own.pattern(v.Name())
		}
	case ts.KindCaseBlock:
		for _, c := range n.AsCaseBlock().Clauses.Nodes {
			own.lexical(c.AsCaseOrDefaultClause().Statements.Nodes)
		}
	default:
		if !function(n) {
			break
		}
		for _, p := range n.Parameters() {
			own.pattern(p.Name())
		}
		if b := n.Body(); b != nil && b.Kind == ts.KindBlock {
			own.hoisted(b.Statements())
			own.lexical(b.Statements())
		}
	}
	return own
}

func function(n *ts.Node) bool {
	if n == nil {
		return false
	}
	switch n.Kind {
	case ts.KindFunctionDeclaration, ts.KindFunctionExpression, ts.KindArrowFunction, ts.KindMethodDeclaration, ts.KindGetAccessor,
		ts.KindSetAccessor, ts.KindConstructor, ts.KindClassStaticBlockDeclaration:
		return true
	}
	return false
}

// lexical adds what statements declare for their own block.
func (o declarations) lexical(statements []*ts.Node) {
	for _, n := range statements {
		switch n.Kind {
		case ts.KindVariableStatement:
			if l := n.AsVariableStatement().DeclarationList; !ts.Var(l) {
				o.list(l)
			}
		case ts.KindFunctionDeclaration:
			if n.Name() != nil && (n.Body() != nil || o[n.Name().Text()] == nil) { // not an overload's signature
				o[n.Name().Text()] = n
			}
		case ts.KindClassDeclaration, ts.KindEnumDeclaration:
			if n.Name() != nil {
				o[n.Name().Text()] = n
			}
		case ts.KindImportDeclaration, ts.KindJSImportDeclaration:
			o.imports(n.AsImportDeclaration().ImportClause)
		case ts.KindImportEqualsDeclaration, ts.KindModuleDeclaration:
			if n.Name().Kind == ts.KindIdentifier {
				o.plain(n.Name().Text())
			}
		}
	}
}

// hoisted adds the variables of a function that var declares, in blocks as well.
func (o declarations) hoisted(statements []*ts.Node) {
	for _, n := range statements {
		o.vars(n)
	}
}

func (o declarations) vars(n *ts.Node) {
	if n == nil {
		return
	}
	switch n.Kind {
	case ts.KindVariableDeclarationList:
		if ts.Var(n) {
			o.list(n)
		}
	case ts.KindVariableStatement, ts.KindIfStatement, ts.KindDoStatement, ts.KindWhileStatement, ts.KindForStatement, ts.KindForInStatement,
		ts.KindForOfStatement, ts.KindSwitchStatement, ts.KindCaseBlock, ts.KindCaseClause, ts.KindDefaultClause, ts.KindLabeledStatement, ts.KindTryStatement, ts.KindCatchClause, ts.KindBlock:
		n.ForEachChild(func(c *ts.Node) bool { o.vars(c); return false })
	}
}

func (o declarations) list(n *ts.Node) {
	for _, d := range n.AsVariableDeclarationList().Declarations.Nodes {
		o.pattern(d.Name())
	}
}

func (o declarations) pattern(n *ts.Node) {
	if n == nil {
		return
	}
	switch n.Kind {
	case ts.KindIdentifier:
		o.plain(n.Text())
	case ts.KindObjectBindingPattern, ts.KindArrayBindingPattern:
		for _, e := range n.Elements() {
			if e.Kind == ts.KindBindingElement {
				o.pattern(e.Name())
			}
		}
	}
}

func (o declarations) imports(clause *ts.Node) {
	if clause == nil {
		return
	}
	c := clause.AsImportClause()
	if c.Name() != nil {
		o.plain(c.Name().Text())
	}
	switch b := c.NamedBindings; {
	case b == nil:
	case b.Kind == ts.KindNamespaceImport:
		o.plain(b.Name().Text())
	default:
		for _, e := range b.Elements() {
			o.plain(e.Name().Text())
		}
	}
}

// plain adds a variable, unless a function has its name already.
func (o declarations) plain(name string) {
	if _, ok := o[name]; !ok {
		o[name] = nil
	}
}
