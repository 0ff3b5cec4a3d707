// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"encoding/json"
	"net/http"
	"slices"
	"sort"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Node is a JSON value of the reading, with the bytes it stands at, so that a
// schema can look at it and a member can be taken out without writing the rest
// anew.
type Node struct {
	Kind       Kind
	Start, End int      // in Reading.Data
	Text       string   // of a string, decoded; it keeps the body in memory
	Members    []Member // of an object, in order
	Elems      []*Node  // of an array
}

// Member is one name and value of an object.
type Member struct {
	Name  string
	Start int // of the name's quote
	Value *Node
}

// Get returns the value of a member, or nil.
func (n *Node) Get(name string) *Node {
	for _, m := range n.Members {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Any is the value as encoding/json would decode it into an any, numbers as
// json.Number.
func (n *Node) Any(data []byte) any {
	switch n.Kind {
	case Null:
		return nil
	case Bool:
		return data[n.Start] == 't'
	case Number:
		return json.Number(data[n.Start:n.End])
	case String:
		return n.Text
	case Array:
		s := make([]any, len(n.Elems))
		for i, e := range n.Elems {
			s[i] = e.Any(data)
		}
		return s
	}
	m := make(map[string]any, len(n.Members))
	for _, mem := range n.Members {
		m[mem.Name] = mem.Value.Any(data)
	}
	return m
}

const (
	maxNodes  = 200_000 // values of a tree
	nodeBytes = 256     // of memory that a value takes, and its copy for a schema
	nodeBlock = 256     // values that are paid for together
)

// treeBuilder puts the values of one JSON text into a tree.
type treeBuilder struct {
	root  Node
	open  []*Node // the containers around the next value
	nodes int
	spare []Node
	// reserve is asked for memory, because a value of two bytes takes a hundred
	// in a tree.
	reserve func(bytes int64) error
}

// name notes the name of the member whose value comes next.
func (t *treeBuilder) name(name string, start int) {
	top := t.open[len(t.open)-1]
	top.Members = append(top.Members, Member{Name: name, Start: start})
}

// add puts a value into the tree.
func (t *treeBuilder) add(k Kind, start, end int, text string) error {
	t.nodes++
	if t.nodes > maxNodes {
		return problem.Refuse(rule.RequestJSON, "The JSON has too many values.")
	}
	if t.nodes%nodeBlock == 0 {
		if err := t.reserve(nodeBlock * nodeBytes); err != nil {
			return err
		}
	}
	n := &t.root
	if len(t.open) > 0 {
		n = t.node()
		if top := t.open[len(t.open)-1]; top.Kind == Object {
			top.Members[len(top.Members)-1].Value = n
		} else {
			top.Elems = append(top.Elems, n)
		}
	}
	n.Kind, n.Start, n.End, n.Text = k, start, end, text
	if k == Object || k == Array {
		t.open = append(t.open, n)
	}
	return nil
}

// node is a new value. They are made many at a time, as many as there are.
func (t *treeBuilder) node() *Node {
	if len(t.spare) == 0 {
		t.spare = make([]Node, min(max(4, t.nodes), nodeBlock))
	}
	n := &t.spare[0]
	t.spare = t.spare[1:]
	return n
}

// close notes where the innermost object or array ends.
func (t *treeBuilder) close(end int) {
	t.open[len(t.open)-1].End = end
	t.open = t.open[:len(t.open)-1]
}

// Without returns data without the members for which drop reports true. What
// stays is copied byte for byte, so that numbers and escapes keep their
// spelling. It returns data itself when nothing is dropped.
func (n *Node) Without(data []byte, drop func(m *Member) bool) []byte {
	return without(data, n.cuts(drop))
}

func without(data []byte, cuts []cut) []byte {
	if len(cuts) == 0 {
		return data
	}
	out := make([]byte, 0, len(data))
	at := 0
	for _, c := range cuts {
		out = append(out, data[at:c.from]...)
		at = c.to
	}
	return append(out, data[at:]...)
}

// cut is a range of bytes that is left out.
type cut struct {
	from, to int
	sum      int // bytes left out up to here, this range included
}

// cuts are the ranges of the dropped members, in order.
func (n *Node) cuts(drop func(*Member) bool) []cut {
	var cuts []cut
	n.collect(drop, &cuts)
	slices.SortFunc(cuts, func(a, b cut) int { return a.from - b.from })
	sum := 0
	for i := range cuts {
		sum += cuts[i].to - cuts[i].from
		cuts[i].sum = sum
	}
	return cuts
}

// collect notes the byte ranges to cut, each with the comma that goes with it.
func (n *Node) collect(drop func(*Member) bool, cuts *[]cut) {
	kept := -1 // the last member that stays
	for i := range n.Members {
		m := &n.Members[i]
		if !drop(m) {
			m.Value.collect(drop, cuts)
			kept = i
			continue
		}
		switch {
		case kept >= 0: // the comma before goes too
			*cuts = append(*cuts, cut{from: n.Members[i-1].Value.End, to: m.Value.End})
		case i+1 < len(n.Members): // the comma after goes too
			*cuts = append(*cuts, cut{from: m.Start, to: n.Members[i+1].Start})
		default:
			*cuts = append(*cuts, cut{from: m.Start, to: m.Value.End})
		}
	}
	for _, e := range n.Elems {
		e.collect(drop, cuts)
	}
}

// Drop takes members out of a JSON body: out of its bytes, which r then sends
// on, and out of its tree.
func (rd *Reading) Drop(r *http.Request, drop func(m *Member) bool) {
	cuts := rd.Tree.cuts(drop)
	if len(cuts) == 0 {
		return
	}
	rd.Data = without(rd.Data, cuts)
	Replace(r, rd.Data)
	rd.Tree.prune(drop, cuts)
}

// prune drops members and moves what stays to where it now stands.
func (n *Node) prune(drop func(m *Member) bool, cuts []cut) {
	n.Start, n.End = moved(n.Start, cuts), moved(n.End, cuts)
	kept := make([]Member, 0, len(n.Members))
	for i := range n.Members {
		m := &n.Members[i]
		if !drop(m) {
			m.Value.prune(drop, cuts)
			kept = append(kept, Member{m.Name, moved(m.Start, cuts), m.Value})
		}
	}
	n.Members = kept
	for _, e := range n.Elems {
		e.prune(drop, cuts)
	}
}

// moved is where the byte at pos stands once the cuts are made.
func moved(pos int, cuts []cut) int {
	i := sort.Search(len(cuts), func(i int) bool { return cuts[i].to > pos })
	if i == 0 {
		return pos
	}
	return pos - cuts[i-1].sum
}
