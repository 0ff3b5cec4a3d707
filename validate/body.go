// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/http"
	"reflect"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Body reads a request's JSON body into a T, strictly and in one pass: exact field
// names, exact types, every field present, none that T does not declare (or with
// [Strip], none of those kept). T is a struct whose fields carry their rules in a
// tag:
//
//	type CreateUser struct {
//		Name     string   `json:"name" validate:"min=1,max=100"`
//		Email    string   `json:"email" validate:"email"`
//		Password string   `json:"password" validate:"min=8,max=128"`
//		Role     string   `json:"role" validate:"optional,oneof=buyer|seller"`
//		Tags     []string `json:"tags" validate:"optional,max=10,dive,max=30"`
//	}
//
// The words of a tag, separated by commas:
//
//	min=, max=, len=   characters of a string, bytes of a []byte, items of a
//	                   slice, fields of a map; min and max also of a number
//	oneof=a|b          one of these texts or whole numbers
//	email              one address, as people write it
//	url                absolute, http or https, with a host and no password
//	uuid               of any version
//	date, datetime     2006-01-02, and RFC 3339; a time.Time is always the latter
//	pattern=           package regexp's, anywhere in the text unless it is
//	                   anchored; the last word, because it may hold commas
//	dive               the words behind it hold for the elements
//	optional           the field may be absent and then stays zero
//
// A pointer may be absent and takes null; nothing else does. Names are those of
// the json tag, the option string asks for a number in a string, and embedded
// structs, types with UnmarshalJSON or UnmarshalText and []byte in base64 are read
// as by encoding/json. The names of a map are strings or read themselves. Two fields
// of one name and an interface with methods are faults, as [Check] reports them. A
// value whose type has a method Validate() error is asked once it has no other fault;
// the text of its error is public.
//
// The error is a *problem.Error with every fault at once, at most 20, and T is
// then zero: return it from a [problem.Handler]. T's rules are compiled once; Body
// panics on a fault in them, at the first request of a type: [Must] finds it at the
// start of the program. A body is at most 100 KB unless the suit has read it within
// a bound of its own, and a slice without max may be as long as that lets it.
func Body[T any](r *http.Request, unknown ...Unknown) (T, error) {
	plan := mustPlan[T]()
	rd := inspect.From(r.Context())
	if rd == nil || rd.Tree == nil {
		max := int64(inspect.DefaultMaxBytes)
		if rd != nil { // what was read before this was within a bound of its own
			max = int64(len(rd.Data)) + inspect.DefaultMaxBytes
		}
		var err error
		if rd, err = inspect.ReadBody(r, inspect.Options{MaxBytes: max, Visitor: noPrototypes{}, Tree: true}); err != nil {
			var zero T
			return zero, err
		}
	}
	if rd.Tree == nil {
		var zero T
		if rd.Media.Form != inspect.JSON && r.ContentLength != 0 {
			return zero, problem.Refuse(rule.ValidateType, "This route takes application/json.")
		}
		return zero, refuseField("", "A JSON body is required.")
	}
	f := filler{data: rd.Data, strip: stripped(unknown)}
	return fill[T](&f, plan, rd.Tree, "")
}

// fill reads a tree into a T. Faults are answered below place.
func fill[T any](f *filler, plan *plan, tree *inspect.Node, place string) (T, error) {
	var into, zero T
	f.fill(plan, tree, reflect.ValueOf(&into).Elem())
	if len(f.misfits) > 0 {
		return zero, &problem.Error{Rule: rule.ValidateSchema, Fields: f.fields(place)}
	}
	return into, nil
}

func stripped(unknown []Unknown) bool { return len(unknown) > 0 && unknown[0] == Strip }

func refuseField(pointer, detail string) *problem.Error {
	return &problem.Error{Rule: rule.ValidateSchema, Fields: []problem.Field{{Pointer: pointer, Detail: detail}}}
}
