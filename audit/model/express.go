// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// Router is an app or a router.
type Router struct {
	App    bool
	At     Site
	Events []Registration
	// Settings are what app.set, enable and disable were given.
	Settings []Setting
	// Params are the handlers of router.param.
	Params []Value
	// Nest is set for apps of NestJS.
	Nest *Nest
}

// Setting is a call of app.set, enable or disable.
type Setting struct {
	Name  string
	Value Value
	Conds []Cond
	At    Site
}

// Registration is one call of use or of a method.
type Registration struct {
	Method   string   // GET, ALL, or USE
	Paths    []string // empty for a use without a path
	Handlers []Value
	Conds    []Cond
	At       Site
}

// RouteOf is what router.route gives.
type RouteOf struct {
	router *Router
	paths  []string
}

var verbs = []string{"get", "post", "put", "patch", "delete", "head", "options", "all", "del", "search", "copy", "lock", "merge",
	"mkactivity", "mkcol", "move", "m-search", "notify", "propfind", "proppatch", "purge", "report", "subscribe", "trace",
	"unlock", "unsubscribe", "checkout", "bind", "link", "acl", "rebind", "source", "unbind", "unlink"}

func (it *interp) router(app bool, at Site) *Router {
	r := &Router{App: app, At: at}
	it.made = append(it.made, r)
	return r
}

func (it *interp) register(r *Router, method string, paths []string, handlers []Value, at Site) {
	if len(r.Events) >= MaxRoutes {
		return
	}
	r.Events = append(r.Events, Registration{method, paths, handlers, slices.Clone(it.conds), at})
}

// routerCall is a method of an app or router.
func (it *interp) routerCall(r *Router, name string, args []Value, at Site) Value {
	switch {
	case it.nestCall(r, name, args):
		return r
	case name == "use":
		paths, rest := pathsOf(args)
		it.register(r, "USE", paths, flatten(rest), at)
		return r
	case name == "route":
		paths, _ := pathsOf(args)
		return &RouteOf{r, paths}
	case name == "get" && r.App && len(args) == 1:
		for i := len(r.Settings) - 1; i >= 0; i-- {
			if s, ok := Constant(args[0]); ok && r.Settings[i].Name == s {
				return r.Settings[i].Value
			}
		}
		if s, ok := Constant(args[0]); ok && s == "env" {
			return &Env{"NODE_ENV", Str{"development"}}
		}
		return nil
	case slices.Contains(verbs, name):
		paths, rest := pathsOf(args)
		if name == "del" {
			name = "delete"
		}
		it.register(r, strings.ToUpper(name), paths, flatten(rest), at)
		return r
	case name == "param":
		r.Params = append(r.Params, args[min(1, len(args)):]...)
		return r
	case name == "set" || name == "enable" || name == "disable":
		if s, ok := Constant(arg(args, 0)); ok {
			v := arg(args, 1)
			if name != "set" {
				v = Bool{name == "enable"}
			}
			r.Settings = append(r.Settings, Setting{s, v, slices.Clone(it.conds), at})
		}
		return r
	case name == "listen":
		it.p.Listening = append(it.p.Listening, r)
		it.callbacks(args, nil, at)
		return &Lib{Mod: "http", Path: "server"}
	case name == "handle" || name == "engine" || name == "on" || name == "render" || name == "once" || name == "emit":
		it.callbacks(args, nil, at)
		return r
	}
	it.callbacks(args, nil, at)
	return r
}

// routeCall is a method of what router.route gave.
func (it *interp) routeCall(r *RouteOf, name string, args []Value, at Site) Value {
	if slices.Contains(verbs, name) {
		it.register(r.router, strings.ToUpper(name), r.paths, flatten(args), at)
	}
	return r
}

// pathsOf takes the paths off the front of a registration's arguments. A path
// that is not known is "?".
func pathsOf(args []Value) (paths []string, rest []Value) {
	if len(args) == 0 {
		return nil, nil
	}
	if p, ok := onePath(args[0]); ok {
		return []string{p}, args[1:]
	}
	if o, ok := args[0].(*Obj); ok && o.Array && len(o.Elems) > 0 {
		for _, e := range o.Elems {
			p, ok := onePath(e)
			if !ok {
				return nil, args
			}
			paths = append(paths, p)
		}
		return paths, args[1:]
	}
	if len(args) > 1 && !mountable(args[0]) {
		return []string{"?"}, args[1:]
	}
	return nil, args
}

func onePath(v Value) (string, bool) {
	switch x := v.(type) {
	case Str:
		return x.S, true
	case Part:
		return x.S, true
	case Regex:
		return x.Source, true
	case *Env:
		if s, ok := Constant(x.Default); ok {
			return s, true
		}
		return "?", true
	case *Union:
		if s, ok := Constant(v); ok {
			return s, true
		}
	}
	return "", false
}

