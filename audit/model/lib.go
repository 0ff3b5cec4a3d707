// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"strings"

	"github.com/panoply-security/panoply/audit/taint"
)

// libraryCall is a call or construction of something of a package.
func (it *interp) libraryCall(l *Lib, recv Value, args []Value, isNew bool, at Site) Value {
	if l.Mod == "" {
		if v, ok := it.builtin(l, args, isNew, at); ok {
			return v
		}
		if strings.HasPrefix(l.Path, "require.") || strings.HasPrefix(l.Path, "import.") {
			return nil
		}
	}
	if v, ok := it.paths(l, args); ok {
		return v
	}
	if v, ok := it.configuration(l, args, at); ok {
		return v
	}
	it.emit(&Event{Kind: Called, Lib: l, Recv: recv, Name: l.Path, Args: args, New: isNew, At: at})
	if v, ok := it.ormCall(l, args, at); ok {
		return v
	}
	if v, ok := it.nestApp(l, at); ok {
		return v
	}
	if v, ok := it.classCall(l, args, at); ok {
		return v
	}
	last := l.Path[strings.LastIndexByte(l.Path, '.')+1:]
	switch l.Mod {
	case "express", "restana", "@polka/core":
		switch l.Path {
		case "", "default":
			return it.router(true, at)
		case "Router", "default.Router":
			return it.router(false, at)
		}
	case "express-promise-router", "express-async-router", "router":
		return it.router(false, at)
	case "http", "https", "http2", "spdy":
		if f, ok := arg(args, len(args)-1).(*Func); ok && strings.HasSuffix(l.Path, "createServer") && len(f.Node.Parameters()) < 2 {
			it.callbacks(args, nil, at)
		}
		if last == "createServer" {
			for _, a := range args {
				if r, ok := a.(*Router); ok {
					it.p.Listening = append(it.p.Listening, r)
				}
			}
		} else {
			it.callbacks(args, nil, at)
		}
		return &Lib{Mod: "http", Path: "server"}
	case "mongoose", "@typegoose/typegoose":
		switch last {
		case "Schema":
			def, _ := arg(args, 0).(*Obj)
			return &Schema{Def: def, Opts: arg(args, 1), At: at}
		case "model", "getModelForClass":
			if c, ok := arg(args, 0).(*Class); ok {
				return it.modelOf(c, &Lib{Mod: "mongoose"})
			}
			if s, ok := Constant(arg(args, 0)); ok {
				return it.model(s, arg(args, 1), at)
			}
			return &Model{Name: at.receiver(), Lib: "mongoose"}
		case "ObjectId", "isValidObjectId", "isValid":
			return it.objectID(last, args, at)
		case "collection":
			s, _ := Constant(arg(args, 0))
			return &Model{Name: s, Lib: "mongodb"}
		case "set":
			if s, _ := Constant(arg(args, 0)); s == "sanitizeFilter" && arg(args, 1) == (Bool{true}) {
				it.p.SanitizeFilter = true
			}
		case "connect", "createConnection", "connection", "on", "once":
			it.callbacks(args, nil, at)
			return &Lib{Mod: "mongoose", Path: ""}
		}
	case "mongodb", "mongojs", "monk":
		switch last {
		case "ObjectId", "ObjectID", "isValid":
			return it.objectID(last, args, at)
		case "collection":
			s, _ := Constant(arg(args, 0))
			return &Model{Name: s, Lib: "mongodb"}
		case "connect":
			it.callbacks(args, &Lib{Mod: "mongodb", Path: "client"}, at)
			return &Lib{Mod: "mongodb", Path: "client"}
		case "db", "MongoClient", "startSession":
			it.callbacks(args, nil, at)
			return &Lib{Mod: "mongodb", Path: "client"}
		}
	case "sequelize", "sequelize-typescript":
		if last == "Sequelize" || last == "" && isNew {
			return &Lib{Mod: "sequelize", Path: "db"}
		}
	case "validator":
		if t, ok := One[*Taint](arg(args, 0)); ok {
			switch last {
			case "trim", "escape", "normalizeEmail", "toInt", "toString", "stripLow", "blacklist", "whitelist":
				it.facts = it.facts.With(t.ID, taint.String)
				return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: t.Trace}
			}
			it.facts = it.facts.With(t.ID, taint.String) // throws on everything else
			return &Test{}
		}
	case "lodash", "underscore", "ramda", "lodash-es":
		return it.lodash(last, l, args, at)
	case "mongo-sanitize", "express-mongo-sanitize":
		if l.Mod == "mongo-sanitize" || last == "sanitize" {
			if t, ok := One[*Taint](arg(args, 0)); ok {
				id := sanitized(t, it.traced(t, at, "keys with a dollar are taken out"))
				it.facts = it.facts.With(id.ID, taint.NoOps).With(t.ID, taint.NoOps) // it changes the object in place
				return id
			}
			return arg(args, 0)
		}
	case "express-validator", "express-validator/check", "express-validator/filter":
		if last == "validationResult" {
			return &Call{Lib: &Lib{"express-validator", "validationResult", nil}, Args: args, At: at}
		}
		if last == "matchedData" {
			return &Taint{ID: "valid(body)", State: taint.Text, Trace: &Trace{At: at}}
		}
	case "http-errors":
		if last == "isHttpError" {
			if e, ok := One[*Err](arg(args, 0)); ok {
				return &Test{True: taint.Facts{}.With(e.ID, taint.Known)}
			}
		}
	case "util":
		if last == "promisify" || last == "callbackify" || last == "inspect" {
			return arg(args, 0)
		}
	case "bluebird":
		if v, ok := it.builtin(&Lib{Path: strings.TrimPrefix("Promise."+l.Path, ".")}, args, isNew, at); ok {
			return v
		}
	case "formidable", "multer-s3":
		it.uploadFunctions(l, args, at)
	case "multer":
		it.uploadFunctions(l, args, at)
		if last == "multer" || l.Path == "" {
			return &Call{Lib: l, Args: args, At: at}
		}
	}
	if f, ok := oneOfLodash(l.Mod); ok {
		return it.lodash(f, l, args, at)
	}
	if isSchemaLibrary(l.Mod) {
		if c, ok := arg(args, 1).(*Call); ok && strings.Contains(l.Mod, "joi") {
			switch last { // joi.validate(value, schema), as joi 15 and before have it
			case "validate":
				return it.callMethod(c, last, append([]Value{args[0]}, args[2:]...), at)
			case "attempt", "assert":
				return it.callMethod(c, last, args[:1], at)
			}
		}
		return &Call{Lib: l, Args: args, New: isNew, At: at}
	}
	if l.Mod == "" {
		if l.Path == "TextEncoder" {
			return &Call{Lib: l, New: isNew, At: at}
		}
		it.callbacks(args, nil, at)
		return nil
	}
	if last == "verify" && l.Mod == "jsonwebtoken" || l.Mod == "bcrypt" || l.Mod == "bcryptjs" || l.Mod == "fs" || l.Mod == "crypto" || l.Mod == "child_process" {
		it.callbacks(args, nil, at)
		return nil
	}
	it.callbacks(args, nil, at)
	if len(args) == 1 && (strings.Contains(l.Mod, "async") && strings.Contains(l.Mod, "express")) {
		if f, ok := args[0].(*Func); ok { // express-async-handler and its kin
			w := *f
			w.Wrapped = true
			return &w
		}
		return args[0]
	}
	return &Call{Lib: l, Args: args, New: isNew, At: at}
}

