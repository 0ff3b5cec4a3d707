// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import "strings"

// bracketed appends the parts of a name: the text before the first pair of
// brackets, then what stands in each pair. It is odd when that is not the whole
// of it.
func bracketed(key string, parts []string) (_ []string, odd bool) {
	behind := 0 // the last pair
	for i := 0; ; {
		open := strings.IndexByte(key[i:], '[')
		if open < 0 {
			break
		}
		i += open
		end := either(key[i+1:], '[', ']')
		if end < 0 {
			break
		}
		if end += i + 1; key[end] == '[' {
			i = end
			continue
		}
		if len(parts) == 0 && i > 0 {
			odd = strings.ContainsAny(key[:i], "[]")
			parts = append(parts, key[:i])
		} else if i > behind {
			odd = true
		}
		parts = append(parts, key[i+1:end])
		i, behind = end+1, end+1
	}
	if len(parts) == 0 {
		return append(parts, key), strings.ContainsAny(key, "[]")
	}
	return parts, odd || behind < len(key)
}

// either is the first place of one of two bytes, or -1.
func either(s string, a, b byte) int {
	for i := range len(s) {
		if s[i] == a || s[i] == b {
			return i
		}
	}
	return -1
}

// extend adds the part with the number i to the spelling of the name at hand. qs
// reads a[][] as a[].
func (p *pairs) extend(i int) {
	if i > 0 && p.parts[i] == "" && p.parts[i-1] == "" {
		return
	}
	p.whole = p.whole.within(p.parts[i])
}

