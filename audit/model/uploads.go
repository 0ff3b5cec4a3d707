// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"maps"
	"slices"

	"github.com/panoply-security/panoply/audit/taint"
)

// Packages that take files, and what they hand to the app's functions: an upload
// with a name and a type that its client chose.

// upload is a file as a package gives it to a function.
func upload(at Site) *Taint {
	return &Taint{ID: "file", State: taint.Text, Trace: &Trace{At: at, Note: "the client sends a file"}}
}

// uploadFunctions runs the functions of an upload's options once, and tells what
// came of each: under which name a file is stored, and what a filter looks at.
func (it *interp) uploadFunctions(l *Lib, args []Value, at Site) {
	opts, ok := arg(args, 0).(*Obj)
	if !ok {
		return
	}
	for _, name := range []string{"filename", "destination", "key", "fileFilter", "filter"} {
		v, _ := opts.Get(name)
		f, ok := One[*Func](v)
		if !ok {
			continue
		}
		here := Site{f.Mod.File, f.Node}
		given := newArray(here, nil)
		answer := &native{call: func(_ *interp, args []Value) Value {
			if _, good := arg(args, 0).(*Undef); good && len(given.Elems) < maxLoop {
				given.Elems = append(given.Elems, arg(args, 1))
			} else {
				given.Open = true
			}
			return &Undef{}
		}}
		saved := it.touched
		it.touched = map[string]bool{}
		params := []Value{nil, upload(here), answer}
		if name == "filter" || l.Mod == "formidable" { // of formidable's
			params = []Value{upload(here)}
			if name == "filename" {
				params = []Value{nil, nil, &Taint{ID: "file.originalname", State: taint.Text, Trace: &Trace{At: here}}}
			}
		}
		var ret Value
		it.branch(arm{run: func() ctl { ret = it.call(f, nil, params, at); return normal }}, arm{})
		if name == "filter" || l.Mod == "formidable" {
			given.Elems = []Value{ret}
		}
		touched := newArray(here, nil)
		for _, id := range slices.Sorted(maps.Keys(it.touched)) {
			touched.Elems = append(touched.Elems, Str{id})
		}
		it.touched = saved
		it.emit(&Event{Kind: Called, Lib: &Lib{Mod: l.Mod, Path: "option." + name}, Name: name, Args: []Value{given, touched}, At: here})
	}
}

// uploadCall is a method of a form.
func (it *interp) uploadCall(c *Call, name string, args []Value, at Site) (Value, bool) {
	switch c.Lib.Mod {
	case "formidable", "multiparty", "busboy":
	default:
		return nil, false
	}
	if name != "parse" && name != "on" && name != "once" {
		return nil, false
	}
	it.emit(&Event{Kind: Called, Lib: &Lib{c.Lib.Mod, c.Lib.Path + "()." + name, c}, Recv: c, Name: name, Args: args, At: at})
	f, ok := One[*Func](arg(args, 1))
	fields := &Taint{ID: "fields", State: taint.Whole, Trace: &Trace{At: at, Note: "the client sends a form"}}
	files := &Taint{ID: "files", State: taint.Whole, Trace: &Trace{At: at, Note: "the client sends files"}}
	var params []Value
	switch event, _ := Constant(arg(args, 0)); {
	case name == "parse":
		if ok && len(f.Node.Parameters()) > 0 {
			params = []Value{it.caught("callback", Site{f.Mod.File, f.Node.Parameters()[0].Name()}), fields, files}
		}
	case event == "file" && c.Lib.Mod == "busboy":
		// The third is the file's name, or since version 1 an object that has it.
		params = []Value{nil, nil, &Taint{ID: "file.originalname", State: taint.Text, Trace: files.Trace}}
	case event == "file" || event == "fileBegin":
		params = []Value{nil, upload(at)}
	case event == "field":
		text := &Taint{ID: "fields.*", State: taint.Text, Trace: fields.Trace}
		params = []Value{text, text}
	default:
		it.callbacks(args, nil, at)
		return c, true
	}
	if ok {
		it.branch(arm{run: func() ctl { it.call(f, nil, params, at); return normal }}, arm{})
	}
	if name == "parse" {
		return newArray(at, []Value{fields, files}), true
	}
	return c, true
}
