// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
)

// named is one name of a query or form, and what was given under it.
type named struct {
	name   string
	values []string // of the name itself: more than one is a list
	below  []*named // user[mail], in the order of their first mention
	byName map[string]*named
	first  [1]string // room for what is usually all of values
}

// fewNames are found faster one by one than in a map.
const fewNames = 8

func (n *named) child(name string) *named {
	if n.byName == nil {
		for _, c := range n.below {
			if c.name == name {
				return c
			}
		}
	} else if c := n.byName[name]; c != nil {
		return c
	}
	c := &named{name: name}
	c.values = c.first[:0]
	n.below = append(n.below, c)
	switch {
	case n.byName != nil:
		n.byName[name] = c
	case len(n.below) > fewNames:
		n.byName = make(map[string]*named)
		for _, c := range n.below {
			n.byName[c.name] = c
		}
	}
	return c
}

// textReader turns pairs into the tree that a schema is held against, reading
// each by what is declared for it. Numbers and booleans are written into data,
// where a tree has them.
type textReader struct {
	data   []byte
	path   []string
	faults []problem.Field
	place  string
	split  int // items that texts were split into
}

// maxSplit is how many items the texts of a query, form or head may be split into, all
// together: as many as it may have parameters.
const maxSplit = 1000

func (r *textReader) refuse(detail string) {
	if len(r.faults) < maxFields {
		r.faults = append(r.faults, problem.Field{Pointer: r.place + pointer(r.path), Detail: detail})
	}
}

// read is what stands under a name, as a value of the declared type.
func (r *textReader) read(n *named, t *textType) *inspect.Node {
	switch {
	case len(n.below) > 0 && len(n.values) > 0:
		r.refuse("It is given both plain and with brackets.")
		return &inspect.Node{}
	case len(n.below) == 0 && len(n.values) == 1:
		return r.single(n.values[0], t)
	case len(n.below) == 0:
		return r.list(n.values, t)
	case t.types&(typeArray|typeObject) == typeArray, t.types&typeObject == 0 && n.numbered(),
		t.types&typeArray != 0 && n.numbered():
		return r.items(n, t)
	}
	return r.object(n, t)
}

func (r *textReader) object(n *named, t *textType) *inspect.Node {
	o := &inspect.Node{Kind: inspect.Object, Members: make([]inspect.Member, 0, len(n.below))}
	for _, c := range n.below {
		sub := t.fields[c.name]
		if sub == nil {
			sub = t.rest
		}
		if sub == nil {
			sub = anyText
		}
		r.path = append(r.path, c.name)
		o.Members = append(o.Members, inspect.Member{Name: c.name, Value: r.read(c, sub)})
		r.path = r.path[:len(r.path)-1]
	}
	return o
}

// single reads one text. Where an array is declared and nothing else would take
// it, it is the array's only item.
func (r *textReader) single(text string, t *textType) *inspect.Node {
	if t.split != "" {
		if r.split += strings.Count(text, t.split) + 1; r.split > maxSplit {
			r.refuse("It has too many items.")
			return &inspect.Node{Kind: inspect.Array}
		}
		return r.list(strings.Split(text, t.split), t)
	}
	if t.types&typeArray != 0 && t.types&typeString == 0 {
		return r.list([]string{text}, t)
	}
	return r.scalar(text, t)
}

func (r *textReader) list(values []string, t *textType) *inspect.Node {
	list := &inspect.Node{Kind: inspect.Array, Elems: make([]*inspect.Node, len(values))}
	for i, v := range values {
		r.path = append(r.path, strconv.Itoa(i))
		list.Elems[i] = r.single(v, t.item())
		r.path = r.path[:len(r.path)-1]
	}
	return list
}

func (t *textType) item() *textType {
	if t.items == nil {
		return anyText
	}
	return t.items
}

