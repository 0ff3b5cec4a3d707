// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"strconv"
	"strings"
)

// choose returns a hint for a word that is none of known: the nearest, or all.
func choose(word string, known []string) string {
	if hint := nearest(word, known); hint != "" {
		return hint
	}
	const most = 12
	switch {
	case len(known) == 0:
		return ""
	case len(known) > most:
		return "known here: " + strings.Join(known[:most], ", ") + ", …"
	}
	return "known here: " + strings.Join(known, ", ")
}

// nearest returns a hint that names the word of known that was probably meant,
// or nothing.
func nearest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	word = fold(word)
	best, limit := "", 1+len(word)/4
	for _, k := range known {
		if distance := edits(word, fold(k)); distance <= limit {
			best, limit = k, distance-1
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + strconv.Quote(best) + "?"
}

// fold makes the spellings of a name alike: contentSecurityPolicy,
// Content-Security-Policy and content_security_policy.
func fold(name string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
}

// edits counts the insertions, deletions, replacements and swaps of neighbours
// that turn a into b (the optimal string alignment distance).
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
