// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/validate"
)

// object is the schema of an object that has no fields yet, and takes no others.
func object() map[string]any {
	return map[string]any{"type": "object", "properties": map[string]any{}, "additionalProperties": false}
}

// same reports whether two schemas are one.
func same(a, b any) bool { return reflect.DeepEqual(a, b) }

// split is the schema of a list whose items come in one text.
func split(s map[string]any, between string) map[string]any {
	s = maps.Clone(s)
	s["x-panoply-split"] = between
	return s
}

// orEmpty is a schema that takes the empty text, too.
func orEmpty(s map[string]any) map[string]any {
	either := map[string]any{}
	if defs := s["$defs"]; defs != nil { // they belong to the whole
		s = maps.Clone(s)
		delete(s, "$defs")
		either["$defs"] = defs
	}
	either["anyOf"] = []any{s, map[string]any{"const": ""}}
	return either
}

// parameters converts the parameters of an operation, and those of its path that
// it does not declare anew.
func (o *operations) parameters(r *validate.Route, item, op *node) {
	places := map[string]map[string]any{"query": object(), "path": object(), "header": object(), "cookie": object()}
	seen := map[[2]string]bool{}
	for _, list := range []*node{op.get("parameters"), item.get("parameters")} {
		if list == nil {
			continue
		}
		for _, n := range list.items {
			p := o.resolved(n)
			in, name := p.get("in").text(), p.get("name").text()
			if key := [2]string{in, name}; places[in] == nil || seen[key] {
				continue // all other places were refused
			} else {
				seen[key] = true
			}
			o.parameter(p, in, name, places[in])
		}
	}
	set := func(in string, into *any) {
		if s := places[in]; in == "query" || len(s["properties"].(map[string]any)) > 0 {
			*into = s
		}
	}
	set("query", &r.Query) // declared even when empty: there are no others
	set("path", &r.Path)
	set("header", &r.Headers)
	set("cookie", &r.Cookies)
}

// notParameters are headers that OpenAPI has declared elsewhere.
var notParameters = []string{"accept", "content-type", "authorization"}

// parameter adds one parameter to the schema of its place.
func (o *operations) parameter(p *node, in, name string, place map[string]any) {
	if in == "header" && slices.Contains(notParameters, strings.ToLower(name)) {
		return
	}
	schema := p.get("schema")
	if schema == nil {
		o.found.at(p, fmt.Sprintf("the parameter %s is JSON or the like inside text, which cannot be checked", name), "give it a schema and a style")
		return
	}
	s := o.document(schema, false)
	if p.get("allowEmptyValue").is() {
		s = orEmpty(s)
	}
	required := p.get("required").is() || in == "path"
	style := p.get("style").text()
	usual := map[string]string{"query": "form", "cookie": "form", "path": "simple", "header": "simple"}[in]
	if style == "" {
		style = usual
	}
	explode := style == "form" // the default, which stands for the other styles too
	if e := p.get("explode"); e != nil {
		explode = e.is()
	}
	list, fields := o.mayBe(schema, "array"), o.mayBe(schema, "object")
	refuse := func(hint string) {
		o.found.at(p, fmt.Sprintf("the parameter %s in the style %s cannot be read in one way", name, style), hint)
	}
	between := map[string]string{"form": ",", "simple": ",", "spaceDelimited": " ", "pipeDelimited": "|"}[style]
	switch {
	case style == "deepObject":
		if in != "query" || list || !fields {
			refuse("deepObject is for objects in a query")
			return
		}
	case between == "" || in != "query" && style != usual:
		refuse("use form in a query, simple in a path or header")
		return
	case fields && in == "query" && style == "form" && explode:
		o.spread(p, s, place)
		return
	case fields:
		refuse("use deepObject in a query")
		return
	case list && in == "cookie" && explode:
		refuse("write explode: false")
		return
	case list && (!explode || style == "simple"):
		s = split(s, between)
	}
	o.add(p, place, name, s, required)
}