// items reads a[]=1&a[]=2, or a[0]=1&a[1]=2 in that order without a gap: what
// else parsers make of numbers, they do not agree about.
func (r *textReader) items(n *named, t *textType) *inspect.Node {
	if len(n.below) == 1 && n.below[0].name == "" && len(n.below[0].below) == 0 {
		return r.list(n.below[0].values, t)
	}
	list := &inspect.Node{Kind: inspect.Array, Elems: make([]*inspect.Node, len(n.below))}
	for i, c := range n.below {
		if c.name != strconv.Itoa(i) {
			r.refuse("Its items must be numbered from 0, or not at all.")
			return &inspect.Node{Kind: inspect.Array}
		}
		r.path = append(r.path, c.name)
		list.Elems[i] = r.read(c, t.item())
		r.path = r.path[:len(r.path)-1]
	}
	return list
}

// numbered reports whether the names below count items.
func (n *named) numbered() bool {
	for _, c := range n.below {
		if strings.Trim(c.name, "0123456789") != "" {
			return false
		}
	}
	return true
}

var (
	integerText = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,99})$`)
	numberText  = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,99})(\.[0-9]{1,99})?([eE][-+]?[0-9]{1,3})?$`)
)

// scalar reads one text by its declared type: a number as JSON writes one, an
// integer in digits alone, true or false. Everything else stays text, which is
// then a fault where none is declared. Nothing is trimmed, and nothing is null.
func (r *textReader) scalar(text string, t *textType) *inspect.Node {
	kind := inspect.String
	switch {
	case t.types&typeNumber != 0 && numberText.MatchString(text) && finite(text),
		t.types&typeInteger != 0 && integerText.MatchString(text):
		kind = inspect.Number
	case t.types&typeBoolean != 0 && (text == "true" || text == "false"):
		kind = inspect.Bool
	default:
		return &inspect.Node{Kind: inspect.String, Text: text}
	}
	from := len(r.data)
	r.data = append(r.data, text...)
	return &inspect.Node{Kind: kind, Start: from, End: len(r.data)}
}

// finite reports whether JavaScript makes a finite number of it.
func finite(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

// check holds the pairs that are not dropped yet against the schema. Where strip
// holds, it marks those to drop and reports whether there were any.
func (t *textSchema) check(pairs []inspect.Pair, drop []bool, strip bool) (fields []problem.Field, more bool) {
	var root named
	for i := range pairs {
		if drop[i] {
			continue
		}
		n := &root
		for _, part := range pairs[i].Parts {
			n = n.child(part)
		}
		n.values = append(n.values, pairs[i].Value)
	}
	r := textReader{place: t.place}
	rd := inspect.Reading{Tree: r.object(&root, t.types)}
	if rd.Data = r.data; len(r.faults) > 0 {
		return r.faults, false
	}
	var gone map[*inspect.Member]bool
	if strip {
		gone = make(map[*inspect.Member]bool)
	}
	fields = t.schema.check(&rd, strip, gone)
	for i := range fields {
		fields[i].Pointer = t.place + fields[i].Pointer
	}
	if len(fields) > 0 || len(gone) == 0 {
		return fields, false
	}
	members := finder{}
	for i := range pairs {
		if !drop[i] && members.through(rd.Tree, pairs[i].Parts, gone) {
			more = true
			dropAll(pairs, drop, i)
		}
	}
	if !more {
		return []problem.Field{{Pointer: t.place, Detail: "It does not fit the schema."}}, false
	}
	return nil, true
}

// dropAll marks a pair, and every other reading of the same text.
func dropAll(pairs []inspect.Pair, drop []bool, i int) {
	for j := i; j >= 0 && pairs[j].From == pairs[i].From && pairs[j].To == pairs[i].To; j-- {
		drop[j] = true
	}
	for j := i; j < len(pairs) && pairs[j].From == pairs[i].From && pairs[j].To == pairs[i].To; j++ {
		drop[j] = true
	}
}

// through reports whether the way along the parts goes through one of the
// members.
func (f finder) through(n *inspect.Node, parts []string, members map[*inspect.Member]bool) bool {
	for _, part := range parts {
		switch n.Kind {
		case inspect.Array:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(n.Elems) {
				return false
			}
			n = n.Elems[i]
		case inspect.Object:
			m := f.members(n)[part]
			if m == nil {
				return false
			}
			if members[m] {
				return true
			}
			n = m.Value
		default:
			return false
		}
	}
	return false
}
