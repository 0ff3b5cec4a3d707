// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bytes"
	"io"
	"net/url"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	// MaxParams is how many parameters a query or form may have.
	MaxParams   = 1000
	maxBrackets = 32
	maxName     = 1024 // bytes of a decoded parameter name
	// MaxOdd is how many names may have unbalanced brackets. They take eight times as
	// long as others to be read in every way, and no form has many.
	MaxOdd = 64
)

// pairs reads a query or a form as every common Node parser would: qs with its
// brackets, Node's querystring, URLSearchParams. `;` separates nothing. What
// they would read differently is refused: bad percent escapes, bytes that are
// not UTF-8, a name given both plain and with brackets.
type pairs struct {
	place Place
	visit Visitor
	texts Texts // nil wants none
	// names is how each name was used so far; nil keeps no account.
	names *account
	path  Path
	parts []string // of the name at hand
	whole spelling // of the name at hand
	odds  int      // names with unbalanced brackets so far

	kept     *[]Pair                 // for a schema; nil keeps none
	reserve  func(bytes int64) error // is asked for their memory; nil is free
	from, to int                     // where the pair at hand stands
}

// freshPairs are readings with an account, to be used again.
var freshPairs = sync.Pool{New: func() any { return &pairs{names: new(account)} }}

func newPairs(place Place, visit Visitor) *pairs {
	p := freshPairs.Get().(*pairs)
	p.place, p.visit, p.path.Place = place, visit, place
	return p
}

// free gives the reading back; nothing of the request stays in it.
func (p *pairs) free() {
	names, steps, parts := p.names, p.path.steps[:cap(p.path.steps)], p.parts[:cap(p.parts)]
	names.reset()
	clear(steps)
	clear(parts)
	*p = pairs{names: names, path: Path{steps: steps[:0]}, parts: parts[:0]}
	freshPairs.Put(p)
}

