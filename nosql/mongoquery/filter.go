// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package mongoquery

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Scalar are the types whose values are values in a query and nothing else.
type Scalar interface {
	~string | ~bool | ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 |
		~float32 | ~float64 | time.Time | bson.ObjectID | bson.Decimal128
}

const (
	maxNesting = 32
	maxValues  = 10_000
)

// Filter is a query filter, made of code and values. The zero value is an error
// when it is used: an empty filter matches everything, and [All] says so.
type Filter struct {
	d             bson.D
	err           error // told when the filter is used
	depth, values int
}

var (
	_ bson.Marshaler = Filter{}

	errZero = errors.New("mongoquery: an empty filter; All() matches everything")
)

// MarshalBSON is for the driver. Its error says what is wrong with the filter.
func (f Filter) MarshalBSON() ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.d == nil {
		return nil, errZero
	}
	b, err := bson.Marshal(f.d)
	if err == nil {
		written.add(b)
	}
	return b, err
}

// All matches every document.
func All() Filter { return Filter{d: bson.D{}} }

// Eq matches documents whose field has the value, or holds it in an array.
func Eq[T Scalar](field string, v T) Filter { return compare(field, "$eq", v) }

// Ne matches documents whose field does not have the value, or that have no such
// field.
func Ne[T Scalar](field string, v T) Filter { return compare(field, "$ne", v) }

// Gt matches documents whose field is greater than the value.
func Gt[T Scalar](field string, v T) Filter { return compare(field, "$gt", v) }

// Gte matches documents whose field is the value or greater.
func Gte[T Scalar](field string, v T) Filter { return compare(field, "$gte", v) }

// Lt matches documents whose field is less than the value.
func Lt[T Scalar](field string, v T) Filter { return compare(field, "$lt", v) }

// Lte matches documents whose field is the value or less.
func Lte[T Scalar](field string, v T) Filter { return compare(field, "$lte", v) }

// In matches documents whose field has one of the values. Without values it matches
// nothing.
func In[T Scalar](field string, vs ...T) Filter { return list(field, "$in", vs) }

// Nin matches documents whose field has none of the values.
func Nin[T Scalar](field string, vs ...T) Filter { return list(field, "$nin", vs) }

// Exists matches documents that have the field, or with false those that do not.
func Exists(field string, is bool) Filter { return one(field, "$exists", is, 1) }

// Prefix matches documents whose field is a text that begins with the prefix,
// whatever characters that has. An empty one is refused: it matches every text.
func Prefix(field, prefix string) Filter {
	if prefix == "" || strings.ContainsRune(prefix, 0) { // which ends a pattern in BSON
		return Filter{err: fmt.Errorf("mongoquery: %s: an empty prefix, or one with a NUL", clip(field))}
	}
	return one(field, "$regex", bson.Regex{Pattern: "^" + regexp.QuoteMeta(prefix)}, 1)
}

// And matches documents that all filters match.
func And(fs ...Filter) Filter { return join("$and", fs) }

// Or matches documents that one of the filters matches.
func Or(fs ...Filter) Filter { return join("$or", fs) }

// Nor matches documents that none of the filters matches.
func Nor(fs ...Filter) Filter { return join("$nor", fs) }

func compare[T Scalar](field, operator string, v T) Filter { return one(field, operator, plain(v), 1) }

func list[T Scalar](field, operator string, vs []T) Filter {
	if len(vs) > maxValues {
		return Filter{err: fmt.Errorf("mongoquery: %s: %d values; the most is %d", clip(field), len(vs), maxValues)}
	}
	values := make(bson.A, len(vs))
	for i, v := range vs {
		values[i] = plain(v)
	}
	return one(field, operator, values, len(vs))
}

// plain is a value of a type that BSON has. Types that are strings or numbers
// underneath lose their name, and with it whatever MarshalBSONValue they have.
func plain[T Scalar](v T) any {
	switch v := any(v).(type) {
	case time.Time, bson.ObjectID, bson.Decimal128:
		return v
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return r.String()
	case reflect.Bool:
		return r.Bool()
	case reflect.Float32, reflect.Float64:
		return r.Float()
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(r.Uint())
	default:
		return r.Int()
	}
}

func one(field, operator string, value any, values int) Filter {
	if err := checkField(field); err != nil {
		return Filter{err: err}
	}
	return Filter{d: bson.D{{Key: field, Value: bson.D{{Key: operator, Value: value}}}}, depth: 1, values: values}
}

// checkField refuses what could be an operator or another field than it seems.
func checkField(field string) error {
	if field == "" || len(field) > 256 || strings.ContainsRune(field, 0) {
		return fmt.Errorf("mongoquery: %q is no field: it has 1 to 256 bytes and no NUL", clip(field))
	}
	for part := range strings.SplitSeq(field, ".") {
		if part == "" || part[0] == '$' {
			return fmt.Errorf("mongoquery: %q is no field: a part of it is empty or starts with $", clip(field))
		}
	}
	return nil
}

func join(operator string, fs []Filter) Filter {
	joined := Filter{}
	if len(fs) == 0 {
		joined.err = fmt.Errorf("mongoquery: %s of no filters", operator)
		return joined
	}
	all := make(bson.A, len(fs))
	for i, f := range fs {
		switch {
		case f.err != nil:
			return f
		case f.d == nil:
			return Filter{err: errZero}
		}
		joined.depth = max(joined.depth, f.depth+1)
		joined.values += f.values
		all[i] = f.d
	}
	if joined.depth > maxNesting || joined.values > maxValues {
		return Filter{err: fmt.Errorf("mongoquery: %d levels and %d values; the most is %d and %d", joined.depth, joined.values, maxNesting, maxValues)}
	}
	joined.d = bson.D{{Key: operator, Value: all}}
	return joined
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
