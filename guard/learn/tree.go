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
	maxSources  = 200   // of a place
	maxAll      = 6_000 // sources of all places
	maxClients  = 16    // of a source, that are told apart
	maxSample   = 60    // bytes of a text
	maxSegments = 16    // of a path; the rest is left open
	maxSiblings = 40    // below one segment; more are one that varies
)

// source is one source of one directive, or none that a policy could allow ("").
type source struct{ directive, value, kind string }

// sighting is how often a source was seen, and by whom.
type sighting struct {
	source
	sample  string
	count   int
	clients []uint64 // their hashes, in the order in which they came
}

// place is what was seen on the pages of one path.
type place struct {
	pattern string // as places has it
	by      uint64 // the client that was served it first
	seen    []*sighting
	policy  string // what goes with its pages; "" when it has to be made anew
	narrow  bool   // and it allows no more than was seen
}

// tree are the places, by the segments of their paths. So many clients are needed to
// fill anything in it: each has its share of the places, of the siblings below a segment,
// and of the sources of a place and of all.
type tree struct {
	clients int
	root    node
	count   int            // of places
	sources int            // of all of them
	firsts  map[uint64]int // that a client was the first to have
}

type node struct {
	segment string // "" for one that varies
	by      uint64 // the client that was served it first
	below   []*node
	varies  *node
	all     bool // every segment below is one that varies
	here    *place
}

// share is what one client may take of a number of things.
func (t *tree) share(of int) int { return max(1, of/max(1, t.clients)) }

// segments are those of a path that package route has read: in lower case, without a
// slash at its end.
func segments(path string) []string {
	if path = strings.TrimPrefix(path, "/"); path == "" {
		return nil
	}
	all := strings.SplitN(path, "/", maxSegments+1)
	return all[:min(len(all), maxSegments)]
}

// find is the place of a path, nil where there is none.
func (t *tree) find(path string) *place {
	n := &t.root
	for _, s := range segments(path) {
		if n = n.child(s); n == nil {
			return nil
		}
	}
	return n.here
}

// serve is the place of a path that a client was served, nil where there is no room for
// another.
func (t *tree) serve(path string, who uint64) *place {
	if p := t.find(path); p != nil {
		return p
	}
	if t.count >= maxPlaces || t.served(who) >= t.share(maxPlaces) {
		return nil
	}
	n := &t.root
	for _, s := range segments(path) {
		next := n.child(s)
		if next == nil { // so what is below is new as well, and has room
			if next = n.grow(s, who, t.share(maxSiblings), t); next == nil {
				return nil
			}
		}
		n = next
	}
	if n.here == nil {
		t.count++
		n.here = &place{by: who}
	}
	return n.here
}

// served is how many places a client was the first to be served.
func (t *tree) served(who uint64) (count int) {
	t.each(func(p *place, _ string, _ int) {
		if p.by == who {
			count++
		}
	})
	return count
}

// child is the node of a segment, nil where there is none.
func (n *node) child(segment string) *node {
	if n.all || varies(segment) {
		return n.varies
	}
	for _, c := range n.below {
		if c.segment == segment {
			return c
		}
	}
	return nil
}

// grow adds the node of a segment, nil where a client has had its share. Once there are
// too many, all are one.
func (n *node) grow(segment string, who uint64, share int, t *tree) *node {
	if n.all || varies(segment) {
		n.varies = &node{by: who}
		return n.varies
	}
	own := 0
	for _, c := range n.below {
		if c.by == who {
			own++
		}
	}
	if own >= share {
		return nil
	}
	if len(n.below) < maxSiblings {
		c := &node{segment: segment, by: who}
		n.below = append(n.below, c)
		return c
	}
	if n.varies == nil {
		n.varies = &node{by: who}
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
			if !n.here.add(s) {
				t.sources--
				t.firsts[s.clients[0]]--
			}
		}
		t.count--
	}
	for _, c := range other.below {
		below := n.child(c.segment)
		if below == nil {
			below = n.grow(c.segment, c.by, t.share(maxSiblings), t)
		}
		if below == nil {
			c.forget(t)
			continue
		}
		below.merge(c, t)
	}
	if other.varies != nil {
		if n.varies == nil {
			n.varies = &node{by: other.varies.by}
		}
		n.varies.merge(other.varies, t)
	}
}

// forget takes a node out of the counts.
func (n *node) forget(t *tree) {
	if n.here != nil {
		t.count--
		t.sources -= len(n.here.seen)
		for _, s := range n.here.seen {
			t.firsts[s.clients[0]]--
		}
	}
	for _, c := range n.below {
		c.forget(t)
	}
	if n.varies != nil {
		n.varies.forget(t)
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

// each calls do for every place, with its pattern and how many segments that has.
func (t *tree) each(do func(p *place, pattern string, depth int)) {
	var walk func(n *node, pattern string, depth int)
	walk = func(n *node, pattern string, depth int) {
		if n.here != nil {
			do(n.here, pattern, depth)
		}
		for _, c := range n.below {
			walk(c, pattern+"/"+c.segment, depth+1)
		}
		if n.varies != nil {
			walk(n.varies, pattern+"/{p"+strconv.Itoa(depth+1)+"}", depth+1)
		}
	}
	walk(&t.root, "", 0)
}

// places are copies of all places in order, with their patterns.
func (t *tree) places() (all []*place) {
	t.each(func(p *place, pattern string, depth int) {
		c := &place{pattern: pattern, seen: make([]*sighting, len(p.seen))}
		if pattern == "" {
			c.pattern = "/{$}"
		}
		if depth == maxSegments {
			c.pattern += "/{rest...}"
		}
		for i, s := range p.seen {
			s := *s
			c.seen[i] = &s
		}
		all = append(all, c)
	})
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

// note notes that a client has seen a source at a place. It reports whether there was
// room, and whether anything is new.
func (t *tree) note(p *place, s source, sample string, who uint64) (room, fresh bool) {
	it := p.find(s.directive, s.value)
	if it == nil {
		if t.sources >= maxAll || t.firsts[who] >= t.share(maxAll) || len(p.seen) >= maxSources || p.first(who) >= t.share(maxSources) {
			return false, false
		}
		if t.sources++; t.firsts == nil {
			t.firsts = map[uint64]int{}
		}
		t.firsts[who]++
		// A part of a report would keep all of it in memory.
		s.directive, s.value = strings.Clone(s.directive), strings.Clone(s.value)
		it = &sighting{source: s, sample: strings.Clone(sample[:min(len(sample), maxSample)])}
		p.seen = append(p.seen, it)
		p.policy, fresh = "", true
	}
	if s.kind == kindScript || s.kind == kindParser {
		it.kind = s.kind // whoever reported it before has not seen the page
	}
	it.count++
	if len(it.clients) < maxClients && !slices.Contains(it.clients, who) {
		it.clients, fresh = append(it.clients, who), true
	}
	return true, fresh
}

// first is how many sources a client was the first to have.
func (p *place) first(who uint64) (count int) {
	for _, s := range p.seen {
		if s.clients[0] == who {
			count++
		}
	}
	return count
}

// add adds a sighting of another place. It reports whether that is one more.
func (p *place) add(s *sighting) bool {
	p.policy = ""
	it := p.find(s.directive, s.value)
	if it == nil {
		if len(p.seen) >= maxSources {
			return false
		}
		p.seen = append(p.seen, s)
		return true
	}
	it.count += s.count
	for _, who := range s.clients {
		if len(it.clients) < maxClients && !slices.Contains(it.clients, who) {
			it.clients = append(it.clients, who)
		}
	}
	return false
}
