// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package remedy

import (
	"slices"
	"strings"
)

// plain says whether a name may stand in a policy: it needs no escapes anywhere.
func plain(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != "" && len(s) < 100
}

// notText are words that YAML reads as something else, in lower case.
var notText = []string{"null", "true", "false", "yes", "no", "on", "off", "y", "n"}

// word is a plain name as YAML.
func word(s string) string {
	if slices.Contains(notText, strings.ToLower(s)) {
		return "'" + s + "'"
	}
	return s
}

// words are plain names in a list.
func words(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = word(n)
	}
	return strings.Join(quoted, ", ")
}