// all reads a whole query or form.
func (p *pairs) all(raw string) error {
	if raw == "" {
		return nil
	}
	if p.place == Body && strings.HasPrefix(raw, string(utf8BOM)) {
		// body-parser drops it while decoding, and the first name starts behind it.
		return p.refuse("It starts with a byte order mark.")
	}
	if rest, ok := strings.CutPrefix(raw, "?"); ok { // URLSearchParams drops it
		first, _, _ := strings.Cut(rest, "&")
		p.to = 1 + len(first)
		if err := p.pair(first); err != nil {
			return err
		}
	}
	for n, at := 0, 0; raw != ""; n++ {
		if n == MaxParams {
			return p.refuse("It has more than 1000 parameters.")
		}
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		p.from, p.to = at, at+len(part)
		at = p.to + 1
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
	switch p.place {
	case Query:
		return problem.Refuse(rule.RequestQuery, detail)
	case Cookie:
		return problem.Refuse(rule.RequestCookie, detail)
	}
	return problem.Refuse(rule.RequestForm, detail)
}

func (p *pairs) pair(part string) error {
	name, value, _ := strings.Cut(part, "=")
	if err := p.read(name, value); err != nil {
		return err
	}
	// qs ends a name at the first `]=`, escaped or only plain by version, other
	// parsers at the first `=`: where they differ, all readings are inspected.
	plain := strings.Index(part, "]=") + 1
	if plain > len(name) {
		if err := p.read(part[:plain], part[plain+1:]); err != nil {
			return err
		}
	}
	if i := bracketEnd(part); i > len(name) && i != plain {
		return p.read(part[:i], part[i+1:])
	}
	return nil
}

func (p *pairs) read(name, value string) error {
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
	return p.keep(key, text)
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

// field shows one parameter to the visitor: every name inside its name, and the
// kind of what each of them holds.
func (p *pairs) field(key, value string) error {
	if len(key) > maxName {
		return p.refuse("It has a name that is too long.")
	}
	if p.place == Body && strings.HasPrefix(key, string(utf8BOM)) {
		// busboy before 1.0, and multer 1 with it, drops it from each name.
		return p.refuse("A name starts with a byte order mark.")
	}
	if strings.IndexByte(key, 0) >= 0 {
		return p.refuse("A name has a NUL.") // where PHP ends it
	}
	if rest := strings.TrimLeft(key, " "); rest != key {
		// PHP drops spaces in front of a name, and so does Rack behind an &.
		if err := p.field(rest, value); err != nil {
			return err
		}
	}
	var odd bool
	if p.parts, odd = bracketed(key, p.parts[:0]); len(p.parts) > maxBrackets+1 {
		return p.refuse("A name has too many brackets.")
	}
	if odd {
		if p.odds++; p.odds > MaxOdd {
			return p.refuse("It has too many names with unbalanced brackets.")
		}
		if err := p.odd(key, value); err != nil {
			return err
		}
		p.parts, _ = bracketed(key, p.parts[:0])
	}
	if err := p.members(); err != nil {
		return err
	}
	if err := p.lodash(key, value); err != nil {
		return err
	}
	p.tell(value)
	if strings.IndexByte(key, '.') >= 0 {
		return p.dots(key, value)
	}
	return p.besideDots(value)
}

// members shows the parts of a name, each inside the one before.
func (p *pairs) members() error {
	defer p.path.reset()
	p.whole = 0
	for i, part := range p.parts {
		p.path.push(part)
		if err := p.visit.Key(&p.path); err != nil {
			return err
		}
		if err := p.list(part); err != nil {
			return err
		}
		p.extend(i)
		kind := String
		if i+1 < len(p.parts) {
			if kind = Object; index(p.parts[i+1]) {
				kind = Array // a[] and a[0]
			}
			if part != "" || p.parts[i+1] != "" {
				if _, err := p.use(p.whole, nested); err != nil {
					return err
				}
			}
		} else if again, err := p.use(p.whole, leaf); err != nil {
			return err
		} else if again {
			kind = Array
		}
		if err := p.visit.Value(&p.path, kind); err != nil {
			return err
		}
	}
	return nil
}

// list notes that the next part of the name at hand counts in a list, if it
// does. qs merges the items of a[] into those of a[0], older versions so that a
// value becomes a key.
func (p *pairs) list(part string) error {
	if p.names == nil || !index(part) {
		return nil
	}
	s := numbered
	if part == "" {
		s = appended
	}
	_, err := p.use(p.whole.list(), s)
	return err
}

// use notes how a name is used, and tells whether it was used before. Parsers
// make different things of a name that is used both ways: qs makes a key of the
// value.
func (p *pairs) use(whole spelling, s shape) (again bool, err error) {
	if p.names == nil {
		return false, nil
	}
	was := p.names.of(whole)
	switch {
	case was == unused:
		p.names.note(whole, s)
	case was != s && s < appended:
		return true, p.refuse("A name is given both plain and with brackets.")
	case was != s:
		return true, p.refuse("A list is given both with and without positions.")
	}
	return was != unused, nil
}

// FieldName shows the names inside a multipart field's name to the visitor,
// which some parsers nest as qs does: user[$ne]. It keeps no account of fields
// given twice; [Fields] does.
func FieldName(name string, visit Visitor) error {
	f := Fields{p: pairs{place: Body, visit: visit, path: Path{Place: Body}}}
	return f.Add(name, "", "")
}

// Fields reads the fields of one multipart form, which are nested and repeated as
// in a form of the other type.
type Fields struct {
	p pairs
	// Plain refuses a field of a JSON type, for a schema has its text: an app that
	// parses it would find an object where a string was declared.
	Plain bool
}

// NewFields returns a reading for one form. texts may be nil.
func NewFields(visit Visitor, texts Texts) *Fields {
	return &Fields{p: pairs{place: Body, visit: visit, path: Path{Place: Body}, names: new(account), texts: texts}}
}

// Add shows one field to the visitor, and its value to the texts; that of a file
// is "". contentType is the part's, "" for none: a field of JSON is shown as the
// value that some parsers make of it (@fastify/multipart).
func (f *Fields) Add(name, contentType, value string) error {
	if !utf8.ValidString(name) {
		return f.p.refuse("A field's name is not valid UTF-8.")
	}
	if err := f.p.field(name, value); err != nil || value == "" || !ParsedAsJSON(contentType) {
		return err
	}
	if f.Plain {
		return f.p.refuse("A field is declared as text, and comes as JSON.")
	}
	return f.AddJSON(name, value)
}

// AddJSON shows the value that some parsers make of a part, also of a file's (hapi).
func (f *Fields) AddJSON(name, value string) error {
	quoted, err := jsontext.AppendQuote([]byte{'{'}, name)
	if err != nil {
		return f.p.refuse("A field's name is not valid UTF-8.").Because(err)
	}
	value = strings.TrimLeftFunc(value, trimmed) // a byte order mark, too
	member := append(append(append(quoted, ':'), value...), '}')
	return readJSONLoose(member, f.p.place, f.p.visit, f.p.texts)
}

// readFields shows the names of a multipart body's fields to the visitor, and
// keeps their values for a schema.
func (rd *Reading) readFields(o Options) error {
	boundary, err := Boundary(rd.Media.Raw)
	if err != nil {
		return err
	}
	parts := NewMultipart(bytes.NewReader(rd.Data), boundary, MultipartLimits{MaxBytes: int64(len(rd.Data)) + 1})
	defer parts.Close()
	fields := NewFields(o.Visitor, o.Texts)
	fields.Plain = o.Pairs
	for {
		part, err := parts.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		name, contentType, value := part.Name, part.ContentType, ""
		if part.Named() && ParsedAsJSON(contentType) {
			if value, err = fieldValue(part); err != nil {
				return err
			}
			if err := fields.AddJSON(name, value); err != nil {
				return err
			}
			value, contentType = "", ""
		} else if !part.Named() && (o.Pairs || o.Texts != nil || contentType != "") {
			if value, err = fieldValue(part); err != nil {
				return err
			}
		}
		if err := fields.Add(name, contentType, value); err != nil {
			return err
		}
		if o.Pairs && !part.Named() {
			if err := rd.Keep(name, value); err != nil {
				return err
			}
		}
	}
}

// ReadQuery reads a request's raw query for the visitor and the texts, which may
// be nil.
func ReadQuery(raw string, visit Visitor, texts Texts) error {
	if raw == "" {
		return nil
	}
	p := newPairs(Query, visit)
	defer p.free()
	p.texts = texts
	return p.all(raw)
}
