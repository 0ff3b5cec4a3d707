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
// A body is held against a JSON Schema (2020-12) per route, or in a Go app
// against a struct ([Body]). Types are exact: nothing is coerced. Fields that
// the schema does not declare are refused, or with `unknown: strip` taken out
// before the app sees them; what stays is forwarded byte for byte. Every fault
// is answered at once, each with a JSON Pointer, never with the value.
//
// # What it does not do
//
// On a route with a schema only JSON is accepted: a form is refused with 415
// rather than let past the schema. A schema's `$ref` never reaches the network
// or the file system. Formats are asserted.
//
// # Bounds
//
// Bodies are read by package inspect, within its bounds: at most
// Config.MaxBytes, 64 levels, 200,000 values. At most 20 faults are answered.
package validate

import (
	"fmt"
	"net/http"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

const maxFields = 20 // faults in one answer

// Config is what bodies may be. The zero value only bounds them.
type Config struct {
	// MaxBytes bounds a body, after its content coding was taken off. 0 is
	// 100 KB, as express.json() has it.
	MaxBytes int64 `yaml:"max_bytes,size"`
	// Routes have schemas and bounds of their own.
	Routes []Route `yaml:"routes"`
	// Unprocessable answers a body that does not fit with 422 instead of 400.
	Unprocessable bool `yaml:"unprocessable"`
	// Dir is where the files that schemas name are looked for.
	Dir string `yaml:"-"`
}

// Route is what is declared for one route. Several may match a request: all
// their schemas must fit, and the smallest bound holds.
type Route struct {
	Match string `yaml:"match"` // a pattern of package route
	// Schema is a file name, or a schema as a map.
	Schema any `yaml:"schema"`
	// Unknown is what becomes of fields that the schema does not declare.
	Unknown Unknown `yaml:"unknown"`
	// MaxBytes bounds the body on this route instead of Config.MaxBytes.
	MaxBytes int64 `yaml:"max_bytes,size"`
}

// Unknown says what becomes of fields that are not declared.
type Unknown string

// Undeclared fields are refused (the default), or taken out.
const (
	Reject Unknown = "reject"
	Strip  Unknown = "strip"
)

// Values are the words a policy may use.
func (Unknown) Values() []string { return []string{string(Reject), string(Strip)} }

// WithDefaults returns the configuration with its defaults spelled out.
func (c Config) WithDefaults() Config {
	if c.MaxBytes == 0 {
		c.MaxBytes = inspect.DefaultMaxBytes
	}
	routes := make([]Route, len(c.Routes))
	for i, r := range c.Routes {
		if r.Unknown == "" {
			r.Unknown = Reject
		}
		routes[i] = r
	}
	c.Routes = routes
	return c
}

// Validator holds bodies against schemas.
type Validator struct {
	maxBytes int64
	status   int
	patterns []*route.Pattern
	routes   []compiled
}

type compiled struct {
	schema   *schema // nil: only a bound
	strip    bool
	maxBytes int64 // 0: none of its own
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
		at := fmt.Sprintf("routes[%d]", i)
		p, err := route.Compile(r.Match)
		if err != nil {
			faults.Add(at+".match", err.Error(), "")
		}
		if r.MaxBytes < 0 {
			faults.Add(at+".max_bytes", "it is negative", "write a size such as 100KB")
		}
		if r.Unknown != Reject && r.Unknown != Strip {
			faults.Addf(at+".unknown", "write reject or strip", "%q is not known", string(r.Unknown))
		}
		if r.Schema == nil && r.MaxBytes == 0 {
			faults.Add(at, "neither a schema nor max_bytes is given", "name a JSON Schema file")
		}
		c := compiled{strip: r.Unknown == Strip, maxBytes: r.MaxBytes}
		if r.Schema != nil {
			if c.schema, err = compileSchema(r.Schema, cfg.Dir); err != nil {
				faults.Join(at+".schema", err)
			}
		}
		v.patterns = append(v.patterns, p)
		v.routes = append(v.routes, c)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return v, nil
}

// Routes are the patterns with schemas or bounds of their own; [Validator.For]
// takes the indexes of those that a request meets.
func (v *Validator) Routes() []*route.Pattern { return v.patterns }

// Plan is what holds for one request.
type Plan struct {
	MaxBytes int64
	v        *Validator
	met      []int
	dry      bool
}

// Dry returns a plan that decides the same and changes nothing.
func (p Plan) Dry() Plan {
	p.dry = true
	return p
}

// For returns what holds for a request that meets some of [Validator.Routes].
func (v *Validator) For(met []int) Plan {
	p := Plan{MaxBytes: v.maxBytes, v: v, met: met}
	own := int64(0)
	for _, i := range met {
		if m := v.routes[i].maxBytes; m != 0 && (own == 0 || m < own) {
			own = m
		}
	}
	if own != 0 {
		p.MaxBytes = own
	}
	return p
}

// Schema reports whether a schema holds, so that the reading must keep a tree.
func (p Plan) Schema() bool {
	for _, i := range p.met {
		if p.v.routes[i].schema != nil {
			return true
		}
	}
	return false
}

// maxPasses is how often a body is held against the schemas while fields are
// taken out of it.
const maxPasses = 8

// Check holds a read body against the schemas. Where `strip` holds, the body of
// r is replaced by one without the fields that are not declared; what is left
// is held against the schemas again, because it is what the app will see.
func (p Plan) Check(r *http.Request, rd *inspect.Reading) error {
	for range maxPasses {
		drop, err := p.pass(r, rd)
		if err != nil || len(drop) == 0 || p.dry {
			return err
		}
		rd.Drop(r, func(m *inspect.Member) bool { return drop[m] })
	}
	return &problem.Error{Rule: rule.ValidateSchema, Status: p.v.status, Fields: []problem.Field{{Detail: "It does not fit the schema."}}}
}

// pass holds the body against the schemas once, and returns the members to take
// out of it.
func (p Plan) pass(r *http.Request, rd *inspect.Reading) (drop map[*inspect.Member]bool, err error) {
	drop = map[*inspect.Member]bool{}
	for _, i := range p.met {
		c := &p.v.routes[i]
		if c.schema == nil {
			continue
		}
		if rd.Tree == nil {
			return nil, p.missing(r, rd)
		}
		if fields := c.schema.check(rd, c.strip, drop); len(fields) > 0 {
			return nil, &problem.Error{Rule: rule.ValidateSchema, Status: p.v.status, Fields: fields}
		}
	}
	return drop, nil
}

// missing answers a body that is not JSON. A request without a body may only
// pass where its method usually has none.
func (p Plan) missing(r *http.Request, rd *inspect.Reading) error {
	if r.ContentLength != 0 && (rd.Media.Form != inspect.JSON || len(rd.Data) > 0) {
		return problem.Refuse(rule.ValidateType, "This route takes application/json.")
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return nil
	}
	return &problem.Error{Rule: rule.ValidateSchema, Status: p.v.status,
		Fields: []problem.Field{{Pointer: "", Detail: "A JSON body is required."}}}
}

// Handler holds every request's body against the schemas before next.
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
		plan := v.For(table.Match(r.Method, key, nil))
		rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: plan.MaxBytes, Visitor: noPrototypes{}, Tree: plan.Schema(), Budget: budget})
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
