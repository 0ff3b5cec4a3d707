// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"slices"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 4: promises that fail and that nobody looks at.

// asyncPackages hand on what goes wrong in async handlers.
var asyncPackages = []string{"express-async-errors", "express-promise-router", "express-async-router", "@awaitjs/express", "express-async-await"}

// promises looks for handlers whose promises nobody looks at: those of async
// handlers of Express 4, and those that a handler leaves lying. When one is
// rejected the client waits, and Node ends. One finding for each file.
func (r *run) promises() {
	v := r.p.Tree.Major("express")
	four := (v == 3 || v == 4) && !slices.ContainsFunc(asyncPackages, r.p.Tree.Depends)
	var files []string
	first := map[string]*model.Func{}
	count := map[string]int{}
	seen := map[any]bool{}
	for _, rt := range r.p.Routes {
		for _, l := range rt.Chain {
			model.Each(l.Handler, func(v model.Value) {
				f, ok := v.(*model.Func)
				if !ok || seen[f.Node] || f.Node.Body() == nil {
					return
				}
				seen[f.Node] = true
				if !floats(f.Node.Body(), four) && !(four && !f.Wrapped && ts.AsyncFunction(f.Node) && rejects(f.Node.Body())) {
					return
				}
				path := f.Mod.File.Path
				if first[path] == nil {
					files, first[path] = append(files, path), f
				}
				count[path]++
			})
		}
	}
	for _, path := range files {
		f := first[path]
		message := "promises in handlers of this file (%d) have no catch: what goes wrong there reaches no error handler"
		if ts.AsyncFunction(f.Node) {
			message = "async handlers of this file (%d) await without a catch, and Express 4 does not look at their promise: what goes wrong there reaches no error handler"
		}
		r.add(rule.ErrorUnhandled, model.Site{File: f.Mod.File, Node: f.Node}, nil, fmt.Sprintf(message, count[path]), confidence(finding.Firm))
	}
}

// maxDeep is how deep handlers are looked into.
const maxDeep = 500

// within visits a node and what is in it, functions left out, until one visit
// says yes.
func within(n *ts.Node, depth int, visit func(n *ts.Node, depth int) (found, into bool)) bool {
	if depth > maxDeep {
		return false
	}
	switch n.Kind {
	case ts.KindFunctionDeclaration, ts.KindFunctionExpression, ts.KindArrowFunction, ts.KindClassDeclaration, ts.KindClassExpression:
		return false
	}
	found, into := visit(n, depth)
	if found || !into {
		return found
	}
	return n.ForEachChild(func(c *ts.Node) bool { return within(c, depth+1, visit) })
}

// rejects says whether the body of an async handler awaits something outside of
// every try that has a catch.
func rejects(body *ts.Node) bool {
	var visit func(n *ts.Node, depth int) (found, into bool)
	visit = func(n *ts.Node, depth int) (found, into bool) {
		switch n.Kind {
		case ts.KindAwaitExpression:
			return !caught(n.Expression()), true
		case ts.KindTryStatement:
			if t := n.AsTryStatement(); t.CatchClause != nil {
				// The catch may await again; there nothing catches.
				return within(t.CatchClause, depth+1, visit) || t.FinallyBlock != nil && within(t.FinallyBlock, depth+1, visit), false
			}
		}
		return false, true
	}
	return within(body, 0, visit)
}

// floats says whether a handler leaves a chain of then lying that has no catch;
// Express 4 leaves the one that it is given back lying too.
func floats(body *ts.Node, four bool) bool {
	if body.Kind != ts.KindBlock {
		return four && chained(body) && !caughtAnywhere(body)
	}
	return within(body, 0, func(n *ts.Node, _ int) (found, into bool) {
		if n.Kind == ts.KindExpressionStatement || four && n.Kind == ts.KindReturnStatement {
			e := n.Expression()
			return e != nil && chained(e) && !caughtAnywhere(e), true
		}
		return false, true
	})
}

// methods calls f with the methods of a chain, the last first, until it says yes.
func methods(n *ts.Node, f func(name string, args int) bool) bool {
	for i := 0; i < maxDeep && n.Kind == ts.KindCallExpression && n.Expression().Kind == ts.KindPropertyAccessExpression; i++ {
		if f(n.Expression().Name().Text(), len(n.Arguments())) {
			return true
		}
		n = n.Expression().Expression()
	}
	return false
}

func chained(n *ts.Node) bool {
	return methods(n, func(name string, _ int) bool { return name == "then" })
}

func caughtAnywhere(n *ts.Node) bool {
	return methods(n, func(name string, args int) bool { return name == "catch" || name == "then" && args > 1 })
}

// caught says whether a promise's own catch sees its rejection.
func caught(n *ts.Node) bool {
	if n.Kind != ts.KindCallExpression || n.Expression().Kind != ts.KindPropertyAccessExpression {
		return false
	}
	return n.Expression().Name().Text() == "catch" || n.Expression().Name().Text() == "then" && len(n.Arguments()) > 1
}
