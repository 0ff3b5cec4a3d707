// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/http"
	"reflect"

	"github.com/go-json-experiment/json"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Body reads a request's JSON body into a T, strictly: exact field names, exact
// types, every field present, none that T does not declare (or with [Strip],
// none of those kept). T is a struct whose fields carry their rules in a tag:
//
//	type CreateUser struct {
//		Name     string `json:"name" validate:"min=1,max=100"`
//		Email    string `json:"email" validate:"email"`
//		Password string `json:"password" validate:"min=8,max=128"`
//		Nick     string `json:"nick" validate:"optional"`
//	}
//
// The rules are min and max (characters of a string, items of a slice, value
// of a number), email, and optional. A pointer takes null and may be absent. A
// type with a method Validate() error is asked at the end; its text is public.
//
// The error is a *problem.Error with every fault at once: return it from a
// [problem.Handler]. T's rules are compiled once; Body panics on a tag that it
// does not know, at the first request of a type.
func Body[T any](r *http.Request, unknown ...Unknown) (T, error) {
	var into, zero T
	plan := planOf(reflect.TypeFor[T]())
	rd := inspect.From(r.Context())
	if rd == nil || rd.Tree == nil {
		var err error
		rd, err = inspect.ReadBody(r, inspect.Options{MaxBytes: inspect.DefaultMaxBytes, Visitor: noPrototypes{}, Tree: true})
		if err != nil {
			return zero, err
		}
	}
	if rd.Media.Form != inspect.JSON {
		return zero, problem.Refuse(rule.ValidateType, "This route takes application/json.")
	}
	if rd.Tree == nil {
		return zero, &problem.Error{Rule: rule.ValidateSchema, Fields: []problem.Field{{Detail: "A JSON body is required."}}}
	}
	c := checker{data: rd.Data, strip: len(unknown) > 0 && unknown[0] == Strip}
	plan.check(&c, rd.Tree)
	if len(c.fields) > 0 {
		return zero, &problem.Error{Rule: rule.ValidateSchema, Fields: c.fields}
	}
	if err := json.Unmarshal(rd.Data, &into); err != nil {
		return zero, (&problem.Error{Rule: rule.ValidateSchema, Fields: []problem.Field{{Detail: "It does not fit."}}}).Because(err)
	}
	if v, ok := any(&into).(interface{ Validate() error }); ok {
		if err := v.Validate(); err != nil {
			return zero, &problem.Error{Rule: rule.ValidateSchema, Fields: []problem.Field{{Detail: err.Error()}}}
		}
	}
	return into, nil
}
