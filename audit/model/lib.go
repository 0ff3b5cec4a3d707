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
	it.emit(&Event{Kind: Called, Lib: l, Recv: recv, Name: l.Path, Args: args, New: isNew, At: at})
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
		if last == "define" {
			s, _ := Constant(arg(args, 0))
			def, _ := arg(args, 1).(*Obj)
			return &Model{Name: s, Lib: "sequelize", Schema: &Schema{Def: def, At: at}}
		}
		if last == "Sequelize" || last == "" && isNew {
			return &Lib{Mod: "sequelize", Path: "db"}
		}
	case "typeorm":
		if last == "getRepository" {
			name := ""
			if c, ok := arg(args, 0).(*Class); ok && c.Node.Name() != nil {
				name = c.Node.Name().Text()
			}
			return &Model{Name: name, Lib: "typeorm"}
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
	case "lodash", "underscore", "ramda", "lodash/pick", "lodash/omit", "lodash/isString":
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
		if last == "promisify" || last == "callbackify" {
			return arg(args, 0)
		}
	case "bluebird":
		if v, ok := it.builtin(&Lib{Path: strings.TrimPrefix("Promise."+l.Path, ".")}, args, isNew, at); ok {
			return v
		}
	case "multer":
		if last == "multer" || l.Path == "" {
			return &Call{Lib: l, Args: args, At: at}
		}
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

// lodash is the part of lodash through which data flows.
func (it *interp) lodash(name string, l *Lib, args []Value, at Site) Value {
	if i := strings.LastIndexByte(l.Mod, '/'); i >= 0 {
		name = l.Mod[i+1:]
	}
	a := arg(args, 0)
	switch name {
	case "pick", "pickBy":
		o := newObj(at)
		keys := args[min(1, len(args)):]
		if list, ok := arg(args, 1).(*Obj); ok {
			keys = list.Elems
		}
		for _, k := range keys {
			if s, ok := Constant(k); ok {
				it.put(o, s, it.member(a, s, at))
			} else {
				o.Open = true
			}
		}
		return o
	case "omit":
		if t, ok := One[*Taint](a); ok && t.State >= taint.Any {
			return &Taint{ID: t.ID + ".*", State: taint.Whole, Trace: it.traced(t, at, "all fields but some")}
		}
		return a
	case "isString", "isNumber", "isBoolean":
		if t, ok := a.(*Taint); ok {
			return &Test{True: taint.Facts{}.With(t.ID, taint.String)}
		}
		return &Test{}
	case "isObject", "isPlainObject":
		if t, ok := a.(*Taint); ok {
			return &Test{False: taint.Facts{}.With(t.ID, taint.String)}
		}
		return &Test{}
	case "toString", "trim", "escape", "toLower", "lowerCase":
		return it.tainted(args[:min(1, len(args))])
	case "extend", "assign", "merge", "defaults", "defaultsDeep", "assignIn", "mergeWith":
		if o, ok := a.(*Obj); ok {
			for _, from := range args[1:] {
				it.spread(o, from)
			}
		}
		return a
	case "clone", "cloneDeep":
		return a
	case "get":
		if s, ok := Constant(arg(args, 1)); ok {
			for _, k := range strings.Split(s, ".") {
				a = it.member(a, k, at)
			}
			return a
		}
		return nil
	case "map", "forEach", "each", "filter", "some", "every", "find":
		return it.method(a, name, args[min(1, len(args)):], at)
	}
	it.callbacks(args, nil, at)
	return nil
}

// schemaLibraries check data against a declaration.
var schemaLibraries = []string{"zod", "joi", "@hapi/joi", "@hapi/joi-date", "yup", "superstruct", "valibot", "ajv", "io-ts", "runtypes", "celebrate", "zod/v4", "@sinclair/typebox", "fastest-validator", "validatorjs"}

func isSchemaLibrary(mod string) bool {
	for _, l := range schemaLibraries {
		if mod == l || strings.HasPrefix(mod, l+"/") {
			return true
		}
	}
	return false
}

// loose says whether a schema lets fields through that it does not declare.
func loose(c *Call) bool {
	for i := 0; c != nil && i < 50; i++ {
		p := c.Lib.Path[strings.LastIndexByte(c.Lib.Path, '.')+1:]
		switch p {
		case "passthrough", "catchall", "looseObject", "any", "unknown", "record":
			if p != "unknown" || c.Lib.Mod == "joi" || strings.Contains(c.Lib.Mod, "joi") {
				if b, ok := arg(c.Args, 0).(Bool); !ok || b.B {
					return true
				}
			}
		case "options", "prefs", "preferences":
			if allowsUnknown(arg(c.Args, 0)) {
				return true
			}
		}
		c = c.Lib.Of
	}
	return false
}

func allowsUnknown(v Value) bool {
	o, ok := v.(*Obj)
	if !ok {
		return false
	}
	allow, _ := o.Get("allowUnknown")
	strip, _ := o.Get("stripUnknown")
	return allow == (Bool{true}) && strip != (Bool{true})
}

// valid is a value that fitted a schema.
func (it *interp) valid(v Value, c *Call, at Site) Value {
	if it.nest++; it.nest > maxNest {
		it.nest--
		return nil
	}
	defer func() { it.nest-- }()
	if !it.spend() {
		return nil
	}
	switch x := v.(type) {
	case *Taint:
		if loose(c) {
			return &Taint{ID: "valid(" + x.ID + ")", State: x.State, Trace: it.traced(x, at, "checked, with fields let through that are not declared")}
		}
		return &Taint{ID: "valid(" + x.ID + ")", State: taint.Text, Trace: x.Trace}
	case *Obj:
		o := newObj(at)
		for _, k := range x.Keys() {
			f, _ := x.Get(k)
			it.put(o, k, it.valid(f, c, at))
		}
		return o
	case *Req:
		o := newObj(at)
		for _, k := range []string{"body", "query", "params"} {
			it.put(o, k, it.valid(it.requestMember(x, k, at), c, at))
		}
		return o
	}
	return v
}

// fitted is what is known of a value itself once it was found to fit a schema:
// joi and ajv refuse what is not declared, zod and yup leave it in the original.
func (it *interp) fitted(v Value, c *Call) taint.Facts {
	fact := taint.Typed
	strict := strings.Contains(c.Lib.Mod, "joi") || c.Lib.Mod == "celebrate"
	for i := c; i != nil; i = i.Lib.Of {
		if p := i.Lib.Path; strings.HasSuffix(p, "strict") || strings.HasSuffix(p, "strictObject") || strings.HasSuffix(p, "noUnknown") {
			strict = true
		}
	}
	if strings.HasPrefix(c.Lib.Mod, "ajv") {
		strict = ajvStrict(c)
	}
	if strict && !loose(c) {
		fact = taint.Declared
	}
	f := taint.Facts{}
	Each(v, func(v Value) {
		switch x := v.(type) {
		case *Taint:
			if loose(c) {
				f = f.With(x.ID, taint.Typed)
			} else {
				f = f.With(x.ID, fact)
			}
		case *Obj:
			for _, k := range x.Keys() {
				field, _ := x.Get(k)
				if t, ok := field.(*Taint); ok {
					f = f.With(t.ID, fact)
				}
			}
		}
	})
	return f
}

func ajvStrict(c *Call) bool {
	for ; c != nil; c = c.Lib.Of {
		for _, a := range c.Args {
			if o, ok := a.(*Obj); ok {
				if v, _ := o.Get("additionalProperties"); v == (Bool{false}) {
					return true
				}
				if v, ok := o.Get("removeAdditional"); ok && v != (Bool{false}) {
					return true
				}
			}
		}
	}
	return false
}

// callMethod is a method of what a package gave back.
func (it *interp) callMethod(c *Call, name string, args []Value, at Site) Value {
	if e := it.p.extra[c]; e != nil {
		if f, ok := e.Get(name); ok && f != nil {
			return it.apply(f, c, args, false, at)
		}
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
			it.checked(a, c, at)
			lax := c
			if allowsUnknown(arg(args, 1)) {
				lax = &Call{Lib: &Lib{mod, "().options", c}, Args: args[1:2], At: at}
			}
			if strings.HasPrefix(name, "isValid") || strings.HasPrefix(mod, "ajv") {
				return &Test{True: it.fitted(a, lax)}
			}
			if !strings.Contains(mod, "joi") || name == "validateAsync" { // throws, or rejects
				it.facts = it.facts.And(it.fitted(a, lax))
				return it.valid(a, lax, at)
			}
			o := newObj(at)
			it.put(o, "error", &Test{False: it.fitted(a, lax)})
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
	l := &Lib{mod, c.Lib.Path + "()." + name, c}
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
	return &Call{Lib: &Lib{c.Lib.Mod, c.Lib.Path + "()", c}, Args: args, At: at}
}

// middleware is what a package's middleware makes sure of.
func (it *interp) middleware(c *Call, at Site) {
	if it.flow == nil {
		return
	}
	all := func(fact taint.Fact) {
		for _, root := range []string{"body", "query", "params"} {
			it.facts = it.facts.With(root, fact)
		}
	}
	switch c.Lib.Mod {
	case "express-mongo-sanitize", "express-mongo-sanitizer", "@exortek/express-mongo-sanitize":
		all(taint.NoOps)
	case "celebrate":
		if o, ok := arg(c.Args, 0).(*Obj); ok {
			for _, k := range o.Keys() {
				f, _ := o.Get(k)
				if s, ok := f.(*Call); ok && strings.ToLower(strings.Trim(k, "[]")) == "body" {
					it.checked(it.requestMember(&Req{it.flow}, "body", at), s, at)
				}
				fact := taint.Declared
				if s, ok := f.(*Call); ok && loose(s) || allowsUnknown(arg(c.Args, 1)) {
					fact = taint.Typed
				}
				it.facts = it.facts.With(strings.ToLower(strings.Trim(k, "[]")), fact)
			}
		} else {
			it.facts = it.facts.With("body", taint.Declared)
		}
	case "express-openapi-validator", "express-json-validator-middleware", "express-jsonschema", "zod-express-middleware", "express-zod-safe", "express-joi-validation", "express-validation", "class-validator", "routing-controllers":
		all(taint.Declared)
	case "express-validator", "express-validator/check":
		it.validatorRun(c)
	}
}

// validatorRun is one field of express-validator: what it makes sure of counts
// once the result is looked at.
func (it *interp) validatorRun(c *Call) Value {
	it.checked(nil, c, c.At)
	if c.Lib.Path == "checkSchema" {
		it.validatorSchema(c)
		return nil
	}
	var fields []string
	typed, converts := false, false
	root := "body"
	for i := c; i != nil; i = i.Lib.Of {
		p := i.Lib.Path[strings.LastIndexByte(i.Lib.Path, '.')+1:]
		if i.Lib.Of == nil {
			switch p {
			case "query", "param", "cookie", "header":
				if root = p; p == "param" {
					root = "params"
				}
			}
			if list, ok := arg(i.Args, 0).(*Obj); ok && list.Array {
				for _, e := range list.Elems {
					if s, ok := Constant(e); ok {
						fields = append(fields, s)
					}
				}
			} else if s, ok := Constant(arg(i.Args, 0)); ok {
				fields = append(fields, s)
			}
			break
		}
		switch p {
		default:
			typed = typed || validatorTypes(p)
			converts = converts || validatorConverts(p)
		}
	}
	for _, f := range fields {
		id := root + "." + f
		if typed {
			it.flow.pending = it.flow.pending.With(id, taint.String)
		}
		if converts {
			it.facts = it.facts.With(id, taint.String) // written back as text, whatever the result
		}
	}
	return nil
}

// validatorTypes says whether a check refuses what is no text or number.
func validatorTypes(name string) bool {
	switch name {
	case "isString", "isEmail", "isInt", "isNumeric", "isFloat", "isDecimal", "isBoolean", "isMongoId", "isUUID", "isAlphanumeric", "isAlpha", "isIn", "isURL", "isDate", "isISO8601", "isMobilePhone", "isStrongPassword", "isHexadecimal", "isSlug", "isJWT", "isCreditCard":
		return true
	}
	return false
}

// validatorConverts says whether a sanitizer leaves text or a number.
func validatorConverts(name string) bool {
	switch name {
	case "trim", "escape", "normalizeEmail", "toInt", "toString", "toLowerCase", "toFloat", "toBoolean", "ltrim", "rtrim", "stripLow", "whitelist", "blacklist":
		return true
	}
	return false
}

// validatorSchema is checkSchema: the fields with what each must be.
func (it *interp) validatorSchema(c *Call) {
	o, ok := arg(c.Args, 0).(*Obj)
	if !ok {
		return
	}
	for _, k := range o.Keys() {
		v, _ := o.Get(k)
		field, ok := v.(*Obj)
		if !ok {
			continue
		}
		roots := []string{"body", "query", "params"}
		if in, ok := field.Get("in"); ok {
			if list, ok := in.(*Obj); ok && len(list.Elems) == 1 {
				in = list.Elems[0]
			}
			if s, ok := Constant(in); ok {
				roots = []string{s}
			}
		}
		for _, name := range field.Keys() {
			for _, root := range roots {
				if id := root + "." + k; validatorTypes(name) {
					it.flow.pending = it.flow.pending.With(id, taint.String)
				} else if validatorConverts(name) {
					it.facts = it.facts.With(id, taint.String)
				}
			}
		}
	}
}
