// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/token"
)

// checkTokens holds the tokens against the text that they were scanned from:
// in order, each saying what is written there, with nothing but space between
// them. The scanner guesses where YAML has no reading, and drops what it cannot
// place; this refuses both. It also corrects the tokens' places, which the
// scanner gets wrong where a line ends in spaces.
func checkTokens(text string, tokens token.Tokens, file string) Problems {
	c := cursor{rest: text, line: 1, column: 1}
	var line, column int
	problem := func(message, hint string) Problems {
		return Problems{{File: file, Line: line, Column: column, Message: message, Hint: hint}}
	}
	for i := 0; i < len(tokens); i++ {
		c.skipSpace()
		line, column = c.line, c.column
		t := tokens[i]
		t.Position.Line, t.Position.Column = line, column
		switch {
		case t.Type == token.LiteralType || t.Type == token.FoldedType:
			i++ // the next token holds the text
			if i == len(tokens) || tokens[i].Type != token.StringType || !c.block(parentColumn(tokens[:i-1]), tokens[i].Value) {
				return problem("this block of text can be read in more than one way",
					"write |, |-, > or >- alone, and the text on the next lines, all indented alike after >")
			}
		case t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType:
			if !c.quoted(t.Value) {
				return problem("this quoted text has an unknown escape, or goes on in the next line", "for several lines write a block after |")
			}
		case t.Type == token.MappingValueType:
			if !c.colon(tokens[max(i-1, 0)]) {
				return problem("this colon has no space after it, or no key before it in its line", "write key: value, or put text with a colon in quotes")
			}
		case t.Type == token.CommentType && !c.comment(),
			isScalar(t) && !(c.isPlain(t.Value) && c.plain(t.Value)),
			isIndicator(t) && !c.indicator(t, tokens[max(i-1, 0)]):
			return problem("this can be read in more than one way", "put text in quotes, or for several lines write a block after |")
		}
	}
	if c.skipSpace(); c.rest != "" {
		line, column = c.line, c.column
		return problem("this belongs to no key or list", "")
	}
	return nil
}

// A cursor walks over a text. Its methods consume what they name, or report
// that it is not there.
type cursor struct {
	rest         string
	line, column int
	spaced       bool // space, or the start of a line, stands before rest
	flow         int  // open brackets
}

func (c *cursor) skip(bytes int) {
	for _, r := range c.rest[:bytes] {
		c.column++
		if r == '\n' {
			c.line, c.column = c.line+1, 1
		}
	}
	c.rest = c.rest[bytes:]
}

func (c *cursor) skipSpace() {
	n := len(c.rest) - len(strings.TrimLeft(c.rest, " \n"))
	c.spaced = n > 0 || c.column == 1
	c.skip(n)
}

// plain consumes text as it is written.
func (c *cursor) plain(text string) bool {
	if !strings.HasPrefix(c.rest, text) {
		return false
	}
	c.skip(len(text))
	return true
}

// isPlain reports whether YAML takes text without quotes for a scalar here.
func (c *cursor) isPlain(text string) bool {
	switch {
	case text == "" || strings.ContainsAny(text[:1], ",[]{}#&*!|>'\"%@`"):
		return false
	case strings.ContainsAny(text[:1], "?-:") && (len(text) == 1 || text[1] == ' '):
		return false
	case c.flow > 0 && (strings.ContainsAny(text, ",[]{}") || strings.ContainsAny(text[:1], "?:")):
		return false
	}
	return !strings.Contains(text, ": ") && !strings.HasSuffix(text, ":") && !strings.Contains(text, " #")
}

func (c *cursor) quoted(text string) bool {
	said, length, ok := readQuoted(c.rest)
	if !ok || said != text {
		return false
	}
	c.skip(length)
	return true
}

func (c *cursor) comment() bool {
	if !c.spaced || c.rest[0] != '#' {
		return false
	}
	c.skip(strings.IndexByte(c.rest, '\n'))
	return true
}

// colon consumes the colon after a key. A quoted key in brackets needs no space
// after it, as in JSON.
func (c *cursor) colon(key *token.Token) bool {
	if !strings.HasPrefix(c.rest, ":") || key.Position.Line != c.line {
		return false
	}
	isQuoted := key.Type == token.SingleQuoteType || key.Type == token.DoubleQuoteType
	if !strings.ContainsAny(c.rest[1:2], " \n") && !(c.flow > 0 && isQuoted) {
		return false
	}
	c.skip(1)
	return true
}

// indicator consumes a dash, a bracket, a comma or the mark that starts a
// document. A comma stands behind something.
func (c *cursor) indicator(t, before *token.Token) bool {
	switch t.Type {
	case token.SequenceEntryType:
		if c.flow > 0 {
			return false
		}
	case token.SequenceStartType, token.MappingStartType:
		c.flow++
	case token.SequenceEndType, token.MappingEndType:
		c.flow--
	case token.CollectEntryType:
		if before.Type == token.SequenceStartType || before.Type == token.MappingStartType || before.Type == token.CollectEntryType {
			return false
		}
	}
	return c.plain(t.Value)
}

var blockHeader = regexp.MustCompile(`^[|>]-?\n`)

// block consumes a block of text, its lines indented deeper than the column of
// the key or dash that holds it, and reports whether it says text. The first
// line decides the indent. Lines that are indented deeper still, which | keeps,
// are refused after >, which has rules of its own for them.
func (c *cursor) block(parent int, text string) bool {
	header := blockHeader.FindString(c.rest)
	if header == "" || parent == 0 || c.flow > 0 {
		return false
	}
	c.skip(len(header))
	var lines []string
	indent := 0
	for c.rest != "" {
		line, _, _ := strings.Cut(c.rest, "\n")
		content := strings.TrimLeft(line, " ")
		depth := len(line) - len(content)
		if indent == 0 && content == "" && depth > 0 {
			return false // blank, but perhaps deeper than the text
		}
		if indent == 0 && content != "" {
			indent = depth
		}
		if content != "" && (depth < indent || depth < parent) {
			break
		}
		if header[0] == '>' && depth > indent && indent > 0 {
			return false
		}
		lines = append(lines, line[min(indent, len(line)):])
		c.skip(len(line) + 1)
	}
	said := strings.TrimRight(strings.Join(lines, "\n"), "\n")
	if header[0] == '>' {
		said = folds.ReplaceAllStringFunc(said, func(breaks string) string {
			if len(breaks) == 1 {
				return " "
			}
			return breaks[1:]
		})
	}
	if header[1] != '-' {
		said += "\n"
	}
	return said != "\n" && said != "" && said == text
}

var folds = regexp.MustCompile(`\n+`)

// parentColumn returns the column of the key or dash that the value after
// tokens belongs to, 0 if there is none.
func parentColumn(tokens token.Tokens) int {
	i := len(tokens) - 1
	for i >= 0 && tokens[i].Type == token.CommentType {
		i--
	}
	switch {
	case i >= 0 && tokens[i].Type == token.SequenceEntryType:
		return tokens[i].Position.Column
	case i >= 1 && tokens[i].Type == token.MappingValueType:
		return tokens[i-1].Position.Column
	}
	return 0
}

func isIndicator(t *token.Token) bool {
	switch t.Type {
	case token.SequenceEntryType, token.CollectEntryType, token.DocumentHeaderType,
		token.SequenceStartType, token.SequenceEndType, token.MappingStartType, token.MappingEndType:
		return true
	}
	return false
}

// isScalar reports whether a token is text without quotes.
func isScalar(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.NullType, token.BoolType, token.IntegerType,
		token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.FloatType, token.InfinityType, token.NanType:
		return true
	}
	return false
}
