// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"slices"

	"github.com/panoply-security/panoply/route"
)

// owner says which protection a pattern belongs to.
type owner uint8

const (
	ownLimiter owner = iota
	ownBodies
	ownNoSQL
	ownToken
	ownTokenExcept
	ownLogout
	ownUpload
	ownHeaders
	ownException
	owners
)

// routes is every pattern of the policy in one table, so that a request's path
// is matched once.
type routes struct {
	table route.Table
	to    []target // by pattern id
}

// target is the pattern's place in the protection that it belongs to.
type target struct {
	owner owner
	index int
	opens bool // less is refused on the route
}

func (t *routes) add(o owner, index int, p *route.Pattern) {
	t.table.Add(p)
	t.to = append(t.to, target{o, index, o == ownException || o == ownTokenExcept})
}

func (s *Suit) collectRoutes() {
	for i, p := range s.limiter.Routes() {
		s.table.add(ownLimiter, i, p)
	}
	for i, p := range s.bodies.Routes() {
		s.table.add(ownBodies, i, p)
	}
	for i, p := range s.nosql.Routes() {
		s.table.add(ownNoSQL, i, p)
		s.table.to[len(s.table.to)-1].opens = s.nosql.Allows(i)
	}
	for i, r := range s.policy.Tokens.Rules {
		s.table.add(ownToken, i, route.MustCompile(r.Match))
		for _, e := range r.Except {
			s.table.add(ownTokenExcept, i, route.MustCompile(e))
		}
		for _, l := range r.Logout {
			s.table.add(ownLogout, i, route.MustCompile(l))
		}
	}
	for i, p := range s.headers.Routes() {
		s.table.add(ownHeaders, i, p)
	}
	for i, e := range s.policy.Exceptions {
		s.table.add(ownException, i, route.MustCompile(e.Match))
	}
	for i, r := range s.policy.Uploads.Rules {
		s.table.add(ownUpload, i, route.MustCompile(r.Match))
	}
}

// met is what of the policy a request meets, by protection.
type met struct {
	by    [owners][]int
	room  [24]int // for most requests, no allocation
	route string  // a pattern for the log: the longest
}

// match finds everything that the request meets.
func (t *routes) match(m *met, method string, key route.Key) {
	var ids [32]int
	matched := t.table.Match(method, key, ids[:0])
	if key.Ambiguous() {
		matched = t.shut(method, key, matched)
	}
	used := 0
	for o := range owners {
		start := used
		for _, id := range matched {
			if t.to[id].owner != o {
				continue
			}
			if used < len(m.room) {
				m.room[used] = t.to[id].index
				used++
				m.by[o] = m.room[start:used:used]
			} else {
				m.by[o] = append(m.by[o], t.to[id].index)
			}
			if text := t.table.Text(id); len(text) > len(m.route) {
				m.route = text
			}
		}
	}
}

// shut leaves out of matched what would open a route, unless it does so in every reading of
// the path: to Express /public%2Fx is /{name}, and no route below /public.
func (t *routes) shut(method string, key route.Key, matched []int) []int {
	for _, reading := range key.Readings() {
		here := t.table.Match(method, reading, nil)
		matched = slices.DeleteFunc(matched, func(id int) bool {
			return t.to[id].opens && !slices.Contains(here, id)
		})
	}
	return matched
}
