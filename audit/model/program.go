// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package model runs an app without running it: it goes through the app's source
// as Node would, with values that stand for many, and learns which routes the app
// has, what a request passes on its way to each handler, and where what a
// client sends ends up.
//
// First every module runs from its top, the one that starts the app first, so
// that routes are registered in the order in which Express will ask them;
// factories, classes, loops over known lists, directory loaders and helper
// functions need no rule of their own, as they are run. Then every route is
// served once: its handlers run with a request whose parts the client chose.
// Both sides of every condition run, each knowing what the condition says, and
// what both know holds behind it. A package is never run: what calls of well-known
// packages do is written down here, and what others give is unknown.
//
// Callers watch [Event]s; package checks makes findings of them.
//
// # Bounds
//
// A run takes at most [MaxSteps] evaluations, and one handler a part of them; a
// function calls itself twice, calls nest 24 deep, and of a list the first 64
// elements are gone through. At most [MaxRoutes] routes are kept, with 250,000
// handlers in their chains. What is cut off is unknown, which never makes a
// finding, and [Program.Stopped] says so.
package model

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/source"
)

// Program is what was learned of an app.
type Program struct {
	Tree      *source.Tree
	Apps      []*Router
	Routes    []*Route
	Uses      []*Use
	Listening []*Router // apps that were seen to listen
	// SimpleQuery says that query strings make no objects: Express 5 unless told otherwise.
	SimpleQuery bool
	// SanitizeFilter says that mongoose takes operators out of queries.
	SanitizeFilter bool
	// Missing are modules of the app that were not found.
	Missing []string
	// Failed are parts of the app that could not be gone through: a fault of ours.
	Failed []string
	// Stopped says that the bounds of the run were reached.
	Stopped bool

	modules map[string]*Module
	models  map[string]*Model
	extra   map[Value]*Obj
	late    []func()
	errors  int
	links   int // of the chains of all routes
	first   *Module
	routers []*Router

	nodeConfig *Obj             // what package config gives
	nconf      *Obj             // nconf's defaults
	env        map[string]Value // variables that the app sets itself
	instances  map[*Class]*Obj  // that Nest makes
}

// Run goes through an app. watch is told of everything in its order, and may be
// nil.
func Run(ctx context.Context, tree *source.Tree, watch func(*Program, *Event)) *Program {
	p := &Program{Tree: tree, modules: map[string]*Module{}, models: map[string]*Model{}, extra: map[Value]*Obj{}, env: map[string]Value{}}
	it := &interp{p: p, ctx: ctx, steps: MaxSteps, budget: 4 * routeSteps, onStack: map[*ts.Node]int{}, ran: map[*ts.Node]bool{}, handlers: map[*ts.Node]bool{}}
	if watch != nil {
		it.watch = func(e *Event) { watch(p, e) }
	}
	for _, f := range slices.Concat(tree.Entries(), tree.Files) {
		it.safely(f.Path, func() {
			if m := it.load(f); p.first == nil {
				p.first = m
			}
		})
		for _, late := range p.late {
			late()
		}
		p.late = nil
	}
	p.SimpleQuery = tree.Major("express") >= 5 || tree.Major("@nestjs/platform-express") >= 11
	it.safely("exported functions", func() { p.exported(it) })
	it.safely("controllers", func() { p.controllers(it) })
	p.apps(it)
	for _, r := range p.Routes {
		if ctx.Err() != nil || it.steps <= 0 {
			break
		}
		it.safely(r.Name(), func() { it.serve(r) })
	}
	served := map[Value]bool{}
	for _, r := range p.Routes {
		for _, l := range r.Chain {
			served[l.Handler] = true
		}
	}
	for _, u := range p.Uses { // error handlers, and what answers without a route
		if !served[u.Handler] {
			r := &Route{App: u.App, Method: "USE", Path: u.Path, Site: u.Site, Chain: []Link{u.Link}, Own: 1, order: u.order}
			it.safely(r.Name(), func() { it.serve(r) })
		}
	}
	it.safely("functions that no route leads to", it.leftovers)
	p.Stopped = p.Stopped || it.steps <= 0
	return p
}

// safely does a part of the work. What goes wrong in it is that part's alone.
func (it *interp) safely(what string, do func()) {
	saved := *it
	defer func() {
		if r := recover(); r != nil {
			steps := it.steps
			*it = saved
			it.steps = steps
			clear(it.onStack)
			if len(it.p.Failed) < 100 {
				it.p.Failed = append(it.p.Failed, fmt.Sprintf("%s: %v", what, r))
			}
		}
	}()
	do()
}

