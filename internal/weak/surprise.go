// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package weak

import (
	"slices"
	"strings"
	"sync"
)

// dictionary is every known secret, password and word in lower case, by length.
type dictionary struct {
	entries map[string]struct{}
	lengths []int // that occur, ascending
}

var known = sync.OnceValue(func() *dictionary {
	d := &dictionary{entries: make(map[string]struct{}, 2000)}
	add := func(s string) {
		if s = strings.ToLower(s); len(s) < 3 {
			return // shorter ones are shortWords: too likely by chance
		}
		d.entries[s] = struct{}{}
		if !slices.Contains(d.lengths, len(s)) {
			d.lengths = append(d.lengths, len(s))
		}
	}
	for _, s := range lines(secretsText) {
		add(s)
		add(strings.Join(words(s), "")) // whatever separators somebody changed
	}
	for _, s := range lines(passwordsText) {
		add(s)
	}
	for _, s := range lines(commonText) {
		if len(s) >= 6 && strings.Trim(s, "0123456789") != "" { // shorter ones, and digits, are there by chance
			add(s)
		}
	}
	for _, s := range strings.Fields(strings.Join(lines(wordsText), " ")) {
		add(s)
	}
	slices.Sort(d.lengths)
	return d
})

// shortWords join the others in a phrase. They count one character and not
// none, because two random letters make one often enough.
const shortWords = " an as at be by do go he id if in is it js me my no of on or so to up us vs we "

// Leetspeak, once for each reading of 1 and !.
var (
	leetI = strings.NewReplacer("0", "o", "1", "i", "!", "i", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "+", "t", "8", "b", "9", "g")
	leetL = strings.NewReplacer("0", "o", "1", "l", "!", "l", "3", "e", "4", "a", "@", "a", "5", "s", "$", "s", "7", "t", "+", "t", "8", "b", "9", "g")
)

// surprise counts the characters of s that no known word and no pattern
// explains, in the reading of s that explains most.
func surprise(s string) int {
	s = strings.ToLower(s)
	least := len(s)
	for _, s := range []string{s, strings.Join(words(s), "")} {
		for _, read := range []string{leetI.Replace(s), leetL.Replace(s)} {
			least = min(least, unexplained(s, read), unexplained(reverse(s), reverse(read)))
		}
	}
	return least
}

// unexplained finds the cheapest way through s from left to right: a known
// word is free, a run such as 1234 or aaa and a short word count one, a
// separator nothing, and every other byte one. A word may stand there as it is
// or in leetspeak; read is s with leetspeak undone, byte by byte.
func unexplained(s, read string) int {
	d := known()
	cost := make([]int, len(s)+1)
	for i := range cost {
		cost[i] = i
	}
	for i := range len(s) {
		c := cost[i]
		relax := func(n, price int) { cost[i+n] = min(cost[i+n], c+price) }
		if strings.IndexByte(" -_./:,;=", s[i]) >= 0 {
			relax(1, 0)
		} else {
			relax(1, 1)
		}
		if n := run(s[i:]); n >= 3 {
			relax(n, 1)
		}
		if i+2 <= len(s) && s[i] != ' ' && strings.Contains(shortWords, " "+s[i:i+2]+" ") {
			relax(2, 1)
		}
		for _, n := range d.lengths {
			if i+n > len(s) {
				break
			}
			_, plain := d.entries[s[i:i+n]]
			_, undone := d.entries[read[i:i+n]]
			if plain || undone {
				relax(n, 0)
			}
		}
	}
	return cost[len(s)]
}

// run is the length of the run that s starts with: equal bytes, or bytes that
// go up or down by one. 0 follows 9, as on a keyboard.
func run(s string) int {
	if len(s) < 3 {
		return 0
	}
	step := s[1] - s[0]
	if step != 0 && step != 1 && step != 0xff {
		return 0
	}
	n := 2
	for n < len(s) && (s[n]-s[n-1] == step || step == 1 && s[n-1] == '9' && s[n] == '0') {
		n++
	}
	if step != 0 && n < 4 {
		return 0 // abc and 321 are too likely by chance
	}
	return n
}

// words splits a secret at the usual separators.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" -_.", r) })
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}
