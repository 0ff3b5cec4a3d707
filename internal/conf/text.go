// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checkText reports what no policy file may contain, and returns the rest with
// its byte order mark cut off, each line ended by \n, the last too.
func checkText(src []byte, found *collector) (text string, ok bool) {
	if len(src) > maxBytes {
		found.at(0, 0, "", fmt.Sprintf("the file is larger than %d bytes", maxBytes), "")
		return "", false
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	ok = true
	blank := 0
	for i, line := range bytes.Split(src, []byte("\n")) {
		if blank++; len(bytes.TrimSpace(line)) > 0 {
			blank = 0
		}
		if blank > maxBlank {
			found.at(i+1, 1, "", fmt.Sprintf("more than %d blank lines in a row", maxBlank), "")
			return "", false
		}
		column := 1
		for len(line) > 0 {
			r, size := utf8.DecodeRune(line)
			if message, hint := forbidden(r, size); message != "" {
				found.at(i+1, column, "", message, hint)
				ok = false
				break // one for a line will do
			}
			line = line[size:]
			column++
		}
	}
	if !bytes.HasSuffix(src, []byte("\n")) {
		src = append(src, '\n')
	}
	return string(src), ok
}

// forbidden says what is wrong with a character, if anything is. Direction
// marks can make a policy look in review as it does not read (CVE-2021-42574).
func forbidden(r rune, size int) (message, hint string) {
	switch {
	case r == utf8.RuneError && size == 1:
		return "this is not UTF-8", "save the file as UTF-8"
	case r == '\t':
		return "a tab", `indent with spaces; inside "…" write \t`
	case r < ' ' || r >= 0x7f && r <= 0x9f:
		return fmt.Sprintf("the control character U+%04X", r), fmt.Sprintf(`inside "…" write \x%02x`, r)
	case r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0xfeff:
		return fmt.Sprintf("the invisible character U+%04X", r), fmt.Sprintf(`inside "…" write \u%04x`, r)
	}
	return "", ""
}

// The escapes of YAML's double-quoted text, besides \x, \u and \U.
var escapes = map[byte]string{
	'0': "\x00", 'a': "\a", 'b': "\b", 't': "\t", 'n': "\n", 'v': "\v", 'f': "\f", 'r': "\r", 'e': "\x1b",
	' ': " ", '"': `"`, '/': "/", '\\': `\`, 'N': "\u0085", '_': "\u00a0", 'L': "\u2028", 'P': "\u2029",
}

// readQuoted reads the quoted text that s starts with and returns what it says
// and how long it is. It must be closed on its line.
func readQuoted(s string) (text string, length int, ok bool) {
	var b strings.Builder
	quote, left := s[:1], s[1:]
	for left != "" && left[0] != '\n' {
		part := left[:1]
		left = left[1:]
		switch {
		case part == quote && quote == "'" && strings.HasPrefix(left, "'"):
			left = left[1:]
		case part == quote:
			return b.String(), len(s) - len(left), true
		case part == `\` && quote == `"`:
			if part, left, ok = unescape(left); !ok {
				return "", 0, false
			}
		}
		b.WriteString(part)
	}
	return "", 0, false
}

// unescape reads what follows a backslash. Halves of a surrogate pair are no
// characters; \U writes what they would.
func unescape(s string) (text, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	size := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if size == 0 {
		text, ok = escapes[s[0]]
		return text, s[1:], ok
	}
	if len(s) <= size {
		return "", "", false
	}
	code, err := strconv.ParseUint(s[1:size+1], 16, 32)
	if err != nil || !utf8.ValidRune(rune(code)) {
		return "", "", false
	}
	return string(rune(code)), s[size+1:], true
}
