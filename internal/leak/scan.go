// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package leak

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
)

// prints is how many shapes there are.
const prints = len(shapes)

// index holds the shapes compiled, and their anchors by their first two bytes,
// so that one pass over an answer finds all anchors in it.
type index struct {
	prints  [prints]fingerprint
	starts  [1 << 16 / 64]uint64 // the set of all anchors' first two bytes
	anchors map[uint16][]anchor
}

type fingerprint struct {
	kind    string
	pattern *regexp.Regexp
	numbers bool // needs a digit, a colon and a digit
}

type anchor struct {
	text  []byte
	print int
}

// catalogue is made on first use: most programs that import this package
// through others never need it.
var catalogue = sync.OnceValue(func() *index {
	all := &index{anchors: make(map[uint16][]anchor)}
	for i, s := range shapes {
		anchors, numbers := strings.CutPrefix(s.anchors, "+")
		all.prints[i] = fingerprint{s.kind, regexp.MustCompile(expand.Replace(s.pattern)), numbers}
		for text := range strings.SplitSeq(anchors, "|") {
			start := pair(text[0], text[1])
			all.starts[start/64] |= 1 << (start % 64)
			all.anchors[start] = append(all.anchors[start], anchor{[]byte(text), i})
		}
	}
	return all
})

func pair(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

// scan reports for each shape whether its pattern is worth trying.
func (all *index) scan(body []byte) (seen [prints]bool) {
	numbers := false
	for i := 0; i+1 < len(body); i++ {
		start := pair(body[i], body[i+1])
		if all.starts[start/64]&(1<<(start%64)) != 0 {
			for _, a := range all.anchors[start] {
				if !seen[a.print] && bytes.HasPrefix(body[i:], a.text) {
					seen[a.print] = true
				}
			}
		}
		if body[i] == ':' && i > 0 && digit(body[i-1]) && digit(body[i+1]) {
			numbers = true
		}
	}
	for i := range all.prints {
		seen[i] = seen[i] && (numbers || !all.prints[i].numbers)
	}
	return seen
}

func digit(b byte) bool { return '0' <= b && b <= '9' }
