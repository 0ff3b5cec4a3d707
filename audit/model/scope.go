// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strconv"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/taint"
)

// cell is a variable or a field.
type cell struct{ v Value }

// scope is the variables of one run of a function or block.
type scope struct {
	up     *scope
	locals names
	vars   map[string]*cell
	mod    *Module
}

func (s *scope) child(n *ts.Node) *scope {
	return &scope{up: s, locals: s.mod.names(n), mod: s.mod}
}

// own is a scope's variable, made when its declaration is known.
func (s *scope) own(it *interp, name string) *cell {
	if c := s.vars[name]; c != nil {
		return c
	}
	d, ok := s.locals.find(name)
	if !ok {
		return nil
	}
	c := s.declare(name)
	if d == nil {
		return c
	}
	switch d.Kind {
	case ts.KindFunctionDeclaration:
		if d.Body() != nil {
			c.v = &Func{Node: d, Mod: s.mod, scope: s}
		}
	case ts.KindClassDeclaration:
		c.v = &Undef{} // of a cycle
		c.v = it.class(d, s)
	case ts.KindEnumDeclaration:
		c.v = it.enum(d, s)
	}
	return c
}

func (s *scope) declare(name string) *cell {
	if c := s.vars[name]; c != nil {
		return c
	}
	if s.vars == nil {
		s.vars = map[string]*cell{}
	}
	c := &cell{}
	s.vars[name] = c
	return c
}

// lookup finds a variable, or nil.
func (s *scope) lookup(it *interp, name string) *cell {
	for ; s != nil; s = s.up {
		if c := s.own(it, name); c != nil {
			return c
		}
	}
	return nil
}

// journal is what was changed since a branch began, with the values before.
type journal struct {
	up  *journal
	old map[*cell]Value
}

// set changes a variable or field so that a branch can be undone.
func (it *interp) set(c *cell, v Value) {
	if j := it.journal; j != nil {
		if _, ok := j.old[c]; !ok {
			if j.old == nil {
				j.old = map[*cell]Value{}
			}
			j.old[c] = c.v
		}
	}
	c.v = v
}

// put changes a field of an object.
func (it *interp) put(o *Obj, name string, v Value) {
	c := o.props[name]
	if c == nil {
		c = &cell{absent}
		o.props[name] = c
		o.keys = append(o.keys, name)
	}
	it.set(c, v)
}

// arm is one way that execution may go.
type arm struct {
	facts taint.Facts
	conds []Cond
	run   func() ctl
}

// branch runs each arm from the same state and goes on with what they leave
// behind, arms that end the function left out. It returns how all of them end.
func (it *interp) branch(arms ...arm) ctl {
	type result struct {
		final map[*cell]Value
		facts taint.Facts
		end   ctl
		dev   bool
	}
	before, conds := it.facts, it.conds
	results := make([]result, 0, len(arms))
	for _, a := range arms {
		j := &journal{up: it.journal}
		it.journal = j
		it.facts = before.And(a.facts)
		if len(a.conds) > 0 && len(conds) < maxConds {
			it.conds = append(conds[:len(conds):len(conds)], a.conds...)
		} else {
			it.conds = conds
		}
		end := normal
		if a.run != nil {
			end = a.run()
		}
		r := result{facts: it.facts, end: end, dev: developersOnly(a.conds)}
		it.journal = j.up
		if len(j.old) > 0 {
			r.final = make(map[*cell]Value, len(j.old))
		}
		for c, old := range j.old {
			r.final[c] = c.v
			c.v = old
		}
		results = append(results, r)
	}
	it.facts, it.conds = before, conds
	var changed map[*cell]bool
	end, alive := normal, false
	lives := false // in production
	for _, r := range results {
		lives = lives || r.end == normal && !r.dev
	}
	for i, r := range results {
		if r.end == normal && r.dev {
			if lives {
				results[i].end = leave // nothing of it reaches production
				continue
			}
			if len(results) > 1 { // what follows is for developers too
				it.conds = append(conds[:len(conds):len(conds)], arms[i].conds...)
			}
		}
		if r.end == normal {
			alive = true
			for c := range r.final {
				if changed == nil {
					changed = map[*cell]bool{}
				}
				changed[c] = true
			}
		} else {
			end = max(end, r.end)
		}
	}
	if !alive {
		return end
	}
	for c := range changed {
		var v Value
		first := true
		for _, r := range results {
			if r.end != normal {
				continue
			}
			one, ok := r.final[c]
			if !ok {
				one = refine(c.v, r.facts)
			} else {
				one = refine(one, r.facts)
			}
			switch {
			case first:
				v, first = one, false
			case v == absent:
				v = one
			case one == absent:
			default:
				v = join(v, one)
			}
		}
		it.set(c, v)
	}
	var facts taint.Facts
	first := true
	for _, r := range results {
		if r.end != normal {
			continue
		}
		if first {
			facts, first = r.facts, false
		} else {
			facts = facts.Or(r.facts)
		}
	}
	it.facts = facts
	return normal
}

// refine is v with what is known about it made part of it, for when the
// knowledge is about to be lost.
func refine(v Value, f taint.Facts) Value {
	switch x := v.(type) {
	case *Taint:
		if s := x.State.After(f.Of(x.ID)); s != x.State {
			return &Taint{ID: x.ID, State: s, Rebuilt: x.Rebuilt, Trace: x.Trace}
		}
		return asListed(x, f)
	case *Err:
		if f.Of(x.ID)&taint.Known != 0 {
			return nil // made for clients
		}
	case *Union:
		out := Value(nil)
		for i, one := range x.Of {
			if r := refine(one, f); i == 0 {
				out = r
			} else {
				out = join(out, r)
			}
		}
		return out
	}
	return v
}

// number is a number as JavaScript writes it, for keys and paths.
func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
