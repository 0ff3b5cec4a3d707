// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import "bytes"

// raw is the text of an element in which only its own end tag counts. A script's is
// more: within <!-- it may hold another <script with an end tag of its own.
type raw struct {
	name   string
	told   bool  // the handler hears of it
	escape uint8 // of a script: 1 within <!--, 2 in a script within it
	dashes uint8 // that stand before the place, up to two
}

// rawElements have such text. A noscript has where scripts run, which is where a
// policy matters.
var rawElements = func() map[string]string {
	all := map[string]string{}
	for _, name := range []string{"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "noscript"} {
		all[name] = name
	}
	return all
}()

// rawStart begins the text of an element, if it has such text.
func (s *scanner) rawStart(name []byte) {
	if so := rawElements[string(name)]; so != "" {
		s.raw = raw{name: so, told: so == "script" || so == "style"}
		s.state = rawText
	}
}

// rawRun reads on in raw text up to the next < or the end of the chunk, and returns
// where it goes on.
func (s *scanner) rawRun(b []byte, i int) int {
	j := bytes.IndexByte(b[i:], '<')
	if j < 0 {
		j = len(b)
	} else {
		j += i
	}
	if s.raw.escape > 0 {
		s.raw.count(b[i:j])
	}
	if s.raw.told && j > i {
		s.h.text(b[i:j])
	}
	if j < len(b) {
		s.state, s.holding, s.held[0] = rawLess, 1, '<'
		j++
	}
	return j
}

// count follows the dashes of an escaped script, which --> ends.
func (r *raw) count(text []byte) {
	for _, c := range text {
		switch {
		case c == '-':
			r.dashes = min(r.dashes+1, 2)
		case c == '>' && r.dashes == 2:
			r.escape, r.dashes = 0, 0
		default:
			r.dashes = 0
		}
	}
}

// rawMarkup reads on behind a < in raw text. It reports whether c has to be looked at
// again.
func (s *scanner) rawMarkup(c byte) (again bool) {
	held := s.held[1:s.holding] // behind the <
	slash := len(held) > 0 && held[0] == '/'
	word := held
	if slash {
		word = held[1:]
	}
	ends := space(c) || c == '/' || c == '>'
	switch {
	case slash && s.raw.escape < 2 && ends && equalFold(word, s.raw.name):
		s.rawEnd()
		return true
	case s.raw.name == "script" && s.raw.escape == 0 && (len(held) == 0 && c == '!' || string(held) == "!" && c == '-'):
		s.hold(c)
		return false
	case s.raw.name == "script" && s.raw.escape == 0 && string(held) == "!-" && c == '-':
		s.hold(c)
		s.rawIsText()
		s.raw.escape, s.raw.dashes = 1, 2
		return false
	case s.raw.escape > 0 && slash == (s.raw.escape == 2) && ends && equalFold(word, "script"):
		s.rawIsText()
		s.raw.escape = 3 - s.raw.escape
		return true
	case len(held) == 0 && (c == '/' || s.raw.escape == 1 && letter(c)), letter(c) && (slash || s.raw.escape == 1 && held[0] != '!') && len(word) < len("noframes"):
		s.hold(c)
		return false
	}
	s.rawIsText()
	return true
}

func (s *scanner) hold(c byte) {
	s.held[s.holding] = c
	s.holding++
}

// equalFold compares letters with lower case ones.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if lower(c) != name[i] {
			return false
		}
	}
	return true
}

// rawIsText goes on in the text: what was held is some of it.
func (s *scanner) rawIsText() {
	s.state, s.raw.dashes = rawText, 0
	if s.raw.told {
		s.h.text(s.held[:s.holding])
	}
}

// rawEnd goes on in the end tag that was found.
func (s *scanner) rawEnd() {
	s.state, s.end, s.slash, s.wanted = beforeAttr, true, false, false
	s.named = copy(s.name[:], s.raw.name)
}
