// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	ts "github.com/microsoft/typescript-go/panoply"
)

// callbacks runs functions that are handed to something unknown: they may run,
// with an error first if that is what their first parameter is called.
func (it *interp) callbacks(args []Value, result Value, at Site) {
	for _, a := range args {
		it.callback(a, result, at)
		if o, ok := a.(*Obj); ok && it.depth < 4 {
			for _, k := range o.Keys() {
				switch k {
				case "success", "error", "callback", "handler", "onError", "done", "resolve":
					f, _ := o.Get(k)
					it.callback(f, result, at)
				}
			}
		}
	}
}

func (it *interp) callback(v, result Value, at Site) {
	f, ok := One[*Func](v)
	if !ok {
		return
	}
	params := f.Node.Parameters()
	var args []Value
	if it.handlerShaped(f) {
		return // a handler wrapped by a package runs as one where it is mounted
	}
	if len(params) > len(f.Bound) {
		if p := params[len(f.Bound)].Name(); p.Kind == ts.KindIdentifier && errorName(p.Text()) {
			args = append(args, it.caught("callback", Site{f.Mod.File, p}))
		}
	}
	args = append(args, result)
	it.branch(arm{run: func() ctl { it.call(f, nil, args, at); return normal }}, arm{})
}

func errorName(s string) bool {
	switch s {
	case "e", "er", "err", "error", "ex", "exception", "error_", "_err", "erro", "errs", "errors":
		return true
	}
	return false
}

// callback1 runs a function that may run, with one argument.
func (it *interp) callback1(f, a Value, at Site) {
	switch f.(type) {
	case *Func, *Union, *Next, *Method, *native:
		it.branch(arm{run: func() ctl { it.apply(f, nil, []Value{a}, false, at); return normal }}, arm{})
	}
}

// caughtBy is the error that a function is given, placed at its parameter.
func (it *interp) caughtBy(f Value, from string, at Site) *Err {
	if fn, ok := One[*Func](f); ok && len(fn.Node.Parameters()) > 0 {
		at = Site{fn.Mod.File, fn.Node.Parameters()[0].Name()}
	}
	return it.caught(from, at)
}
