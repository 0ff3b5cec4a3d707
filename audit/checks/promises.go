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

// async looks for handlers of Express 4 whose promise nobody looks at: when one
// is rejected the client waits, and Node ends. One finding for each file.
func (r *run) async() {
	if v := r.p.Tree.Major("express"); v != 3 && v != 4 || slices.ContainsFunc(asyncPackages, r.p.Tree.Depends) {
		return
	}
	var files []string
	first := map[string]*model.Func{}
	count := map[string]int{}
	seen := map[any]bool{}
	for _, rt := range r.p.Routes {
		for _, l := range rt.Chain {
			model.Each(l.Handler, func(v model.Value) {
				f, ok := v.(*model.Func)
				if !ok || f.Wrapped || seen[f.Node] || !rejects(f) {
					return
				}
				seen[f.Node] = true
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
		r.add(rule.ErrorUnhandled, model.Site{File: f.Mod.File, Node: f.Node}, nil,
			fmt.Sprintf("async handlers of this file (%d) await without a catch, and Express 4 does not look at their promise: what goes wrong there reaches no error handler", count[path]),
			confidence(finding.Firm))
	}
}

// rejects says whether a handler is async and awaits something outside of every
// try that has a catch.
func rejects(f *model.Func) bool {
	if !ts.AsyncFunction(f.Node) || f.Node.Body() == nil {
		return false
	}
	var visit func(n *ts.Node, depth int) bool
	visit = func(n *ts.Node, depth int) bool {
		if depth > 500 {
			return false
		}
		switch n.Kind {
		case ts.KindFunctionDeclaration, ts.KindFunctionExpression, ts.KindArrowFunction, ts.KindClassDeclaration, ts.KindClassExpression:
			return false
		case ts.KindAwaitExpression:
			if !caught(n.Expression()) {
				return true
			}
		case ts.KindTryStatement:
			if t := n.AsTryStatement(); t.CatchClause != nil {
				// The catch may await again; there nothing catches.
				return visit(t.CatchClause, depth+1) || t.FinallyBlock != nil && visit(t.FinallyBlock, depth+1)
			}
		}
		return n.ForEachChild(func(c *ts.Node) bool { return visit(c, depth+1) })
	}
	return visit(f.Node.Body(), 0)
}

// caught says whether a promise's own catch sees its rejection.
func caught(n *ts.Node) bool {
	if n.Kind != ts.KindCallExpression || n.Expression().Kind != ts.KindPropertyAccessExpression {
		return false
	}
	return n.Expression().Name().Text() == "catch" || n.Expression().Name().Text() == "then" && len(n.Arguments()) > 1
}
