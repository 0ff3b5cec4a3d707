// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"net/http"
	"strings"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Form is what a body's content type makes of it.
type Form uint8

// The forms of a body.
const (
	Opaque     Form = iota // a type that nobody parses, or none
	JSON                   // application/json, text/json, …+json
	JSONLines              // newline-delimited or concatenated JSON
	URLEncoded             // application/x-www-form-urlencoded
	Multipart              // multipart/…; the multipart reader takes form-data alone
)

// Media is a Content-Type header, read strictly.
type Media struct {
	Form    Form
	Type    string // lower case, without parameters; "" when there is none
	Charset string // lower case; "" when there is none
	// Raw is the header as it came, for the multipart reader's boundary.
	Raw string
}

// MediaOf reads the Content-Type of a request. A type given twice, malformed or
// with a charset in which an operator could hide is refused.
func MediaOf(h http.Header) (Media, error) {
	values := h["Content-Type"]
	switch len(values) {
	case 0:
		return Media{}, nil
	case 1:
	default:
		return Media{}, problem.Refuse(rule.RequestContentType, "Content-Type is given more than once.")
	}
	m := Media{Raw: values[0]}
	typ, rest, _ := strings.Cut(values[0], ";")
	m.Type = strings.ToLower(trimSpace(typ))
	major, minor, ok := strings.Cut(m.Type, "/")
	if !ok || !token(major) || !token(minor) {
		return Media{}, malformedType()
	}
	m.Form = formOf(m.Type, major, minor)
	if m.smuggles() {
		return Media{}, problem.Refuse(rule.RequestContentType, "Content-Type names a second type.")
	}
	if m.Form == Multipart {
		return m, nil // the multipart reader reads the parameters, as strictly
	}
	var err error
	if m.Charset, err = charset(rest); err != nil {
		return Media{}, err
	}
	if !m.charsetAllowed() {
		return Media{}, problem.Refuse(rule.RequestCharset, "The charset must be utf-8.")
	}
	return m, nil
}

func formOf(typ, major, minor string) Form {
	switch {
	case strings.Contains(typ, "urlencoded"):
		return URLEncoded
	case major == "multipart":
		return Multipart
	case minor == "x-ndjson", minor == "ndjson", minor == "jsonl", minor == "x-jsonlines", minor == "jsonlines", minor == "json-seq":
		return JSONLines
	case minor == "json", minor == "x-json", strings.HasSuffix(minor, "+json"), strings.HasSuffix(minor, "-json"):
		return JSON
	}
	return Opaque
}

// ParsedAsJSON reports whether a part's content type is one of JSON to some parser:
// @fastify/multipart looks at how it begins.
func ParsedAsJSON(contentType string) bool {
	contentType = strings.ToLower(contentType)
	major, minor, _ := strings.Cut(contentType, "/")
	return formOf(contentType, major, minor) == JSON || strings.HasPrefix(contentType, "application/json")
}

// smuggles reports whether the header names a form outside its type. formidable
// looks for the bare words anywhere in it, and reads `text/plain; a=multipart`
// as a form with files.
func (m Media) smuggles() bool {
	raw := strings.ToLower(m.Raw)
	return m.Form != Multipart && strings.Contains(raw, "multipart") ||
		m.Form != URLEncoded && strings.Contains(raw, "urlencoded")
}

// charset reads the parameters after a media type. Each may be given once; an
// empty one, as a trailing semicolon leaves it, says nothing.
func charset(params string) (string, error) {
	var seen [8]string
	n, found := 0, ""
	for params != "" {
		var p string
		p, params = cutParam(params)
		p = trimSpace(p)
		if p == "" {
			continue
		}
		name, value, ok := strings.Cut(p, "=")
		name = strings.ToLower(name)
		if !ok || !token(name) || n == len(seen) {
			return "", malformedType()
		}
		for _, s := range seen[:n] {
			if s == name {
				return "", problem.Refuse(rule.RequestContentType, "Content-Type repeats a parameter.")
			}
		}
		seen[n] = name
		n++
		if strings.HasPrefix(value, `"`) {
			if value, ok = unquote(value); !ok {
				return "", malformedType()
			}
		} else if !token(value) {
			return "", malformedType()
		}
		if name == "charset" {
			found = strings.ToLower(value)
		}
	}
	return found, nil
}

func malformedType() *problem.Error {
	return problem.Refuse(rule.RequestContentType, "Content-Type is malformed.")
}

// cutParam splits at the first semicolon outside quotes. A quote may be escaped
// there; [unquote] refuses that anyway.
func cutParam(s string) (param, rest string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == ';':
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func unquote(s string) (string, bool) {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return "", false
	}
	s = s[1 : len(s)-1]
	if strings.ContainsAny(s, `"\`) {
		return "", false // nobody needs them in a charset, and parsers disagree
	}
	return s, true
}

// asciiSupersets can hide neither `$` nor a quote: every ASCII byte means
// itself. They may describe opaque bodies such as CSV, never parsed ones.
var asciiSupersets = map[string]bool{
	"iso-8859-1": true, "iso-8859-2": true, "iso-8859-15": true, "latin1": true,
	"windows-1250": true, "windows-1251": true, "windows-1252": true, "koi8-r": true,
}

func (m Media) charsetAllowed() bool {
	switch m.Charset {
	case "", "utf-8", "utf8", "us-ascii":
		return true
	}
	return m.Form == Opaque && asciiSupersets[m.Charset]
}

// token reports whether s is a token of RFC 9110.
func token(s string) bool {
	if s == "" || len(s) > 127 {
		return false
	}
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return true
}

var tokenBytes = func() (t [256]bool) {
	for c := '0'; c <= '9'; c++ {
		t[c] = true
	}
	for c := 'a'; c <= 'z'; c++ {
		t[c], t[c-'a'+'A'] = true, true
	}
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] = true
	}
	return
}()

func trimSpace(s string) string { return strings.Trim(s, " \t") }
