// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// columns is how much room a text takes on a terminal.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += column(r)
	}
	return n
}

func column(r rune) int {
	if r < 0x300 {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0 // it sits on the one before
	}
	if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
		return 2
	}
	return 1
}

// wrap breaks one line of text at spaces into lines of at most most columns;
// what has no space to break at is broken anywhere. There is always a line.
func wrap(s string, most int) []string {
	most = max(most, 2) // the widest rune
	var lines []string
	for {
		at, after := split(s, most)
		if at < 0 {
			return append(lines, s)
		}
		lines = append(lines, s[:at])
		s = s[after:]
	}
}

// split finds where a line ends and the next begins; at is -1 if s fits on one.
func split(s string, most int) (at, after int) {
	used, begun := 0, false
	for i, r := range s {
		if r == ' ' && begun { // not in the indent
			at, after = i, i+1
		}
		begun = begun || r != ' '
		if used += column(r); used > most {
			if after == 0 {
				return i, i
			}
			return at, after
		}
	}
	return -1, 0
}

// pad fills a text up to a number of columns.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-columns(s)))
}
