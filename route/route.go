// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package route matches requests to rules the way Express matches them to
// handlers.
//
// # Threat
//
// A rule for `POST /api/login` that is compared byte by byte is dodged by
// `/API/login`, `/api/login/` or `/api//login`: Express serves them all.
//
// # What it does
//
// Patterns are written like those of [net/http.ServeMux]: an optional method, a
// path, `{name}` for one segment, `{name...}` for the rest, a trailing slash for
// a subtree, `{$}` for the exact path. `GET` also matches HEAD. Paths are
// compared case-insensitively, a trailing slash and repeated slashes do not
// count, percent escapes are decoded once. Patterns may overlap, and every
// pattern that matches applies. Where an encoded slash (%2F) makes two
// readings possible, the rules of both apply.
//
// What no two routers read alike is refused: `.` and `..` segments, plain or
// encoded, control bytes, a raw `#`.
//
// # What it does not do
//
// It does not route: one request meets any number of rules. It knows no
// regular expressions, no host names and no optional segments.
//
// # Bounds
//
// Matching walks one tree, at most once per branch of the patterns; a path
// longer than 8 KiB or of more than 128 segments is refused.
package route

import (
	"errors"
	"fmt"
	"strings"
)

const (
	maxPath     = 8 << 10
	maxSegments = 128
)

// Pattern is one compiled pattern.
type Pattern struct {
	text    string
	method  string // "" is any
	path    []segment
	subtree bool   // also everything below
	rest    string // the name of {name...}; "" without one
}

type segment struct {
	literal string // folded; "" with any
	any     bool
	name    string // with any
}

// String is the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Compile reads a pattern.
func Compile(text string) (*Pattern, error) {
	p := &Pattern{text: text}
	path := text
	if method, rest, ok := strings.Cut(text, " "); ok {
		if !validMethod(method) {
			return nil, fmt.Errorf("%q is not a method; write it in capitals, as in `POST /api/login`", method)
		}
		p.method, path = method, strings.TrimLeft(rest, " ")
	}
	if !strings.HasPrefix(path, "/") {
		return nil, errors.New("a pattern is `[METHOD ]/path`; hosts and patterns without a leading slash are not supported")
	}
	if len(path) > maxPath {
		return nil, fmt.Errorf("the path is longer than %d bytes", maxPath)
	}
	if strings.ContainsAny(path, "?#*%\\") {
		return nil, errors.New("a path is written decoded, without `?`, `#`, `%`, `\\` and `*`; use {name} and {name...}")
	}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case part == "" && last:
			p.subtree = true
		case part == "":
			return nil, errors.New("the path has an empty segment")
		case part == "." || part == "..":
			return nil, errors.New("the path has a dot segment")
		case part == "{$}" && last:
		case strings.HasPrefix(part, "{") && strings.HasSuffix(part, "...}"):
			if !last {
				return nil, errors.New("{name...} must come last")
			}
			p.subtree, p.rest = true, part[1:len(part)-len("...}")]
		case strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}"):
			p.path = append(p.path, segment{any: true, name: part[1 : len(part)-1]})
		case strings.ContainsAny(part, "{}"):
			return nil, fmt.Errorf("%q mixes a name and text; a name stands for a whole segment", part)
		default:
			p.path = append(p.path, segment{literal: fold(part)})
		}
	}
	if len(p.path) > maxSegments {
		return nil, fmt.Errorf("the path has more than %d segments", maxSegments)
	}
	return p, nil
}

// MustCompile is Compile for patterns in code.
func MustCompile(text string) *Pattern {
	p, err := Compile(text)
	if err != nil {
		panic("route: " + text + ": " + err.Error())
	}
	return p
}

func validMethod(m string) bool {
	if m == "" || len(m) > 32 {
		return false
	}
	for i := range len(m) {
		if m[i] < 'A' || m[i] > 'Z' {
			return false
		}
	}
	return true
}

// fold makes two spellings of a path one, as Express's case-insensitive routes
// do: they compare the path percent-encoded, so only ASCII letters fold.
func fold(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c | 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// Match reports whether a request to the path, decoded as in url.URL.Path,
// meets the pattern. A path that [Keys] refuses meets none.
func (p *Pattern) Match(method, path string) bool {
	key, err := normal(path)
	if err != nil || !p.takes(method) {
		return false
	}
	for _, s := range p.path {
		var part string
		part, key = next(key)
		if part == "" || !s.any && s.literal != part {
			return false
		}
	}
	return key == "" || p.subtree
}

func (p *Pattern) takes(method string) bool {
	return p.method == "" || p.method == method || p.method == "GET" && method == "HEAD"
}

// next cuts the first segment off a key such as /api/login.
func next(key string) (part, rest string) {
	if key == "" {
		return "", ""
	}
	if i := strings.IndexByte(key[1:], '/'); i >= 0 {
		return key[1 : i+1], key[i+1:]
	}
	return key[1:], ""
}
