// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/inspect"
)

// nester puts the fields of a form into a tree, as qs nests their names, for the
// type that is to be filled: where it has a struct or a map, a number in brackets
// is a name, and elsewhere a place in a list.
type nester struct {
	root inspect.Node
	plan *plan
	// nodes are what each name, and each that a bracket makes on the way to it,
	// stands for so far. A name is cut from that of its field.
	nodes map[string]*inspect.Node
	spare []inspect.Node // made and not yet used
	parts []string       // of the name at hand
}

func (n *nester) node(k inspect.Kind, text string) *inspect.Node {
	if len(n.spare) == 0 {
		n.spare = make([]inspect.Node, 8)
	}
	node := &n.spare[0]
	n.spare = n.spare[1:]
	node.Kind, node.Text = k, text
	return node
}

// add puts one field into the tree. What cannot be nested is a fault.
func (n *nester) add(f *filler, p pair) {
	n.parts = split(p.name, n.parts[:0])
	parts := n.parts
	at, plan, end := &n.root, n.plan.target(), 0
	for i, part := range parts {
		if end += len(part); i > 0 {
			end += len("[]")
		}
		last := i+1 == len(parts)
		if plan != nil && plan.how == asStruct && plan.names.find(part, 0) < 0 {
			last = true // nobody asks what an unknown field holds
		}
		next := n.nodes[p.name[:end]]
		if at.Kind == inspect.Array {
			if fault := misplaced(part, last, next, len(at.Elems)); fault != "" {
				f.inPath(parts[:i], fault)
				return
			}
			if part == "" {
				next = nil // one more
			}
		} else if at.Kind != inspect.Object { // package inspect refuses it
			f.inPath(parts[:i], "It is given both plain and with brackets.")
			return
		}
		plan = plan.below(part)
		switch {
		case next != nil && last:
			repeat(next, p.value)
			return
		case next == nil:
			if last {
				next = n.node(inspect.String, p.value)
			} else {
				next = n.node(kindBelow(plan, parts[i+1]), "")
			}
			n.nodes[p.name[:end]] = next
			if at.Kind == inspect.Array {
				at.Elems = append(at.Elems, next)
			} else {
				at.Members = append(at.Members, inspect.Member{Name: part, Value: next})
			}
		}
		if last {
			return
		}
		at = next
	}
}

// misplaced tells what is wrong with a place in a list of so many items. have is
// the item there, nil without one.
func misplaced(part string, last bool, have *inspect.Node, items int) string {
	switch {
	case part == "" && !last: // parsers make one item of these, or many
		return "Its items must be numbered, as in list[0][name]."
	case part != "" && have == nil && part != strconv.Itoa(items):
		return "Its items must be numbered 0, 1, 2 and so on."
	}
	return ""
}

// repeat makes a list of a value that is given again.
func repeat(n *inspect.Node, value string) {
	if n.Kind != inspect.Array {
		first := *n
		*n = inspect.Node{Kind: inspect.Array, Elems: []*inspect.Node{&first}}
	}
	n.Elems = append(n.Elems, &inspect.Node{Kind: inspect.String, Text: value})
}

// kindBelow is what holds a bracket: a list or an object, as the type says or, when
// it does not, as qs guesses.
func kindBelow(p *plan, part string) inspect.Kind {
	if p != nil && (p.how == asStruct || p.how == asDict) || strings.Trim(part, digits) != "" {
		return inspect.Object
	}
	return inspect.Array
}

// target is what the pointers lead to.
func (p *plan) target() *plan {
	for p != nil && p.how == asPointer {
		p = p.elem
	}
	return p
}

// below is the plan of a member or an element, or nil where none is known.
func (p *plan) below(name string) *plan {
	if p == nil {
		return nil
	}
	if p.how != asStruct {
		return p.elem.target()
	}
	if i := p.names.find(name, 0); i >= 0 {
		return p.fields[i].plan.target()
	}
	return nil
}

// split appends the parts of a field's name: user[name] is user and name. One whose
// brackets are not balanced, and which every parser reads differently, is a name as
// it stands.
func split(name string, parts []string) []string {
	open := strings.IndexByte(name, '[')
	if open <= 0 || strings.IndexByte(name[:open], ']') >= 0 {
		return append(parts, name)
	}
	none := parts[:0]
	parts = append(parts, name[:open])
	for rest := name[open:]; rest != ""; {
		end := strings.IndexByte(rest, ']')
		if rest[0] != '[' || end < 0 || strings.IndexByte(rest[1:end], '[') >= 0 {
			return append(none, name)
		}
		parts = append(parts, rest[1:end])
		rest = rest[end+1:]
	}
	return parts
}
