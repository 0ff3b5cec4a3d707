// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	maxParams   = 1000
	maxBrackets = 32
	maxName     = 1024 // bytes of a decoded parameter name
)

// pairs reads a query or a form as every common Node parser would: qs with its
// brackets, Node's querystring, URLSearchParams. `;` separates nothing. What
// they would read differently is refused: bad percent escapes, bytes that are
// not UTF-8, a name given both plain and with brackets.
type pairs struct {
	place Place
	visit Visitor
	// scalar is called with every parameter that has a plain name.
	scalar func(name, value string)
	// names is how each name, and each part of one that ends at a bracket, was
	// used so far. Nil keeps no account.
	names map[string]shape
	path  Path
}

// shape is how a name was used so far.
type shape uint8

const (
	unused shape = iota
	leaf         // it holds a value
	nested       // it holds other names
)

func readPairs(raw string, place Place, visit Visitor, scalar func(name, value string)) error {
	if raw == "" {
		return nil
	}
	p := pairs{place: place, visit: visit, scalar: scalar, path: Path{Place: place}, names: make(map[string]shape, 8)}
	if place == Body && strings.HasPrefix(raw, string(utf8BOM)) {
		// body-parser drops it while decoding, and the first name starts behind it.
		return p.refuse("It starts with a byte order mark.")
	}
	for n := 0; raw != ""; n++ {
		if n == maxParams {
			return p.refuse("It has more than 1000 parameters.")
		}
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		if part == "" {
			continue
		}
		if err := p.pair(part); err != nil {
			return err
		}
	}
	return nil
}

func (p *pairs) refuse(detail string) *problem.Error {
	if p.place == Query {
		return problem.Refuse(rule.RequestQuery, detail)
	}
	return problem.Refuse(rule.RequestForm, detail)
}

func (p *pairs) pair(part string) error {
	name, value, _ := strings.Cut(part, "=")
	key, err := p.unescape(name)
	if err != nil {
		return err
	}
	text, err := p.unescape(value)
	if err != nil {
		return err
	}
	if err := p.field(key, text); err != nil {
		return err
	}
	// qs ends a name at the first `]=`, other parsers at the first `=`: where
	// the two differ, both readings are inspected.
	if i := bracketEnd(part); i > len(name) {
		if key, err = p.unescape(part[:i]); err != nil {
			return err
		}
		other := pairs{place: p.place, visit: p.visit, path: Path{Place: p.place}}
		return other.field(key, "")
	}
	return nil
}

// bracketEnd is where qs ends the name of a part: behind the first `]` that is
// followed by `=`; -1 when there is none.
func bracketEnd(part string) int {
	for i := 0; i < len(part); i++ {
		if part[i] == ']' && strings.HasPrefix(part[i+1:], "=") {
			return i + 1
		}
		if part[i] == '%' && len(part) > i+2 && part[i+1] == '5' && part[i+2]|0x20 == 'd' && strings.HasPrefix(part[i+3:], "=") {
			return i + 3
		}
	}
	return -1
}

func (p *pairs) unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') >= 0 || strings.IndexByte(s, '+') >= 0 {
		var err error
		if s, err = url.QueryUnescape(s); err != nil {
			return "", p.refuse("It has a bad percent escape.").Because(err)
		}
	}
	if !utf8.ValidString(s) {
		return "", p.refuse("It is not valid UTF-8.")
	}
	return s, nil
}

