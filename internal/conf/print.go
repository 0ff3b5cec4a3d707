// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/token"
)

// printNode writes a tree as YAML: block style, lists of short scalars on one
// line.
func printNode(root *node) []byte {
	var p printer
	if len(root.entries) == 0 {
		return []byte("{}\n")
	}
	p.mapping(root, 0)
	return []byte(p.String())
}

type printer struct {
	strings.Builder
}

// mapping writes entries on lines of their own; the first line's indent is
// already there.
func (p *printer) mapping(n *node, indent int) {
	for i, e := range n.entries {
		if i > 0 {
			p.indent(indent)
		}
		p.WriteString(quote(e.key))
		p.WriteByte(':')
		if line, ok := oneLine(e.value); ok {
			p.WriteString(" " + line + "\n")
			continue
		}
		p.WriteByte('\n')
		p.indent(indent + 2)
		p.block(e.value, indent+2)
	}
}

func (p *printer) sequence(n *node, indent int) {
	for i, item := range n.items {
		if i > 0 {
			p.indent(indent)
		}
		p.WriteString("- ")
		if line, ok := oneLine(item); ok {
			p.WriteString(line + "\n")
			continue
		}
		p.block(item, indent+2)
	}
}

func (p *printer) block(n *node, indent int) {
	if n.kind == mappingNode {
		p.mapping(n, indent)
	} else {
		p.sequence(n, indent)
	}
}

func (p *printer) indent(n int) {
	p.WriteString(strings.Repeat(" ", n))
}

// oneLine returns a scalar, an empty mapping or a short list of scalars.
func oneLine(n *node) (string, bool) {
	switch n.kind {
	case nullNode:
		return n.text, true
	case scalarNode:
		return spell(n), true
	case mappingNode:
		return "{}", len(n.entries) == 0
	}
	const widest = 72
	parts := make([]string, len(n.items))
	width := 0
	for i, item := range n.items {
		if item.kind != scalarNode {
			return "", false
		}
		parts[i] = spell(item)
		width += len(parts[i])
	}
	return "[" + strings.Join(parts, ", ") + "]", width <= widest
}

func spell(n *node) string {
	if n.quoted {
		return quote(n.text)
	}
	return n.text
}

var (
	unquoted    = regexp.MustCompile(`^[A-Za-z0-9/_.$]([A-Za-z0-9/_.$@+=*()~:-]| [A-Za-z0-9/_.$(])*$`)
	sexagesimal = regexp.MustCompile(`^[0-9]+(:[0-9]+)+$`)
)

// isPlain reports whether text can stand without quotes, if it may be taken for
// a number or a word that means something.
func isPlain(text string) bool {
	return unquoted.MatchString(text) && !strings.HasSuffix(text, ":") && !strings.HasPrefix(text, "...") &&
		!strings.Contains(text, ": ")
}

// isOdd reports whether YAML 1.1 or 1.2 takes plain text for something else.
func isOdd(text string) bool {
	return nullText.MatchString(text) || numberText.MatchString(text) || sexagesimal.MatchString(text) || token.IsNeedQuoted(text)
}

// quote spells text, with quotes if it needs them.
func quote(text string) string {
	if isPlain(text) && !isOdd(text) {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