func (p *Program) missing(from *Module, spec string) {
	where := ""
	if from != nil {
		where = from.File.Path + ": "
	}
	if s := where + spec; len(p.Missing) < 100 && !slices.Contains(p.Missing, s) {
		p.Missing = append(p.Missing, s)
	}
}

// exported calls the functions that make apps or add routes to one and that
// nobody in the source calls, module.exports = (app) => …: somebody else does.
func (p *Program) exported(it *interp) {
	for _, f := range p.Tree.Files {
		m := p.modules[f.Path]
		if m == nil || !strings.Contains(f.Text, "express") && !strings.Contains(f.Text, "router") && !strings.Contains(f.Text, "app.") {
			continue
		}
		calls := makesRoutes.FindAllStringIndex(f.Text, -1)
		var visit func(n *ts.Node, depth int)
		visit = func(n *ts.Node, depth int) {
			if depth > maxNest || it.steps <= 0 || !within(calls, n) {
				return
			}
			switch n.Kind {
			case ts.KindFunctionDeclaration, ts.KindFunctionExpression, ts.KindArrowFunction, ts.KindMethodDeclaration:
				if !it.ran[n] && n.Body() != nil && !shaped(n, 0) {
					p.callExported(it, n, m)
				}
			}
			n.ForEachChild(func(c *ts.Node) bool { visit(c, depth+1); return false })
		}
		visit(f.AST.AsNode(), 0)
	}
}

// within says whether one of some sorted places lies in a node.
func within(places [][]int, n *ts.Node) bool {
	i, _ := slices.BinarySearchFunc(places, n.Pos(), func(p []int, pos int) int { return p[0] - pos })
	return i < len(places) && places[i][1] <= n.End()
}

// makesRoutes tells a function that is worth calling.
var makesRoutes = regexp.MustCompile(`express\(|Router\(|\b(app|router|server|api|routes?)\.(use|get|post|put|patch|delete|all|route)\(|\.use\(`)

func (p *Program) callExported(it *interp, n *ts.Node, m *Module) {
	at := Site{m.File, n}
	args := make([]Value, 0, 4)
	for _, prm := range n.Parameters() {
		var v Value
		if prm.Name().Kind == ts.KindIdentifier {
			switch name := prm.Name().Text(); name {
			case "app", "server", "router", "api":
				v = &Router{App: name == "app" || name == "server", At: Site{m.File, prm}}
			case "express":
				v = &Lib{Mod: "express"}
			}
		}
		args = append(args, v)
	}
	it.budget = routeSteps
	it.mod, it.frame, it.facts, it.conds, it.journal = m, nil, nil, nil, nil
	it.call(&Func{Node: n, Mod: m, scope: it.lexical(n, m)}, nil, args, at)
	for _, a := range args {
		if r, ok := a.(*Router); ok && len(r.Events) > 0 {
			p.routers = append(p.routers, r)
		}
	}
}

// apps finds every app and router that was made, and makes routes of those that
// are mounted nowhere.
func (p *Program) apps(it *interp) {
	all := slices.Clone(p.routers)
	all = append(all, it.made...)
	inside := map[*Router]bool{}
	sites := map[Site][]*Router{} // of inside, by where they were made
	for _, r := range all {
		for _, e := range r.Events {
			for _, h := range e.Handlers {
				if sub, ok := mounted(h); ok && !inside[sub] {
					inside[sub] = true
					sites[sub.At] = append(sites[sub.At], sub)
				}
			}
		}
	}
	for _, r := range all {
		if inside[r] || len(r.Events) == 0 && !r.App {
			continue
		}
		// What makes a mounted router was run by itself, too: the same is said once.
		if !slices.Contains(p.Listening, r) && slices.ContainsFunc(sites[r.At], r.repeats) {
			continue
		}
		for _, s := range r.Settings {
			if s.Name == "query parser" {
				v, _ := Constant(s.Value)
				p.SimpleQuery = v == "simple" || s.Value == (Bool{false})
			}
		}
		if r.App {
			p.Apps = append(p.Apps, r)
		}
		p.flattenApp(r)
	}
}

// repeats says whether all that a router was given, another made at the same place
// was given as well.
func (r *Router) repeats(o *Router) bool {
	return len(r.Events) > 0 && !slices.ContainsFunc(r.Events, func(e Registration) bool {
		return !slices.ContainsFunc(o.Events, func(f Registration) bool { return e.At == f.At })
	})
}
