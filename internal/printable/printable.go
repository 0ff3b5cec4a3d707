// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package printable keeps text that somebody else wrote, such as the headers of
// a scanned site, from acting on whatever shows it: escape codes that move the
// cursor or change a terminal's title, line separators that forge log lines,
// bidirectional marks that make text read other than it is, and the commands
// that build servers take from the output of what they run (::set-env, ##vso[).
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// acts reports whether a rune does something else than show: control and format
// characters, line and paragraph separators, private use, and what Unicode has
// not assigned. A space is the only blank that may pass; every other looks like
// it and is not.
func acts(r rune) bool { return !unicode.IsPrint(r) }

// Line is s on one line, with everything that acts written as an escape sequence
// that Go, JSON and JavaScript share (\u001b), or \x.. for bytes that are not
// UTF-8. Backslashes stay, so the text is for reading, not for reading back.
func Line(s string) string {
	if !clean(s) {
		s = escaped(s)
	}
	return Unheard(s)
}

// Unheard is a line in which no build server finds a command: GitHub's begin
// with :: and a name, and ##[, ##vso[ and ##teamcity[ may stand anywhere.
func Unheard(line string) string {
	line = strings.ReplaceAll(line, "##", `#\u0023`)
	begin := strings.TrimLeft(line, " ")
	if len(begin) > 2 && begin[:2] == "::" && letter(begin[2]) {
		line = line[:len(line)-len(begin)] + `\u003a` + begin[1:]
	}
	return line
}

func letter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func escaped(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(`\x`)
			hex(&b, rune(s[i]), 2)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case acts(r):
			escape(&b, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

func clean(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if acts(r) {
			return false
		}
	}
	return true
}

// Lines is s line by line, each as Line has it, with tabs as two spaces; for
// code and other texts of several lines.
func Lines(s string) []string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\t", "  ")
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Line(l)
	}
	return lines
}

// JSON writes everything in a JSON text that acts, and < > and & and ##, as the escape
// sequences of JSON: it means the same, and can be shown on a terminal or stand
// in a page. The input must be valid JSON in UTF-8; newlines between tokens
// stay.
func JSON(text []byte) []byte {
	var b strings.Builder
	b.Grow(len(text) + len(text)/16)
	last := ' '
	for _, r := range string(text) {
		switch {
		case r == '#' && last == '#':
			escape(&b, r)
		case r == '<' || r == '>' || r == '&':
			escape(&b, r)
		case r == '\n' || !acts(r):
			b.WriteRune(r)
		default:
			escape(&b, r)
		}
		last = r
	}
	return []byte(b.String())
}

// escape writes \uXXXX, twice for what lies beyond the first plane.
func escape(b *strings.Builder, r rune) {
	if r > 0xffff {
		r -= 0x10000
		escape(b, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	b.WriteString(`\u`)
	hex(b, r, 4)
}

func hex(b *strings.Builder, r rune, width int) {
	digits := strconv.FormatInt(int64(r), 16)
	for range width - len(digits) {
		b.WriteByte('0')
	}
	b.WriteString(digits)
}
