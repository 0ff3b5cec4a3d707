// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"slices"
	"strconv"
)

// tree is what a request means to say, before it is spelled: a value of JSON.
type tree struct {
	kind  byte   // 'o'bject, 'a'rray, 's'tring, or 'l'iteral: a number, true, null
	text  string // of a string or literal
	names []string
	kids  []tree
}

var (
	plainNames = []string{"name", "user", "age", "tags", "a", "b", "filter", "price", "items", "id", "next", "constructor.x", "file.txt", "a-b", "O'Brien", "größe", "10", "0"}
	badNames   = []string{"$ne", "$gt", "$where", "$or", "$regex", "$", "$$x", "__proto__", "constructor", "prototype", "$ref", "$filter", "$top", "$count"}
	typedNames = []string{"email", "password"}
	texts      = []string{"x", "", "a b", "$ne", "pa$$w0rd&1", "O'Brien-Müller", `{"$ne":1}`, "a[$ne]=1", "__proto__", "1", "true", "a.b.c", "50% off", "C:\\x", "日本", "<b>", "a=b&c=d", "prototype"}
	literals   = []string{"1", "-2.5", "0", "1e3", "true", "false", "null", "12345678901234567890"}
)

// grow makes a tree. An ordinary one has no name that could be an attack, and
// strings where strings are asked for.
func (s source) grow(depth int, ordinary bool) tree {
	n := 1 + s.IntN(3)
	t := tree{kind: 'o'}
	for range n {
		name := pick(s, plainNames...)
		var kid tree
		switch {
		case s.in(4):
			name = pick(s, typedNames...)
			if kid = s.leaf(true); !ordinary && s.in(3) {
				kid = s.branch(depth, false)
			}
		case !ordinary && s.in(12):
			name = "_method"
			if kid = (tree{kind: 's', text: pick(s, "DELETE", "delete", "PUT")}); s.in(3) {
				kid = tree{kind: 'a', kids: []tree{kid, s.leaf(true)}}
			}
		case !ordinary && s.in(4):
			name = pick(s, badNames...)
			if kid = s.branch(depth, false); name == "constructor" {
				kid = tree{kind: 'o', names: []string{"prototype"}, kids: []tree{s.branch(depth, false)}}
			}
		default:
			kid = s.branch(depth, ordinary)
		}
		if ordinary && t.has(name) {
			continue
		}
		t.names, t.kids = append(t.names, name), append(t.kids, kid)
	}
	return t
}

func (t tree) has(name string) bool { return slices.Contains(t.names, name) }

// branch is a value of any kind.
func (s source) branch(depth int, ordinary bool) tree {
	switch {
	case depth <= 0 || s.in(2):
		return s.leaf(false)
	case s.in(3):
		t := tree{kind: 'a'}
		for range s.IntN(3) {
			t.kids = append(t.kids, s.branch(depth-1, ordinary))
		}
		return t
	}
	return s.grow(depth-1, ordinary)
}

func (s source) leaf(text bool) tree {
	if text || !s.in(3) {
		return tree{kind: 's', text: pick(s, texts...)}
	}
	return tree{kind: 'l', text: pick(s, literals...)}
}

// field is a leaf of a tree and the names on the way to it.
type field struct {
	path  []string // an item of a list is at "#" and its number, or "" where all are leaves
	value string
}

// fields are the leaves, as a form has them. An empty list or object has none.
func (t tree) fields(path []string) []field {
	switch t.kind {
	case 'o':
		var all []field
		for i, kid := range t.kids {
			all = append(all, kid.fields(append(path[:len(path):len(path)], t.names[i]))...)
		}
		return all
	case 'a':
		var all []field
		flat := !slices.ContainsFunc(t.kids, func(kid tree) bool { return kid.kind == 'o' || kid.kind == 'a' })
		for i, kid := range t.kids {
			at := "#" + strconv.Itoa(i)
			if flat {
				at = ""
			}
			all = append(all, kid.fields(append(path[:len(path):len(path)], at))...)
		}
		return all
	}
	return []field{{path, t.text}}
}
