// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"slices"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/taint"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 4: what went wrong is told to the client.

func (r *run) errorsEvent(e *model.Event) {
	switch e.Kind {
	case model.Called:
		if e.Lib != nil && e.Lib.Mod == "errorhandler" && !e.Development() {
			r.add(rule.ErrorLeak, e.At, e, "errorhandler sends stacks to clients; it is for development only")
		}
		return
	case model.Responded:
	default:
		return
	}
	switch e.Name {
	case "json", "send", "jsonp", "end", "write", "render":
	default:
		return
	}
	if e.Development() {
		return
	}
	args := e.Args
	if e.Name == "render" {
		args = args[min(1, len(args)):]
	}
	for _, a := range args {
		err := leaked(a, 0)
		if err == nil || e.Facts.Of(err.ID)&taint.Known != 0 {
			continue
		}
		what, s := "its message", rule.Low
		switch err.Part {
		case "stack":
			what, s = "its stack", rule.Medium
		case "":
			what, s = "the error itself", rule.Medium
		}
		if s == rule.Low && (e.Status == 0 || e.Status >= 500) {
			s = rule.Medium
		}
		c := finding.Certain
		if e.Status >= 400 && e.Status < 500 {
			c = finding.Tentative // it may be meant for the client
		}
		from := map[string]string{"catch": "caught error", "callback": "callback's error", "promise": "promise's error", "handler": "error"}[err.From]
		line, column := err.At.Line()
		r.add(rule.ErrorLeak, e.At, e, fmt.Sprintf("the client is sent a %s: %s", from, what), severity(s), confidence(c), func(f *finding.Finding) {
			sinkLine, sinkColumn := e.At.Line()
			f.Trace = []finding.Step{
				{File: err.At.Path(), Line: line, Column: column, Note: "the " + from},
				{File: e.At.Path(), Line: sinkLine, Column: sinkColumn, Note: what + " goes to the client"},
			}
		})
	}
}

// leaked is an error in what is sent.
func leaked(v model.Value, depth int) *model.Err {
	var found *model.Err
	model.Each(v, func(v model.Value) {
		switch x := v.(type) {
		case *model.Err:
			if x.Part != "code" {
				found = x
			}
		case *model.Obj:
			if depth > 2 {
				return
			}
			for _, k := range x.Keys() {
				f, _ := x.Get(k)
				if e := leaked(f, depth+1); e != nil && (found == nil || worse(e, found)) {
					found = e
				}
			}
			for _, s := range x.Spread {
				if e, ok := model.One[*model.Err](s); ok {
					found = e
				}
			}
			for _, el := range x.Elems {
				if e := leaked(el, depth+1); e != nil && found == nil {
					found = e
				}
			}
		}
	})
	return found
}

func worse(a, b *model.Err) bool { return a.Part != "message" && b.Part == "message" }

// errors looks for the handler that answers when everything else has failed.
func (r *run) errors() {
	for _, app := range r.listeners() {
		var last *model.Use
		handled := false
		for _, u := range r.p.Uses {
			if u.App != app {
				continue
			}
			model.Each(u.Handler, func(v model.Value) {
				switch x := v.(type) {
				case *model.Func:
					if len(x.Node.Parameters())-len(x.Bound) == 4 {
						handled, last = true, u
					}
				case *model.Call:
					if x.Lib.Mod != "" && u.Path == "" && errorPackage(x.Lib) {
						handled, last = true, u
					}
				case nil:
					handled = true // not known: it may be one
				}
			})
		}
		if !handled {
			r.add(rule.ErrorNoHandler, app.At, nil, "the app has no error handler of its own, so Express's answers: outside production with the stack", confidence(finding.Firm))
			continue
		}
		if last == nil {
			continue
		}
		for _, rt := range r.p.Routes {
			if rt.App == app && !last.After(rt) {
				r.add(rule.ErrorNoHandler, rt.Site, nil, fmt.Sprintf("%s comes after the error handler, which so never sees its errors", rt.Name()))
				break
			}
		}
	}
}

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
		r.add(rule.ErrorNoHandler, model.Site{File: f.Mod.File, Node: f.Node}, nil,
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

func errorPackage(l *model.Lib) bool {
	switch l.Mod {
	case "celebrate", "api-error-handler", "strong-error-handler", "express-error-handler", "@sentry/node", "errorhandler", "express-errorhandler":
		return l.Mod != "celebrate" && l.Mod != "@sentry/node"
	}
	return false
}
