// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/http"
	"slices"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

// CheckHead holds everything but the body against what is declared: path,
// query, headers and cookies. query is what [inspect.ReadQueryPairs] read; it is
// needed where [Plan.Query] says so. Where `strip` holds, undeclared parameters
// are taken out of r.URL.RawQuery.
func (p Plan) CheckHead(r *http.Request, query []inspect.Pair) error {
	if err := p.checkDeclared(); err != nil {
		return err
	}
	var fields []problem.Field
	for _, i := range p.met {
		c := p.v.routes[i]
		if c.path != nil {
			c.pattern.Params(r.URL, func(params []route.Param) error {
				for _, f := range c.path.checkOnly(func(add func(name, value string)) {
					for _, p := range params {
						add(p.Name, p.Value)
					}
				}) {
					if !slices.Contains(fields, f) { // as where a path is read in two ways
						fields = append(fields, f)
					}
				}
				return nil
			})
		}
		if c.headers != nil {
			fields = append(fields, c.headers.checkHeaders(r.Header)...)
		}
		if c.cookies != nil {
			more, err := c.cookies.checkCookies(r.Header["Cookie"])
			if err != nil {
				return err
			}
			fields = append(fields, more...)
		}
	}
	if p.blind {
		if len(fields) > 0 {
			return p.misfit(fields)
		}
		return nil
	}
	drop, more := p.texts(query, func(c *compiled) *textSchema { return c.query })
	if fields = append(fields, more...); len(fields) > 0 {
		return p.misfit(fields)
	}
	if drop != nil && !p.dry {
		r.URL.RawQuery, _ = inspect.DropPairs(r.URL.RawQuery, query, func(i int) bool { return drop[i] })
	}
	return nil
}

// checkDeclared refuses a request below what operations are the whole of, that
// meets none of them.
func (p Plan) checkDeclared() error {
	if p.any(func(c *compiled) bool { return c.closed }) && !p.any(func(c *compiled) bool { return c.operation }) {
		return problem.Refuse(rule.ValidateOperation, "The API's description does not have it.")
	}
	return nil
}

// checkOnly holds what each adds against the schema, without what it does not
// declare.
func (t *textSchema) checkOnly(each func(add func(name, value string))) []problem.Field {
	var pairs []inspect.Pair
	each(func(name, value string) {
		if t.types.fields[name] != nil {
			pairs = append(pairs, inspect.Pair{Parts: []string{name}, Value: value})
		}
	})
	fields, _ := t.check(pairs, make([]bool, len(pairs)), false)
	return fields
}

// checkHeaders looks at the declared headers alone. Their values must be ASCII:
// Node and browsers do not agree about other bytes.
func (t *textSchema) checkHeaders(h http.Header) (faults []problem.Field) {
	fields := t.checkOnly(func(add func(name, value string)) {
		for _, name := range t.declared {
			for _, value := range h[http.CanonicalHeaderKey(name)] {
				if !plainASCII(value) {
					faults = append(faults, problem.Field{Pointer: t.place + pointer([]string{name}), Detail: "It must be plain ASCII."})
				}
				add(name, value)
			}
		}
	})
	return append(faults, fields...)
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= 0x7f || c < 0x20 && c != '\t' {
			return false
		}
	}
	return true
}

// checkCookies looks at the declared cookies alone.
func (t *textSchema) checkCookies(lines []string) (fields []problem.Field, err error) {
	fields = t.checkOnly(func(add func(name, value string)) {
		err = inspect.ReadCookieValues(lines, func(name, value string) bool {
			add(name, value)
			return t.types.fields[name] != nil
		})
	})
	return fields, err
}