// add puts a parameter under its name, which nests where it has brackets.
func (o *operations) add(p *node, place map[string]any, name string, s map[string]any, required bool) {
	if defs, ok := s["$defs"].(map[string]any); ok { // they belong to the whole
		s = maps.Clone(s)
		delete(s, "$defs")
		all, _ := place["$defs"].(map[string]any)
		if all == nil {
			all = map[string]any{}
			place["$defs"] = all
		}
		maps.Copy(all, defs)
	}
	parts := brackets(name)
	if len(parts) > 1 && parts[len(parts)-1] == "" { // ids[] is a list in every parser
		parts = parts[:len(parts)-1]
	}
	at := place
	for i, part := range parts {
		properties := at["properties"].(map[string]any)
		if required {
			list, _ := at["required"].([]any)
			if !slices.Contains(list, any(part)) {
				at["required"] = append(list, part)
			}
		}
		if i == len(parts)-1 {
			if properties[part] != nil {
				o.found.at(p, fmt.Sprintf("the parameter %s is declared in two ways", name), "")
			}
			properties[part] = s
			return
		}
		next, _ := properties[part].(map[string]any)
		if next == nil {
			next = object()
			properties[part] = next
		} else if next["properties"] == nil || next["additionalProperties"] != false {
			o.found.at(p, fmt.Sprintf("the parameter %s is declared in two ways", name), "")
			return
		}
		at = next
	}
}

// brackets splits page[size]; a name that is not of that form is one part.
func brackets(name string) []string {
	first, rest, nested := strings.Cut(name, "[")
	if !nested || first == "" || !strings.HasSuffix(rest, "]") {
		return []string{name}
	}
	parts := append([]string{first}, strings.Split(rest[:len(rest)-1], "][")...)
	if strings.ContainsAny(strings.Join(parts, ""), "[]") {
		return []string{name}
	}
	return parts
}

// spread puts the fields of an object in the style form among the parameters.
func (o *operations) spread(p *node, s map[string]any, place map[string]any) {
	properties, plain := s["properties"].(map[string]any)
	if !plain || s["allOf"] != nil || s["anyOf"] != nil || s["oneOf"] != nil || s["$defs"] != nil {
		o.found.at(p, fmt.Sprintf("the parameter %s is an object of several schemas, whose fields stand among the other parameters", p.get("name").text()), "use deepObject, or declare its fields as parameters")
		return
	}
	required, _ := s["required"].([]any)
	names := slices.Sorted(maps.Keys(properties))
	for _, name := range names {
		if sub, ok := properties[name].(map[string]any); ok { // not false, which is unknown
			o.add(p, place, name, sub, p.get("required").is() && slices.Contains(required, any(name)))
		}
	}
	if len(required) > 0 && !p.get("required").is() { // one of its fields brings the others with it
		needs, _ := place["dependentRequired"].(map[string]any)
		if needs == nil {
			needs = map[string]any{}
			place["dependentRequired"] = needs
		}
		for _, name := range names {
			needs[name] = required
		}
	}
	if rest := s["additionalProperties"]; rest != nil && rest != false {
		place["additionalProperties"] = rest
	}
}

// mayBe reports whether a schema names a type, itself or in place.
func (o *operations) mayBe(n *node, typ string) bool {
	seen := map[*node]bool{}
	var look func(n *node) bool
	look = func(n *node) bool {
		if n = o.resolved(n); n == nil || seen[n] {
			return false
		}
		seen[n] = true
		t := n.get("type")
		if t.text() == typ || t != nil && slices.ContainsFunc(t.items, func(i *node) bool { return i.text() == typ }) ||
			t == nil && n.get(map[string]string{"object": "properties", "array": "items"}[typ]) != nil {
			return true
		}
		for _, key := range []string{"allOf", "anyOf", "oneOf"} {
			if list := n.get(key); list != nil && slices.ContainsFunc(list.items, look) {
				return true
			}
		}
		return false
	}
	return look(n)
}
