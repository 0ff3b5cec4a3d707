// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"html"
	"strings"
)

// eachAttr calls do for the attributes of a whole tag, up to maxAttrs, in order. Of
// two with one name browsers take the first.
func eachAttr(attrs []byte, do func(name, value []byte)) {
	i, n := 0, len(attrs)
	if n > 0 && attrs[n-1] == '>' {
		n--
	}
	for range maxAttrs {
		for i < n && (space(attrs[i]) || attrs[i] == '/') {
			i++
		}
		if i == n {
			return
		}
		from := i
		for i++; i < n && !space(attrs[i]) && attrs[i] != '/' && attrs[i] != '='; i++ {
		}
		name := attrs[from:i]
		for i < n && space(attrs[i]) {
			i++
		}
		if i == n || attrs[i] != '=' {
			do(name, nil)
			continue
		}
		for i++; i < n && space(attrs[i]); i++ {
		}
		switch {
		case i < n && (attrs[i] == '"' || attrs[i] == '\''):
			quote := attrs[i]
			i++
			from = i
			for i < n && attrs[i] != quote {
				i++
			}
			do(name, attrs[from:i])
			i = min(i+1, n)
		default:
			from = i
			for i < n && !space(attrs[i]) {
				i++
			}
			do(name, attrs[from:i])
		}
	}
}

// value is the first value of an attribute.
func value(attrs []byte, name string) (v []byte, found bool) {
	eachAttr(attrs, func(n, value []byte) {
		if !found && equalFold(n, name) {
			v, found = value, true
		}
	})
	return v, found
}

// hasWord reports whether a value is a list with the word, whatever its case.
func hasWord(value []byte, word string) bool {
	if bytes.IndexByte(value, '&') >= 0 {
		value = []byte(decode(value))
	}
	for i := 0; i < len(value); {
		from := i
		for i < len(value) && !space(value[i]) {
			i++
		}
		if equalFold(value[from:i], word) {
			return true
		}
		i++
	}
	return false
}

var normalized = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\ufffd")

// decode is the value of an attribute as browsers have it: newlines normalized and
// character references resolved.
func decode(value []byte) string {
	text := normalized.Replace(string(value))
	if strings.IndexByte(text, '&') < 0 {
		return text
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(text, '&')
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i])
		text = text[i:]
		n := 1
		if strings.HasPrefix(text, "&#") {
			n = number(text)
		}
		if n > 2 { // html.UnescapeString overlooks one digit without a semicolon
			b.WriteString(html.UnescapeString(text[:n] + ";"))
			text = strings.TrimPrefix(text[n:], ";")
			continue
		}
		for n < len(text) && (letter(text[n]) || digit(text[n], 10)) {
			n++
		}
		reference := text[:n]
		text = text[n:]
		switch {
		case strings.HasPrefix(text, ";"):
			b.WriteString(closed(reference + ";"))
			text = text[1:]
		case strings.HasPrefix(text, "="): // as in an address: ?a=1&copy=2
			b.WriteString(reference)
		default:
			b.WriteString(whole(reference))
		}
	}
}

// number is the length of the numeric reference at the start of text, 2 where there
// are no digits.
func number(text string) int {
	n, base := 2, 10
	if len(text) > 2 && lower(text[2]) == 'x' {
		n, base = 3, 16
	}
	from := n
	for n < len(text) && digit(text[n], base) {
		n++
	}
	if n == from {
		return 2
	}
	return n
}

func digit(c byte, base int) bool {
	return '0' <= c && c <= '9' || base == 16 && 'a' <= lower(c) && lower(c) <= 'f'
}

// closed resolves a reference with its semicolon, of which no shorter one is taken.
func closed(reference string) string {
	if r := html.UnescapeString(reference); r == ";" || !strings.HasSuffix(r, ";") {
		return r
	}
	return reference
}

// whole resolves a reference without its semicolon if all of it is one.
func whole(reference string) string {
	if r := html.UnescapeString(reference); r == html.UnescapeString(reference+";") {
		return r
	}
	return reference
}
