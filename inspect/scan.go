// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// notJSON is why a text is not JSON, as opposed to what a visitor or a bound has
// against it.
type notJSON string

func (e notJSON) Error() string { return string(e) }

const (
	malformed notJSON = "The JSON is malformed."
	repeated  notJSON = "The JSON repeats a name."
	notUTF8   notJSON = "The JSON is not valid UTF-8."
)

// textOf is data as a string, without a copy. A body that was read is never
// written to: what is taken out of one is copied to another place.
func textOf(data []byte) string { return unsafe.String(unsafe.SliceData(data), len(data)) }

// blanks is where the white space that starts at i ends.
func blanks(s string, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// plain bytes stand for themselves in a string.
var plain = func() (t [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return
}()

// stringEnd is where the string with the quote at i ends. It is verbatim when
// what stands between the quotes is its value. A loose string may hold what is
// not UTF-8.
func stringEnd(s string, i int, loose bool) (end int, verbatim bool, err error) {
	verbatim = true
	for i++; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		switch {
		case c == '"':
			return i + 1, verbatim, nil
		case c == '\\':
			verbatim = false
			_, n, err := escape(s[i:])
			if err != nil && (err != notUTF8 || !loose) {
				return i, false, err
			}
			i += n
		case c < ' ':
			return i, false, malformed
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				if verbatim = false; !loose {
					return i, false, notUTF8
				}
			}
			i += n
		}
	}
	return i, false, malformed
}

// escape is the rune that a backslash at the start of s begins, and how many
// bytes spell it. Half a surrogate pair is the replacement character, and not
// UTF-8.
func escape(s string) (r rune, n int, err error) {
	if len(s) < 2 {
		return 0, 0, malformed
	}
	switch c := s[1]; c {
	case '"', '\\', '/':
		return rune(c), 2, nil
	case 'b':
		return '\b', 2, nil
	case 'f':
		return '\f', 2, nil
	case 'n':
		return '\n', 2, nil
	case 'r':
		return '\r', 2, nil
	case 't':
		return '\t', 2, nil
	case 'u':
		r, ok := hex4(s)
		if !ok {
			return 0, 0, malformed
		}
		if !utf16.IsSurrogate(r) {
			return r, 6, nil
		}
		if len(s) >= 8 && s[6] == '\\' && s[7] == 'u' {
			if low, ok := hex4(s[6:]); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					return pair, 12, nil
				}
			}
		}
		return utf8.RuneError, 6, notUTF8
	}
	return 0, 0, malformed
}

// hex4 reads the digits of \uXXXX.
func hex4(s string) (r rune, ok bool) {
	if len(s) < 6 {
		return 0, false
	}
	for i := 2; i < 6; i++ {
		c := rune(s[i])
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | c
	}
	return r, true
}

// unescape is the value of a string, given what stands between its quotes, which
// stringEnd has passed.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if s[i] == '\\' {
			r, n, _ := escape(s[i:])
			b.WriteRune(r)
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

// numberEnd is where the number that starts at i ends, and where its exponent
// stands, behind the e. Each is -1 where there is none.
func numberEnd(s string, i int) (end, exponent int) {
	exponent = -1
	if i < len(s) && s[i] == '-' {
		i++
	}
	switch end := digits(s, i); {
	case end == i:
		return -1, -1
	case s[i] == '0':
		i++
	default:
		i = end
	}
	if i < len(s) && s[i] == '.' {
		end := digits(s, i+1)
		if end == i+1 {
			return -1, -1
		}
		i = end
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		exponent = i
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		end := digits(s, i)
		if end == i {
			return -1, -1
		}
		i = end
	}
	return i, exponent
}

func digits(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

// plainNumber reports whether every parser reads the same finite number, at a
// cost that the bytes sent account for: 1e400 is infinite in JavaScript, and
// 1e999999 takes a library that computes exactly a megabyte. The exponent starts
// at e, or there is none.
func plainNumber(s string, e int) bool {
	switch {
	case len(s) > maxNumber:
		return false
	case e < 0:
		return true
	}
	exponent, err := strconv.Atoi(s[e:])
	if err != nil || exponent < minExponent || exponent > maxExponent {
		return false
	}
	if e+exponent <= 308 {
		return true // less than 1e308, with fewer than e digits
	}
	_, err = strconv.ParseFloat(s, 64)
	return err == nil
}
