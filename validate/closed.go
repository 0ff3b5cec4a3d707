// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/url"
	"strings"
)

// closer adds `unevaluatedProperties: false` wherever a schema declares
// properties and does not itself say what becomes of others. JSON Schema lets
// undeclared fields pass by default, and that is mass assignment. A schema that
// declares none, such as {"type": "object"}, stays as open as it was written.
type closer struct {
	root map[string]any
	seen map[string]bool // references followed
}

// inPlace are the keywords whose schemas look at the same value: they declare
// fields for the schema around them, and closing them on their own would refuse
// what their neighbours declare.
var inPlace = []string{"allOf", "anyOf", "oneOf", "if", "then", "else"}

// close closes a schema that stands for a value of its own, and those below it.
func (c closer) close(s map[string]any) {
	if c.declares(s, 0) && !settled(s) {
		if plain(s) {
			s["additionalProperties"] = false // means the same here, and costs a tenth
		} else {
			s["unevaluatedProperties"] = false
		}
	}
	c.children(s)
}

// imply gives a schema the type that its keywords mean. JSON Schema holds them
// against values of that type alone, and lets all others pass: for what declares
// properties alone, an array of objects with any.
func imply(s map[string]any) {
	if s["type"] != nil || s["properties"] == nil && s["patternProperties"] == nil {
		return
	}
	types := []any{"object"}
	for _, key := range []string{"items", "prefixItems", "contains"} {
		if s[key] != nil {
			types = append(types, "array")
			break
		}
	}
	if s["type"] = types[0]; len(types) > 1 {
		s["type"] = types
	}
}

// children closes the schemas of the values inside a value.
func (c closer) children(s map[string]any) {
	imply(s)
	for _, key := range []string{"properties", "patternProperties"} {
		for _, sub := range asMap(s[key]) {
			c.closeAny(sub)
		}
	}
	for _, key := range []string{"items", "additionalProperties", "unevaluatedProperties", "prefixItems", "unevaluatedItems"} {
		c.closeAny(s[key])
	}
	for _, key := range inPlace {
		if key != "if" { // a condition that is made stricter lets its `then` be dodged
			c.insideAny(s[key])
		}
	}
	for _, key := range []string{"$defs", "definitions", "dependentSchemas"} {
		for name, sub := range asMap(s[key]) {
			if name != openDefs {
				c.insideAny(sub)
			}
		}
	}
	if ref, ok := s["$ref"].(string); ok && !c.seen[ref] {
		c.seen[ref] = true
		c.insideAny(c.resolve(ref)) // it may stand anywhere
	}
}

func (c closer) closeAny(v any) {
	switch v := v.(type) {
	case map[string]any:
		c.close(v)
	case []any:
		for _, e := range v {
			c.closeAny(e)
		}
	}
}

// insideAny goes on inside schemas that must stay open themselves.
func (c closer) insideAny(v any) {
	switch v := v.(type) {
	case map[string]any:
		c.children(v)
	case []any:
		for _, e := range v {
			c.insideAny(e)
		}
	}
}

// declares reports whether a schema, or one that it applies in place, names
// properties. A reference that cannot be followed here could.
func (c closer) declares(v any, depth int) bool {
	s, ok := v.(map[string]any)
	if !ok {
		return false
	}
	if depth > 16 || len(asMap(s["properties"])) > 0 || len(asMap(s["patternProperties"])) > 0 || s["$dynamicRef"] != nil {
		return true
	}
	if ref, ok := s["$ref"].(string); ok {
		if to := c.resolve(ref); to == nil || c.declares(to, depth+1) {
			return true
		}
	}
	for _, key := range inPlace {
		subs, ok := s[key].([]any)
		if !ok {
			subs = []any{s[key]}
		}
		for _, sub := range subs {
			if c.declares(sub, depth+1) {
				return true
			}
		}
	}
	for _, sub := range asMap(s["dependentSchemas"]) {
		if c.declares(sub, depth+1) {
			return true
		}
	}
	return false
}

// plain reports whether a schema declares all its fields itself.
func plain(s map[string]any) bool {
	for _, key := range append([]string{"$ref", "$dynamicRef", "dependentSchemas"}, inPlace...) {
		if _, ok := s[key]; ok {
			return false
		}
	}
	return true
}

// settled reports whether the schema itself says what becomes of other fields.
func settled(s map[string]any) bool {
	for _, key := range []string{"additionalProperties", "unevaluatedProperties"} {
		if _, ok := s[key]; ok {
			return true
		}
	}
	return false
}

// resolve follows a reference inside the document by its path, or returns nil.
func (c closer) resolve(ref string) any {
	if ref == "#" {
		return c.root
	}
	path, ok := strings.CutPrefix(ref, "#/")
	path, err := url.PathUnescape(path)
	if !ok || err != nil {
		return nil
	}
	var at any = c.root
	for name := range strings.SplitSeq(path, "/") {
		at = asMap(at)[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return at
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