func (it *interp) objectID(last string, args []Value, at Site) Value {
	t, ok := One[*Taint](arg(args, 0))
	if strings.HasPrefix(last, "isValid") {
		if ok {
			return &Test{True: taint.Facts{}.With(t.ID, taint.String)}
		}
		return &Test{}
	}
	if ok {
		it.facts = it.facts.With(t.ID, taint.String)
		return &Taint{ID: "text(" + t.ID + ")", State: taint.Text, Trace: t.Trace}
	}
	return nil
}

// libraryMethod is a method of an instance whose class extends a package's.
func (it *interp) libraryMethod(recv Value, name string, args []Value, at Site) Value {
	it.emit(&Event{Kind: Called, Recv: recv, Name: name, Args: args, At: at})
	it.callbacks(args, nil, at)
	return nil
}

// callMethod is a method of what a package gave back.
func (it *interp) callMethod(c *Call, name string, args []Value, at Site) Value {
	if e := it.p.extra[c]; e != nil {
		if f, ok := e.Get(name); ok && f != nil {
			return it.apply(f, c, args, false, at)
		}
	}
	if v, ok := it.configured(c, name, args, at); ok {
		return v
	}
	if v, ok := it.uploadCall(c, name, args, at); ok {
		return v
	}
	if v, ok := it.ormMethod(c, name, args, at); ok {
		return v
	}
	a := arg(args, 0)
	mod := c.Lib.Mod
	switch {
	case isSchemaLibrary(mod):
		switch name {
		case "parse", "parseAsync", "validateSync", "cast", "attempt", "assert", "decode":
			if mod == "joi" && len(args) > 1 && name != "validateSync" {
				break
			}
			it.checked(a, c, at)
			it.facts = it.facts.And(it.fitted(a, c))
			return it.valid(a, c, at)
		case "safeParse", "safeParseAsync", "spa":
			it.checked(a, c, at)
			o := newObj(at)
			it.put(o, "success", &Test{True: it.fitted(a, c)})
			it.put(o, "data", it.valid(a, c, at))
			it.put(o, "error", &Test{False: it.fitted(a, c)})
			o.Open = true
			return o
		case "validate", "validateAsync", "isValid", "isValidSync":
			if strings.HasPrefix(mod, "ajv") && len(args) > 1 {
				return it.ajvValidate(c, args, at)
			}
			it.checked(a, c, at)
			lax := c
			if allowsUnknown(arg(args, 1)) {
				lax = &Call{Lib: &Lib{mod, "().options", c}, Args: args[1:2], At: at}
			}
			if strings.HasPrefix(name, "isValid") || strings.HasPrefix(mod, "ajv") {
				return &Test{True: it.fitted(a, lax)}
			}
			if !strings.Contains(mod, "joi") || name == "validateAsync" { // throws, or rejects
				it.facts = it.facts.And(unstripped(it.fitted(a, lax), arg(args, 1)))
				return it.valid(a, lax, at)
			}
			o := newObj(at)
			it.put(o, "error", &Test{False: unstripped(it.fitted(a, lax), arg(args, 1))})
			it.put(o, "value", it.valid(a, lax, at))
			return o
		}
		return &Call{Lib: &Lib{mod, "()." + name, c}, Args: args, At: at}
	case mod == "express-validator" && strings.HasPrefix(c.Lib.Path, "validationResult"):
		if it.flow == nil {
			return nil
		}
		switch name {
		case "isEmpty":
			return &Test{True: it.flow.pending}
		case "throw":
			it.facts = it.facts.And(it.flow.pending)
		case "array", "mapped", "formatWith":
			return nil
		}
		return nil
	case mod == "express-validator" && name == "run":
		return it.validatorRun(c)
	case name == "then":
		return it.apply(a, nil, []Value{c}, false, at)
	case name == "catch":
		it.callback1(a, it.caughtBy(a, "promise", at), at)
		return c
	case name == "collection" && strings.HasPrefix(mod, "mongo"):
		s, _ := Constant(a)
		return &Model{Name: s, Lib: "mongodb"}
	}
	l := &Lib{mod, dotted(c.Lib.Path+"()", name), c}
	if name == "model" && mod == "mongoose" {
		if s, ok := Constant(a); ok {
			return it.model(s, arg(args, 1), at)
		}
	}
	it.emit(&Event{Kind: Called, Lib: l, Recv: c, Name: name, Args: args, At: at})
	it.callbacks(args, nil, at)
	return &Call{Lib: l, Args: args, At: at}
}

// callResult calls what a package gave back.
func (it *interp) callResult(c *Call, args []Value, at Site) Value {
	if strings.HasPrefix(c.Lib.Mod, "ajv") {
		return &Test{True: it.fitted(arg(args, 0), c)}
	}
	if v, ok := it.knexTable(c, args, at); ok {
		return v
	}
	// A middleware called by hand: upload(req, res, err => …).
	if len(args) >= 2 {
		if _, ok := args[0].(*Req); ok {
			it.middleware(c, at)
			it.callbacks(args[2:], nil, at)
			if n, ok := arg(args, 2).(*Next); ok {
				it.next(n, nil, at)
			}
			return &Undef{}
		}
	}
	it.emit(&Event{Kind: Called, Lib: c.Lib, Recv: c, Args: args, At: at})
	it.callbacks(args, nil, at)
	return &Call{Lib: &Lib{c.Lib.Mod, tail(c.Lib.Path) + "()", c}, Args: args, At: at}
}
