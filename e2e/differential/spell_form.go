// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// form spells a tree as a query or a form. An ordinary spelling is what qs or a
// browser writes.
func (s source) form(t tree, ordinary bool) string {
	var parts []string
	for i, f := range t.fields(nil) {
		name := f.path[0]
		if !ordinary && s.in(30) {
			name = "\ufeff" + name
		}
		for _, part := range f.path[1:] {
			name += s.bracket(part, i, ordinary)
		}
		part := s.escape(name, ordinary) + "=" + s.escape(f.value, ordinary)
		if !ordinary {
			part = s.oddPair(part, name, f.value)
		}
		parts = append(parts, part)
	}
	text := strings.Join(parts, "&")
	if ordinary {
		return text
	}
	switch s.IntN(14) {
	case 0:
		text = pick(s, "?", "?", "\ufeff", "&&", "=", "&=&", "a;", "%EF%BB%BF") + pick(s, "", "$ne=1&", "__proto__=1&") + text
	case 1:
		text = strings.ReplaceAll(text, "&", pick(s, ";", "&amp;", "&&", "\n&"))
	case 2:
		text += pick(s, "&", "&a=%zz", "&%", "&a=%ff", "&a=%C3%28", "&=$ne", "&x", "&a[b=1", "&$ne")
	case 3:
		text = "a=%zz&" + text
	case 4: // a name given both ways
		parts = append(parts, "a=1")
		if name, _, ok := strings.Cut(parts[0], "["); ok {
			text += "&" + name + "=" + pick(s, "$ne", "x", "__proto__")
		} else if name, _, ok := strings.Cut(parts[0], "="); ok {
			text += "&" + name + pick(s, "[$ne]=1", "[x]=$ne", "[]=1", "[0]=1", ".x=1", "=2")
		}
	case 5:
		text = strings.Repeat("p=1&", pick(s, 10, 990, 1000, 1001)) + text
	}
	return text
}

// bracket puts one name inside another.
func (s source) bracket(part string, i int, ordinary bool) string {
	if number, item := strings.CutPrefix(part, "#"); item || part == "" {
		switch {
		case ordinary && item:
			return "[" + number + "]"
		case ordinary:
			return "[]"
		}
		return pick(s, "[]", "[0]", "["+strconv.Itoa(i)+"]", "[150]", "[][]", "[", ".0", "[-1]")
	}
	if ordinary {
		return "[" + part + "]"
	}
	switch s.IntN(10) {
	case 0:
		return "." + part
	case 1:
		return pick(s, "[["+part+"]]", "["+part, "]["+part+"]", "["+part+"]]", "[x]"+part, "["+part+"]x", "[ "+part+" ]", "[."+part+"]", ".["+part+"]")
	case 2:
		return pick(s, "['"+part+"']", `["`+part+`"]`)
	}
	return "[" + part + "]"
}

// oddPair rewrites a pair in ways that parsers take apart differently.
func (s source) oddPair(part, name, value string) string {
	switch s.IntN(12) {
	case 0:
		return "q=" + name + "]=" + s.escape(value, false)
	case 1:
		return "[" + strings.Replace(name, "[", "][", 1) + "]=" + s.escape(value, false)
	case 2:
		return name // no value
	case 3:
		return name + "==" + value
	}
	return part
}

// escape spells text in percent-encoding.
func (s source) escape(text string, ordinary bool) string {
	if ordinary {
		text = url.QueryEscape(text)
		if s.in(2) { // as people write them
			text = strings.NewReplacer("%5B", "[", "%5D", "]").Replace(text)
		}
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case s.in(12):
			fmt.Fprintf(&b, "%%25%02x", c) // twice
		case c == ' ' && s.in(2):
			b.WriteByte('+')
		case c == '&' || c == '%' || c == '+' || c == '#' || c <= ' ' || c >= 0x7f || s.in(4):
			fmt.Fprintf(&b, pick(s, "%%%02x", "%%%02X"), c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
