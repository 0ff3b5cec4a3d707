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
	At    model.Site
}

// Result is all that an audit learned.
type Result struct {
	Program  *model.Program
	Findings []finding.Finding
	Needs    []Need
}

func (r *run) need(n Need) {
	if len(r.needs) < finding.MaxFindings {
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
				if max, ok := arg(c.Args, 1).(model.Num); ok {
					n.Files = int(max.F)
				}
			case "any", "fields":
				n.Files = 10
			case "none":
				continue
			}
			if v, ok := option(argOr(c.Lib.Of.Args), "limits", "fileSize"); ok {
				if size, ok := v.(model.Num); ok {
					n.Bytes = size.F
				}
			}
			if !slices.ContainsFunc(r.needs, func(o Need) bool { return o.Route == rt && o.Rule == n.Rule }) {
				r.need(n)
			}
		}
	}
}
