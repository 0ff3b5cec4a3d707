// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package weak

import (
	"strings"
	"sync"
)

// Guess calls try with one candidate after the other, likely ones first, until
// try returns true, and returns that candidate. The whole walk is about
// 160,000 candidates, some of them more than once; every entry of the
// lists comes before the first variation.
func Guess(try func(candidate string) bool) (secret string, found bool) {
	g := guesser{try: try}
	l := entries()
	return g.secret, g.each(l.secrets) || g.each(l.passwords) || g.each(l.common) ||
		g.simple(l.secrets) || g.simple(l.passwords) || g.phrases()
}

type lists struct{ secrets, passwords, common []string }

var entries = sync.OnceValue(func() lists {
	return lists{lines(secretsText), lines(passwordsText), lines(commonText)}
})

type guesser struct {
	try    func(string) bool
	secret string
}

func (g *guesser) test(candidate string) bool {
	if !g.try(candidate) {
		return false
	}
	g.secret = candidate
	return true
}

func (g *guesser) each(list []string) bool {
	for _, w := range list {
		if g.test(w) {
			return true
		}
	}
	return false
}

// suffixes that a form's password rules, or a year, make people add.
var suffixes = []string{"1", "12", "123", "1234", "12345", "123456", "!", "!!", "1!", "123!", "@123", "#1", "01", "007", "69", "2020", "2021", "2022", "2023", "2024", "2025", "2026", "_dev", "-dev", "_prod"}

// leetspeak as people write it.
var leet = []*strings.Replacer{
	strings.NewReplacer("o", "0"),
	strings.NewReplacer("a", "@"),
	strings.NewReplacer("a", "@", "o", "0"),
	strings.NewReplacer("a", "@", "o", "0", "s", "$"),
	strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0"),
	strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0", "s", "5"),
	strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0", "s", "5", "t", "7"),
	strings.NewReplacer("e", "3"),
	strings.NewReplacer("i", "1"),
}

// simple tries the simple variations of each word.
func (g *guesser) simple(list []string) bool {
	for _, w := range list {
		lower := strings.ToLower(w)
		title := strings.ToUpper(lower[:1]) + lower[1:]
		for _, v := range []string{
			lower, title, strings.ToUpper(w), reverse(w), w + w, w + w + w, w + w + w + w,
		} {
			if v != w && g.test(v) {
				return true
			}
		}
		if !strings.ContainsAny(w, "0123456789") {
			for _, r := range leet {
				if v := r.Replace(lower); v != lower && g.test(v) {
					return true
				}
			}
		}
		for _, s := range suffixes {
			if g.test(w+s) || lower != w && g.test(lower+s) || title != w && g.test(title+s) {
				return true
			}
		}
		if parts := words(lower); len(parts) > 1 && g.joined(parts) {
			return true
		}
	}
	return false
}

// The usual words of a made-up secret: qualifiers and the thing itself.
var (
	qualifiers = strings.Fields("my your the our super ultra top very mega jwt session cookie token access refresh auth api app node express server test dev prod a")
	things     = strings.Fields("secret key secretkey token password secret123 string code")
)

// phrases tries one and two qualifiers before a thing: my_super_secret.
func (g *guesser) phrases() bool {
	for _, thing := range things {
		for _, second := range qualifiers {
			if g.joined([]string{second, thing}) {
				return true
			}
			for _, first := range qualifiers {
				if first != second && g.joined([]string{first, second, thing}) {
					return true
				}
			}
		}
	}
	return false
}

// joined tries words that are in lower case in the ways they are put together.
func (g *guesser) joined(parts []string) bool {
	titles := make([]string, len(parts))
	for i, w := range parts {
		titles[i] = strings.ToUpper(w[:1]) + w[1:]
	}
	camel := parts[0] + strings.Join(titles[1:], "")
	for _, sep := range []string{"", "_", "-", " "} {
		s := strings.Join(parts, sep)
		if g.test(s) || g.test(strings.ToUpper(s)) {
			return true
		}
	}
	return g.test(camel) || g.test(strings.Join(titles, "")) || g.test(strings.Join(titles, " ")) || g.test(strings.Join(parts, "."))
}
