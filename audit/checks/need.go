// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Need is what a policy must do about a finding, on a route of the app.
type Need struct {
	Rule  rule.ID
	Route *model.Route // nil when it is not about one
	Field string       // a string field of a query
	Model *model.Model // what a body is stored as
	Bytes float64      // the app's own limit of an upload; 0 for none
	Files int          // files of an upload
	// Declared are the app's own declarations of the body, whether or not they keep
	// out what they do not declare.
	Declared []Declaration
	At       model.Site
}

// Declaration is one of zod's, joi's or express-validator's that a route checks its
// body with.
type Declaration struct {
	Schema *model.Call
	Part   string // of the schema that is about the body; empty for all of it
}

// maxNeeds is how many needs are kept: of every route some.
const maxNeeds = 4 * model.MaxRoutes

// maxDeclared is how many declarations are kept for one route.
const maxDeclared = 100

// checkedEvent keeps what a route declares of its body.
func (r *run) checkedEvent(e *model.Event) {
	c, ok := e.Recv.(*model.Call)
	if e.Kind != model.Checked || !ok || e.Route == nil {
		return
	}
	d := Declaration{Schema: c}
	switch v := arg(e.Args, 0).(type) {
	case *model.Taint:
		if v.ID != "body" && v.ID != "valid(body)" {
			return
		}
	case *model.Req:
		d.Part = "body"
	case *model.Obj:
		body, _ := v.Get("body")
		t, ok := body.(*model.Taint)
		if !ok || t.ID != "body" {
			return
		}
		d.Part = "body"
	}
	if known := r.declared[e.Route]; len(known) < maxDeclared && !slices.Contains(known, d) {
		r.declared[e.Route] = append(known, d)
	}
}

// declare hands every need what its route declares.
func (r *run) declare() {
	for i := range r.needs {
		if rt := r.needs[i].Route; rt != nil {
			r.needs[i].Declared = r.declared[rt]
		}
	}
}

// Result is all that an audit learned.
type Result struct {
	Program  *model.Program
	Findings []finding.Finding
	Needs    []Need
}

func (r *run) need(n Need) {
	if len(r.needs) < maxNeeds {
		r.needs = append(r.needs, n)
	}
}

// uploadRoutes are the routes that take files through multer.
func (r *run) uploadRoutes() {
	for _, rt := range r.p.Routes {
		for _, l := range rt.Chain {
			c, ok := model.One[*model.Call](l.Handler)
			if !ok || c.Lib.Mod != "multer" || c.Lib.Of == nil {
				continue
			}
			n := Need{Rule: rule.UploadType, Route: rt, Files: 1, At: c.Lib.Of.At}
			switch method := c.Lib.Path[strings.LastIndexByte(c.Lib.Path, '.')+1:]; method {
			case "array":
				n.Files = 10
				if most, ok := number(arg(c.Args, 1)); ok && most == most {
					n.Files = int(min(most, 1000))
				}
			case "any", "fields":
				n.Files = 10
			case "none":
				continue
			}
			if v, ok := option(argOr(c.Lib.Of.Args), "limits", "fileSize"); ok {
				n.Bytes, _ = number(v)
			}
			if !slices.ContainsFunc(r.needs, func(o Need) bool { return o.Route == rt && o.Rule == n.Rule }) {
				r.need(n)
			}
		}
	}
}
