// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

// flow is one request on its way through the handlers of a route.
type flow struct {
	route   *Route
	props   *Obj // what handlers hang on the request
	over    *Obj // parts of what the client sent that they replaced
	locals  *Obj
	states  map[string]taint.State // the parts that clients write, and what their fields can be
	pending taint.Facts            // of validators whose result nobody has looked at yet
	passed  bool                   // next was called
	known   taint.Facts            // what was known whenever it was
	status  int
	guess   bool
	dto     map[string]*Class // of which class a part of the request was made an instance
	own     bool              // in a handler that was given with the route
	mount   string            // what the handler is mounted under
}

func (it *interp) newFlow(r *Route) *flow {
	f := &flow{route: r, props: newObj(Site{}), over: newObj(Site{}), locals: newObj(Site{})}
	f.locals.Open = true
	query := taint.Any
	if it.p.SimpleQuery {
		query = taint.List
	}
	f.states = map[string]taint.State{
		"body": taint.Any, "query": query, "params": taint.Text, "headers": taint.Text, "cookies": taint.Any,
		"files": taint.Text, "file": taint.Text, "fields": taint.Any, "hostname": taint.Text, "originalUrl": taint.Text,
		"url": taint.Text, "path": taint.Text, "rawBody": taint.Text,
	}
	return f
}

// serve runs the handlers of a route in their order.
func (it *interp) serve(r *Route) {
	it.budget = routeSteps
	it.flow = it.newFlow(r)
	it.facts, it.conds, it.journal = nil, nil, nil
	it.frame = nil
	it.mod = it.p.first
	for i := range r.Chain {
		it.flow.own, it.flow.mount = i >= len(r.Chain)-r.Own, r.Chain[i].Path
		it.link(r, &r.Chain[i])
	}
	it.flow = nil
}

// link runs one handler of a chain.
func (it *interp) link(r *Route, l *Link) {
	f := it.flow
	f.passed, f.known, f.status = false, nil, 0
	before := it.facts
	it.conds = l.Conds
	n := len(l.Conds)
	run := func() { it.handle(l.Handler, l.Site) }
	if n > 0 {
		it.branch(arm{run: func() ctl { run(); return normal }}, arm{})
	} else {
		run()
	}
	it.conds = nil
	switch {
	case f.passed && n == 0:
		it.facts = before.And(f.known)
	case n == 0 && isMiddleware(l.Handler):
		// It made sure of what it made sure of.
	default:
		it.facts = before
	}
}

func isMiddleware(v Value) bool {
	_, ok := v.(*Call)
	return ok
}

// handle runs a handler with a request.
func (it *interp) handle(h Value, at Site) {
	f := it.flow
	req, res, next := &Req{f}, &Res{f}, &Next{f}
	switch x := h.(type) {
	case *Func:
		it.handlers[x.Node] = true
		if n := len(x.Node.Parameters()) - len(x.Bound); n == 4 {
			e := it.caught("handler", at)
			if p := x.Node.Parameters()[len(x.Bound)].Name(); p != nil {
				e.At = Site{x.Mod.File, p}
			}
			it.branch(arm{run: func() ctl {
				it.call(x, nil, []Value{e, req, res, next}, at)
				return normal
			}}, arm{})
			return
		}
		it.call(x, nil, []Value{req, res, next}, at)
	case *Call:
		it.middleware(x, at)
		for _, a := range x.Args {
			if fn, ok := One[*Func](a); ok && it.handlerShaped(fn) {
				it.call(fn, nil, []Value{req, res, next}, at)
			}
		}
	case *Method:
		it.method(x.Recv, x.Name, []Value{req, res, next}, at)
	case *native:
		x.call(it, []Value{req, res, next})
	case *Union:
		var arms []arm
		for _, one := range x.Of {
			arms = append(arms, arm{run: func() ctl { it.handle(one, at); return normal }})
		}
		it.branch(arms...)
	case *Obj:
		if m := it.member(x, "handle", at); m != nil {
			it.apply(m, x, []Value{req, res, next}, false, at)
		}
	case *Lib:
		if x.Mod == "express-mongo-sanitize" {
			it.middleware(&Call{Lib: x}, at)
		}
	}
}

// handlerShaped says whether a function's parameters are named as handlers'.
func (it *interp) handlerShaped(f *Func) bool {
	return shaped(f.Node, len(f.Bound))
}

func shaped(n *ts.Node, bound int) bool {
	params := n.Parameters()
	if len(params) < bound+1 {
		return false
	}
	name := func(i int) string {
		if i >= len(params) || params[i].Name().Kind != ts.KindIdentifier {
			return ""
		}
		return strings.ToLower(strings.Trim(params[i].Name().Text(), "_"))
	}
	isReq := func(s string) bool { return s == "req" || s == "request" || s == "rq" }
	isRes := func(s string) bool {
		return s == "res" || s == "response" || s == "resp" || s == "rs" || s == "reply" || s == "result"
	}
	a, b := name(bound), name(bound+1)
	return isReq(a) && (isRes(b) || b != "") || isReq(b) && isRes(name(bound+2))
}

// leftovers runs the functions that nothing has run: handlers that are mounted in
// a way that is not understood, and what is exported for somebody else.
func (it *interp) leftovers() {
	for _, f := range it.p.Tree.Files {
		m := it.p.modules[f.Path]
		if m == nil {
			m = it.load(f)
		}
		var visit func(n *ts.Node, depth int) bool
		visit = func(n *ts.Node, depth int) bool {
			if depth > maxNest || it.steps <= 0 || it.ctx.Err() != nil {
				return false
			}
			switch n.Kind {
			case ts.KindFunctionDeclaration, ts.KindFunctionExpression, ts.KindArrowFunction, ts.KindMethodDeclaration:
				if it.ran[n] || n.Body() == nil {
					break
				}
				if shaped(n, 0) {
					it.guess(n, m)
					return false
				}
			}
			n.ForEachChild(func(c *ts.Node) bool { visit(c, depth+1); return false })
			return false
		}
		visit(f.AST.AsNode(), 0)
	}
}

// guess runs a handler that no route leads to.
func (it *interp) guess(n *ts.Node, m *Module) {
	it.budget = routeSteps
	r := &Route{Method: "?", Path: "?", Site: Site{m.File, n}}
	it.flow = it.newFlow(r)
	it.flow.guess = true
	it.facts, it.conds, it.journal = nil, nil, nil
	it.mod, it.frame = m, nil
	fn := &Func{Node: n, Mod: m, scope: it.lexical(n, m)}
	it.handlers[n] = true
	if p := n.Parameters(); len(p) == 4 {
		it.handle(fn, Site{m.File, n})
	} else {
		it.call(fn, nil, []Value{&Req{it.flow}, &Res{it.flow}, &Next{it.flow}}, Site{m.File, n})
	}
	it.flow = nil
}

// lexical is the scope around a function that was never made: the module's,
// with the names of the functions between unknown.
func (it *interp) lexical(n *ts.Node, m *Module) *scope {
	var around []*ts.Node
	for p := n.Parent; p != nil && p.Kind != ts.KindSourceFile; p = p.Parent {
		if len(m.names(p)) > 0 {
			around = append(around, p)
		}
	}
	s := m.scope
	for i := len(around) - 1; i >= 0; i-- {
		s = &scope{up: s, locals: m.names(around[i]), mod: m}
	}
	return s
}
