// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nosql keeps query operators out of requests (mistake 7), and the
// prototype keys of JavaScript with them.
//
// # Threat
//
// findOne({email: req.body.email, password: req.body.password}) trusts two
// strings. A body of {"password": {"$ne": ""}} makes the second one an operator
// that matches every password. Express decodes such an object out of JSON, out
// of a form or query (`password[$ne]=`), out of a JSON cookie, and multer out of
// a field's name.
//
// # What it does
//
// Names that start with `$`, and `__proto__` and `constructor` with `prototype`
// below it, are refused at any depth, in every place that a parser could make
// an object of. Named fields must be strings and nothing else; on the usual
// login paths the usual login fields are.
//
// Some names with a `$` are words of other standards, and no operator of any
// MongoDB: they pass by default (see [Foreign] and docs/decisions/0013). Any other
// passes on the routes that allow it. On routes that strip, names that would be
// refused are taken out of JSON bodies, forms and queries instead, and what is
// left is inspected like any other request; in cookies, multipart forms and other
// bodies they are refused there too.
//
// # What it does not do
//
// It does not look at values: a password of `$ne` is a fine password. It does
// not know queries that the app builds from strings, nor JSON text inside a
// string that the app parses itself, unless JSONFields names the field.
//
// # Bounds
//
// It keeps no state, and reads nothing itself: package inspect reads a request
// once, within its bounds, and shows every name and value.
package nosql

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/logins"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

// Config is what may pass. The zero value refuses every operator and prototype
// key and types the login fields.
type Config struct {
	// Strings are field names that must hold strings, wherever they stand, on
	// every route. Empty: the login fields, on the usual login paths.
	Strings []string `yaml:"strings"`
	// Allow are names that are no attack on some routes, such as $set in an
	// analytics event.
	Allow []Allow `yaml:"allow"`
	// Strip are routes, patterns of package route, on which names that would be
	// refused are taken out instead. An app that took the object for a value then
	// finds an empty one: refusing says more clearly what is wrong.
	Strip []string `yaml:"strip"`
	// JSONFields are top-level fields of bodies and queries whose text the app
	// parses as JSON, such as ?filter={"price":…}: what they hold is inspected too.
	JSONFields []string `yaml:"json_fields"`
}

// Allow lets names with a leading `$` pass on a route.
type Allow struct {
	Match string   `yaml:"match"` // a pattern of package route
	Keys  []string `yaml:"keys"`  // exact names, each with its `$`
}

// loginFields are typed on loginPaths without being asked for: those that a login
// looks a user up by. `user` is not among them, which is an object in many APIs, nor
// a one-time code, which may be a number.
var loginFields = []string{"email", "username", "login", "identifier", "password", "passwd", "pass", "pwd"}

// loginPaths are where they are.
var loginPaths = slices.Concat(logins.Paths, []string{"POST /auth", "POST /auth/{what}", "POST /api/auth", "POST /api/auth/{what}"})

// Guard refuses operators.
type Guard struct {
	strings map[string]bool // on every route; nil for the login fields
	login   map[string]bool
	json    map[string]bool // fields whose text is JSON
	routes  []*route.Pattern
	meaning []meaning // by route
}

// meaning is what a route changes.
type meaning struct {
	login, strip bool
	allow        map[string]bool
}