func mountable(v Value) bool {
	switch x := v.(type) {
	case *Func, *Router, *Call, *Class, *native, *Method:
		return true
	case *Lib:
		return x.Mod != ""
	case *Obj:
		return x.Array || x.Class != nil
	case *Union:
		return slices.ContainsFunc(x.Of, mountable)
	}
	return false
}

// flatten takes arrays of handlers apart, as Express does.
func flatten(vs []Value) []Value { return flattenAt(vs, 0) }

func flattenAt(vs []Value, depth int) []Value {
	var out []Value
	for _, v := range vs {
		if o, ok := v.(*Obj); ok && o.Array {
			if depth > 8 || len(out) >= 200 {
				continue // an array that holds itself
			}
			out = append(out, flattenAt(o.Elems, depth+1)...)
			if o.Open {
				out = append(out, nil)
			}
			continue
		}
		if len(out) < 200 {
			out = append(out, v)
		}
	}
	return out
}

// roots are the parts of a request that clients write.
func (f *flow) root(name string) bool {
	_, ok := f.states[name]
	return ok
}

// requestMember is a member of a request.
func (it *interp) requestMember(r *Req, name string, at Site) Value {
	if v, ok := r.flow.props.Get(name); ok {
		return v
	}
	if _, ok := r.flow.states[name]; ok {
		t := &Taint{ID: name, State: taint.Whole, Trace: &Trace{At: at}}
		switch name {
		case "hostname", "originalUrl", "url", "path", "rawBody", "host", "subdomains":
			t.State = taint.Text
		}
		return t
	}
	switch name {
	case "res":
		return &Res{r.flow}
	case "busboy":
		return &Call{Lib: &Lib{Mod: "busboy", Path: "()"}, At: at}
	case "app":
		if r.flow.route != nil && r.flow.route.App != nil {
			return r.flow.route.App
		}
	case "get", "header", "param", "is", "accepts", "next", "login", "logIn", "logout", "logOut", "flash", "isAuthenticated", "on", "checkBody", "assert", "sanitize", "csrfToken":
		return &Method{r, name}
	case "session":
		o := newObj(at)
		o.Open = true
		it.put(r.flow.props, name, o)
		return o
	}
	return nil
}

// requestCall is a method of a request.
func (it *interp) requestCall(r *Req, name string, args []Value, at Site) Value {
	if v, ok := r.flow.props.Get(name); ok && v != nil {
		return it.apply(v, r, args, false, at)
	}
	field, _ := Constant(arg(args, 0))
	switch name {
	case "get", "header":
		return &Taint{ID: "headers." + strings.ToLower(field), State: taint.Text, Trace: &Trace{At: at, Note: "the client sends " + at.Text()}}
	case "param":
		return &Taint{ID: "body." + field, State: taint.Any, Trace: &Trace{At: at, Note: "the client sends " + at.Text()}}
	}
	it.emit(&Event{Kind: Called, Recv: r, Name: name, Args: args, At: at})
	it.callbacks(args, nil, at)
	return nil
}

// responseCall is a method of a response.
func (it *interp) responseCall(r *Res, name string, args []Value, at Site) Value {
	if e := it.p.extra[r]; e != nil {
		if f, ok := e.Get(name); ok && f != nil {
			return it.apply(f, r, args, false, at)
		}
	}
	if name == "render" { // a view is given what res.locals holds, too
		args = append(args[:len(args):len(args)], r.flow.locals)
	}
	it.emit(&Event{Kind: Responded, Recv: r, Name: name, Args: args, At: at})
	switch name {
	case "status", "sendStatus", "writeHead":
		if n, ok := arg(args, 0).(Num); ok {
			r.flow.status = int(n.F)
		}
	case "get", "getHeader":
		return nil
	case "on", "once":
		it.callbacks(args, nil, at)
	case "format":
		if o, ok := arg(args, 0).(*Obj); ok {
			for _, k := range o.Keys() {
				f, _ := o.Get(k)
				it.callback1(f, nil, at)
			}
		}
	default:
		it.callbacks(args, nil, at)
	}
	return r
}

// next hands the request to the next handler: what is known here is what it
// may rely on.
func (it *interp) next(n *Next, args []Value, at Site) {
	if len(args) > 0 {
		if _, ok := args[0].(*Undef); !ok {
			it.emit(&Event{Kind: Responded, Recv: n, Name: "next", Args: args, At: at})
			return
		}
	}
	f := n.flow
	if f.passed {
		f.known = f.known.Or(it.facts)
	} else {
		f.passed, f.known = true, it.facts
	}
}
