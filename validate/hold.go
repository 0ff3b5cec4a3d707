// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

// Plan is what holds for one request.
type Plan struct {
	MaxBytes int64
	v        *Validator
	met      []int
	dry      bool
	blind    bool
}

// Dry returns a plan that decides the same and changes nothing.
func (p Plan) Dry() Plan {
	p.dry = true
	return p
}

// WithoutQuery returns a plan for a request whose query cannot be read.
func (p Plan) WithoutQuery() Plan {
	p.blind = true
	return p
}

// For returns what holds for a request that meets some of [Validator.Routes]: of
// operations the most specific, but all of them where routers read its path in two
// ways.
func (v *Validator) For(met []int, path route.Key) Plan {
	p := Plan{MaxBytes: v.maxBytes, v: v, met: met}
	if !path.Ambiguous() {
		p.met = v.mostSpecific(met)
	}
	own := int64(0)
	for _, i := range p.met {
		if m := v.routes[i].maxBytes; m != 0 && (own == 0 || m < own) {
			own = m
		}
	}
	if own != 0 {
		p.MaxBytes = own
	}
	return p
}

// mostSpecific leaves out the operations that a more specific one stands for.
func (v *Validator) mostSpecific(met []int) []int {
	shadowed := func(i int) bool {
		return v.routes[i].operation && slices.ContainsFunc(met, func(j int) bool {
			return v.routes[j].operation && v.patterns[j].Shadows(v.patterns[i])
		})
	}
	if !slices.ContainsFunc(met, shadowed) {
		return met
	}
	var rest []int
	for _, i := range met {
		if !shadowed(i) {
			rest = append(rest, i)
		}
	}
	return rest
}

// Schema reports whether a body is declared, so that the reading must keep its
// tree or its pairs.
func (p Plan) Schema() bool {
	return p.any(func(c *compiled) bool { return c.body })
}

// Query reports whether the query's parameters are declared, so that its pairs
// are needed.
func (p Plan) Query() bool {
	return p.any(func(c *compiled) bool { return c.query != nil })
}

func (p Plan) any(is func(*compiled) bool) bool {
	for _, i := range p.met {
		if is(p.v.routes[i]) {
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
	var declared bool
	for _, i := range p.met {
		if c := p.v.routes[i]; c.body {
			declared = true
			if err := p.takes(c, r, rd); err != nil {
				return err
			}
		}
	}
	switch {
	case !declared:
		return nil
	case rd.Tree != nil:
		return p.checkTree(r, rd)
	case rd.Media.Form == inspect.URLEncoded:
		return p.checkForm(r, rd, func(c *compiled) *textSchema { return c.form })
	case rd.Media.Form == inspect.Multipart:
		return p.checkForm(r, rd, func(c *compiled) *textSchema { return c.multipart })
	}
	return nil
}

// checkTree holds a JSON body against the schemas.
func (p Plan) checkTree(r *http.Request, rd *inspect.Reading) error {
	for range maxPasses {
		drop := map[*inspect.Member]bool{}
		for _, i := range p.met {
			c := p.v.routes[i]
			if c.schema == nil {
				continue
			}
			if fields := c.schema.check(rd, c.strip, drop); len(fields) > 0 {
				return p.misfit(fields)
			}
		}
		if len(drop) == 0 || p.dry {
			return nil
		}
		rd.Drop(r, func(m *inspect.Member) bool { return drop[m] })
	}
	return p.misfit([]problem.Field{{Detail: "It does not fit the schema."}})
}

// checkForm holds a form against the schemas.
func (p Plan) checkForm(r *http.Request, rd *inspect.Reading, of func(*compiled) *textSchema) error {
	if r.ContentLength == 0 && len(rd.Pairs) == 0 && p.any(func(c *compiled) bool { return c.optional }) {
		return nil
	}
	drop, fields := p.texts(rd.Pairs, of)
	if len(fields) > 0 {
		return p.misfit(fields)
	}
	if drop != nil && !p.dry {
		rd.DropPairs(r, func(i int) bool { return drop[i] })
	}
	return nil
}

// texts holds pairs against the schemas of one place, and tells which to take
// out, nil for none.
func (p Plan) texts(pairs []inspect.Pair, of func(*compiled) *textSchema) (drop []bool, fields []problem.Field) {
	gone := make([]bool, len(pairs))
	for range maxPasses {
		again := false
		for _, i := range p.met {
			c := p.v.routes[i]
			t := of(c)
			if t == nil {
				continue
			}
			fields, more := t.check(pairs, gone, c.strip && !t.whole)
			if len(fields) > 0 {
				return nil, fields
			}
			again = again || more
		}
		if !again || p.dry {
			return drop, nil
		}
		drop = gone
	}
	return nil, []problem.Field{{Detail: "It does not fit the schema."}}
}

func (p Plan) misfit(fields []problem.Field) error {
	return &problem.Error{Rule: rule.ValidateSchema, Status: p.v.status, Fields: fields[:min(len(fields), maxFields)]}
}

// takes refuses a body of a type that a route does not declare. A request
// without a body may only pass where its method usually has none, or it is
// optional.
func (p Plan) takes(c *compiled, r *http.Request, rd *inspect.Reading) error {
	switch form := rd.Media.Form; {
	case c.schema != nil && rd.Tree != nil && form == inspect.JSON,
		c.form != nil && form == inspect.URLEncoded, // also one without fields, which its schema judges
		c.multipart != nil && form == inspect.Multipart:
		return nil
	case r.ContentLength == 0, form == inspect.JSON && len(rd.Data) == 0:
		return p.missing(c, r)
	case c.passes(rd):
		return nil
	}
	return problem.Refuse(rule.ValidateType, "This route takes "+c.list()+".")
}

func (p Plan) missing(c *compiled, r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		return nil
	}
	if c.optional {
		return nil
	}
	detail := "A body is required."
	if c.form == nil && c.multipart == nil && len(c.unchecked) == 0 {
		detail = "A JSON body is required."
	}
	return p.misfit([]problem.Field{{Detail: detail}})
}

// passes reports whether a body may pass unread. One that looks like JSON may
// not: some apps parse it whatever its type.
func (c *compiled) passes(rd *inspect.Reading) bool {
	if rd.Media.Form != inspect.Opaque || rd.Data != nil {
		return false
	}
	major, _, _ := strings.Cut(rd.Media.Type, "/")
	return slices.Contains(c.unchecked, rd.Media.Type) || slices.Contains(c.unchecked, major+"/*")
}

// list names the types that a route takes.
func (c *compiled) list() string {
	var types []string
	if c.schema != nil {
		types = append(types, "application/json")
	}
	if c.form != nil {
		types = append(types, "application/x-www-form-urlencoded")
	}
	if c.multipart != nil {
		types = append(types, "multipart/form-data")
	}
	return strings.Join(append(types, c.unchecked...), " or ")
}
