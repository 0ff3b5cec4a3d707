// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package weak knows the secrets that attackers try first.
//
// A session cookie or an HS256 token can be tried offline: whoever holds one
// may test millions of secrets a second against it, with public lists that
// start at "secret" and "keyboard cat". [Check] refuses such a secret before
// it is used; [Guess] walks the same knowledge to find the secret of a token
// or cookie that an app has issued.
//
// The lists (secrets.txt, passwords.txt, common.txt, words.txt) are part of the program:
// a few hundred secrets that documentation, tutorials and products print, the
// usual base words of passwords, the 30,000 most frequent passwords of breaches
// (common.txt), and the vocabulary that made-up secrets are built from. Variations are computed: case, separators, digits and symbols
// around, leetspeak, reversal, repetition, words strung together.
//
// What it cannot know is whether an unknown secret came from a random source.
// A secret that passes is not in reach of a dictionary, no more.
package weak

import (
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// MinBytes is the least length of a secret: the output size of SHA-256, which
// RFC 7518 section 3.2 demands of an HS256 key.
const MinBytes = 32

const (
	// minSurprise is how many characters of a secret must be unexplained by
	// words and patterns. Twenty random hex digits are 80 bits.
	minSurprise = 20
	// minDistinct different bytes: 32 random hex digits have fewer with a
	// probability below one in ten million.
	minDistinct = 8
)

// Hint is the command that makes a good secret.
const Hint = "make one with: openssl rand -base64 48"

//go:embed secrets.txt
var secretsText string

//go:embed passwords.txt
var passwordsText string

//go:embed common.txt
var commonText string

//go:embed words.txt
var wordsText string

// Check reports why the secret must not be used, as a [fault.List] whose hint
// says how to make a good one, or nil. The text never shows the secret. Only
// the first 4 KiB of a secret are judged.
func Check(secret []byte) error {
	var faults fault.List
	unit := period(secret)
	switch {
	case len(secret) == 0:
		faults.Add("", "is empty", Hint)
	case guessable(unit):
		faults.Add("", "is guessable: a known secret, a variation of one, or nothing but common words and patterns", Hint)
	case len(unit) < len(secret) && len(unit) < MinBytes:
		faults.Addf("", Hint, "is %d bytes long, but repeats after %d", len(secret), len(unit))
	case len(secret) < MinBytes:
		faults.Addf("", Hint, "is %d bytes long, at least %d are needed", len(secret), MinBytes)
	case distinct(secret) < minDistinct:
		faults.Addf("", Hint, "has only %d different bytes", distinct(secret))
	}
	return faults.Err()
}

// guessable reports whether words and patterns explain the secret, as it is or
// in the text that it encodes.
func guessable(secret []byte) bool {
	s := string(secret[:min(len(secret), 4096)])
	if explained(s) {
		return true
	}
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.RawStdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		text, err := decode(strings.TrimRight(s, "="))
		if err == nil && printable(text) && explained(string(text)) {
			return true
		}
	}
	return false
}

// explained judges a long secret by what is left of it when all that is known
// is taken away, and a short one by the share of that, so that ten random
// characters are called too short and not known.
func explained(s string) bool {
	return surprise(s) < min(minSurprise, len(s)/4+1)
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}

// period returns the shortest prefix whose repetition is the whole secret; its
// last round may be cut short.
func period(secret []byte) []byte {
	// The failure function of Knuth, Morris and Pratt: the longest border of
	// the secret leaves its shortest period.
	border := make([]int, len(secret)+1)
	k := 0
	for i := 1; i < len(secret); i++ {
		for k > 0 && secret[i] != secret[k] {
			k = border[k]
		}
		if secret[i] == secret[k] {
			k++
		}
		border[i+1] = k
	}
	p := len(secret) - border[len(secret)]
	if p > len(secret)/2 {
		return secret // not two whole rounds: an accident at the ends
	}
	return secret[:p]
}

func distinct(b []byte) int {
	var seen [256]bool
	n := 0
	for _, c := range b {
		if !seen[c] {
			seen[c] = true
			n++
		}
	}
	return n
}

// lines are the entries of an embedded list.
func lines(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if entry, ok := entryOf(line); ok {
			out = append(out, entry)
		}
	}
	return out
}

// entryOf is the entry that a line of a list holds, unless it is empty or a comment.
func entryOf(line string) (entry string, ok bool) {
	line = strings.TrimRight(line, "\r\n")
	return line, line != "" && line != "#" && !strings.HasPrefix(line, "# ")
}
