// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	maxBoundary    = 70 // RFC 2046, section 5.1.1
	maxPartHeaders = 16 // header lines of one part
)

// Boundary reads a Content-Type header of multipart/form-data strictly and
// returns its boundary: given once, plain or in quotes, 1 to 70 characters that
// RFC 2046 allows. The only other parameter may be charset=utf-8. Another type
// is refused with rule request/content-type, another charset with
// request/charset, anything odd with request/multipart-boundary.
func Boundary(contentType string) (string, error) {
	typ, params, more := strings.Cut(contentType, ";")
	if !strings.EqualFold(trimSpace(typ), "multipart/form-data") {
		return "", problem.Refuse(rule.RequestContentType, "Only multipart/form-data is read.")
	}
	if !more {
		return "", refuseMultipart(rule.RequestMultipart, "Content-Type has no boundary.")
	}
	boundary, charset := "", ""
	for rest := ";" + params; rest != ""; {
		var p partParam
		var ok bool
		if p, rest, ok = cutPartParam(rest); !ok {
			return "", refuseMultipart(rule.RequestMultipartBoundary, "Content-Type is malformed.")
		}
		switch {
		case p.name == "boundary" && boundary == "":
			boundary = p.value
		case p.name == "charset" && charset == "" && p.value != "":
			charset = p.value
		default:
			return "", refuseMultipart(rule.RequestMultipartBoundary, "Content-Type has a repeated or unknown parameter.")
		}
		if p.name == "boundary" && !validBoundary(boundary) {
			return "", refuseMultipart(rule.RequestMultipartBoundary, "The boundary is not what RFC 2046 allows.")
		}
	}
	if boundary == "" {
		return "", refuseMultipart(rule.RequestMultipart, "Content-Type has no boundary.")
	}
	if charset != "" && !utf8Charset(charset) {
		return "", problem.Refuse(rule.RequestCharset, "The charset must be utf-8.")
	}
	return boundary, nil
}

func validBoundary(b string) bool {
	if b == "" || len(b) > maxBoundary || b[len(b)-1] == ' ' {
		return false
	}
	for i := range len(b) {
		c := b[i]
		if ('0' > c || c > '9') && ('a' > c || c > 'z') && ('A' > c || c > 'Z') && strings.IndexByte("'()+_,-./:=? ", c) < 0 {
			return false
		}
	}
	return true
}

func utf8Charset(s string) bool {
	return strings.EqualFold(s, "utf-8") || strings.EqualFold(s, "us-ascii")
}

// partParam is one parameter of a header; the name is lower case.
type partParam struct {
	name, value string
	quoted      bool
}

// cutPartParam takes one parameter, with the semicolon before it, off s. There
// is no white space around the equals sign, no escape within quotes (browsers
// write %22, and parsers disagree on backslashes), and nothing is left out.
func cutPartParam(s string) (p partParam, rest string, ok bool) {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, ";") {
		return p, "", false
	}
	s = strings.TrimLeft(s[1:], " ")
	p.name, s, ok = strings.Cut(s, "=")
	if !ok || !token(p.name) {
		return p, "", false
	}
	p.name = strings.ToLower(p.name)
	if strings.HasPrefix(s, `"`) {
		p.quoted = true
		if p.value, s, ok = strings.Cut(s[1:], `"`); !ok || strings.IndexByte(p.value, '\\') >= 0 {
			return p, "", false
		}
	} else {
		end := strings.IndexAny(s, "; ")
		if end < 0 {
			end = len(s)
		}
		if p.value, s = s[:end], s[end:]; !token(p.value) {
			return p, "", false
		}
	}
	if rest = strings.TrimLeft(s, " "); rest == "" && s != "" {
		return p, "", false // white space at the end
	}
	return p, rest, true
}

// parse reads the headers of a part: one Content-Disposition, at most one
// Content-Type and Content-Transfer-Encoding, others (which nobody reads) at
// most once each.
func (p *Part) parse(block string) error {
	*p = Part{m: p.m}
	if !utf8.ValidString(block) {
		return refuseMultipart(rule.RequestMultipartHeader, "A part header is not valid UTF-8.")
	}
	var seen [maxPartHeaders]string
	n, typed := 0, false
	for line := range strings.SplitSeq(block, "\r\n") {
		for i := range len(line) {
			if c := line[i]; c < ' ' || c == 0x7f {
				return refuseMultipart(rule.RequestMultipartControl, "A part header has a control byte in it, such as a tab or a lone line feed.")
			}
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !token(name) { // a folded line starts with a space
			id := rule.RequestMultipartHeader
			if strings.HasPrefix(line, " ") {
				id = rule.RequestMultipartFolded
			}
			return refuseMultipart(id, "A part header is malformed or folded.")
		}
		name = strings.ToLower(name)
		if n == maxPartHeaders {
			return refuseMultipart(rule.RequestMultipartSize, "A part has more than 16 headers.")
		}
		for _, before := range seen[:n] {
			if before == name {
				return refuseMultipart(rule.RequestMultipartRepeated, "A part header is given more than once.")
			}
		}
		seen[n] = name
		n++

		var err error
		switch value = strings.Trim(value, " "); name {
		case "content-disposition":
			err = p.disposition(value)
		case "content-type":
			typed = true
			err = p.contentType(value)
		case "content-transfer-encoding":
			if !identityEncoding(value) {
				err = refuseMultipart(rule.RequestMultipartEncoding, "A part has a Content-Transfer-Encoding; send it as it is.")
			}
		}
		if err != nil {
			return err
		}
	}
	if p.Name == "" {
		return refuseMultipart(rule.RequestMultipartName, "A part has no name.")
	}
	p.File = p.named || typed && p.ContentType != "text/plain"
	return nil
}

func identityEncoding(s string) bool {
	return strings.EqualFold(s, "7bit") || strings.EqualFold(s, "8bit") || strings.EqualFold(s, "binary")
}

// contentType reads a part's media type. Of its parameters only charset means
// anything to parsers: busboy decodes fields by it.
func (p *Part) contentType(value string) error {
	typ, rest, more := strings.Cut(value, ";")
	if more {
		rest = ";" + rest
	}
	typ = strings.TrimRight(typ, " ")
	major, minor, ok := strings.Cut(typ, "/")
	if !ok || !token(major) || !token(minor) {
		return refuseMultipart(rule.RequestMultipartParameter, "A part's Content-Type is malformed.")
	}
	p.ContentType = strings.ToLower(typ)
	if strings.HasPrefix(p.ContentType, "multipart/") || strings.Contains(p.ContentType, "urlencoded") {
		return refuseMultipart(rule.RequestMultipartNested, "A part is itself a form.") // old parsers read the one, hapi the other
	}
	var seen [maxPartHeaders]string
	for n := 0; rest != ""; n++ {
		var q partParam
		if q, rest, ok = cutPartParam(rest); !ok || n == len(seen) {
			return refuseMultipart(rule.RequestMultipartParameter, "A part's Content-Type is malformed.")
		}
		for _, before := range seen[:n] {
			if before == q.name {
				return refuseMultipart(rule.RequestMultipartParameter, "A part's Content-Type repeats a parameter.")
			}
		}
		seen[n] = q.name
		if q.name == "charset" && !utf8Charset(q.value) {
			return problem.Refuse(rule.RequestCharset, "The charset of a part must be utf-8.")
		}
	}
	return nil
}
