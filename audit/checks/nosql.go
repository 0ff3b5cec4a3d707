// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/taint"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 7: what a client sent becomes a query, operators included; passwords
// compared as text; documents sent whole.

func (r *run) nosqlEvent(e *model.Event) {
	switch e.Kind {
	case model.Queried:
		m, _ := e.Recv.(*model.Model)
		if m != nil && mongo(m) {
			r.query(m, e)
		}
	case model.Compared:
		if strings.Contains(strings.ToLower(e.At.Text()), "passw") {
			for _, v := range e.Args {
				if t, ok := model.One[*model.Taint](v); ok {
					r.add(rule.NoSQLPlainPassword, e.At, e, "the stored password is compared with what the client sent as plain text",
						trace(t, e.At, "compared with the stored one"))
				}
			}
		}
	case model.Responded:
		r.sentDocument(e)
	}
}

func mongo(m *model.Model) bool {
	return m.Lib == "mongoose" || m.Lib == "mongodb" || m.Lib == "?"
}

func (r *run) query(m *model.Model, e *model.Event) {
	name := strings.TrimPrefix(e.Name, ".")
	v := arg(e.Args, 0)
	if name == "bulkWrite" {
		for _, filter := range operations(v, "filter") {
			r.filter(filter, m, e, 0)
		}
		return
	}
	switch model.FirstArgument(name) {
	case 1, 3:
		if strings.Contains(name, "ById") {
			r.value("_id", v, m, e)
			return
		}
		if name == "where" || name == "distinct" {
			if _, ok := model.Constant(v); ok && len(e.Args) > 1 {
				r.value("", e.Args[1], m, e)
				return
			}
		}
		r.filter(v, m, e, 0)
	case 4: // a pipeline
		if o, ok := model.One[*model.Obj](v); ok && o.Array {
			for _, stage := range o.Elems {
				if match, ok := option(stage, "$match"); ok {
					r.filter(match, m, e, 0)
				}
			}
		}
		r.filter(v, m, e, 0)
	default:
		switch name {
		case "or", "and", "nor", "match", "setQuery", "merge":
			if o, ok := model.One[*model.Obj](v); ok && o.Array {
				for _, el := range o.Elems {
					r.filter(el, m, e, 0)
				}
				return
			}
			r.filter(v, m, e, 0)
		case "equals", "ne":
			r.value("", v, m, e)
		case "$where":
			r.code(v, m, e)
		}
	}
}

// filter looks at a query document.
func (r *run) filter(v model.Value, m *model.Model, e *model.Event, depth int) {
	if depth > 8 {
		return
	}
	model.Each(v, func(v model.Value) {
		switch x := v.(type) {
		case *model.Taint:
			if x.State == taint.Whole || x.State == taint.Any {
				r.operator("", x, m, e)
			}
		case *model.Obj:
			for _, s := range x.Spread {
				if t, ok := model.One[*model.Taint](s); ok && t.State >= taint.Any {
					r.operator("", t, m, e)
				}
			}
			for _, k := range x.Keys() {
				f, _ := x.Get(k)
				switch k {
				case "$or", "$and", "$nor":
					if list, ok := model.One[*model.Obj](f); ok && list.Array {
						for _, el := range list.Elems {
							r.filter(el, m, e, depth+1)
						}
					} else {
						r.filter(f, m, e, depth+1)
					}
				case "$where", "$function", "$accumulator":
					r.code(f, m, e)
				case "$expr":
					r.filter(f, m, e, depth+1)
				case "[computed]":
					r.value("", f, m, e)
				default:
					if !strings.HasPrefix(k, "$") {
						r.value(k, f, m, e)
					}
				}
			}
		}
	})
}

// value looks at what one field of a query must equal.
func (r *run) value(field string, v model.Value, m *model.Model, e *model.Event) {
	model.Each(v, func(v model.Value) {
		switch x := v.(type) {
		case *model.Taint:
			if isPasswordField(field) && !strings.Contains(x.ID, "token") {
				r.add(rule.NoSQLPlainPassword, e.At, e, "the password is part of the query, so it is stored as plain text",
					trace(x, e.At, "compared by the database"))
			}
			if e.State(x) >= taint.Any {
				r.operator(field, x, m, e)
			}
		case *model.Obj: // {$ne: x}, {$not: {…}}
			if not, ok := x.Get("$not"); ok {
				r.value(field, not, m, e)
			}
			r.list(field, x, m, e)
			for _, s := range x.Spread {
				if t, ok := model.One[*model.Taint](s); ok && t.State >= taint.Any {
					r.operator(field, t, m, e)
				}
			}
		}
	})
}

func (r *run) operator(field string, t *model.Taint, m *model.Model, e *model.Event) {
	facts := e.Facts.Of(t.ID)
	if !t.Rebuilt && (facts&taint.NoOps != 0 || e.State(t) < taint.Any) {
		return
	}
	if !t.Rebuilt && strings.HasPrefix(t.ID, "clean(") {
		return
	}
	if m.Lib == "mongoose" && r.p.SanitizeFilter {
		return
	}
	what := "the whole query"
	if field != "" {
		what = fmt.Sprintf("%s in the query", field)
	}
	message := fmt.Sprintf("%s is what the client sends, so an object with operators such as $ne changes what %s finds", what, callee(e))
	if t.Rebuilt {
		message = fmt.Sprintf("operators are put into the query by the app after every check of what the client sends (%s)", callee(e))
	}
	if field != "" && field != "_id" {
		r.need(Need{Rule: rule.NoSQLOperator, Route: e.Route, Field: field, At: e.At})
	}
	s := rule.High
	if authenticates(e) || isPasswordField(field) || strings.Contains(strings.ToLower(field), "token") {
		s = rule.Critical
	}
	c := finding.Certain
	if m.Lib == "?" {
		c = finding.Firm
	}
	r.add(rule.NoSQLOperator, e.At, e, message, severity(s), confidence(c), trace(t, e.At, "used in "+callee(e)))
}

func (r *run) code(v model.Value, m *model.Model, e *model.Event) {
	if t, ok := model.One[*model.Taint](v); ok {
		r.add(rule.NoSQLCode, e.At, e, "text that the client chose becomes JavaScript that the database runs", trace(t, e.At, "run by the database"))
	}
	if o, ok := model.One[*model.Obj](v); ok {
		if body, ok := o.Get("body"); ok {
			r.code(body, m, e)
		}
	}
}

// callee is what is called, as it is written.
func callee(e *model.Event) string {
	text, _, _ := strings.Cut(e.At.Text(), "(")
	text = strings.Join(strings.Fields(text), " ")
	text = strings.ReplaceAll(strings.ReplaceAll(text, " .", "."), "?.", ".")
	if len(text) > 60 {
		text = "…" + text[len(text)-59:]
	}
	return text
}

func isPasswordField(s string) bool {
	s = strings.ToLower(s)
	return s == "password" || s == "passwd" || s == "pwd" || s == "pass"
}

func authenticates(e *model.Event) bool {
	if e.Route == nil {
		return false
	}
	return loginPath(e.Route.Path)
}

// sentDocument finds documents that are sent with their password hashes.
func (r *run) sentDocument(e *model.Event) {
	switch e.Name {
	case "json", "send", "jsonp", "end":
	default:
		return
	}
	for _, a := range e.Args {
		if m := r.shown(a, 0); m != nil {
			r.add(rule.NoSQLDocument, e.At, e, fmt.Sprintf("a document of %s goes to the client with its password", m.Name), confidence(finding.Firm))
		}
	}
}
