// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parse reads src into a tree of nodes: nil if it cannot, the null node if the
// file is empty. What is wrong goes to found.
//
// The YAML library scans and parses. What it answers generously or slowly it is
// never asked, thanks to text.go and lex.go, or not believed, thanks to check.go
// and the reader below. The recover is for what it answers with a panic.
func parse(src []byte, found *collector) (root *node) {
	defer func() {
		if p := recover(); p != nil {
			found.at(0, 0, "", "this is not YAML that can be read", "")
			root = nil
		}
	}()
	text, ok := checkText(src, found)
	if !ok {
		return nil
	}
	tokens, ok := lex(text, found)
	if !ok {
		return nil
	}
	unclear := checkTokens(text, tokens, found.file)
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		found.syntax(err) // it knows better than checkTokens what is wrong
		return nil
	}
	if unclear != nil {
		found.problems = append(found.problems, unclear...)
		return nil
	}
	r := reader{found: found, used: map[*token.Token]bool{}}
	before := len(found.problems)
	root = &node{kind: nullNode, line: 1, column: 1}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			root = r.node(doc.Body, place{depth: 1})
		}
	}
	if len(found.problems) == before {
		r.checkUsed(tokens)
	}
	return root
}

// syntax notes an error of the library: its message, without the excerpt of the
// file that it also offers, which may hold a secret.
func (c *collector) syntax(err error) {
	var located interface {
		error
		GetMessage() string
		GetToken() *token.Token
	}
	if !errors.As(err, &located) {
		c.at(0, 0, "", "this is not YAML that can be read", "")
		return
	}
	line, column := 0, 0
	if t := located.GetToken(); t != nil && t.Position != nil {
		line, column = t.Position.Line, t.Position.Column
	}
	c.at(line, column, "", "syntax error: "+located.GetMessage(), "")
}

// A reader turns the library's tree into nodes. It holds the tree against the
// places of its tokens, for the library takes a key below an empty dash, in the
// same column, for its value: what belongs to something is indented deeper.
type reader struct {
	found *collector
	used  map[*token.Token]bool
}

// A place is where a node stands: how deep, below a key or dash in which
// column, and whether inside of brackets.
type place struct {
	path   string
	depth  int
	column int
	key    bool // the column is that of a key
	line   int  // of the key or dash
	flow   bool
}

func (r *reader) node(n ast.Node, at place) *node {
	out := &node{}
	if out.line, out.column = start(n); n.GetToken().Type == token.ImplicitNullType && at.line > 0 {
		out.line, out.column = at.line, at.column
	}
	if at.depth > maxDepth {
		r.found.add(out, at.path, fmt.Sprintf("more than %d levels deep", maxDepth), "")
		return out
	}
	ok := true
	switch n := n.(type) {
	case *ast.MappingNode:
		out.kind = mappingNode
		ok = r.collection(out, n.IsFlowStyle, at)
		at.flow = n.IsFlowStyle
		r.mapping(out, n.Values, at)
	case *ast.SequenceNode:
		out.kind = sequenceNode
		ok = r.collection(out, n.IsFlowStyle, at)
		at.flow = n.IsFlowStyle
		r.sequence(out, n, at)
	case *ast.LiteralNode:
		ok = r.below(out, at)
		out.text, out.quoted = n.Value.Value, true
		r.used[n.Value.Token] = true
	case ast.ScalarNode:
		r.scalar(out, n.GetToken())
		ok = out.isMissing() || r.below(out, at)
	default:
		ok = false
	}
	if !ok {
		r.found.add(out, at.path, "it is not clear what this belongs to", "indent it deeper than its key or dash; inside of [ ] write {key: value}")
	}
	return out
}

// start returns where a node's text starts.
func start(n ast.Node) (line, column int) {
	t := n.GetToken()
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		t = m.Values[0].Key.GetToken()
	}
	return t.Position.Line, t.Position.Column
}

// below reports whether a node on a line of its own is indented deeper than
// the key or dash that it belongs to. Brackets need no indent inside.
func (r *reader) below(n *node, at place) bool {
	return at.flow || n.line == at.line || n.line > at.line && n.column > at.column
}

// collection reports whether a mapping or list stands where it may: brackets
// inside of brackets, and below what it belongs to, but the dashes of a list
// may stand right below the key. The library sees to it that keys and dashes
// are in one column, and none on the line of its key.
func (r *reader) collection(n *node, flow bool, at place) bool {
	if at.flow {
		return flow
	}
	if n.kind == sequenceNode && at.key && !flow {
		at.column--
	}
	return r.below(n, at)
}

func (r *reader) sequence(out *node, n *ast.SequenceNode, at place) {
	out.items = make([]*node, len(n.Values))
	for i, value := range n.Values {
		below := place{path: pathIndex(at.path, i), depth: at.depth + 1, flow: at.flow}
		if !at.flow {
			dash := n.Entries[i].Start.Position
			below.line, below.column = dash.Line, dash.Column
		}
		out.items[i] = r.node(value, below)
	}
}

// mapping reads the entries of a mapping; of a key given twice, the first.
func (r *reader) mapping(out *node, values []*ast.MappingValueNode, at place) {
	first := map[string]int{}
	for _, v := range values {
		key := &node{}
		key.line, key.column = start(v.Key)
		if _, ok := v.Key.(*ast.LiteralNode); ok {
			r.found.add(key, at.path, "a key is plain or quoted text", "")
			continue
		}
		r.scalar(key, v.Key.GetToken())
		below := place{path: pathKey(at.path, key.text), depth: at.depth + 1, key: true, flow: at.flow, line: key.line, column: key.column}
		value := r.node(v.Value, below)
		if value.line != key.line {
			value.line, value.column = key.line, key.column
		}
		if line, ok := first[key.text]; ok {
			r.found.add(key, below.path, fmt.Sprintf("the key is given twice, first in line %d", line), "")
			continue
		}
		first[key.text] = key.line
		out.entries = append(out.entries, entry{key.text, key.line, key.column, value})
	}
}

func (r *reader) scalar(out *node, t *token.Token) {
	r.used[t] = true
	out.text = t.Value
	switch {
	case t.Type == token.ImplicitNullType:
		out.kind, out.text = nullNode, ""
	case t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType:
		out.quoted = true
	case nullText.MatchString(t.Value):
		out.kind = nullNode
	}
}

// checkUsed reports scalars that the library dropped on the way from tokens to
// tree, so that nothing written is silently without effect.
func (r *reader) checkUsed(tokens token.Tokens) {
	for _, t := range tokens {
		quoted := t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
		if (quoted || isScalar(t)) && !r.used[t] {
			r.found.at(t.Position.Line, t.Position.Column, "", "this belongs to no key or list", "")
		}
	}
}
