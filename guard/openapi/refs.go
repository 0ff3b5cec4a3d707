// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"slices"
	"strings"
)

// reference writes a schema out where it is referred to, so that the faster
// checks can take it; one that leads to itself, or grows too large, is put aside
// once and referred to.
func (c *converter) reference(n *node, ref string, in context) any {
	to := c.root.at(ref)
	if to == nil {
		return true // which was refused
	}
	beside := &node{line: n.line, column: n.column, path: n.path, fields: map[string]*node{}}
	if !c.v30 { // where what stands beside a reference does not count
		for _, key := range n.keys {
			if key == "properties" || !slices.Contains(dropped, key) {
				beside.keys, beside.fields[key] = append(beside.keys, key), n.fields[key]
			}
		}
	}
	in.part = in.part || len(beside.keys) > 0
	var s any
	switch {
	case !c.leadsToItself(ref) && c.nodes < maxInline:
		s = c.schema(to, in)
	case in.files:
		c.found.at(n, "the schema of a form with files is too large, or holds itself", "")
		return true
	default:
		name := defName(ref)
		if _, known := c.defs[name]; !known {
			c.defs[name] = true // until it is converted
			c.defs[name] = c.schema(to, context{part: true})
		}
		s = map[string]any{"$ref": "#/$defs/" + strings.NewReplacer("~", "~0", "/", "~1", "%", "%25").Replace(name)}
	}
	if len(beside.keys) == 0 {
		return s
	}
	return map[string]any{"allOf": []any{s, c.schema(beside, context{files: in.files, part: true})}}
}

func defName(ref string) string {
	name := strings.TrimPrefix(ref, "#/components/schemas/")
	return strings.TrimPrefix(name, "#/")
}

// leadsToItself reports whether a schema holds itself.
func (c *converter) leadsToItself(ref string) bool {
	if cyclic, known := c.cyclic[ref]; known {
		return cyclic
	}
	seen := map[string]bool{}
	var leads func(from string) bool
	leads = func(from string) bool {
		for _, to := range c.references(from) {
			if to == ref || !seen[to] && leads(mark(seen, to)) {
				return true
			}
		}
		return false
	}
	c.cyclic[ref] = leads(ref)
	return c.cyclic[ref]
}

func mark(seen map[string]bool, ref string) string {
	seen[ref] = true
	return ref
}

// references are those inside of what a reference leads to, looked for once.
func (c *converter) references(ref string) []string {
	refs, known := c.inside[ref]
	if known {
		return refs
	}
	var walk func(n *node)
	walk = func(n *node) {
		if to := n.get("$ref").text(); to != "" && !slices.Contains(refs, to) {
			refs = append(refs, to)
		}
		for _, key := range n.keys {
			walk(n.fields[key])
		}
		for _, item := range n.items {
			walk(item)
		}
	}
	if to := c.root.at(ref); to != nil {
		walk(to)
	}
	c.inside[ref] = refs
	return refs
}

// resolved follows references to what they refer to in the end.
func (c *converter) resolved(n *node) *node {
	for range maxDepth {
		ref := n.get("$ref").text()
		if ref == "" {
			return n
		}
		n = c.root.at(ref)
	}
	return nil
}
