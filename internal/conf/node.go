// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"regexp"
	"strconv"
	"strings"
)

// A node is a value as the file spells it: what parse makes of a file, and what
// print makes a file of.
type node struct {
	kind         nodeKind
	line, column int // where problems with the value are reported
	text         string
	quoted       bool    // a scalar that is text whatever it looks like
	entries      []entry // of a mapping, in the file's order
	items        []*node // of a sequence
}

type entry struct {
	key          string
	line, column int
	value        *node
}

type nodeKind uint8

const (
	scalarNode   nodeKind = iota
	nullNode              // with the text null or ~, or without any: nothing was written
	mappingNode           //
	sequenceNode          //
)

// What a plain scalar may be besides text. Forms that YAML versions disagree
// about (010, 0x1F, 1_000, .5) count as numbers here, so that they are refused
// as text, and again as numbers.
var (
	nullText   = regexp.MustCompile(`^(null|Null|NULL|~)$`)
	boolText   = regexp.MustCompile(`^(true|True|TRUE|false|False|FALSE)$`)
	numberText = regexp.MustCompile(`^[-+]?(0[xob][0-9a-fA-F_]+|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?|\.(inf|Inf|INF))$|^\.(nan|NaN|NAN)$`)
)

// isMissing reports whether nothing was written where a value belongs.
func (n *node) isMissing() bool {
	return n.kind == nullNode && n.text == ""
}

// isText reports whether a scalar is text rather than a number or a bool.
func (n *node) isText() bool {
	return n.quoted || !boolText.MatchString(n.text) && !numberText.MatchString(n.text)
}

// describe names what the node is, for a message.
func (n *node) describe() string {
	switch {
	case n.kind == mappingNode:
		return "a mapping"
	case n.kind == sequenceNode:
		return "a list"
	case n.kind == nullNode:
		return "null"
	case n.isText():
		return "text"
	case boolText.MatchString(n.text):
		return "a boolean"
	}
	return "a number"
}

// child returns the value that a mapping has under key, or nil.
func (n *node) child(key string) *node {
	for _, e := range n.entries {
		if e.key == key {
			return e.value
		}
	}
	return nil
}

// step takes the first segment off path and returns the child that it names.
// A name asked of a sequence is the struct field that the list stands for, so
// uploads.rules[0] is found in a file that says uploads: [...].
func (n *node) step(path string) (child *node, rest string) {
	path = strings.TrimPrefix(path, ".")
	if strings.HasPrefix(path, `["`) {
		quoted, err := strconv.QuotedPrefix(path[1:])
		if err != nil {
			return nil, ""
		}
		key, _ := strconv.Unquote(quoted)
		return n.child(key), strings.TrimPrefix(path[1+len(quoted):], "]")
	}
	switch n.kind {
	case sequenceNode:
		if !strings.HasPrefix(path, "[") {
			if end := strings.IndexByte(path, '['); end >= 0 {
				return n, path[end:]
			}
			return nil, ""
		}
		index, rest, _ := strings.Cut(path[1:], "]")
		i, err := strconv.ParseUint(index, 10, 31)
		if err != nil || int(i) >= len(n.items) {
			return nil, ""
		}
		return n.items[i], rest
	case mappingNode:
		longest := -1 // a key may itself hold dots
		for _, e := range n.entries {
			after, ok := strings.CutPrefix(path, e.key)
			if ok && len(e.key) > longest && (after == "" || after[0] == '.' || after[0] == '[') {
				child, rest, longest = e.value, after, len(e.key)
			}
		}
	}
	return child, rest
}

var simpleKey = regexp.MustCompile(`^[A-Za-z0-9_$/@:*-]+$`)

// pathKey appends a key to a path.
func pathKey(path, key string) string {
	switch {
	case !simpleKey.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// pathIndex appends an index to a path.
func pathIndex(path string, i int) string {
	return path + "[" + strconv.Itoa(i) + "]"
}
