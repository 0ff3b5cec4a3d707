// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"context"
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/audit/taint"
)

// Bounds of a run.
const (
	MaxSteps   = 30_000_000 // nodes evaluated in all
	routeSteps = 100_000    // nodes evaluated for one handler
	maxCalls   = 24         // calls inside one another
	maxAgain   = 2          // runs of one function inside itself
	maxNest    = 600        // expressions inside one another
	maxConds   = 64         // conditions around a statement that are told
	maxLoop    = 64         // passes over a list whose elements are known
	maxTrace   = 30         // steps of one trace
	MaxRoutes  = 5_000

	maxVariables = 1_000   // of the environment that an app sets itself
	maxLinks     = 250_000 // handlers in the chains of all routes
	maxID        = 200     // bytes of a source's or a library's name
	maxText      = 1 << 16 // bytes of a constant that the app puts together
	maxElems     = 1 << 14 // elements of a list that it puts together
)

// Module is a file that was run.
type Module struct {
	File    *source.File
	Exports *Obj // module, whose field exports is what require gives

	scope    *scope
	declared map[*ts.Node]names // of the functions and blocks that have run
	done     bool
}

// Cond is a condition around a statement.
type Cond struct {
	Text       string
	Production int // 1: holds in production only, -1: never there
	At         Site
}

// ctl says how a statement ended.
type ctl int

const (
	normal ctl = iota
	leave      // break or continue
	end        // return or throw
)

// frame is one run of a function.
type frame struct {
	fn   *Func
	this Value
	ret  Value
	some bool // ret was set
	up   *frame

	known taint.Facts // what is known wherever it returns
	left  bool        // known was set
}

type interp struct {
	p        *Program
	ctx      context.Context
	watch    func(*Event)
	mod      *Module
	frame    *frame
	facts    taint.Facts
	conds    []Cond
	journal  *journal
	flow     *flow
	depth    int // of calls
	nest     int // of expressions
	steps    int // left in all
	budget   int // left for this handler
	spent    int // so far, to look at ctx now and then
	onStack  map[*ts.Node]int
	ran      map[*ts.Node]bool
	handlers map[*ts.Node]bool
	touched  map[string]bool // parts of what a client sends that were looked at, while somebody asks
	made     []*Router       // every app and router, in the order in which they were made
	pass     *pass           // of the innermost loop
	returned taint.Facts     // what the last function that was called made sure of

	answering *ts.Node // the method whose return values are sent
	excluding bool     // fields that their classes exclude are left out of them
}

func (it *interp) site(n *ts.Node) Site {
	if n == nil || it.mod == nil {
		return Site{}
	}
	return Site{it.mod.File, n}
}

// spend counts a step and says whether there are any left.
func (it *interp) spend() bool {
	it.steps--
	it.budget--
	if it.spent++; it.spent&0xfff == 0 && it.ctx.Err() != nil {
		it.steps = 0 // nothing more runs
	}
	return it.steps > 0 && it.budget > 0
}

// charge counts the steps of a copy.
func (it *interp) charge(n int) {
	it.steps -= n
	it.budget -= n
}

// load runs a module, once, and gives what require gives.
func (it *interp) load(f *source.File) *Module {
	if m := it.p.modules[f.Path]; m != nil {
		return m
	}
	m := &Module{File: f}
	it.p.modules[f.Path] = m
	at := Site{f, f.AST.AsNode()}
	m.Exports = newObj(at)
	exports := newObj(at)
	m.Exports.props["exports"] = &cell{exports}
	m.Exports.keys = []string{"exports"}
	m.scope = &scope{locals: m.names(f.AST.AsNode()), mod: m}
	m.scope.declare("module").v = m.Exports
	m.scope.declare("exports").v = exports
	m.scope.declare("require").v = &Lib{Path: "require"}

	// A module runs once, whoever asks for it first: nothing of it is undone with
	// a branch that the first require happens to stand in.
	saved := *it
	it.mod, it.journal, it.flow, it.conds = m, nil, nil, nil
	it.facts = nil
	it.frame = &frame{this: exports}
	it.budget = max(it.budget, 4*routeSteps)
	if saved.depth < maxCalls*4 {
		it.depth = 0
		it.statements(f.AST.Statements.Nodes, m.scope)
	}
	m.done = true
	it.mod, it.journal, it.flow, it.conds, it.facts, it.frame = saved.mod, saved.journal, saved.flow, saved.conds, saved.facts, saved.frame
	it.depth, it.budget = saved.depth, saved.budget
	return m
}

// exports is what require gives for a module.
func (m *Module) exports() Value {
	v, _ := m.Exports.Get("exports")
	return v
}

