// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"path"
	"slices"
	"strings"
)

// Route is one method and path that an app answers, with all that a request
// passes on its way.
type Route struct {
	App    *Router
	Method string
	Path   string // as written, with what it is mounted under
	Site   Site
	Chain  []Link
	// Own is how many of the chain, from its end, were given with the route.
	Own   int
	Conds []Cond

	order int
}

// Link is one handler of a chain.
type Link struct {
	Handler Value
	Path    string // what it is mounted under; empty for everything
	Conds   []Cond
	Site    Site
}

// Use is a middleware that an app or one of its routers was given with use.
type Use struct {
	Link
	App   *Router
	order int
}

// flattenApp makes the routes of an app, in the order in which Express asks
// them.
func (p *Program) flattenApp(app *Router) {
	w := &flattener{p: p, app: app}
	w.router(app, "", nil, nil, 0, nil)
}

type flattener struct {
	p     *Program
	app   *Router
	order int
}

// full says whether no more routes are kept.
func (w *flattener) full() bool {
	if len(w.p.Routes) < MaxRoutes && w.p.links < maxLinks {
		return false
	}
	w.p.Stopped = true
	return true
}

func (w *flattener) router(r *Router, prefix string, before []Link, conds []Cond, depth int, up []*Router) []Link {
	if depth > 20 || slices.Contains(up, r) || w.full() {
		return before
	}
	up = append(up[:len(up):len(up)], r)
	chain := slices.Clone(before)
	for _, e := range r.Events {
		all := slices.Concat(conds, e.Conds)
		w.order++
		paths := e.Paths
		if len(paths) == 0 {
			paths = []string{""}
		}
		if e.Method != "USE" {
			for _, one := range paths {
				if w.full() {
					return chain
				}
				full := joinPath(prefix, one)
				route := &Route{App: w.app, Method: e.Method, Path: full, Site: e.At, Conds: all, Own: len(e.Handlers), order: w.order}
				for _, l := range chain {
					if covers(l.Path, full) {
						route.Chain = append(route.Chain, l)
					}
				}
				for _, prm := range r.Params {
					route.Chain = append(route.Chain, Link{Handler: paramHandler(prm), Site: e.At})
				}
				for _, h := range e.Handlers {
					route.Chain = append(route.Chain, Link{h, full, nil, e.At})
				}
				w.p.links += len(route.Chain)
				w.p.Routes = append(w.p.Routes, route)
			}
			continue
		}
		for _, one := range paths {
			full := joinPath(prefix, one)
			if one == "" && prefix == "" {
				full = ""
			}
			here := chain
			for _, h := range e.Handlers {
				sub, ok := mounted(h)
				if ok {
					w.router(sub, full, here, all, depth+1, up)
					continue
				}
				l := Link{h, full, all, e.At}
				here = append(here[:len(here):len(here)], l)
				chain = append(chain, l)
				w.p.Uses = append(w.p.Uses, &Use{l, w.app, w.order})
			}
		}
	}
	return chain
}

// mounted is the router among what a handler may be.
func mounted(v Value) (*Router, bool) {
	switch x := v.(type) {
	case *Obj:
		if d, ok := x.Get("default"); ok {
			return One[*Router](d)
		}
		if x.Class != nil && !x.Array {
			for _, k := range x.Keys() {
				if f, _ := x.Get(k); k == "router" || k == "app" {
					return One[*Router](f)
				}
			}
		}
	case *Call: // a package around a router
		for _, a := range x.Args {
			if r, ok := a.(*Router); ok {
				return r, ok
			}
		}
	}
	return One[*Router](v)
}

func paramHandler(v Value) Value {
	f, ok := v.(*Func)
	if !ok {
		return nil
	}
	return &native{call: func(it *interp, args []Value) Value {
		id := &Taint{ID: "params.*", State: 1, Trace: &Trace{At: Site{f.Mod.File, f.Node}, Note: "the client sends it in the path"}}
		return it.call(f, nil, append(slices.Clone(args), id), Site{f.Mod.File, f.Node})
	}}
}

// joinPath is a path below another, as Express reads them.
func joinPath(prefix, p string) string {
	if prefix == "" || prefix == "/" {
		if p == "" {
			return "/"
		}
		return p
	}
	if p == "" || p == "/" {
		return prefix
	}
	return strings.TrimSuffix(prefix, "/") + "/" + strings.TrimPrefix(p, "/")
}

// covers says whether a middleware mounted under a path sees a route.
func covers(mount, route string) bool {
	if mount == "" || mount == "/" || mount == "*" || mount == "?" || mount == "(.*)" || mount == "/*" {
		return true
	}
	if strings.HasPrefix(mount, "/^") || strings.ContainsAny(mount, "*(?+{") {
		// A pattern: compared up to where it begins.
		literal := mount[:strings.IndexAny(mount, "*(?+{^")]
		return strings.HasPrefix(strings.ToLower(route), strings.ToLower(strings.TrimRight(literal, "/")))
	}
	m, r := segments(mount), segments(route)
	if len(m) > len(r) {
		return false
	}
	for i := range m {
		if !strings.EqualFold(m[i], r[i]) && !strings.HasPrefix(m[i], ":") && !strings.HasPrefix(r[i], ":") {
			return false
		}
	}
	return true
}

func segments(p string) []string {
	return strings.FieldsFunc(path.Clean("/"+p), func(r rune) bool { return r == '/' })
}

// Name is the method and path.
func (r *Route) Name() string { return r.Method + " " + r.Path }

// Handlers are the functions of the app that serve a route, the last first.
func (r *Route) Handlers() []*Func {
	var fs []*Func
	for i := len(r.Chain) - 1; i >= max(0, len(r.Chain)-r.Own); i-- {
		Each(r.Chain[i].Handler, func(v Value) {
			switch x := v.(type) {
			case *Func:
				fs = append(fs, x)
			case *Call:
				for _, a := range x.Args {
					if f, ok := One[*Func](a); ok {
						fs = append(fs, f)
					}
				}
			}
		})
	}
	return fs
}

// Before says whether a middleware was given before another.
func (u *Use) Before(o *Use) bool { return u.order < o.order }

// Covers says whether requests to a route pass a middleware, or go on to it with
// their errors.
func (u *Use) Covers(r *Route) bool { return covers(u.Path, r.Path) }

// After says whether a middleware was given after a route.
func (u *Use) After(r *Route) bool { return u.order > r.order }
