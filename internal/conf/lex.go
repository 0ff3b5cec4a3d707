// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"fmt"
	"io"

	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// What a policy file does without, and what to do instead.
var refused = map[token.Type][2]string{
	token.AnchorType:      {"anchors are not accepted", "write the value out, or put text that starts with & in quotes"},
	token.AliasType:       {"aliases are not accepted", "write the value out, or put text that starts with * in quotes"},
	token.MergeKeyType:    {"merge keys are not accepted", "write the keys out"},
	token.TagType:         {"tags are not accepted", "leave it out, or put text that starts with ! in quotes"},
	token.DirectiveType:   {"directives are not accepted", "leave it out, or put text that starts with % in quotes"},
	token.MappingKeyType:  {"keys after ? are not accepted", "write key: value, or put text that starts with ? in quotes"},
	token.DocumentEndType: {"the end mark ... is not accepted", "leave it out"},
}

// lex splits text into tokens. It reports, before the parser sees them, the
// tokens that no policy file may have, and more than the parser can be trusted
// with.
func lex(text string, found *collector) (tokens token.Tokens, ok bool) {
	tokens, err := scan(text)
	if err != nil {
		found.syntax(err)
		return nil, false
	}
	if len(tokens) > maxTokens {
		found.at(0, 0, "", fmt.Sprintf("the file has more than %d tokens", maxTokens), "")
		return nil, false
	}
	ok = true
	for _, t := range tokens {
		if why, bad := refused[t.Type]; bad {
			found.at(t.Position.Line, t.Position.Column, "", why[0], why[1])
			ok = false
		}
	}
	return tokens, ok && checkDocuments(tokens, found) && checkLimits(tokens, found)
}

// scan runs the library's scanner up to its first error.
func scan(text string) (tokens token.Tokens, err error) {
	var s scanner.Scanner
	s.Init(text)
	for {
		part, err := s.Scan()
		if err == io.EOF {
			return tokens, nil
		}
		tokens.Add(part...)
		if t := tokens.InvalidToken(); t != nil {
			return nil, errSyntax{t.Error, t}
		}
		if err != nil {
			return nil, err
		}
	}
}

// errSyntax is an error with a token, like the library's.
type errSyntax struct {
	message string
	token   *token.Token
}

func (e errSyntax) Error() string          { return e.message }
func (e errSyntax) GetMessage() string     { return e.message }
func (e errSyntax) GetToken() *token.Token { return e.token }

// checkDocuments reports a second document.
func checkDocuments(tokens token.Tokens, found *collector) bool {
	begun := false
	for _, t := range tokens {
		if begun && t.Type == token.DocumentHeaderType {
			found.at(t.Position.Line, t.Position.Column, "", "a second document starts here", "a policy is one document: remove the line ---")
			return false
		}
		begun = begun || t.Type != token.CommentType
	}
	return true
}

// checkLimits reports nesting, keys and mappings that the parser should not see:
// it recurses over a mapping's keys as it does over levels, copies the earlier
// keys for each, and notes the whole path of every key. Levels are open
// brackets and, outside of them, the columns of keys and dashes, which is near
// enough: the exact limit is checked on the tree.
func checkLimits(tokens token.Tokens, found *collector) bool {
	type level struct{ column, keys int }
	var levels []level
	flow := 0
	for i, t := range tokens {
		report := func(message string) bool {
			found.at(t.Position.Line, t.Position.Column, "", message, "")
			return false
		}
		isKey := t.Type == token.MappingValueType
		column := t.Position.Column
		if isKey && i > 0 {
			column = tokens[i-1].Position.Column
			if len(tokens[i-1].Value) > maxKey {
				return report(fmt.Sprintf("the key is longer than %d bytes", maxKey))
			}
		}
		switch {
		case t.Type == token.SequenceStartType || t.Type == token.MappingStartType:
			flow++
		case t.Type == token.SequenceEndType || t.Type == token.MappingEndType:
			flow--
		case flow == 0 && (isKey || t.Type == token.SequenceEntryType):
			for len(levels) > 0 && levels[len(levels)-1].column > column {
				levels = levels[:len(levels)-1]
			}
			if len(levels) == 0 || levels[len(levels)-1].column < column {
				levels = append(levels, level{column: column})
			}
			if isKey {
				levels[len(levels)-1].keys++
			}
			if levels[len(levels)-1].keys > maxKeys {
				return report(fmt.Sprintf("more than %d keys in a mapping", maxKeys))
			}
		}
		if len(levels)+flow > 2*maxDepth {
			return report(fmt.Sprintf("more than %d levels deep", maxDepth))
		}
	}
	return true
}
