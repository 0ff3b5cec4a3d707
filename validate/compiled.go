// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"math/big"
	"regexp"
)

// compiledSchema is a schema in the part of JSON Schema that almost every API
// is written in, readied so that a check costs neither maps nor allocations. A
// schema with any other keyword is left to the library; a differential test
// holds the two to the same verdicts.
type compiledSchema struct {
	orNull *compiledSchema // holds instead of the rest where the value is not null

	types    typeSet // 0 is any
	enum     []any   // nil, bool, string or *limit; empty is any
	names    names   // of the properties
	fields   []*compiledSchema
	required nameSet  // of the properties
	unnamed  []string // required, and no properties
	closed   bool     // other fields are not declared
	items    *compiledSchema

	minItems, maxItems   int // -1 is none
	minLength, maxLength int // in characters; -1 is none
	minFields, maxFields int // -1 is none
	pattern              *regexp.Regexp
	format               *format
	limits               []limit
	multiple             *multiple
}

// limit is minimum and the like.
type limit struct {
	bound *big.Rat
	near  float64 // the bound, rounded
	whole int64   // the bound, with isWhole
	fails func(side int) bool
	text  string

	isWhole bool
}

// typeSet is a set of JSON Schema's types.
type typeSet uint8

const (
	typeNull typeSet = 1 << iota
	typeBoolean
	typeNumber
	typeInteger
	typeString
	typeObject
	typeArray
)

var typeNames = []string{"null", "boolean", "number", "integer", "string", "object", "array"}