// export is what an import of a name gives.
func (it *interp) export(m *Module, name string) Value {
	ex := m.exports()
	if o, ok := ex.(*Obj); ok {
		if v, ok := o.Get(name); ok {
			return v
		}
		if !m.done { // a cycle: functions are there before the module has run
			if c := m.scope.own(it, name); c != nil && c.v != nil {
				return c.v
			}
		}
		if name == "default" {
			if v, ok := o.Get("__esModule"); !ok || v == nil {
				return ex
			}
		}
		return it.member(ex, name, Site{})
	}
	if name == "default" {
		return ex
	}
	return it.member(ex, name, Site{})
}

// require is what a module specifier means.
func (it *interp) require(spec string, at Site) (m *Module, v Value) {
	from := ""
	if it.mod != nil {
		from = it.mod.File.Path
	}
	f, text, ok := it.p.Tree.Resolve(from, spec)
	switch {
	case f != nil:
		m = it.load(f)
		return m, m.exports()
	case ok:
		return nil, it.json(text, at)
	case strings.HasPrefix(spec, ".") || strings.HasPrefix(spec, "/"):
		if strings.Contains(spec, "/prisma") && it.p.Tree.Depends("@prisma/client") {
			return nil, &Lib{Mod: "@prisma/client"} // a client that was generated into the tree
		}
		it.p.missing(it.mod, spec)
		return nil, nil
	}
	return nil, &Lib{Mod: strings.TrimPrefix(spec, "node:")}
}

// json is the value of a JSON file.
func (it *interp) json(text string, at Site) Value {
	if len(text) > 1<<18 {
		return nil
	}
	f := &source.File{Path: at.Path(), Text: "(" + text + ")"}
	f.AST = ts.Parse("x.js", f.Text)
	nodes := f.AST.Statements.Nodes
	if len(nodes) == 0 || nodes[0].Kind != ts.KindExpressionStatement {
		return nil
	}
	saved := it.mod
	it.mod = &Module{File: f, scope: &scope{}}
	v := it.eval(nodes[0].Expression(), it.mod.scope)
	it.mod = saved
	return v
}

// call runs a function of the app.
func (it *interp) call(f *Func, this Value, args []Value, at Site) Value {
	if it.depth >= maxCalls || it.onStack[f.Node] >= maxAgain || f.Node.Body() == nil || !it.spend() {
		return nil
	}
	it.ran[f.Node] = true
	it.onStack[f.Node]++
	it.depth++
	savedMod, savedFrame, savedConds, savedPass := it.mod, it.frame, it.conds, it.pass
	defer func() {
		it.onStack[f.Node]--
		it.depth--
		it.mod, it.frame, it.conds, it.pass = savedMod, savedFrame, savedConds, savedPass
	}()
	it.mod, it.pass = f.Mod, nil
	fr := &frame{fn: f, this: this, up: savedFrame}
	if f.Node.Kind == ts.KindArrowFunction || f.This != nil {
		fr.this = f.This
	}
	it.frame = fr
	up := f.scope
	if f.Node.Kind == ts.KindFunctionExpression && f.Node.Name() != nil {
		up = &scope{up: f.scope, mod: f.Mod}
		up.declare(f.Node.Name().Text()).v = f
	}
	s := &scope{up: up, locals: f.Mod.names(f.Node), mod: f.Mod}
	args = append(slices.Clip(f.Bound), args...)
	for i, p := range f.Node.Parameters() {
		d := p.AsParameterDeclaration()
		var v Value
		switch {
		case d.DotDotDotToken != nil:
			v = newArray(it.site(p), args[min(i, len(args)):])
		case i < len(args):
			v = args[i]
		case d.Initializer != nil:
			v = &Undef{}
		}
		if d.Initializer != nil {
			v = it.orDefault(v, d.Initializer, s)
		}
		it.bind(p.Name(), v, s, "passed on as ")
		if ts.ParameterProperty(p) && p.Name().Kind == ts.KindIdentifier {
			if o, ok := fr.this.(*Obj); ok {
				it.put(o, p.Name().Text(), v)
			}
		}
	}
	if body := f.Node.Body(); body.Kind == ts.KindBlock {
		if it.statements(body.Statements(), s) == normal {
			fr.returns(it.facts)
		}
	} else {
		it.give(it.eval(body, s))
	}
	if it.returned = fr.known; fr.left {
		it.facts = fr.known
	}
	return fr.ret
}

// give adds a value that the running function may return.
func (it *interp) give(v Value) {
	v = refine(v, it.facts)
	it.frame.returns(it.facts)
	if f := it.frame; f.some {
		f.ret = join(f.ret, v)
	} else {
		f.ret, f.some = v, true
	}
}

// step is a taint one step further.
func (it *interp) step(t *Taint, n *ts.Node, note string) *Taint {
	return &Taint{ID: t.ID, State: t.State, Rebuilt: t.Rebuilt, Trace: it.traced(t, it.site(n), note)}
}

func (it *interp) traced(t *Taint, at Site, note string) *Trace {
	n := 0
	for s := t.Trace; s != nil; s = s.Before {
		if n++; n >= maxTrace {
			return t.Trace
		}
	}
	return &Trace{t.Trace, at, note}
}
