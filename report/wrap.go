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
	for columns(s) > most {
		at, after, used := 0, 0, 0
		for i, r := range s {
			if r == ' ' && strings.TrimSpace(s[:i]) != "" { // not in the indent
				at, after = i, i+1
			}
			if used += column(r); used > most {
				if after == 0 {
					at, after = i, i
				}
				break
			}
		}
		lines = append(lines, s[:at])
		s = s[after:]
	}
	return append(lines, s)
}

// pad fills a text up to a number of columns.
func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(0, n-columns(s)))
}
