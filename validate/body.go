// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

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
		max := int64(inspect.DefaultMaxBytes)
		if rd != nil { // what was read before this was within a bound of its own
			max = int64(len(rd.Data)) + inspect.DefaultMaxBytes
		}
		var err error
		if rd, err = inspect.ReadBody(r, inspect.Options{MaxBytes: max, Visitor: noPrototypes{}, Tree: true}); err != nil {
			return zero, err
		}
	}
	if rd.Tree == nil {
		if rd.Media.Form != inspect.JSON && r.ContentLength != 0 {
			return zero, problem.Refuse(rule.ValidateType, "This route takes application/json.")
		}
		return zero, misfit("", "A JSON body is required.")
	}
	c := checker{data: rd.Data, strip: len(unknown) > 0 && unknown[0] == Strip}
	plan.check(&c, rd.Tree)
	if len(c.fields) > 0 {
		return zero, &problem.Error{Rule: rule.ValidateSchema, Fields: c.fields}
	}
	if err := json.Unmarshal(rd.Data, &into); err != nil {
		return zero, undecodable(err)
	}
	if err := ownRules(&into); err != nil {
		return zero, misfit("", err.Error())
	}
	return into, nil
}

// ownRules asks the value's own Validate method, if it has one. T may itself be
// a pointer.
func ownRules[T any](v *T) error {
	type validator interface{ Validate() error }
	if own, ok := any(v).(validator); ok {
		return own.Validate()
	}
	if own, ok := any(*v).(validator); ok && !reflect.ValueOf(*v).IsNil() {
		return own.Validate()
	}
	return nil
}

func misfit(pointer, detail string) *problem.Error {
	return &problem.Error{Rule: rule.ValidateSchema, Fields: []problem.Field{{Pointer: pointer, Detail: detail}}}
}

// undecodable answers what a type's own decoding refuses. Its error may quote the
// value, so that not even the log gets it.
func undecodable(err error) *problem.Error {
	var at *json.SemanticError
	if !errors.As(err, &at) {
		return misfit("", "It does not fit.")
	}
	path := slices.Collect(at.JSONPointer.Tokens())
	return misfit(pointer(path), "It does not fit.").Because(fmt.Errorf("a %v is not what %v takes", at.JSONKind, at.GoType))
}
