// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"strings"
)

// spell reads on in the name of a tag, and returns where it ends or the chunk does.
func (s *scanner) spell(b []byte, i int) int {
	for ; i < len(b) && !space(b[i]) && b[i] != '/' && b[i] != '>'; i++ {
		if s.named < len(s.name) {
			s.name[s.named] = lower(b[i])
		}
		s.named++
	}
	return i
}

// tagged is the name of the tag at hand, nil for one that is too long to matter.
func (s *scanner) tagged() []byte {
	if s.named > len(s.name) {
		return nil
	}
	return s.name[:s.named]
}

// attributes reads on in the attributes of a tag, and returns where its > stands or
// the chunk ends.
func (s *scanner) attributes(b []byte, i int) int {
	for ; i < len(b); i++ {
		c := b[i]
		switch s.state {
		case beforeAttr:
			switch {
			case c == '>':
				return i
			case c == '/':
				s.slash = true
			case space(c):
				s.slash = false
			default:
				s.state, s.slash = attrName, false
			}
		case attrName, afterAttr:
			switch {
			case c == '=':
				s.state = beforeValue
			case c == '>':
				return i
			case c == '/':
				s.state, s.slash = beforeAttr, true
			case space(c):
				s.state = afterAttr
			default:
				s.state = attrName
			}
		case beforeValue:
			switch {
			case c == '"':
				s.state = doubleQuoted
			case c == '\'':
				s.state = singleQuoted
			case c == '>':
				return i
			case space(c):
			default:
				s.state = unquoted
			}
		case doubleQuoted, singleQuoted:
			quote := byte('"')
			if s.state == singleQuoted {
				quote = '\''
			}
			j := bytes.IndexByte(b[i:], quote)
			if j < 0 {
				return len(b)
			}
			i += j
			s.state = beforeAttr
		case unquoted:
			switch {
			case c == '>':
				return i
			case space(c):
				s.state = beforeAttr
			}
		}
	}
	return i
}

// keep holds what there is of a wanted tag until the rest has come.
func (s *scanner) keep(b []byte) {
	s.attrs = append(s.attrs, b...)
	if len(s.attrs) > maxTag {
		s.wanted = false
		s.h.overlong(s.attrs)
		s.attrs = nil
	}
}

// finish is called behind the > of a tag.
func (s *scanner) finish(b []byte, from, to int) {
	s.state = data
	name := s.tagged()
	if s.inline {
		s.inline = false
		if s.end && (string(name) == "script" || string(name) == "style") {
			s.h.close()
		} else {
			s.h.broken()
		}
	}
	var attrs []byte
	if s.wanted {
		attrs = b[from:to]
		if len(s.attrs) > 0 {
			s.attrs = append(s.attrs, attrs...)
			attrs = s.attrs
		}
		s.wanted = false
		s.h.tag(name, attrs, from, to)
		s.attrs = s.attrs[:0]
	}
	if s.raw.told {
		s.raw.told = false
		s.h.close()
	}
	switch {
	case s.end:
		s.foreign.leave(name)
	case s.foreign.enter(name, attrs, s.slash):
		s.inline = !s.slash && s.foreign.inSVG() && (string(name) == "script" || string(name) == "style")
	case string(name) == "plaintext":
		s.state = plaintext
	default:
		s.rawStart(name)
	}
}

// declare reads on behind <!. It reports whether c has to be looked at again.
func (s *scanner) declare(c byte) (again bool) {
	const dashes, section = "--", "[CDATA["
	s.held[s.holding] = c
	s.holding++
	switch so := string(s.held[:s.holding]); {
	case so == dashes:
		s.state = commentStart
	case so == section && s.foreign.sections():
		s.state = cdata
	case strings.HasPrefix(dashes, so), so != section && strings.HasPrefix(section, so):
	default:
		s.state = bogus // DOCTYPE ends at the next >, too
		return true
	}
	return false
}

// commentAfter is the state behind c in a comment: it ends at -->, --!>, and at its
// start at > and -> already.
func commentAfter(from state, c byte) state {
	switch {
	case c == '>' && from != commentDash:
		return data
	case c == '-':
		switch from {
		case commentStart:
			return commentStartDash
		case commentBang:
			return commentDash
		}
		return commentEnd
	case c == '!' && from == commentEnd:
		return commentBang
	}
	return comment
}
