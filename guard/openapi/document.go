// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/oasdiff/yaml3"

	"github.com/panoply-security/panoply/internal/conf"
)

// What a document may have at most.
const (
	maxBytes  = 8 << 20
	maxDepth  = 100
	maxNodes  = 1_000_000
	maxFaults = 100 // listed
)

// node is a value of the document and where it stands.
type node struct {
	line, column int
	path         string // as a fault spells it; "" for the whole
	scalar       any    // nil, bool, string or json.Number
	keys         []string
	fields       map[string]*node // not nil for a mapping
	items        []*node          // not nil for a list
}

// get returns the value under a key, or nil. A nil node has none.
func (n *node) get(key string) *node {
	if n == nil {
		return nil
	}
	return n.fields[key]
}

// text is a node's text, "" if it has none.
func (n *node) text() string {
	if n == nil {
		return ""
	}
	s, _ := n.scalar.(string)
	return s
}

// is reports whether a node is true.
func (n *node) is() bool { return n != nil && n.scalar == true }

// plain is the node as encoding/json has values.
func (n *node) plain() any {
	switch {
	case n.fields != nil:
		m := make(map[string]any, len(n.fields))
		for key, v := range n.fields {
			m[key] = v.plain()
		}
		return m
	case n.items != nil:
		list := make([]any, len(n.items))
		for i, v := range n.items {
			list[i] = v.plain()
		}
		return list
	}
	return n.scalar
}

// at follows a reference inside the document, such as #/components/schemas/Pet,
// or returns nil.
func (n *node) at(ref string) *node {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	for name := range strings.SplitSeq(path, "/") {
		name = strings.NewReplacer("~1", "/", "~0", "~").Replace(unescape(name))
		if i, err := strconv.Atoi(name); err == nil && n.items != nil && i >= 0 && i < len(n.items) {
			n = n.items[i]
			continue
		}
		if n = n.get(name); n == nil {
			return nil
		}
	}
	return n
}

// data holds values that look like parts of a document and are none.
var data = []string{"example", "examples", "default", "enum", "const", "value"}

// checkReferences refuses references to anywhere but a value of the document.
func checkReferences(root, n *node, found *faults) {
	if ref := n.get("$ref"); ref.text() != "" {
		switch {
		case !strings.HasPrefix(ref.text(), "#/"):
			found.at(ref, "references lead to #/components/… of the same document alone", "bundle the documents into one")
		case root.at(ref.text()) == nil:
			found.at(ref, "it leads nowhere", "")
		}
	}
	for _, key := range n.keys {
		if !slices.Contains(data, key) && !strings.HasPrefix(key, "x-") || strings.HasSuffix(n.path, "properties") {
			checkReferences(root, n.fields[key], found)
		}
	}
	for _, item := range n.items {
		checkReferences(root, item, found)
	}
}

// faults is what is wrong with the document, each once.
type faults struct {
	file string
	list conf.Problems
}

func (f *faults) at(n *node, message, hint string) {
	p := conf.Problem{File: f.file, Message: message, Hint: hint}
	if n != nil {
		p.Line, p.Column, p.Path = n.line, n.column, n.path
	}
	f.add(p)
}

func (f *faults) add(p conf.Problem) {
	if len(f.list) < maxFaults && !slices.Contains(f.list, p) {
		f.list = append(f.list, p)
	}
}

func (f *faults) err() error {
	slices.SortStableFunc(f.list, func(a, b conf.Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return f.list.Err()
}

// parse reads YAML or JSON into a tree, or notes why not and returns nil. What
// kin-openapi is later given is this tree, so that there is one reading of it.
func parse(src []byte, found *faults) (root *node) {
	defer func() {
		if v := recover(); v != nil { // of the library
			found.at(nil, "this is not YAML that can be read", "")
			root = nil
		}
	}()
	var doc yaml.Node
	if err := yaml.Unmarshal(src, &doc); err != nil {
		p := conf.Problem{File: found.file, Message: "this is not YAML that can be read"}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			p.Line, _ = strconv.Atoi(m[1])
			p.Column, p.Message = 1, "syntax error: "+m[2]
		}
		found.add(p)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		found.at(&node{line: 1, column: 1}, "it is not an OpenAPI document", "start it with openapi: 3.1.0")
		return nil
	}
	t := treeMaker{found: found}
	root = t.make(doc.Content[0], "", 1)
	if len(found.list) > 0 {
		return nil
	}
	return root
}

var yamlLine = regexp.MustCompile(`^yaml: line ([0-9]+): ([^\n]*)`)

// treeMaker makes a tree of what the library parsed.
type treeMaker struct {
	found *faults
	nodes int
}

func (t *treeMaker) make(y *yaml.Node, path string, depth int) *node {
	n := &node{line: y.Line, column: y.Column, path: path}
	t.nodes++
	switch {
	case t.nodes == maxNodes+1:
		t.found.at(n, fmt.Sprintf("the document has more than %d values", maxNodes), "")
	case depth > maxDepth:
		t.found.at(n, fmt.Sprintf("more than %d levels deep", maxDepth), "")
	case y.Anchor != "" || y.Kind == yaml.AliasNode:
		t.found.at(n, "anchors and aliases are not accepted", "use $ref")
	case t.nodes > maxNodes:
	case y.Kind == yaml.MappingNode:
		t.mapping(n, y, depth)
	case y.Kind == yaml.SequenceNode:
		n.items = make([]*node, len(y.Content))
		for i, item := range y.Content {
			n.items[i] = t.make(item, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
	default:
		var err error
		if n.scalar, err = scalarOf(y); err != nil {
			t.found.at(n, err.Error(), "")
		}
	}
	return n
}

func (t *treeMaker) mapping(n *node, y *yaml.Node, depth int) {
	n.fields = make(map[string]*node, len(y.Content)/2)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		at := &node{line: key.Line, column: key.Column, path: n.path}
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			t.found.at(at, "merge keys and keys that are no text are not accepted", "write the keys out")
			continue
		}
		if at.path = below(n.path, key.Value); n.fields[key.Value] != nil {
			t.found.at(at, "the key is given twice", "")
			continue
		}
		value := t.make(y.Content[i+1], at.path, depth+1)
		value.line, value.column = key.Line, key.Column // where an editor should go
		n.keys, n.fields[key.Value] = append(n.keys, key.Value), value
	}
}

var (
	jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?$`)
	simpleKey  = regexp.MustCompile(`^[A-Za-z0-9_$/-]+$`)
)

func scalarOf(y *yaml.Node) (any, error) {
	switch y.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool":
		var b bool
		err := y.Decode(&b)
		return b, err
	case "!!int", "!!float":
		if !jsonNumber.MatchString(y.Value) {
			return nil, errors.New("it is not a number that JSON can hold")
		}
		return json.Number(y.Value), nil
	case "!!str", "!!timestamp":
		return y.Value, nil
	}
	return nil, errors.New("tags are not accepted")
}

// below spells the path of a value in a mapping.
func below(path, key string) string {
	switch {
	case !simpleKey.MatchString(key):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}
