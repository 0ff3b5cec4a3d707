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
	return g.secret, g.each(l.secrets) || g.each(l.passwords) || g.common() ||
		g.simple(l.secrets) || g.simple(l.passwords) || g.phrases()
}

type lists struct{ secrets, passwords []string }

var entries = sync.OnceValue(func() lists { return lists{lines(secretsText), lines(passwordsText)} })

type guesser struct {
	try    func(string) bool
	secret string
	text   strings.Builder // that candidates are put together in
}

func (g *guesser) test(candidate string) bool {
	if !g.try(candidate) {
		return false
	}
	g.secret = candidate
	return true
}

// room of a text that candidates share: 100,000 of their own would keep the collector
// busier than the hash.
const room = 32 << 10

// join tests what the parts make together, with sep between them.
func (g *guesser) join(sep string, parts ...string) bool {
	n := len(sep) * len(parts)
	for _, p := range parts {
		n += len(p)
	}
	if g.text.Cap()-g.text.Len() < n {
		g.text = strings.Builder{}
		g.text.Grow(max(room, n))
	}
	start := g.text.Len()
	for i, p := range parts {
		if i > 0 {
			g.text.WriteString(sep)
		}
		g.text.WriteString(p)
	}
	return g.test(g.text.String()[start:])
}

func (g *guesser) each(list []string) bool {
	for _, w := range list {
		if g.test(w) {
			return true
		}
	}
	return false
}

// common tests the 30,000 passwords where they stand.
func (g *guesser) common() bool {
	for line := range strings.Lines(commonText) {
		if entry, ok := entryOf(line); ok && g.test(entry) {
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
			if g.join("", w, s) || lower != w && g.join("", lower, s) || title != w && g.join("", title, s) {
				return true
			}
		}
		if parts := words(lower); len(parts) > 1 && g.joined(spelled(parts)) {
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
	qualifiers := spelled(qualifiers)
	for _, thing := range spelled(things) {
		for _, second := range qualifiers {
			if g.joined([]word{second, thing}) {
				return true
			}
			for _, first := range qualifiers {
				if first != second && g.joined([]word{first, second, thing}) {
					return true
				}
			}
		}
	}
	return false
}

// word is a word as it is written in lower case, in capitals and as a name.
type word struct{ lower, upper, title string }

// spelled are words in lower case in all their spellings.
func spelled(lower []string) []word {
	out := make([]word, len(lower))
	for i, w := range lower {
		upper := strings.ToUpper(w)
		out[i] = word{w, upper, upper[:1] + w[1:]}
	}
	return out
}

// joined tries words in the ways they are put together.
func (g *guesser) joined(words []word) bool {
	var lower, upper, titles []string
	for _, w := range words {
		lower, upper, titles = append(lower, w.lower), append(upper, w.upper), append(titles, w.title)
	}
	for _, sep := range []string{"", "_", "-", " "} {
		if g.join(sep, lower...) || g.join(sep, upper...) {
			return true
		}
	}
	if g.join("", titles...) || g.join(" ", titles...) || g.join(".", lower...) {
		return true
	}
	titles[0] = lower[0] // camel case
	return g.join("", titles...)
}
