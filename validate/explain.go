// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/panoply-security/panoply/internal/fault"
)

// schemaFile is where a schema came from, for its faults: a file, with its text,
// or the policy itself.
type schemaFile struct {
	name string // "" for the policy
	text []byte
}

// explain tells why a schema does not compile: each fault at its place, in the
// policy or in the schema's own file.
func (f schemaFile) explain(root map[string]any, err error) error {
	var invalid *jsonschema.SchemaValidationError
	var top *jsonschema.ValidationError
	if !errors.As(err, &invalid) || !errors.As(invalid.Err, &top) {
		return f.fault(nil, strings.ReplaceAll(err.Error(), base, ""))
	}
	first := map[string]*jsonschema.ValidationError{}
	var leaves func(e *jsonschema.ValidationError)
	leaves = func(e *jsonschema.ValidationError) {
		for _, c := range e.Causes {
			leaves(c)
		}
		// Of alternatives that all fail, the first says it best.
		if at := pointer(e.InstanceLocation); len(e.Causes) == 0 && first[at] == nil {
			first[at] = e
		}
	}
	leaves(top)
	found := slices.SortedFunc(maps.Values(first), func(a, b *jsonschema.ValidationError) int { // the library has no order
		return cmp.Or(offsetOf(f.text, a.InstanceLocation)-offsetOf(f.text, b.InstanceLocation), slices.Compare(a.InstanceLocation, b.InstanceLocation))
	})
	var faults fault.List
	for _, e := range found[:min(len(found), maxFields)] {
		why := e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
		faults.Join("", f.faultAt(root, e.InstanceLocation, "the schema is no JSON Schema: "+why))
	}
	return faults.Err()
}

// faultAt is a fault at a place inside the schema.
func (f schemaFile) faultAt(root any, at []string, text string) error {
	if f.name != "" {
		return f.fault(at, pointer(at)+": "+text)
	}
	return fault.List{{Path: spell(root, at), Message: text}}
}

// fault is a fault of the whole schema, or at a place in its file.
func (f schemaFile) fault(at []string, text string) error {
	if f.name != "" {
		line, column := lineOf(f.text, offsetOf(f.text, at))
		text = fmt.Sprintf("%s:%d:%d: %s", f.name, line, column, text)
	}
	return fault.List{{Message: text}}
}

// syntax is the fault of a schema that is not JSON.
func (f schemaFile) syntax(err error) error {
	text := "the schema is not JSON: " + err.Error()
	var syntax *json.SyntaxError
	if f.name != "" && errors.As(err, &syntax) {
		line, column := lineOf(f.text, int(syntax.Offset))
		text = fmt.Sprintf("%s:%d:%d: %s", f.name, line, column, text)
	}
	return fault.List{{Message: text}}
}

var simpleKey = regexp.MustCompile(`^[A-Za-z0-9_$/@:*-]+$`)

// spell writes a place in a value as the policy file does.
func spell(v any, at []string) string {
	path := ""
	for _, step := range at {
		if list, ok := v.([]any); ok {
			path += "[" + step + "]"
			v = nil
			if i, err := strconv.Atoi(step); err == nil && i < len(list) {
				v = list[i]
			}
			continue
		}
		switch v = asMap(v)[step]; {
		case !simpleKey.MatchString(step):
			path += "[" + strconv.Quote(step) + "]"
		case path == "":
			path = step
		default:
			path += "." + step
		}
	}
	return path
}

// offsetOf finds where in a JSON text the value at a place ends up, or the last
// one on the way there that is found.
func offsetOf(text []byte, at []string) int {
	dec := json.NewDecoder(bytes.NewReader(text))
	offset := 0
	for _, step := range at {
		open, err := dec.Token()
		if err != nil {
			return offset
		}
		for i := 0; dec.More(); i++ {
			name := strconv.Itoa(i)
			if open == json.Delim('{') {
				key, err := dec.Token()
				if err != nil {
					return offset
				}
				name, _ = key.(string)
			}
			if name == step {
				offset = int(dec.InputOffset())
				break
			}
			var skipped json.RawMessage
			if dec.Decode(&skipped) != nil {
				return offset
			}
		}
	}
	return offset
}

// lineOf counts lines and columns from 1.
func lineOf(text []byte, offset int) (line, column int) {
	before := text[:min(offset, len(text))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}
