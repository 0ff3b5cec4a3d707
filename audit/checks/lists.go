// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/taint"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// list looks at {$in: x} and its kin. The database refuses operators in such a
// list, but null in it finds the documents that lack the field: those without a
// reset token, say. An _id is never missing.
func (r *run) list(field string, o *model.Obj, m *model.Model, e *model.Event) {
	for _, op := range []string{"$in", "$nin", "$all"} {
		v, ok := o.Get(op)
		if !ok {
			continue
		}
		if list, ok := model.One[*model.Obj](v); ok && list.Array {
			for _, el := range list.Elems {
				r.listed(field, op, el, m, e)
			}
			continue
		}
		r.listed(field, op, v, m, e)
	}
}

func (r *run) listed(field, op string, v model.Value, m *model.Model, e *model.Event) {
	t, ok := model.One[*model.Taint](v)
	if !ok || e.State(t) < taint.Any || e.Facts.Of(t.ID)&taint.NoOps != 0 && field == "_id" {
		return
	}
	s := rule.Medium
	if field == "_id" {
		s = rule.Low
	}
	r.add(rule.NoSQLOperator, e.At, e, fmt.Sprintf("%s in the query is %s of values of any type that the client sends: null finds documents without the field", field, op),
		severity(s), confidence(finding.Firm), trace(t, e.At, "used in "+callee(e)))
}
