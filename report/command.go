// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/panoply-security/panoply/finding"
)

// command is a command that shows the finding, to be pasted into a POSIX shell:
// the producer's, or else a curl of an answer that a GET brings. It is empty
// where there is none, and where an address has anything in it that acts: what
// is pasted must be what is seen.
func command(f *finding.Finding) string {
	if f.Reproduce != "" {
		if strings.ContainsFunc(f.Reproduce, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return ""
		}
		return f.Reproduce
	}
	l := f.Location
	if l.URL == "" || l.Method != "GET" && l.Method != "HEAD" && l.Method != "OPTIONS" {
		return ""
	}
	u, err := url.Parse(l.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || strings.HasSuffix(l.URL, "…") {
		return ""
	}
	words := []string{"curl", "-gsSi"} // -g: brackets are no patterns
	switch l.Method {
	case "HEAD":
		words = append(words, "-I")
	case "OPTIONS":
		words = append(words, "-X", "OPTIONS")
	}
	return strings.Join(append(words, "--", finding.Quote(u.String())), " ")
}
