// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxAccount is how long an account or another field of a body may be, in bytes,
// to count by itself. All that are longer count as one: nothing hides behind
// padding, and nobody's name is so long.
const (
	maxAccount = 1024
	tooLong    = "(toolong)"
)

// fold makes one of the spellings that apps and databases take for one account:
// Admin@shop is admin@shop, and so it is with an accent, a stroke, in full width, or
// with a byte order mark that a trim in JavaScript takes away; and one of what canonical
// does. Two accounts that it makes one share a limit, and nothing else.
func fold(value string) string {
	if len(value) > maxAccount {
		return tooLong
	}
	value = strings.TrimSpace(value)
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c >= 0x7f || c == '\'' || c|0x20 == 's' && i > 0 && value[i-1]|0x20 == 's' {
			return canonical(foldText(value))
		}
	}
	return canonical(strings.ToLower(value))
}

func foldText(value string) string {
	var pieces norm.Iter
	pieces.InitString(norm.NFKD, visible(alike(value)))
	var b strings.Builder
	for !pieces.Done() {
		if b.Write(pieces.Next()); b.Len() > maxAccount {
			return tooLong // one letter can become eighteen
		}
	}
	value = cases.Fold().String(letters(b.String()))
	// The folding of Unicode keeps the dotless i, which is an I in capitals.
	value = singleS(letters(alike(strings.ToLower(strings.ToUpper(value)))))
	if len(value) > maxAccount {
		return tooLong
	}
	return value
}

// visible is the text without marks, spaces, controls and what else a reader does
// not see: what may be long before it is decomposed.
func visible(value string) string {
	return strings.Map(func(c rune) rune {
		if unicode.In(c, unicode.Mn, unicode.Me, unicode.Cc, unicode.Cf, unicode.White_Space, unicode.Other_Default_Ignorable_Code_Point) {
			return -1
		}
		return c
	}, value)
}

// letters is a decomposed text in letters, numbers and what ASCII has besides: without marks,
// spaces, controls, signs and what else some collation ignores. Which of them a
// database ignores depends on its version; that letters and numbers count does not.
// An apostrophe goes too, for it is also written with signs.
func letters(value string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '\'', c <= ' ', c == 0x7f:
			return -1
		case c < 0x7f:
			return c
		case unicode.In(c, unicode.Other_Default_Ignorable_Code_Point) || !unicode.In(c, unicode.L, unicode.N):
			return -1
		}
		return c
	}, value)
}

// singleS writes s for ss, since ß is ss to some collations and s to others.
func singleS(value string) string {
	for strings.Contains(value, "ss") {
		value = strings.ReplaceAll(value, "ss", "s")
	}
	return value
}
