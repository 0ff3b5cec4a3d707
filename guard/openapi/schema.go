// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// maxInline bounds the values of one schema after its references were written
// out; what is beyond stays a reference.
const maxInline = 4000

// converter turns the schemas of one document into JSON Schema 2020-12.
type converter struct {
	root   *node
	v30    bool // OpenAPI 3.0, whose schemas are of their own kind
	found  *faults
	cyclic map[string]bool // references that lead to themselves, and those that do not
	inside map[string][]string
	checks map[*node]bool // schemas that were looked at for what they must not have

	// Of the schema at hand:
	defs  map[string]any
	nodes int
}

// context is where a schema stands.
type context struct {
	files bool // its fields are those of a form with files, which are for others to judge
	part  bool // it looks at a value together with other schemas
}

// document converts a schema into one that stands alone.
func (c *converter) document(n *node, files bool) map[string]any {
	c.defs, c.nodes = map[string]any{}, 0
	s, ok := c.schema(n, context{files: files}).(map[string]any)
	if !ok { // true or false
		s = map[string]any{}
		if !n.is() {
			s["not"] = map[string]any{}
		}
	}
	if len(c.defs) > 0 {
		s["$defs"] = c.defs
	}
	return s
}

// kept are the keywords whose values stay as they are.
var kept = []string{"type", "enum", "const", "multipleOf", "maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum",
	"maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "maxContains", "minContains",
	"maxProperties", "minProperties", "required", "dependentRequired", "format"}

// dropped say nothing about what is valid, or are dealt with apart.
var dropped = []string{"title", "description", "default", "example", "examples", "externalDocs", "xml", "deprecated",
	"readOnly", "writeOnly", "nullable", "discriminator", "$comment", "$defs", "definitions",
	"contentEncoding", "contentMediaType", "contentSchema", "$ref", "properties"}

// one, several and named are the keywords that hold schemas.
var (
	one = []string{"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else",
		"unevaluatedItems", "unevaluatedProperties"}
	several = []string{"allOf", "anyOf", "oneOf", "prefixItems"}
	named   = []string{"patternProperties", "dependentSchemas"}
	// inPlace look at the value that the schema itself looks at.
	inPlace = []string{"allOf", "anyOf", "oneOf", "if", "then", "else"}
)

// schema converts one schema. Boolean schemas stay.
func (c *converter) schema(n *node, in context) any {
	c.nodes++
	if b, ok := n.scalar.(bool); ok {
		return b
	}
	c.check(n)
	if ref := n.get("$ref").text(); ref != "" {
		return c.reference(n, ref, in)
	}
	s := map[string]any{}
	inside := func(key string) context {
		if slices.Contains(inPlace, key) {
			return context{files: in.files, part: true}
		}
		return context{}
	}
	for _, key := range n.keys {
		v := n.fields[key]
		switch {
		case slices.Contains(kept, key):
			s[key] = v.plain()
		case slices.Contains(one, key):
			s[key] = c.schema(v, inside(key))
		case slices.Contains(several, key):
			list := make([]any, len(v.items))
			for i, sub := range v.items {
				list[i] = c.schema(sub, inside(key))
			}
			s[key] = list
		case slices.Contains(named, key):
			m := map[string]any{}
			for name, sub := range v.fields {
				m[name] = c.schema(sub, context{part: key == "dependentSchemas"})
			}
			s[key] = m
		}
	}
	c.properties(n, s, in)
	c.discriminator(n, s)
	if c.v30 {
		c.upgrade(n, s)
	}
	c.format(s)
	return s
}

// check reports, once, what a schema has that cannot be held to.
func (c *converter) check(n *node) {
	if c.checks[n] {
		return
	}
	c.checks[n] = true
	if n.fields == nil {
		c.found.at(n, "a schema is a mapping", "")
	}
	for _, key := range n.keys {
		known := slices.Contains(kept, key) || slices.Contains(dropped, key) || slices.Contains(one, key) ||
			slices.Contains(several, key) || slices.Contains(named, key) || strings.HasPrefix(key, "x-")
		if !known {
			c.found.at(n.fields[key], fmt.Sprintf("%q is no keyword of a schema that Panoply holds requests to", key), "")
		}
	}
	if p := n.get("pattern"); p.text() != "" {
		if _, err := regexp.Compile(p.text()); err != nil {
			c.found.at(p, "the regular expression cannot be used: "+reason(err), "Go's have no look-around and no back-references")
		}
	}
}

// reason is an error of package regexp without the expression.
func reason(err error) string {
	text := strings.TrimPrefix(err.Error(), "error parsing regexp: ")
	before, _, _ := strings.Cut(text, ": `")
	return before
}

