// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package route

// Table finds all patterns that a request meets, in one walk. It is not safe to
// add to a table that is in use; matching is safe for any number of goroutines.
type Table struct {
	root node
	text []string
}

// node is one segment of the tree. A pattern ends in `here` (the exact path) or
// in `below` (the path and everything under it).
type node struct {
	literal map[string]*node
	any     *node
	here    []entry
	below   []entry
}

type entry struct {
	pattern *Pattern
	id      int
}

// Add puts a pattern into the table and returns its id: 0 for the first, and
// so on.
func (t *Table) Add(p *Pattern) int {
	n := &t.root
	for _, s := range p.path {
		switch {
		case s.any && n.any == nil:
			n.any = new(node)
			n = n.any
		case s.any:
			n = n.any
		default:
			child := n.literal[s.literal]
			if child == nil {
				if n.literal == nil {
					n.literal = make(map[string]*node)
				}
				child = new(node)
				n.literal[s.literal] = child
			}
			n = child
		}
	}
	e := entry{p, len(t.text)}
	t.text = append(t.text, p.text)
	if p.subtree {
		n.below = append(n.below, e)
	} else {
		n.here = append(n.here, e)
	}
	return e.id
}

// Text is the pattern with the id as it was written.
func (t *Table) Text(id int) string { return t.text[id] }

// Match appends the ids of all patterns that the request meets to ids, each
// once, in no particular order.
func (t *Table) Match(method string, k Key, ids []int) []int {
	ids = t.root.match(method, k.path, ids, false)
	if k.hasAlt {
		ids = t.root.match(method, k.alt, ids, true)
	}
	return ids
}

func (n *node) match(method, key string, ids []int, again bool) []int {
	ids = take(n.below, method, ids, again)
	if key == "" {
		return take(n.here, method, ids, again)
	}
	part, rest := next(key)
	if child := n.literal[part]; child != nil {
		ids = child.match(method, rest, ids, again)
	}
	if n.any != nil {
		ids = n.any.match(method, rest, ids, again)
	}
	return ids
}

func take(entries []entry, method string, ids []int, again bool) []int {
	for _, e := range entries {
		if !e.pattern.takes(method) || again && contains(ids, e.id) {
			continue
		}
		ids = append(ids, e.id)
	}
	return ids
}

func contains(ids []int, id int) bool {
	for _, have := range ids {
		if have == id {
			return true
		}
	}
	return false
}
