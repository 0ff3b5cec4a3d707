// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding/json"
	"maps"
	"math"
	"math/big"
	"regexp"
	"slices"
)

// compiledSchema is a schema in the part of JSON Schema that almost every API
// is written in, readied so that a check costs neither maps nor allocations. A
// schema with any other keyword is left to the library; a differential test
// holds the two to the same verdicts.
type compiledSchema struct {
	types    typeSet // 0 is any
	enum     []any   // nil, bool or string; empty is any
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
func compileSubset(v any, asserts formats) *compiledSchema {
	s, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	c := &compiledSchema{minItems: -1, maxItems: -1, minLength: -1, maxLength: -1, minFields: -1, maxFields: -1}
	required, _ := s["required"].([]any)
	for key, value := range s {
		if !c.keyword(key, value, required, asserts) {
			return nil
		}
	}
	for _, e := range required {
		if i := c.names.find(e.(string), 0); i >= 0 {
			c.required.add(i)
		} else {
			c.unnamed = append(c.unnamed, e.(string))
		}
	}
	return c
}

func (c *compiledSchema) keyword(key string, value any, required []any, asserts formats) (known bool) {
	switch key {
	case "type":
		return c.setTypes(value)
	case "enum":
		values, _ := value.([]any)
		return len(c.enum) == 0 && len(values) > 0 && c.oneOf(values)
	case "const":
		return len(c.enum) == 0 && c.oneOf([]any{value})
	case "required":
		return true // once the properties are known
	case "properties":
		properties := asMap(value)
		c.names = newNames(inOrder(properties, required))
		for _, name := range c.names.list {
			sub := compileSubset(properties[name], asserts)
			if sub == nil {
				return false
			}
			c.fields = append(c.fields, sub)
		}
		return len(c.fields) <= maxNames
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
		name, _ := value.(string)
		var known bool
		c.format, known = asserts(name)
		return known
	case "multipleOf":
		return c.multipleOf(value)
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

// inOrder are the names of properties: those required in the order in which they
// are, which is that of most bodies, and then the others.
func inOrder(properties map[string]any, required []any) []string {
	var list []string
	for _, e := range required {
		if name := e.(string); properties[name] != nil {
			list = append(list, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return list
}

// oneOf sets the values that are allowed, if they are of kinds that are compared
// at a glance.
func (c *compiledSchema) oneOf(values []any) bool {
	for _, e := range values {
		switch e.(type) {
		case nil, bool, string:
			c.enum = append(c.enum, e)
		default:
			return false
		}
	}
	return true
}

func (c *compiledSchema) multipleOf(value any) bool {
	n, _ := value.(json.Number)
	of, ok := new(big.Rat).SetString(string(n))
	if !ok || of.Sign() <= 0 {
		return false
	}
	c.multiple = &multiple{of: of, text: "It must be a multiple of " + of.RatString() + "."}
	if of.IsInt() && of.Num().IsInt64() {
		c.multiple.whole = of.Num().Int64()
	}
	return true
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