// field shows one parameter to the visitor: every name inside its name (the
// text before the first bracket, each bracket's, and what unbalanced brackets
// leave), and the kind of what each of them holds.
func (p *pairs) field(key, value string) error {
	if len(key) > maxName {
		return p.refuse("It has a name that is too long.")
	}
	defer func() { p.path.steps = p.path.steps[:0] }()
	at := 0 // where the segment stands in key
	for n := 0; ; n++ {
		if n > maxBrackets {
			return p.refuse("A name has too many brackets.")
		}
		segment, next, more := cutSegment(key, at)
		p.path.push(segment)
		if err := p.dots(segment); err != nil {
			return err
		}
		if !more {
			return p.end(key, segment, at, value)
		}
		if _, err := p.use(key[:at+len(segment)], nested); err != nil {
			return err
		}
		kind := Object
		if inside, _, _ := cutSegment(key, next); index(inside) {
			kind = Array // a[] and a[0]
		}
		if err := p.visit.Value(&p.path, kind); err != nil {
			return err
		}
		at = next
	}
}

// end shows what the last segment of a name holds.
func (p *pairs) end(key, segment string, at int, value string) error {
	name := key[:at+len(segment)]
	if at == 0 {
		name = key // `a]` is another name than `a`, and unlike it no plain one
		if p.scalar != nil && key == segment {
			p.scalar(key, value)
		}
	}
	was, err := p.use(name, leaf)
	if err != nil {
		return err
	}
	kind := String
	if was == leaf {
		kind = Array // given again
	}
	return p.visit.Value(&p.path, kind)
}

// use notes that a name is used as s, and tells how it was used before. Parsers
// make different things of a name that is used both ways.
func (p *pairs) use(name string, s shape) (was shape, err error) {
	if p.names == nil {
		return unused, nil
	}
	was = p.names[name]
	if was != unused && was != s {
		return was, p.refuse("A name is given both plain and with brackets.")
	}
	p.names[name] = s
	return was, nil
}

// dots shows a segment's name, and where it has dots each part of it too: qs
// with allowDots and the like split there.
func (p *pairs) dots(segment string) error {
	if err := p.visit.Key(&p.path); err != nil || strings.IndexByte(segment, '.') < 0 {
		return err
	}
	depth := len(p.path.steps)
	p.path.pop()
	for part := range strings.SplitSeq(segment, ".") {
		if part == "" {
			continue
		}
		p.path.push(part)
		if err := p.visit.Key(&p.path); err != nil {
			return err
		}
	}
	p.path.steps = p.path.steps[:depth-1]
	p.path.push(segment)
	return nil
}

// cutSegment cuts the segment at from off a name, at its next bracket, whichever
// it is: unbalanced brackets are read differently by every parser, and cutting
// at each shows every name that any of them could make of it. The next segment
// stands at next, if there are more.
func cutSegment(key string, from int) (segment string, next int, more bool) {
	i := strings.IndexAny(key[from:], "[]")
	if i < 0 {
		return key[from:], 0, false
	}
	i += from
	segment, next = key[from:i], i+1
	if key[i] == ']' {
		if next == len(key) {
			return segment, 0, false
		}
		if key[next] == '[' {
			next++ // the usual a[b][c]
		}
	}
	return segment, next, true
}

// index reports whether a segment counts as an array's: empty or a number.
func index(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// FieldName shows the names inside a multipart field's name to the visitor,
// which some parsers nest as qs does: user[$ne]. It keeps no account of fields
// given twice; [Fields] does.
func FieldName(name string, visit Visitor) error {
	f := Fields{p: pairs{place: Body, visit: visit, path: Path{Place: Body}}}
	return f.Add(name)
}

// Fields reads the field names of one multipart form, which are nested and
// repeated as in a form of the other type.
type Fields struct{ p pairs }

// NewFields returns a reading for one form.
func NewFields(visit Visitor) *Fields {
	return &Fields{pairs{place: Body, visit: visit, path: Path{Place: Body}, names: make(map[string]shape, 8)}}
}

// Add shows one field's name to the visitor.
func (f *Fields) Add(name string) error {
	if !utf8.ValidString(name) {
		return f.p.refuse("A field's name is not valid UTF-8.")
	}
	return f.p.field(name, "")
}

// ReadQuery reads a request's raw query for the visitor.
func ReadQuery(raw string, visit Visitor) error {
	return readPairs(raw, Query, visit, nil)
}
