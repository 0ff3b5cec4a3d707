// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// splitKeyword in the schema of an array says that its items come as one text,
// with this between them: ids=1,2,3.
const splitKeyword = "x-panoply-split"

// textType is what a schema declares of a value that comes as text: enough to
// read it by, and no rule. Rules are the schema's, which the value that was read
// is then held against.
type textType struct {
	types  typeSet // 0 is not said: text stays text
	fields map[string]*textType
	rest   *textType // of fields that are not named
	items  *textType
	split  string // between the items of an array in one text
}

// anyText is the type of what no schema declares.
var anyText = &textType{}

// maxTextTypes bounds the types of one schema.
const maxTextTypes = 20_000

// typer makes the textTypes of one schema document.
type typer struct {
	closer closer // follows references
	known  map[string]*textType
	full   bool
}

func newTextType(root map[string]any) (*textType, error) {
	t := typer{closer: closer{root: root}, known: make(map[string]*textType)}
	made := t.of([]any{root})
	if t.full {
		return nil, errors.New("the schema is too complex to read text by")
	}
	return made, nil
}

// of is the type of a value that all these schemas look at. The same schemas make
// the same type, so that one may hold itself.
func (t *typer) of(schemas []any) *textType {
	var key strings.Builder
	for _, s := range schemas {
		fmt.Fprintf(&key, "%x ", reflect.ValueOf(asMap(s)).Pointer())
	}
	if known := t.known[key.String()]; known != nil {
		return known
	}
	if len(t.known) == maxTextTypes {
		t.full = true
		return anyText
	}
	made := new(textType)
	t.known[key.String()] = made
	d := declared{typer: t, seen: make(map[uintptr]bool), into: made, fields: make(map[string][]any)}
	for _, s := range schemas {
		d.add(s)
	}
	made.fields = make(map[string]*textType, len(d.fields))
	for name, subs := range d.fields {
		made.fields[name] = t.of(subs)
	}
	if d.rest != nil {
		made.rest = t.of(d.rest)
	}
	if d.items != nil {
		made.items = t.of(d.items)
	}
	return made
}

// declared is what some schemas say of one value.
type declared struct {
	typer  *typer
	seen   map[uintptr]bool
	into   *textType
	fields map[string][]any
	rest   []any
	items  []any
}

// add notes what a schema says, itself or by those that it applies in place.
// Alternatives add up: which of them holds, the check tells.
func (d *declared) add(v any) {
	s := asMap(v)
	if id := reflect.ValueOf(s).Pointer(); s == nil || d.seen[id] {
		return
	} else {
		d.seen[id] = true
	}
	d.into.types |= typesOf(s)
	if text, ok := s[splitKeyword].(string); ok {
		d.into.split = text
	}
	for name, sub := range asMap(s["properties"]) {
		d.fields[name] = append(d.fields[name], sub)
	}
	for _, key := range []string{"additionalProperties", "unevaluatedProperties"} {
		if asMap(s[key]) != nil {
			d.rest = append(d.rest, s[key])
		}
	}
	for _, sub := range asMap(s["patternProperties"]) {
		d.rest = append(d.rest, sub)
	}
	if asMap(s["items"]) != nil {
		d.items = append(d.items, s["items"])
	}
	if ref, ok := s["$ref"].(string); ok {
		d.add(d.typer.closer.resolve(ref))
	}
	for _, key := range inPlace {
		if subs, ok := s[key].([]any); ok {
			for _, sub := range subs {
				d.add(sub)
			}
		} else if key != "if" {
			d.add(s[key])
		}
	}
}

// typesOf are the types that a schema names, or that its other keywords are
// about.
func typesOf(s map[string]any) (types typeSet) {
	var c compiledSchema
	if s["type"] != nil && c.setTypes(s["type"]) {
		return c.types
	}
	values, _ := s["enum"].([]any)
	if v, ok := s["const"]; ok {
		values = append(slices.Clone(values), v)
	}
	for _, v := range values {
		switch v.(type) {
		case bool:
			types |= typeBoolean
		case string:
			types |= typeString
		case json.Number:
			types |= typeNumber
		}
	}
	for _, about := range []struct {
		t    typeSet
		keys []string
	}{
		{typeObject, []string{"properties", "patternProperties", "required"}},
		{typeArray, []string{"items", "minItems", "maxItems", "uniqueItems"}},
		{typeNumber, []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
		{typeString, []string{"pattern", "format", "minLength", "maxLength"}},
	} {
		if slices.ContainsFunc(about.keys, func(key string) bool { return s[key] != nil }) {
			types |= about.t
		}
	}
	return types
}

// textSchema is a schema of what comes as text: a query, a form, parameters.
type textSchema struct {
	schema *schema
	types  *textType
	place  string // what a pointer starts with; "" in a form
	whole  bool   // nothing is taken out
	// declared are the names, in order.
	declared []string
}

// compileText compiles the schema of one place. It declares an object, whose
// fields are the names there.
func compileText(source any, dir, place string) (*textSchema, error) {
	root, from, err := parseSchema(source, dir)
	if err != nil {
		return nil, err
	}
	t := &textSchema{place: place}
	if t.types, err = newTextType(root); err != nil {
		return nil, err
	}
	if t.types.types != 0 && t.types.types != typeObject {
		return nil, fault.List{{Message: "it must declare an object, whose fields are the names", Hint: "{type: object, properties: {page: {type: integer}}}"}}
	}
	for name := range t.types.fields {
		if strings.ContainsAny(name, "[]") {
			return nil, fault.List{{Message: fmt.Sprintf("%q has brackets, which nest", name),
				Hint: "declare an object for page[size], an array for tag[]"}}
		}
	}
	t.declared = slices.Sorted(maps.Keys(t.types.fields))
	withoutSplit(root)
	t.schema, err = newSchema(root, from)
	return t, err
}

// withoutSplit takes our own keyword out again, which no other tool knows.
func withoutSplit(v any) {
	switch v := v.(type) {
	case map[string]any:
		if _, ok := v[splitKeyword].(string); ok {
			delete(v, splitKeyword)
		}
		for _, sub := range v {
			withoutSplit(sub)
		}
	case []any:
		for _, sub := range v {
			withoutSplit(sub)
		}
	}
}
