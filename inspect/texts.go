// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import "strconv"

// Texts is told of the texts that stand in a body or a query: its strings, and its
// numbers and booleans as JavaScript writes them, wherever they stand. In a form
// every value is one, and a name that parsers split differently tells of it once
// for each reading.
type Texts interface {
	// Wants is asked before a text is made.
	Wants(p *Path) bool
	// Text is called for a text that is wanted. It may keep the whole body in
	// memory for as long as it is kept.
	Text(p *Path, text string)
}

// Top is the name of the outermost member, "" where there is none.
func (p *Path) Top() string {
	if len(p.steps) == 0 {
		return ""
	}
	return p.steps[0].name
}

// Outer is the name of the outermost member, if what stands at the path is its
// text or one of a list in it, which JavaScript makes one text of; "" otherwise.
func (p *Path) Outer() string {
	if len(p.steps) == 0 || p.steps[0].index >= 0 {
		return ""
	}
	for i := range p.steps[1:] {
		if s := &p.steps[1+i]; s.index < 0 && !index(s.name) {
			return ""
		}
	}
	return p.steps[0].name
}

// Member is the name of the innermost member, whatever lists stand within it. A
// name of digits counts in a list, as it may in a form.
func (p *Path) Member() string {
	for i := len(p.steps) - 1; i >= 0; i-- {
		if s := &p.steps[i]; s.index < 0 && !index(s.name) {
			return s.name
		}
	}
	return ""
}

// numberText is a JSON number as JavaScript writes it, so that 7, 7.0 and 70e-1 are
// one text. One that is no number of JavaScript stays as it is.
func numberText(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil:
		return s
	case f == 0:
		return "0"
	case f > -1e21 && f < 1e21 && (f >= 1e-6 || f <= -1e-6):
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'e', -1, 64)
}
