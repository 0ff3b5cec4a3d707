// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
)

// json spells a tree. An ordinary spelling is what JSON.stringify writes; others
// use what JSON allows, and some of what it does not.
func (s source) json(t tree, ordinary bool) string {
	var b strings.Builder
	s.writeJSON(&b, t, ordinary)
	text := b.String()
	if ordinary {
		return text
	}
	switch s.IntN(12) {
	case 0:
		text = "\ufeff" + text
	case 1:
		text += pick(s, " ", "\n", "{}", `{"$ne":1}`, ",", "x", "\x00")
	case 2:
		text = pick(s, " ", "\n\t\r ", "\x00", "//c\n", "[", strings.Repeat(" ", 600)) + text
	case 3:
		n := pick(s, 3, 20, 40, 70)
		text = strings.Repeat(`{"a":`, n) + text + strings.Repeat("}", n)
	case 4:
		text = "[" + text + "]"
	case 5:
		text = strings.Replace(text, ",", pick(s, ",,", ", ", "\u00a0,", "/**/,"), 1)
	}
	return text
}

func (s source) writeJSON(b *strings.Builder, t tree, ordinary bool) {
	space := func() {
		if !ordinary && s.in(6) {
			b.WriteString(pick(s, " ", "\n", "\t", "\r\n"))
		}
	}
	switch t.kind {
	case 'o':
		b.WriteByte('{')
		for i, kid := range t.kids {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			if !ordinary && s.in(12) { // a harmless one of the same name before it
				fmt.Fprintf(b, "%s:1,", quoted(t.names[i]))
			}
			b.WriteString(s.string(t.names[i], ordinary))
			space()
			b.WriteByte(':')
			space()
			s.writeJSON(b, kid, ordinary)
			if !ordinary && s.in(12) {
				fmt.Fprintf(b, ",%s:%q", quoted(t.names[i]), "x")
			}
		}
		b.WriteByte('}')
	case 'a':
		b.WriteByte('[')
		for i, kid := range t.kids {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			s.writeJSON(b, kid, ordinary)
		}
		b.WriteByte(']')
	case 's':
		b.WriteString(s.string(t.text, ordinary))
	default:
		text := t.text
		if !ordinary && s.in(10) {
			text = pick(s, "1e400", "-0", "0x10", "NaN", strings.Repeat("9", 120), "01", ".5", "+1")
		}
		b.WriteString(text)
	}
}

func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// string spells a string, some of its letters escaped.
func (s source) string(text string, ordinary bool) string {
	if ordinary || !s.in(3) {
		return quoted(text)
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case s.in(2):
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, pick(s, `\u%04x`, `\u%04X`), unit)
			}
		case r == '"' || r == '\\' || r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	if s.in(10) {
		b.WriteString(pick(s, `\ud800`, "\xff", `\u0000`, `\/`, "\xed\xa0\x80"))
	}
	b.WriteByte('"')
	return b.String()
}
