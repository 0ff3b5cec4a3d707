// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"maps"
	"slices"
	"strings"
)

// openDefs is the name in $defs of the document as it was written.
const openDefs = "panoply-open"

// conditions are the keywords whose schemas only ask. They must stay as they are
// written: one that is closed asks something else, and a field more dodges what
// depends on the answer. Where they refer to a part of the document, they are led to a
// copy of it that nobody closes.
var conditions = []string{"if", "not", "contains"}

// keepOpen gives the conditions of a document their copy, if they refer to anything. It
// reports the first reference that cannot be led there, by its place.
func keepOpen(root map[string]any) (at []string, ok bool) {
	c := opener{copied: copied(root).(map[string]any)}
	if at, ok = c.walk(root, false, nil); !ok || !c.needed {
		return at, ok
	}
	if at, ok = c.walk(c.copied, true, nil); !ok {
		return at, ok
	}
	defs, _ := root["$defs"].(map[string]any)
	if defs == nil {
		defs = map[string]any{}
		root["$defs"] = defs
	}
	defs[openDefs] = c.copied
	return nil, true
}

type opener struct {
	copied map[string]any
	needed bool
}

// walk leads the references of conditions to the copy, or of everything that it finds
// within one or in the copy itself.
func (c *opener) walk(v any, inside bool, at []string) ([]string, bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if at, ok := c.walk(e, inside, at); !ok {
				return at, ok
			}
		}
	case map[string]any:
		if ref, is := v["$ref"].(string); is {
			path, local := strings.CutPrefix(ref, "#")
			switch {
			case !local, inside && path != "" && path[0] != '/':
				return append(at, "$ref"), false
			case inside:
				c.needed = true
				v["$ref"] = "#/$defs/" + openDefs + path
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if key == "const" || key == "enum" || key == "default" || key == "examples" {
				continue // values, not schemas
			}
			if at, ok := c.walk(v[key], inside || slices.Contains(conditions, key), append(at[:len(at):len(at)], key)); !ok {
				return at, ok
			}
		}
	}
	return nil, true
}

func copied(v any) any {
	switch v := v.(type) {
	case []any:
		all := make([]any, len(v))
		for i, e := range v {
			all[i] = copied(e)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(v))
		for key, e := range v {
			if key != "$id" && key != "$schema" && key != "$anchor" && key != "$dynamicAnchor" {
				all[key] = copied(e)
			}
		}
		return all
	}
	return v
}
