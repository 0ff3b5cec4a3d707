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

// annotations say nothing about what is valid.
var annotations = []string{"$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$defs", "definitions"}

// subset compiles one document.
type subset struct {
	root    closer  // follows references
	formats formats // checks them
	refs    map[reference]*compiledSchema
	whole   map[reference]bool // of them
}

// reference is a schema that is referred to. In the place of one that declares its
// fields elsewhere, other fields are not declared.
type reference struct {
	to     string
	closed bool
}

// compileSubset compiles a schema that the library has accepted, or returns nil
// when it has a keyword outside of the subset.
func compileSubset(root map[string]any, f formats) *compiledSchema {
	if renamed(root) {
		return nil
	}
	b := subset{closer{root: root}, f, map[reference]*compiledSchema{}, map[reference]bool{}}
	return b.schema(root, false, 0)
}

// renamed reports whether a part of a document has a name of its own, by which
// references may mean something else than their path.
func renamed(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, sub := range v {
			if key == "$id" || key == "$anchor" || key == "$dynamicAnchor" || renamed(sub) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, renamed)
	}
	return false
}

// schema compiles a schema, or returns nil. closed is that of a reference to it, and
// through is how many stand between the value and it.
func (b *subset) schema(v any, closed bool, through int) *compiledSchema {
	s, ok := v.(map[string]any)
	if !ok || through > maxRefs {
		return nil
	}
	if _, ok := s["$ref"]; ok {
		return b.follow(s, closed, through)
	}
	if x, alsoClosed := orNull(s); x != nil {
		if c := b.schema(x, closed || alsoClosed, through+1); c != nil {
			return &compiledSchema{orNull: c}
		}
		return nil
	}
	c := &compiledSchema{minItems: -1, maxItems: -1, minLength: -1, maxLength: -1, minFields: -1, maxFields: -1}
	required, _ := s["required"].([]any)
	for key, value := range s {
		if !b.keyword(c, key, value, required) {
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
	c.closed = c.closed || closed && !settled(s)
	return c
}

// orNull takes {"anyOf": [X, {"type": "null"}]} apart, as generators write what may
// be null. closed reports that what X does not declare is not declared.
func orNull(s map[string]any) (x map[string]any, closed bool) {
	for key, value := range s {
		switch {
		case key == "anyOf" || slices.Contains(annotations, key):
		case key == "unevaluatedProperties" && value == false:
			closed = true
		default:
			return nil, false
		}
	}
	forms, _ := s["anyOf"].([]any)
	if len(forms) != 2 {
		return nil, false
	}
	first, second := asMap(forms[0]), asMap(forms[1])
	switch {
	case len(second) == 1 && second["type"] == "null":
		return first, closed
	case len(first) == 1 && first["type"] == "null":
		return second, closed
	}
	return nil, false
}

// maxRefs is how many references may lead to one schema.
const maxRefs = 16

// follow compiles the schema that a reference leads to, if it stands alone.
func (b *subset) follow(s map[string]any, closed bool, through int) *compiledSchema {
	to, _ := s["$ref"].(string)
	target := asMap(b.root.resolve(to))
	if target == nil {
		return nil
	}
	for key, value := range s {
		switch {
		case key == "$ref" || slices.Contains(annotations, key):
		case key == "unevaluatedProperties" && value == false:
			closed = true // as the closer has it
		default:
			return nil
		}
	}
	key := reference{to, closed}
	if have := b.refs[key]; have != nil {
		if through > 0 && !b.whole[key] {
			return nil // it leads to itself
		}
		return have // a schema may hold itself
	}
	c := new(compiledSchema)
	b.refs[key] = c
	compiled := b.schema(target, closed, through+1)
	if compiled == nil {
		return nil
	}
	*c = *compiled
	b.whole[key] = true
	return c
}

func (b *subset) keyword(c *compiledSchema, key string, value any, required []any) (known bool) {
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
			sub := b.schema(properties[name], false, 0)
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
		c.items = b.schema(value, false, 0)
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
		c.format, known = b.formats(name)
		return known
	case "multipleOf":
		return c.multipleOf(value)
	case "minimum":
		return c.limit(value, func(side int) bool { return side < 0 }, "It must be at least ")
	case "maximum":
		return c.limit(value, func(side int) bool { return side > 0 }, "It must be at most ")
	case "exclusiveMinimum":
		return c.limit(value, func(side int) bool { return side <= 0 }, "It must be more than ")
	case "exclusiveMaximum":
		return c.limit(value, func(side int) bool { return side >= 0 }, "It must be less than ")
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
		switch e := e.(type) {
		case nil, bool, string:
			c.enum = append(c.enum, e)
		case json.Number:
			var equal limit
			if !equal.set(e, nil, "") {
				return false
			}
			c.enum = append(c.enum, &equal)
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
	var l limit
	if !ok || !l.set(n, fails, text) {
		return false
	}
	c.limits = append(c.limits, l)
	return true
}

func (l *limit) set(n json.Number, fails func(int) bool, text string) bool {
	bound, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return false
	}
	near, _ := bound.Float64()
	*l = limit{bound: bound, near: near, fails: fails, text: text + bound.RatString() + "."}
	if bound.IsInt() && bound.Num().IsInt64() {
		l.whole, l.isWhole = bound.Num().Int64(), true
	}
	return !math.IsInf(near, 0)
}
