// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"
)

// NestJS: the routes are in decorators, the handlers are methods of classes that
// the framework makes, and what a handler returns is the answer.

// Nest is what an app that NestFactory made was told.
type Nest struct {
	prefix       string
	versions     bool
	pipes        []Value
	guards       []Value
	interceptors []Value
}

// nestApp is NestFactory.create.
func (it *interp) nestApp(l *Lib, at Site) (Value, bool) {
	if l.Mod != "@nestjs/core" || l.Path != "NestFactory.create" {
		return nil, false
	}
	r := it.router(true, at)
	r.Nest = &Nest{}
	return r, true
}

// nestCall is a method that only apps of Nest's have.
func (it *interp) nestCall(r *Router, name string, args []Value) bool {
	n := r.Nest
	if n == nil {
		return false
	}
	switch name {
	case "setGlobalPrefix":
		n.prefix, _ = Constant(arg(args, 0))
	case "useGlobalPipes":
		n.pipes = append(n.pipes, args...)
	case "useGlobalGuards":
		n.guards = append(n.guards, args...)
	case "useGlobalInterceptors":
		n.interceptors = append(n.interceptors, args...)
	case "enableVersioning":
		n.versions = true
	case "then": // NestFactory.create(…).then(app => …)
		it.apply(arg(args, 0), nil, []Value{r}, false, r.At)
	default:
		return false
	}
	return true
}

// nestVerbs are the decorators that make a route of a method.
var nestVerbs = map[string]string{"Get": "GET", "Post": "POST", "Put": "PUT", "Patch": "PATCH", "Delete": "DELETE", "Head": "HEAD",
	"Options": "OPTIONS", "All": "ALL", "Search": "SEARCH", "Sse": "GET"}

// controllers registers the routes of every controller.
func (p *Program) controllers(it *interp) {
	if !p.Tree.Depends("@nestjs/common") && !p.Tree.Depends("@nestjs/core") {
		return
	}
	var app *Router
	for _, r := range it.made {
		if r.Nest != nil {
			app = r
			break
		}
	}
	if app == nil {
		app = it.router(false, Site{})
		app.Nest = &Nest{}
	}
	var found []*Class
	for _, f := range p.Tree.Files {
		m := p.modules[f.Path]
		if m == nil || !strings.Contains(f.Text, "@Controller") && !strings.Contains(f.Text, "@Module") {
			continue
		}
		for _, n := range f.AST.Statements.Nodes {
			if n.Kind != ts.KindClassDeclaration || n.Name() == nil {
				continue
			}
			c := m.scope.lookup(it, n.Name().Text())
			if c == nil {
				continue
			}
			cls, ok := c.v.(*Class)
			if !ok {
				continue
			}
			if d, ok := decorated(n, "Module"); ok {
				it.nestModule(app, cls, d)
			}
			if _, ok := decorated(n, "Controller"); ok {
				found = append(found, cls)
			}
		}
	}
	for _, c := range found {
		it.controller(app, c)
	}
}

// nestModule takes in what a module provides for the whole app.
func (it *interp) nestModule(app *Router, c *Class, d decorator) {
	it.budget = routeSteps
	args := it.values(d, c.Mod, c.scope)
	o, _ := arg(args, 0).(*Obj)
	if o != nil {
		providers, _ := o.Get("providers")
		if list, ok := providers.(*Obj); ok {
			for _, e := range list.Elems {
				it.provided(app.Nest, e)
			}
		}
	}
	if f, ok := it.classMember(c, "configure", nil, false).(*Func); ok {
		consumer := newObj(Site{c.Mod.File, f.Node})
		var given []Value
		it.put(consumer, "apply", &native{call: func(_ *interp, args []Value) Value { given = args; return consumer }})
		it.put(consumer, "exclude", &native{call: func(*interp, []Value) Value { return consumer }})
		it.put(consumer, "forRoutes", &native{call: func(it *interp, args []Value) Value {
			paths, _ := pathsOf(args)
			it.register(app, "USE", paths, flatten(given), Site{c.Mod.File, f.Node})
			return consumer
		}})
		it.call(f, it.inject(c), []Value{consumer}, Site{c.Mod.File, f.Node})
	}
}

func (it *interp) provided(n *Nest, v Value) {
	o, ok := v.(*Obj)
	if !ok {
		return
	}
	token, _ := o.Get("provide")
	l, ok := token.(*Lib)
	if !ok {
		return
	}
	for _, k := range []string{"useClass", "useValue", "useFactory", "useExisting"} {
		what, ok := o.Get(k)
		if !ok {
			continue
		}
		if k == "useFactory" {
			what = it.apply(what, nil, nil, false, Site{o.File, o.Node})
		}
		switch l.Path {
		case "APP_GUARD":
			n.guards = append(n.guards, what)
		case "APP_PIPE":
			n.pipes = append(n.pipes, what)
		case "APP_INTERCEPTOR":
			n.interceptors = append(n.interceptors, what)
		}
	}
}

