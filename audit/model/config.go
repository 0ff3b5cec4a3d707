// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"
)

// Packages through which apps read their configuration. What matters of them is
// which value is used when nobody sets one.

// configuration is a call of such a package; ok is false for what is none.
func (it *interp) configuration(l *Lib, args []Value, at Site) (v Value, ok bool) {
	last := l.Path[strings.LastIndexByte(l.Path, '.')+1:]
	switch l.Mod {
	case "config":
		if last == "get" {
			if s, ok := Constant(arg(args, 0)); ok {
				return it.leaf(it.nodeConfig(), strings.Split(s, ".")), true
			}
			return nil, true
		}
	case "nconf":
		switch last {
		case "defaults":
			if o, ok := arg(args, 0).(*Obj); ok {
				if s, ok := o.Get("store"); ok {
					o, _ = s.(*Obj)
				}
				it.p.nconf = o
			}
			return l, true
		case "get":
			if s, ok := Constant(arg(args, 0)); ok {
				if v := it.leaf(it.p.nconf, strings.Split(s, ":")); v != nil {
					return &Env{Name: s, Default: v}, true
				}
			}
			return nil, true
		case "env", "argv", "file", "use", "required":
			return l, true
		}
	case "envalid":
		if last == "cleanEnv" {
			return it.cleanEnv(arg(args, 1), at), true
		}
	}
	return nil, false
}

// leaf is a value somewhere below an object.
func (it *interp) leaf(o *Obj, path []string) Value {
	if o == nil {
		return nil
	}
	for i, k := range path {
		v, ok := o.Get(k)
		if !ok || i == len(path)-1 {
			return v
		}
		if o, ok = v.(*Obj); !ok {
			return nil
		}
	}
	return nil
}

// nodeConfig is what package config makes of the folder config in production:
// production's values before the defaults, and variables before both.
func (it *interp) nodeConfig() *Obj {
	if it.p.nodeConfig != nil {
		return it.p.nodeConfig
	}
	all := newObj(Site{})
	all.Open = true
	it.p.nodeConfig = all
	for _, name := range []string{"default", "production"} {
		if o, ok := it.configFile(name); ok {
			it.overlay(all, o, 0)
		}
	}
	if o, ok := it.configFile("custom-environment-variables"); ok {
		it.variables(all, o, 0)
	}
	return all
}

func (it *interp) configFile(name string) (*Obj, bool) {
	f, text, ok := it.p.Tree.Resolve("", "./config/"+name)
	switch {
	case f != nil:
		o, ok := it.load(f).exports().(*Obj)
		if d, has := o.getDefault(); has {
			return d, true
		}
		return o, ok
	case ok:
		o, ok := it.json(text, Site{}).(*Obj)
		return o, ok
	}
	return nil, false
}

// getDefault is the default export of an object that is a module.
func (o *Obj) getDefault() (*Obj, bool) {
	if o == nil {
		return nil, false
	}
	d, _ := o.Get("default")
	x, ok := d.(*Obj)
	return x, ok
}

const maxConfig = 20 // objects of a configuration inside one another

func (it *interp) overlay(into, from *Obj, depth int) {
	for _, k := range from.Keys() {
		v, _ := from.Get(k)
		old, _ := into.Get(k)
		if x, ok := v.(*Obj); ok && !x.Array && depth < maxConfig {
			o, ok := old.(*Obj)
			if !ok {
				o = newObj(Site{})
				it.put(into, k, o)
			}
			it.overlay(o, x, depth+1)
			continue
		}
		it.put(into, k, v)
	}
}

// variables puts what names of environment variables stand for in their places.
func (it *interp) variables(into, names *Obj, depth int) {
	for _, k := range names.Keys() {
		v, _ := names.Get(k)
		old, _ := into.Get(k)
		if x, ok := v.(*Obj); ok && depth < maxConfig {
			if n, ok := x.Get("__name"); ok {
				v = n
			} else {
				o, ok := old.(*Obj)
				if !ok {
					o = newObj(Site{})
					it.put(into, k, o)
				}
				it.variables(o, x, depth+1)
				continue
			}
		}
		if s, ok := Constant(v); ok {
			it.put(into, k, &Env{Name: s, Default: old})
		}
	}
}

// cleanEnv is what envalid makes of the environment.
func (it *interp) cleanEnv(v Value, at Site) Value {
	out := newObj(at)
	out.Open = true
	o, ok := v.(*Obj)
	if !ok {
		return out
	}
	for _, k := range o.Keys() {
		f, _ := o.Get(k)
		e := &Env{Name: k}
		if c, ok := f.(*Call); ok {
			if opts, ok := arg(c.Args, 0).(*Obj); ok {
				e.Default, _ = opts.Get("default") // devDefault is not for production
			}
		}
		it.put(out, k, e)
	}
	return out
}

// configured is a method of what such a package gave back.
func (it *interp) configured(c *Call, name string, args []Value, at Site) (v Value, ok bool) {
	switch c.Lib.Mod {
	case "convict":
		o, _ := arg(c.Args, 0).(*Obj)
		switch name {
		case "get":
			s, ok := Constant(arg(args, 0))
			if !ok {
				return it.convict(o, at, 0), true
			}
			for _, k := range strings.Split(s, ".") {
				if o == nil {
					return nil, true
				}
				f, _ := o.Get(k)
				o, _ = f.(*Obj)
			}
			return it.convict(o, at, 0), true
		case "getProperties", "get_properties":
			return it.convict(o, at, 0), true
		default:
			return c, true // validate, load, set
		}
	case "env-var":
		if !strings.HasPrefix(name, "as") {
			return nil, false
		}
		e := &Env{}
		for i := 0; c != nil && i < 20; i++ {
			switch c.Lib.Path[strings.LastIndexByte(c.Lib.Path, '.')+1:] {
			case "default":
				e.Default = arg(c.Args, 0)
			case "get":
				e.Name, _ = Constant(arg(c.Args, 0))
			}
			c = c.Lib.Of
		}
		return e, true
	case "":
		if c.Lib.Path == "TextEncoder" && name == "encode" {
			return arg(args, 0), true
		}
	}
	return nil, false
}

// convict is what a part of a convict schema is worth.
func (it *interp) convict(o *Obj, at Site, depth int) Value {
	if o == nil || depth > maxConfig {
		return nil
	}
	if d, ok := o.Get("default"); ok {
		if n, ok := o.Get("env"); ok {
			s, _ := Constant(n)
			return &Env{Name: s, Default: d}
		}
		return d
	}
	out := newObj(at)
	for _, k := range o.Keys() {
		f, _ := o.Get(k)
		x, _ := f.(*Obj)
		it.put(out, k, it.convict(x, at, depth+1))
	}
	return out
}

// environment is what a schema says of the process's variables.
func (it *interp) environment(c *Call, at Site) Value {
	out := newObj(at)
	out.Open = true
	for i := 0; c != nil && i < 60; i++ {
		if o, ok := arg(c.Args, 0).(*Obj); ok && !o.Array {
			for _, k := range o.Keys() {
				f, _ := o.Get(k)
				field, ok := f.(*Call)
				if _, known := out.Get(k); !ok || known {
					continue
				}
				e := &Env{Name: k}
				for j := 0; field != nil && j < 60; j++ {
					if p := field.Lib.Path[strings.LastIndexByte(field.Lib.Path, '.')+1:]; (p == "default" || p == "prefault" || p == "catch" || p == "failover") && e.Default == nil {
						e.Default = arg(field.Args, 0)
					}
					field = field.Lib.Of
				}
				it.put(out, k, e)
			}
		}
		c = c.Lib.Of
	}
	return out
}
