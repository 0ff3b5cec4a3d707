// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"slices"
	"strconv"
	"strings"
)

const (
	maxPlaces   = 500
	maxSources  = 200 // of a place
	maxClients  = 16  // of a source, that are told apart
	maxSample   = 256 // bytes of a text
	maxSegments = 16  // of a path; the rest is left open
	maxSiblings = 40  // below one segment; more are one that varies
)

// source is one source of one directive, or none that a policy could allow ("").
type source struct{ directive, value, kind string }

// sighting is how often a source was seen, and by whom.
type sighting struct {
	source
	sample  string
	count   int
	clients []uint64 // their hashes
}

// place is what was seen on the pages of one path.
type place struct {
	pattern string // as places has it
	seen    []*sighting
	policy  string // what goes with its pages; "" when it has to be made anew
}

// tree are the places, by the segments of their paths.
type tree struct {
	root  node
	count int // of places
}

type node struct {
	segment string // "" for one that varies
	below   []*node
	varies  *node
	all     bool // every segment below is one that varies
	here    *place
}

// at is the place of a path, nil where there is no room for another. The path is
// one that package route has read: in lower case, without a slash at its end.
func (t *tree) at(path string) *place {
	n := &t.root
	if path = strings.TrimPrefix(path, "/"); path != "" {
		for i, s := range strings.Split(path, "/") {
			if i == maxSegments {
				break
			}
			n = n.child(s, t)
		}
	}
	if n.here == nil {
		if t.count >= maxPlaces {
			return nil
		}
		t.count++
		n.here = new(place)
	}
	return n.here
}

// child is the node of a segment. Once there are too many, all are one.
func (n *node) child(segment string, t *tree) *node {
	if n.all || varies(segment) {
		if n.varies == nil {
			n.varies = &node{}
		}
		return n.varies
	}
	for _, c := range n.below {
		if c.segment == segment {
			return c
		}
	}
	if len(n.below) < maxSiblings {
		c := &node{segment: segment}
		n.below = append(n.below, c)
		return c
	}
	if n.varies == nil {
		n.varies = &node{}
	}
	for _, c := range n.below {
		n.varies.merge(c, t)
	}
	n.below, n.all = nil, true
	return n.varies
}

// merge adds what was seen at another node.
func (n *node) merge(other *node, t *tree) {
	switch {
	case other.here == nil:
	case n.here == nil:
		n.here = other.here
	default:
		for _, s := range other.here.seen {
			n.here.add(s)
		}
		t.count--
	}
	for _, c := range other.below {
		n.child(c.segment, t).merge(c, t)
	}
	if other.varies != nil {
		if n.varies == nil {
			n.varies = &node{}
		}
		n.varies.merge(other.varies, t)
	}
}

// varies reports whether a segment is a number, an id, a name of somebody, or holds
// what a pattern cannot: it differs from page to page.
func varies(s string) bool {
	digits, letters := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'a' <= c && c <= 'z':
			letters++
		case c == '-' || c == '_' || c == '.' || c == '~':
		default:
			return true
		}
	}
	return s == "" || len(s) > 40 || digits > 0 && letters == 0 || digits >= 4 && len(s) >= 16
}

// places are all places in order, with their patterns.
func (t *tree) places() (all []*place) {
	var walk func(n *node, pattern string, depth int)
	walk = func(n *node, pattern string, depth int) {
		if n.here != nil {
			if n.here.pattern = pattern; pattern == "" {
				n.here.pattern = "/{$}"
			}
			if depth > maxSegments {
				n.here.pattern += "/{rest...}"
			}
			all = append(all, n.here)
		}
		for _, c := range n.below {
			walk(c, pattern+"/"+c.segment, depth+1)
		}
		if n.varies != nil {
			walk(n.varies, pattern+"/{p"+strconv.Itoa(depth)+"}", depth+1)
		}
	}
	walk(&t.root, "", 1)
	// What varies comes first: of two routes the last that a request meets decides.
	spelled := func(p *place) string { return strings.ReplaceAll(p.pattern, "{", "\x00") }
	slices.SortFunc(all, func(a, b *place) int { return strings.Compare(spelled(a), spelled(b)) })
	return all
}

// find is the sighting of a directive's source, nil where there is none. What is loaded
// and also stands in the page is one.
func (p *place) find(directive, value string) *sighting {
	for _, it := range p.seen {
		if it.directive == directive && it.value == value {
			return it
		}
	}
	return nil
}

// note notes that a client has seen a source. It reports whether there was room, and
// whether anything is new.
func (p *place) note(s source, sample string, who uint64) (room, fresh bool) {
	it := p.find(s.directive, s.value)
	if it == nil {
		if len(p.seen) >= maxSources {
			return false, false
		}
		it = &sighting{source: s, sample: strings.Clone(sample[:min(len(sample), maxSample)])}
		p.seen = append(p.seen, it)
		p.policy, fresh = "", true
	}
	it.count++
	if len(it.clients) < maxClients && !slices.Contains(it.clients, who) {
		it.clients, fresh = append(it.clients, who), true
	}
	return true, fresh
}

// add adds a sighting of another place.
func (p *place) add(s *sighting) {
	it := p.find(s.directive, s.value)
	if it == nil {
		if len(p.seen) < maxSources {
			p.seen = append(p.seen, s)
		}
		p.policy = ""
		return
	}
	it.count += s.count
	for _, who := range s.clients {
		if len(it.clients) < maxClients && !slices.Contains(it.clients, who) {
			it.clients = append(it.clients, who)
		}
	}
}
