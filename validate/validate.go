// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package validate lets only declared fields through (mistake 3).
//
// # Threat
//
// new User(req.body) keeps whatever the client sent: {"role": "admin"} fills a
// field that no form offers, an object lands where the code expects a string,
// __proto__ changes every object of the process.
//
// # What it does
//
// What a request may be is declared per route ([Route]), in JSON Schema
// (2020-12): its body as JSON, its form, its query, the names in its path, its
// headers and cookies. In a Go app a struct declares the body ([Body]). Types are
// exact. Fields that are not declared are refused, or with `unknown: strip` taken
// out before the app sees them; what stays is forwarded byte for byte. Every
// fault is answered at once, each with a JSON Pointer (`#query/page`, `#path/id`,
// `#header/X-Tenant`, `#cookie/theme` outside the body), never with the value.
//
//	routes:
//	  - match: POST /items/{id}
//	    path: {properties: {id: {type: integer, minimum: 1}}}
//	    query: {properties: {page: {type: integer}, tag: {type: array, items: {type: string}}}}
//	    schema: schemas/item.json
//	    form: schemas/item.json
//
// An API that is described in OpenAPI needs none of this by hand: package
// guard/openapi declares all of it ([Operations]).
//
// # Text
//
// Queries, forms, paths, headers and cookies hold text, which is read by the type
// that the schema declares for it, in one way:
//
//   - integer: decimal digits, with - but without + or zeros before; number: as
//     JSON writes one; boolean: true or false. Nothing is trimmed, nothing is
//     null, and other text is a fault, unless the schema takes a string as well.
//   - array: the name repeated, or given as tag[]=, or as tag[0]=, tag[1]= in
//     order; once is a list of one. With `x-panoply-split: ","` in the array's
//     schema it is one text, split there.
//   - object: filter[min]=1. A name with brackets is declared nested.
//
// A schema that declares properties and no type means an object, whatever JSON Schema
// says of other values. One that declares neither leaves text as it is. The app gets the text as
// it came, and reads it itself: as a string, unless it converts it.
//
// # What it does not do
//
// A body of a type for which the route has no schema is refused with 415 rather
// than let past: JSON alone where only Schema is given. Files of a multipart form
// are for package upload, and its fields are never stripped. Of headers and
// cookies only the declared ones are looked at. A schema's `$ref` never reaches
// the network or the file system. Formats are asserted. Answers are not checked.
//
// # Bounds
//
// Bodies and queries are read by package inspect, within its bounds: at most
// Config.MaxBytes, 64 levels, 200,000 values, 1000 parameters. A number in text
// has at most 100 digits, and one text is split into at most 1000 items. Where the
// library holds a body against a schema, it has at most 20,000 values. At most 20
// faults are answered.
package validate

import (
	"cmp"
	"fmt"
	"net/http"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

const maxFields = 20 // faults in one answer

// Config is what requests may be. The zero value only bounds bodies.
type Config struct {
	// MaxBytes bounds a body, after its content coding was taken off. 0 is
	// 100 KB, as express.json() has it.
	MaxBytes int64 `yaml:"max_bytes,size"`
	// Routes have schemas and bounds of their own.
	Routes []Route `yaml:"routes"`
	// Unprocessable answers a request that does not fit with 422 instead of 400.
	Unprocessable bool `yaml:"unprocessable"`
	// Dir is where the files that schemas name are looked for.
	Dir string `yaml:"-"`
	// Operations are those of an API description; nil is none. Package
	// guard/openapi makes them.
	Operations *Operations `yaml:"-"`
}

// Operations are what the description of an API declares. Of several that a
// request meets the most specific holds, beside every Route.
type Operations struct {
	Routes []Route
	// Below are patterns of which every request must meet one of Routes or
	// Except, or is refused.
	Below  []string
	Except []string
}

// WithDefaults returns the configuration with its defaults spelled out.
func (c Config) WithDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = inspect.DefaultMaxBytes
	}
	c.Routes = append(make([]Route, 0, len(c.Routes)), c.Routes...)
	for i := range c.Routes {
		c.Routes[i].Unknown = cmp.Or(c.Routes[i].Unknown, Reject)
	}
	return c
}

// Validator holds requests against schemas.
type Validator struct {
	maxBytes int64
	status   int
	patterns []*route.Pattern
	routes   []*compiled
}

// New compiles every schema.
func New(cfg Config) (*Validator, error) {
	cfg = cfg.WithDefaults()
	var faults fault.List
	v := &Validator{maxBytes: cfg.MaxBytes}
	if cfg.MaxBytes < 0 {
		faults.Add("max_bytes", "it is negative", "write a size such as 100KB")
	}
	if cfg.Unprocessable {
		v.status = http.StatusUnprocessableEntity
	}
	for i, r := range cfg.Routes {
		c, err := compile(r, cfg.Dir)
		faults.Join(fmt.Sprintf("routes[%d]", i), err)
		v.add(c)
	}
	if cfg.Operations != nil {
		faults.Join("operations", v.addOperations(cfg.Operations))
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *Validator) add(c *compiled) {
	v.patterns, v.routes = append(v.patterns, c.pattern), append(v.routes, c)
}

func (v *Validator) addOperations(ops *Operations) error {
	var faults fault.List
	for i, r := range ops.Routes {
		r.Unknown = cmp.Or(r.Unknown, Reject)
		c, err := compile(r, "")
		faults.Join(fmt.Sprintf("routes[%d]", i), err)
		c.operation = true
		v.add(c)
	}
	bare := func(name string, patterns []string, kind compiled) {
		for i, text := range patterns {
			c := kind
			var err error
			if c.pattern, err = route.Compile(text); err != nil {
				faults.Add(fmt.Sprintf("%s[%d]", name, i), err.Error(), "GET /health, /docs/ for a subtree")
			}
			v.add(&c)
		}
	}
	bare("except", ops.Except, compiled{operation: true})
	bare("below", ops.Below, compiled{closed: true})
	return faults.Err()
}

// Routes are the patterns with schemas or bounds of their own; [Validator.For]
// takes the indexes of those that a request meets.
func (v *Validator) Routes() []*route.Pattern { return v.patterns }

// Handler holds every request against the schemas before next.
func (v *Validator) Handler(next http.Handler) http.Handler {
	budget := inspect.NewBudget(64 << 20)
	var table route.Table
	for _, p := range v.patterns {
		table.Add(p)
	}
	return problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
		key, err := route.KeyOf(r.URL)
		if err != nil {
			return problem.Refuse(rule.RequestPath, "").Because(err)
		}
		plan := v.For(table.Match(r.Method, key, nil), key)
		var query []inspect.Pair
		if plan.Query() {
			if query, err = inspect.ReadQueryPairs(r.URL.RawQuery, noPrototypes{}, nil); err != nil {
				return err
			}
		}
		if err := plan.CheckHead(r, query); err != nil {
			return err
		}
		rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: plan.MaxBytes, Visitor: noPrototypes{},
			Tree: plan.Schema(), Pairs: plan.Schema(), Multipart: plan.Schema(), Budget: budget})
		if err != nil {
			return err
		}
		defer rd.Close()
		if err := plan.Check(r, rd); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// noPrototypes refuses prototype keys.
type noPrototypes struct{}

func (noPrototypes) Key(p *inspect.Path) error {
	if !inspect.PrototypeKey(p) {
		return nil
	}
	return &problem.Error{Rule: rule.ValidatePrototype,
		Fields: []problem.Field{{Pointer: p.Pointer(), Detail: "Prototype keys are not accepted."}}}
}

func (noPrototypes) Value(*inspect.Path, inspect.Kind) error { return nil }
