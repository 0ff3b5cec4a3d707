// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package page reads HTML as it is served, without building a tree, for what a
// Content-Security-Policy has to know of a page.
//
// # What it does
//
// A [Collector] finds what a policy would have to allow: inline scripts and styles
// by their hash, event handlers and style attributes, addresses of external scripts
// and style sheets. A [Rewriter] puts a nonce on every script and style. Both take a
// page in chunks, as it streams, and go through the states of the tokenizer of the
// HTML standard, so that a script within a comment, a title or another script is
// none.
//
// # What it does not do
//
// A nonce on every script blesses what the app was tricked into printing as well:
// what is left of the policy's protection is against event handlers, javascript:
// addresses and what is inserted later. There is no tree: SVG and MathML are followed by
// the names of their elements, and where a page is not well formed a browser may see
// them end elsewhere, or ignore a start tag (a <style> within an old <select>). Then a
// script may be missed or a hash be that of a text that is no script there, and the
// nonce, which has no quotes, may stand as text where the browser sees some; it never
// makes a tag of it. The text of a page that is not UTF-8 is hashed as it came, which no
// browser does.
//
// # Bounds
//
// A tag is held back until it is whole, up to 64 KiB; a longer one passes as it is,
// and so does what stands in it. 128 attributes of a tag are read. Nothing else is
// kept: a page of any length takes the same memory, and each byte is looked at a
// bounded number of times.
package page

import "bytes"

const (
	maxTag     = 64 << 10 // bytes of a tag behind its name
	maxAttrs   = 128      // of a tag
	maxForeign = 64       // SVG, MathML and what holds HTML in them, within each other
)

// handler is told of a page. Slices are only valid during the call.
type handler interface {
	// wants reports whether a start tag is asked for.
	wants(name []byte) bool
	// tag is a start tag that was wanted. attrs goes from behind its name to the >
	// and with it; from and to are where it stands in the chunk, from 0 when it began in
	// one before.
	tag(name, attrs []byte, from, to int)
	// overlong is the beginning of a wanted tag that is given up.
	overlong(attrs []byte)
	// text is what stands in the script or style that began last, and close its end.
	text(b []byte)
	close()
	// markup is text of a script or style of SVG or MathML, in which references count,
	// and broken says that it has more in it than text.
	markup(b []byte)
	broken()
}

type state uint8

const (
	data state = iota
	tagOpen
	endTagOpen
	tagName
	beforeAttr
	attrName
	afterAttr
	beforeValue
	doubleQuoted
	singleQuoted
	unquoted
	declaration // behind <!
	bogus
	commentStart
	commentStartDash
	comment
	commentDash
	commentEnd
	commentBang
	cdata
	cdataBracket
	cdataEnd
	rawText
	rawLess // behind a < in raw text
	plaintext
)

// scanner goes through the tokenizer's states. It starts at the start of a page.
type scanner struct {
	h     handler
	state state

	name   [16]byte // of the tag at hand, lower case
	named  int      // its length; one that does not fit is none that matters
	end    bool     // it is an end tag
	slash  bool     // a / stands at its end
	wanted bool
	attrs  []byte // of a wanted tag, from chunks before

	held    [16]byte // what may become an end tag or a declaration, and is text if not
	holding int
	raw     raw
	foreign foreign
	inline  bool // in the text of a script or style of SVG or MathML
}

var less, brackets = []byte("<"), []byte("]]")

// section hears what a CDATA section holds.
func (s *scanner) section(b []byte) {
	if s.inline && len(b) > 0 {
		s.h.text(b)
	}
}

func space(c byte) bool  { return c == ' ' || c == '\n' || c == '\t' || c == '\f' || c == '\r' }
func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// lower is a letter in lower case, and any other byte.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

// scan takes the next chunk. It returns where in it the attributes of a wanted tag
// begin that is not whole yet, len(b) where there is none.
func (s *scanner) scan(b []byte) (unfinished int) {
	from := 0 // where the attributes at hand begin
	for i := 0; i < len(b); {
		c := b[i]
		switch s.state {
		case data:
			j := bytes.IndexByte(b[i:], '<')
			if j < 0 {
				j = len(b) - i
			}
			if s.inline && j > 0 {
				s.h.markup(b[i : i+j])
			}
			if i += j; i == len(b) {
				return len(b)
			}
			s.state = tagOpen
		case tagOpen:
			switch {
			case letter(c):
				s.state, s.named, s.end = tagName, 0, false
				continue
			case c == '/':
				s.state = endTagOpen
			case c == '!':
				s.state, s.holding = declaration, 0
			case c == '?':
				s.state = bogus
			default:
				if s.state = data; s.inline {
					s.h.markup(less)
				}
				continue
			}
		case endTagOpen:
			switch {
			case letter(c):
				s.state, s.named, s.end = tagName, 0, true
			case c == '>':
				s.state = data
			default:
				s.state = bogus
			}
			if c != '>' {
				continue
			}
		case tagName:
			if i = s.spell(b, i); i < len(b) {
				s.state, s.slash, s.attrs = beforeAttr, false, s.attrs[:0]
				s.wanted = !s.end && (s.h.wants(s.tagged()) || s.foreign.asks(s.tagged()))
				from = i
			}
			continue
		case beforeAttr, attrName, afterAttr, beforeValue, doubleQuoted, singleQuoted, unquoted:
			if i = s.attributes(b, i); i < len(b) {
				i++ // the >
				s.finish(b, from, i)
			}
			continue
		case declaration:
			if s.declare(c) {
				continue
			}
		case bogus:
			j := bytes.IndexByte(b[i:], '>')
			if j < 0 {
				return len(b)
			}
			i += j
			s.state = data
		case comment:
			j := bytes.IndexByte(b[i:], '-')
			if j < 0 {
				return len(b)
			}
			i += j
			s.state = commentDash
		case commentStart, commentStartDash, commentDash, commentEnd, commentBang:
			s.state = commentAfter(s.state, c)
		case cdata:
			j := bytes.IndexByte(b[i:], ']')
			if j < 0 {
				s.section(b[i:])
				return len(b)
			}
			s.section(b[i : i+j])
			i += j
			s.state = cdataBracket
		case cdataBracket:
			if c != ']' {
				s.section(brackets[:1])
				s.state = cdata
				continue
			}
			s.state = cdataEnd
		case cdataEnd:
			switch c {
			case '>':
				s.state = data
			case ']':
				s.section(brackets[:1])
			default:
				s.section(brackets)
				s.state = cdata
				continue
			}
		case rawText:
			i = s.rawRun(b, i)
			continue
		case rawLess:
			if s.rawMarkup(c) {
				continue
			}
		case plaintext:
			return len(b)
		}
		i++
	}
	if !s.wanted || s.state < beforeAttr || s.state > unquoted {
		return len(b)
	}
	if s.keep(b[from:]); !s.wanted {
		return len(b)
	}
	return from
}