// New compiles the configuration.
func New(cfg Config) (*Guard, error) {
	var faults fault.List
	g := &Guard{}
	if len(cfg.Strings) > 0 {
		g.strings = set(cfg.Strings)
	} else {
		g.login = set(loginFields)
		for _, p := range loginPaths {
			g.add(route.MustCompile(p), meaning{login: true})
		}
	}
	if len(cfg.JSONFields) > 0 {
		g.json = set(cfg.JSONFields)
	}
	for path, names := range map[string][]string{"strings": cfg.Strings, "json_fields": cfg.JSONFields} {
		for i, f := range names {
			if f == "" {
				faults.Add(fmt.Sprintf("%s[%d]", path, i), "the name is empty", "write the name of a field, such as email")
			}
		}
	}
	for i, text := range cfg.Strip {
		p, err := route.Compile(text)
		if err != nil {
			faults.Add(fmt.Sprintf("strip[%d]", i), err.Error(), "")
			continue
		}
		g.add(p, meaning{strip: true})
	}
	for i, a := range cfg.Allow {
		at := fmt.Sprintf("allow[%d]", i)
		p, err := route.Compile(a.Match)
		if err != nil {
			faults.Add(at+".match", err.Error(), "")
			continue
		}
		if len(a.Keys) == 0 {
			faults.Add(at+".keys", "no keys are named", "name each, such as [\"$filter\", \"$top\"]")
		}
		for j, k := range a.Keys {
			if !strings.HasPrefix(k, "$") {
				faults.Addf(fmt.Sprintf("%s.keys[%d]", at, j), "prototype keys cannot be allowed, and others need not be", "%q does not start with $", k)
			}
		}
		g.add(p, meaning{allow: set(a.Keys)})
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return g, nil
}

func (g *Guard) add(p *route.Pattern, m meaning) {
	g.routes = append(g.routes, p)
	g.meaning = append(g.meaning, m)
}

// Routes are the patterns that change what is refused; [Guard.For] takes the
// indexes of those that a request meets.
func (g *Guard) Routes() []*route.Pattern { return g.routes }

// Allows reports whether the pattern with an index of [Guard.Routes] lets keys pass that
// are refused elsewhere.
func (g *Guard) Allows(i int) bool { return g.meaning[i].allow != nil }

func set(names []string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

const operatorDetail = "Names that start with $ are not accepted."

// Check is the decision for one request: an [inspect.Visitor].
type Check struct {
	strings map[string]bool
	usual   bool // they are loginFields
	json    map[string]bool
	allow   []map[string]bool // what the request's routes let pass
	strip   bool
	// Judge decides what becomes of a refusal: nil lets it pass, as report mode
	// does. A nil Judge refuses.
	Judge func(*problem.Error) error
}

// For returns the check for a request that meets some of [Guard.Routes].
func (g *Guard) For(met []int) Check {
	c := Check{strings: g.strings, json: g.json}
	for _, i := range met {
		switch m := &g.meaning[i]; {
		case m.login:
			c.strings, c.usual = g.login, true
		case m.strip:
			c.strip = true
		default:
			c.allow = append(c.allow, m.allow)
		}
	}
	return c
}

// Key refuses operator and prototype names.
func (c *Check) Key(p *inspect.Path) error {
	name := p.Name()
	if name == "" {
		return nil
	}
	switch {
	case name[0] == '$' || p.Place != inspect.Query && inner(name):
		if foreign[name] || odata[name] && inQuery(p) || c.allowed(name) {
			return nil
		}
		return c.refuse(rule.NoSQLOperator, p, operatorDetail)
	case inspect.PrototypeKey(p):
		return c.refuse(rule.ValidatePrototype, p, "Prototype keys are not accepted.")
	}
	return nil
}

// inner reports whether a name would become an operator where an app splits it, as
// lodash.set and qs.parse do with an object's: password.$ne, password[$ne].
func inner(name string) bool {
	for i := 1; i+1 < len(name); i++ {
		if name[i] == '$' && (name[i-1] == '.' || name[i-1] == '[') && 'a' <= name[i+1]|0x20 && name[i+1]|0x20 <= 'z' {
			return true
		}
	}
	return false
}

func (c *Check) allowed(name string) bool {
	for _, allowed := range c.allow {
		if allowed[name] {
			return true
		}
	}
	return false
}

// Value refuses anything but a string in the fields that must be strings, and in
// the options of OData, which are operators of nothing only as texts of a query.
func (c *Check) Value(p *inspect.Path, k inspect.Kind) error {
	if k == inspect.String {
		return nil
	}
	name := p.Name()
	if c.strings[name] && !(c.usual && name == "login" && k == inspect.Object) { // form builders have one around the others
		return c.refuse(rule.NoSQLType, p, "It must be a string.")
	}
	if p.Place == inspect.Query && odata[name] && !c.allowed(name) {
		return c.refuse(rule.NoSQLOperator, p, "It must be a string, once.")
	}
	return nil
}

func (c *Check) refuse(id rule.ID, p *inspect.Path, detail string) error {
	e := problem.Refuse(id, "")
	e.Fields = []problem.Field{{Pointer: p.Pointer(), Detail: detail}}
	return c.judge(e)
}

func (c *Check) judge(e *problem.Error) error {
	if c.Judge != nil {
		return c.Judge(e)
	}
	return e
}

// Handler inspects query, cookies and body of every request before next. A body
// that is inspected, multipart ones included, may be as long as
// [inspect.DefaultMaxBytes]; longer uploads belong behind the suit, or behind
// package upload, which spool them.
func (g *Guard) Handler(next http.Handler) http.Handler {
	budget := inspect.NewBudget(64 << 20)
	var table route.Table
	for _, p := range g.routes {
		table.Add(p)
	}
	return problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
		key, err := route.KeyOf(r.URL)
		if err != nil {
			return problem.Refuse(rule.RequestPath, "").Because(err)
		}
		var met [16]int
		check := g.For(table.Match(r.Method, key, met[:0]))
		check.StripQuery(r.URL)
		texts := check.Texts()
		var asked inspect.Texts
		if texts != nil {
			asked = texts
		}
		if err := inspect.ReadQuery(r.URL.RawQuery, &check, asked); err != nil {
			return err
		}
		if err := inspect.ReadCookies(r.Header["Cookie"], &check); err != nil {
			return err
		}
		rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: inspect.DefaultMaxBytes, Visitor: &check, Multipart: true,
			Rewrite: check.Rewrite(), Texts: asked, Budget: budget})
		if err != nil {
			return err
		}
		defer rd.Close()
		if err := texts.Check(); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}
