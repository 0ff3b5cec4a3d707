// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package mongoquery

import (
	"encoding/json"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Text is a value from outside that must be a string. The error is a
// [*problem.Error] with status 400; pointer says in it where the value stood, such
// as /email or #query/email.
func Text(pointer string, v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", refuse(pointer, "It must be a string.")
}

// Number is a value from outside that must be a finite number, as encoding/json
// gives it.
func Number(pointer string, v any) (float64, error) {
	f := math.NaN()
	switch n := v.(type) {
	case float64:
		f = n
	case int:
		f = float64(n)
	case int64:
		f = float64(n)
	case json.Number:
		if x, err := n.Float64(); err == nil {
			f = x
		}
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, refuse(pointer, "It must be a number.")
	}
	return f, nil
}

// ID is a value from outside that must be an object id: 24 hexadecimal digits.
func ID(pointer string, v any) (bson.ObjectID, error) {
	if s, ok := v.(string); ok && len(s) == 24 {
		if id, err := bson.ObjectIDFromHex(s); err == nil {
			return id, nil
		}
	}
	return bson.NilObjectID, refuse(pointer, "It must be an id of 24 hexadecimal digits.")
}

// Value is a value from outside that may be a string, a finite number or a boolean,
// and nothing that holds others: what is left is safe as a value in a bson.D. null
// is refused too, since {field: null} matches every document without the field.
func Value(pointer string, v any) (any, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case bool:
		return x, nil
	case int, int64:
		return x, nil
	case json.Number:
		if i, err := x.Int64(); err == nil {
			return i, nil // every digit of it
		}
		return Number(pointer, v)
	case float64:
		return Number(pointer, v)
	}
	return nil, refuse(pointer, "It must be a string, a number or a boolean.")
}

func refuse(pointer, detail string) *problem.Error {
	e := problem.Refuse(rule.NoSQLType, "")
	e.Fields = []problem.Field{{Pointer: pointer, Detail: detail}}
	return e
}