// index reports whether a bracket counts in an array: empty or a number.
func index(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// odd shows a name in which the brackets are not balanced, and which every
// parser, and every version of qs, reads differently.
func (p *pairs) odd(key, value string) error {
	if strings.Count(key, "[") > maxBrackets || strings.Count(key, "]") > maxBrackets {
		return p.refuse("A name has too many brackets.")
	}
	if err := p.pieces(key, &value); err != nil {
		return err
	}
	return p.containers(key, func() error {
		_, err := p.use(p.whole, nested)
		return err
	})
}

// dots shows a name as a parser reads it that takes a.b for a[b], such as qs with
// allowDots.
func (p *pairs) dots(key, value string) error {
	if strings.Count(key, ".") > maxBrackets {
		return p.refuse("A name has too many dots.")
	}
	key = dotsToBrackets(key)
	if err := p.pieces(key, nil); err != nil {
		return err
	}
	odd, err := p.keys(key)
	p.tell(value)
	if err != nil || p.names == nil {
		return err
	}
	if odd {
		p.containers(key, func() error {
			p.noteDotted(p.whole.dotted())
			return nil
		})
		p.spell(key)
	}
	if p.names.of(p.whole) == nested {
		return p.merged(value)
	}
	if p.names.of(p.whole) == leaf {
		return p.again()
	}
	err = p.besideDots(value)
	p.noteDotted(p.whole.dottedValue())
	return err
}

// lodashPath spells a name with brackets alone, as lodash.set splits it: at every
// dot, also the last, and without the quotes within brackets.
var lodashPath = strings.NewReplacer("['", "[", "']", "]", `["`, "[", `"]`, "]", `\`, "", ".", "[")

// lodash shows the names that only lodash.set finds in a name: a['b'], a. and a..b
// hold others. Apps nest the fields of their multipart forms with it.
func (p *pairs) lodash(key, value string) error {
	quotes := strings.IndexByte(key, '[') >= 0 && (strings.Contains(key, "['") || strings.Contains(key, `["`))
	dots := strings.IndexByte(key, '.') >= 0 && (strings.HasSuffix(key, ".") || strings.Contains(key, "..") || strings.Contains(key, ".["))
	if !quotes && !dots {
		return nil
	}
	return p.pieces(lodashPath.Replace(key), &value)
}

func (p *pairs) noteDotted(name spelling) {
	if p.names.of(name) == unused {
		p.names.note(name, nested)
	}
}

// besideDots shows what a parser that splits at dots makes of the name at hand,
// which was given before with dots.
func (p *pairs) besideDots(value string) error {
	switch {
	case p.names == nil:
	case p.names.of(p.whole.dotted()) != unused:
		return p.merged(value)
	case p.names.of(p.whole.dottedValue()) != unused:
		return p.again()
	}
	return nil
}

// merged shows the value of a name that already holds others: qs makes it one
// more name among them.
func (p *pairs) merged(value string) error {
	defer p.path.reset()
	for _, part := range p.parts {
		p.path.push(part)
	}
	p.path.push(value)
	return p.visit.Key(&p.path)
}

// again shows the name at hand as the list that a second value makes of it.
func (p *pairs) again() error {
	defer p.path.reset()
	for _, part := range p.parts {
		p.path.push(part)
	}
	return p.visit.Value(&p.path, Array)
}

// keys shows the parts of a name, each inside the one before, and nothing of
// what they hold. It notes those that hold others.
func (p *pairs) keys(key string) (odd bool, err error) {
	defer p.path.reset()
	p.parts, odd = bracketed(key, p.parts[:0])
	p.whole = 0
	for i, part := range p.parts {
		p.path.push(part)
		if err := p.visit.Key(&p.path); err != nil {
			return odd, err
		}
		if err := p.list(part); err != nil {
			return odd, err
		}
		if p.extend(i); p.names != nil && i+1 < len(p.parts) && i < maxBrackets {
			p.noteDotted(p.whole.dotted())
		}
	}
	return odd, nil
}

// tell tells of the value of the name at hand.
func (p *pairs) tell(value string) {
	if p.texts == nil {
		return
	}
	p.tellAs(p.parts[0], value)
	if name := underscored(p.parts[0]); name != p.parts[0] {
		p.tellAs(name, value)
	}
}

// tellAs tells of the value with another first part of the name.
func (p *pairs) tellAs(first, value string) {
	p.path.push(first)
	for _, part := range p.parts[1:] {
		p.path.push(part)
	}
	if p.texts.Wants(&p.path) {
		p.texts.Text(&p.path, value)
	}
	p.path.reset()
}

// underscored is a name as PHP has it: with _ for dots, spaces and a bracket that
// nothing closes.
func underscored(name string) string {
	if !strings.ContainsAny(name, ". [") {
		return name
	}
	return strings.NewReplacer(".", "_", " ", "_", "[", "_").Replace(name)
}

// pieces shows what stands before, between and behind brackets, whatever their
// order: every name that any parser could make of it, and with a value each as one
// that may hold it. A piece that has more behind it counts as holding something.
func (p *pairs) pieces(key string, value *string) error {
	defer p.path.reset()
	for rest, more := key, true; more; {
		i := either(rest, '[', ']')
		piece, behind := rest, ""
		if more = i >= 0; more {
			piece, behind = rest[:i], rest[i:]
			rest = rest[i+1:]
		}
		if piece == "" {
			continue
		}
		p.path.push(piece)
		if value != nil && p.texts != nil && p.texts.Wants(&p.path) {
			p.texts.Text(&p.path, *value)
		}
		if err := p.visit.Key(&p.path); err != nil {
			return err
		}
		if behind != "" && behind != "]" {
			if err := p.visit.Value(&p.path, Object); err != nil {
				return err
			}
		}
	}
	return nil
}

// containers calls do for every name in front of a bracket, which some parser
// takes for a name that holds others, its spelling in p.whole. No parser
// nests deeper than maxBrackets.
func (p *pairs) containers(key string, do func() error) error {
	for i, n := 1, 0; i < len(key) && n < maxBrackets; i++ {
		if key[i] != '[' {
			continue
		}
		n++
		p.spell(key[:i])
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// spell puts the spelling of a name into p.whole.
func (p *pairs) spell(key string) {
	p.parts, _ = bracketed(key, p.parts[:0])
	p.whole = 0
	for i := range p.parts {
		p.extend(i)
	}
}

// dotsToBrackets turns a.b into a[b].
func dotsToBrackets(key string) string {
	var b strings.Builder
	for rest := key; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			b.WriteString(rest)
			return b.String()
		}
		b.WriteString(rest[:dot])
		rest = rest[dot+1:]
		end := either(rest, '.', '[')
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			b.WriteByte('.')
			continue
		}
		b.WriteByte('[')
		b.WriteString(rest[:end])
		b.WriteByte(']')
		rest = rest[end:]
	}
}