// controller registers the routes of one controller.
func (it *interp) controller(app *Router, c *Class) {
	it.budget = routeSteps
	d, _ := decorated(c.Node, "Controller")
	prefixes, version := nestPaths(arg(it.values(d, c.Mod, c.scope), 0))
	if version != "" && app.Nest.versions {
		for i := range prefixes {
			prefixes[i] = joinPath("/v"+version, prefixes[i])
		}
	}
	guards := slices.Concat(app.Nest.guards, it.using(c, c.Node, "UseGuards"))
	for depth, at := 0, c; at != nil && depth < 8; depth++ {
		for _, m := range at.Node.Members() {
			if m.Kind != ts.KindMethodDeclaration || m.Body() == nil {
				continue
			}
			for _, d := range decorators(m) {
				verb := nestVerbs[d.name]
				if verb == "" {
					continue
				}
				own, _ := nestPaths(arg(it.values(d, at.Mod, at.scope), 0))
				var paths []string
				for _, p := range prefixes {
					for _, o := range own {
						paths = append(paths, "/"+strings.Trim(joinPath(joinPath("/"+app.Nest.prefix, p), o), "/"))
					}
				}
				var chain []Value
				for _, g := range slices.Concat(guards, it.using(at, m, "UseGuards")) {
					if lib, ok := packageOf(g); ok {
						chain = append(chain, lib)
					}
				}
				h := &handler{class: c, of: at, method: m, nest: app.Nest}
				it.register(app, verb, paths, append(chain, &native{call: h.serve}), Site{at.Mod.File, m.Name()})
			}
		}
		at, _ = One[*Class](at.Super)
	}
}

// packageOf is the package that a guard comes from.
func packageOf(v Value) (*Lib, bool) {
	switch x := v.(type) {
	case *Lib:
		return x, true
	case *Call:
		return x.Lib, true
	case *Class:
		lib, ok := rootSuper(x).(*Lib)
		return lib, ok && lib.Mod != ""
	case *Obj:
		if x.Class != nil {
			return packageOf(x.Class)
		}
	}
	return nil, false
}

// using are the arguments of a decorator such as UseGuards.
func (it *interp) using(c *Class, n *ts.Node, name string) []Value {
	var all []Value
	for _, d := range decorators(n) {
		if d.name == name {
			all = append(all, it.values(d, c.Mod, c.scope)...)
		}
	}
	return all
}

// nestPaths are the paths that a decorator names, each with a slash.
func nestPaths(v Value) (paths []string, version string) {
	switch x := v.(type) {
	case Str:
		return []string{"/" + strings.Trim(x.S, "/")}, ""
	case *Obj:
		if x.Array {
			for _, e := range x.Elems {
				more, _ := nestPaths(e)
				paths = append(paths, more...)
			}
			if len(paths) > 0 {
				return paths, ""
			}
			break
		}
		path, _ := x.Get("path")
		n, _ := x.Get("version")
		paths, _ = nestPaths(path)
		version, _ = Constant(n)
		return paths, version
	}
	return []string{"/"}, ""
}

// inject makes an instance of a class with what its constructor asks for, once.
func (it *interp) inject(c *Class) *Obj {
	if o := it.p.instances[c]; o != nil {
		return o
	}
	o := newObj(Site{c.Mod.File, c.Node})
	o.Class = c
	if it.p.instances == nil {
		it.p.instances = map[*Class]*Obj{}
	}
	it.p.instances[c] = o
	var args []Value
	for _, m := range c.Node.Members() {
		switch m.Kind {
		case ts.KindConstructor:
			if m.Body() != nil {
				for _, p := range m.Parameters() {
					args = append(args, it.injected(c, p))
				}
			}
		case ts.KindPropertyDeclaration:
			if len(ts.Decorators(m)) > 0 && m.Initializer() == nil && m.Name().Kind == ts.KindIdentifier {
				it.put(o, m.Name().Text(), it.injected(c, m))
			}
		}
	}
	it.initialize(c, o, args, Site{c.Mod.File, c.Node})
	return o
}

// injected is what the framework hands to a parameter or property.
func (it *interp) injected(c *Class, n *ts.Node) Value {
	for _, d := range decorators(n) {
		a := arg(it.values(d, c.Mod, c.scope), 0)
		switch d.name {
		case "InjectModel":
			if s, ok := Constant(a); ok {
				return it.model(s, nil, Site{c.Mod.File, n})
			}
			if cls, ok := One[*Class](a); ok { // sequelize-typescript
				if lib, ok := rootSuper(cls).(*Lib); ok {
					return it.modelOf(cls, lib)
				}
				return it.entityModel("mongoose", cls)
			}
		case "InjectRepository":
			return it.repository(a)
		case "InjectDataSource":
			return &Call{Lib: &Lib{Mod: "typeorm", Path: "DataSource"}}
		case "InjectEntityManager":
			return &Call{Lib: &Lib{Mod: "typeorm", Path: "getManager"}}
		}
	}
	v := it.typed(c, n.Type())
	switch x := v.(type) {
	case *Class:
		return it.inject(x)
	case *Lib:
		switch {
		case x.Mod == "typeorm" && x.Path == "EntityManager":
			return &Call{Lib: &Lib{Mod: "typeorm", Path: "getManager"}}
		case x.Mod == "typeorm" && x.Path == "Repository":
			if of := ts.TypeArguments(n.Type()); len(of) == 1 {
				return it.repository(it.typed(c, of[0]))
			}
		case x.Mod == "typeorm" && x.Path == "DataSource", x.Mod == "@prisma/client":
			return &Call{Lib: x}
		}
	}
	return nil
}

// typed is what the name in a type means in the module of a class: its class.
func (it *interp) typed(c *Class, t *ts.Node) Value {
	name := ts.TypeName(t)
	if name == "" {
		return nil
	}
	if cell := c.Mod.scope.lookup(it, name); cell != nil {
		return cell.v
	}
	return nil
}
