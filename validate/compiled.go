// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding/json"
	"math"
	"math/big"
	"regexp"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compiledSchema is a schema in the part of JSON Schema that almost every API
// is written in, readied so that a check costs neither maps nor allocations. A
// schema with any other keyword is left to the library; a differential test
// holds the two to the same verdicts.
type compiledSchema struct {
	types    typeSet // 0 is any
	enum     []any   // nil, bool or string; empty is any
	required []string
	fields   map[string]*compiledSchema
	closed   bool // other fields are not declared
	items    *compiledSchema

	minItems, maxItems   int // -1 is none
	minLength, maxLength int // in characters; -1 is none
	minFields, maxFields int // -1 is none
	pattern              *regexp.Regexp
	format               string
	formatOf             *jsonschema.Schema // checks the format, nil without one
	limits               []limit
}

// limit is minimum and the like.
type limit struct {
	bound *big.Rat
	near  float64            // the bound, rounded
	fails func(cmp int) bool // of the value against the bound
	text  string
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

// annotations say nothing about what is valid.
var annotations = []string{"$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}

// compileSubset compiles a schema that the library has accepted, or returns nil
// when it has a keyword outside of the subset. asserts compiles the schema of
// one format.
func compileSubset(v any, asserts func(format string) *jsonschema.Schema) *compiledSchema {
	s, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	c := &compiledSchema{minItems: -1, maxItems: -1, minLength: -1, maxLength: -1, minFields: -1, maxFields: -1}
	for key, value := range s {
		if !c.keyword(key, value, asserts) {
			return nil
		}
	}
	return c
}

func (c *compiledSchema) keyword(key string, value any, asserts func(string) *jsonschema.Schema) (known bool) {
	switch key {
	case "type":
		return c.setTypes(value)
	case "enum":
		values, _ := value.([]any)
		for _, e := range values {
			switch e.(type) {
			case nil, bool, string:
				c.enum = append(c.enum, e)
			default:
				return false
			}
		}
		return len(values) > 0
	case "required":
		values, _ := value.([]any)
		for _, e := range values {
			c.required = append(c.required, e.(string))
		}
		return true
	case "properties":
		c.fields = make(map[string]*compiledSchema)
		for name, sub := range asMap(value) {
			if c.fields[name] = compileSubset(sub, asserts); c.fields[name] == nil {
				return false
			}
		}
		return true
	case "additionalProperties":
		allowed, ok := value.(bool)
		c.closed = !allowed
		return ok
	case "items":
		c.items = compileSubset(value, asserts)
		return c.items != nil
	case "minItems":
		return count(&c.minItems, value)
	case "maxItems":
		return count(&c.maxItems, value)
	case "minLength":
		return count(&c.minLength, value)
	case "maxLength":
		return count(&c.maxLength, value)
	case "minProperties":
		return count(&c.minFields, value)
	case "maxProperties":
		return count(&c.maxFields, value)
	case "pattern":
		text, _ := value.(string)
		var err error
		c.pattern, err = regexp.Compile(text)
		return err == nil
	case "format":
		c.format, _ = value.(string)
		c.formatOf = asserts(c.format)
		return c.formatOf != nil
	case "minimum":
		return c.limit(value, func(cmp int) bool { return cmp < 0 }, "It must be at least ")
	case "maximum":
		return c.limit(value, func(cmp int) bool { return cmp > 0 }, "It must be at most ")
	case "exclusiveMinimum":
		return c.limit(value, func(cmp int) bool { return cmp <= 0 }, "It must be more than ")
	case "exclusiveMaximum":
		return c.limit(value, func(cmp int) bool { return cmp >= 0 }, "It must be less than ")
	}
	return slices.Contains(annotations, key)
}

func (c *compiledSchema) setTypes(value any) bool {
	names, ok := value.([]any)
	if !ok {
		names = []any{value}
	}
	for _, n := range names {
		name, _ := n.(string)
		i := slices.Index(typeNames, name)
		if i < 0 {
			return false
		}
		c.types |= 1 << i
	}
	return true
}

// count reads a keyword whose value is a small whole number.
func count(into *int, value any) bool {
	n, ok := value.(json.Number)
	if !ok {
		return false
	}
	i, err := n.Int64()
	*into = int(i)
	return err == nil && i >= 0 && i < 1<<31
}

func (c *compiledSchema) limit(value any, fails func(int) bool, text string) bool {
	n, ok := value.(json.Number)
	if !ok {
		return false
	}
	bound, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return false
	}
	near, _ := bound.Float64()
	c.limits = append(c.limits, limit{bound, near, fails, text + bound.RatString() + "."})
	return !math.IsInf(near, 0)
}