// properties converts the fields of an object. What is readOnly belongs to
// answers: in a request it is unknown, whatever else the object takes, and not
// required. A file of a form is for the policy's uploads.
func (c *converter) properties(n *node, s map[string]any, in context) {
	properties := n.get("properties")
	absent := map[string]bool{}
	if properties != nil {
		others := n.get("additionalProperties")
		open := in.part || others != nil && others.scalar != false ||
			slices.ContainsFunc(inPlace, func(key string) bool { return n.get(key) != nil })
		converted := map[string]any{}
		for _, name := range properties.keys {
			sub := properties.fields[name]
			switch {
			case c.readOnly(sub):
				if absent[name] = true; open {
					converted[name] = false
				}
			case in.files && c.isFile(sub):
				absent[name] = true
			default:
				converted[name] = c.schema(sub, context{})
			}
		}
		s["properties"] = converted
	}
	if required := n.get("required"); required != nil && len(absent) > 0 {
		left := []any{}
		for _, name := range required.items {
			if !absent[name.text()] {
				left = append(left, name.text())
			}
		}
		s["required"] = left
	}
}

// readOnly reports whether a schema says so, or one that it applies in place.
func (c *converter) readOnly(n *node) bool {
	seen := map[*node]bool{}
	var says func(n *node) bool
	says = func(n *node) bool {
		if n == nil || seen[n] {
			return false
		}
		seen[n] = true
		if n.get("readOnly").is() || says(c.resolved(n)) {
			return true
		}
		all := n.get("allOf")
		return all != nil && slices.ContainsFunc(all.items, says)
	}
	return says(n)
}

// isFile reports whether a form sends a field as a file, or several.
func (c *converter) isFile(n *node) bool {
	n = c.resolved(n)
	if items := n.get("items"); items != nil {
		n = c.resolved(items)
	}
	return n.get("format").text() == "binary" || n.get("contentMediaType") != nil && n.get("contentEncoding") == nil
}

// discriminator has each alternative hold for its own values alone. Without it
// an object that fits two of them fits none of oneOf.
func (c *converter) discriminator(n *node, s map[string]any) {
	d := n.get("discriminator")
	property := d.get("propertyName").text()
	if property == "" {
		return
	}
	for _, key := range []string{"oneOf", "anyOf"} {
		branches := n.get(key)
		if branches == nil {
			continue
		}
		list := s[key].([]any)
		for i, branch := range branches.items {
			ref := branch.get("$ref").text()
			if ref == "" {
				continue
			}
			names := mapped(d, ref)
			list[i] = map[string]any{"allOf": []any{list[i], map[string]any{
				"properties": map[string]any{property: map[string]any{"enum": names}}, "required": []any{property}}}}
		}
	}
}

// mapped are the values that stand for a schema: those that the mapping has for
// it, or else its name.
func mapped(d *node, ref string) []any {
	name := ref[strings.LastIndexByte(ref, '/')+1:]
	var values []any
	if mapping := d.get("mapping"); mapping != nil {
		for _, value := range mapping.keys {
			if to := mapping.fields[value].text(); to == ref || to == name {
				values = append(values, value)
			}
		}
	}
	if len(values) == 0 {
		return []any{name}
	}
	return values
}

// upgrade writes what OpenAPI 3.0 has of its own as JSON Schema does.
func (c *converter) upgrade(n *node, s map[string]any) {
	for _, limit := range [][2]string{{"exclusiveMinimum", "minimum"}, {"exclusiveMaximum", "maximum"}} {
		if b, ok := s[limit[0]].(bool); ok {
			delete(s, limit[0])
			if bound, given := s[limit[1]]; b && given {
				delete(s, limit[1])
				s[limit[0]] = bound
			}
		}
	}
	t, ok := s["type"].(string)
	if s["type"] == nil && s["properties"] != nil { // which mean an object, where nothing says so
		t, ok = "object", true
	}
	if ok && n.get("nullable").is() {
		s["type"] = []any{t, "null"}
		if values, ok := s["enum"].([]any); ok && !slices.Contains(values, nil) {
			s["enum"] = append(slices.Clone(values), nil)
		}
	}
}

var base64Text = `^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`

// format writes the formats that OpenAPI adds as what they mean, so far as that
// can be held to.
func (c *converter) format(s map[string]any) {
	f, _ := s["format"].(string)
	switch f {
	case "int32":
		bound(s, "-2147483648", "2147483647")
	case "int64":
		bound(s, "-9223372036854775808", "9223372036854775807")
	case "byte":
		if s["pattern"] == nil {
			s["pattern"] = base64Text
		}
	case "binary", "password", "float", "double":
	default:
		return
	}
	delete(s, "format")
}

// bound narrows an integer to the range of its format.
func bound(s map[string]any, least, most string) {
	outside := func(have any, limit string, sign int) bool {
		n, ok := have.(json.Number)
		if !ok {
			return true
		}
		a, okA := new(big.Rat).SetString(string(n))
		b, okB := new(big.Rat).SetString(limit)
		return okA && okB && a.Cmp(b) == sign
	}
	if outside(s["minimum"], least, -1) {
		s["minimum"] = json.Number(least)
	}
	if outside(s["maximum"], most, 1) {
		s["maximum"] = json.Number(most)
	}
}

// unescape undoes the percent escapes of a reference.
func unescape(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}
