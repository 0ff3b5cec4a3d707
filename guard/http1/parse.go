// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"errors"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
)

const maxFields = 500

var (
	errStatus     = errors.New("malformed HTTP status line")
	errFieldLine  = errors.New("malformed HTTP field: a name is a token with a colon right behind it")
	errFieldValue = errors.New("malformed HTTP field: a value has a control byte")
	errFolded     = errors.New("malformed HTTP field: it goes on in the next line")
	errLineEnds   = errors.New("malformed HTTP header: lines end in two ways")
	errManyFields = errors.New("the header of the answer has too many fields")
)

// parse reads a header, its empty line included.
func (a *answer) parse(head string) error {
	line, rest := cutLine(head)
	// Who can get a line feed into a field must not end a line with it.
	crlf := strings.HasSuffix(line, "\r")
	line = strings.TrimSuffix(line, "\r")
	if len(line) < len("HTTP/1.1 200") || line[:7] != "HTTP/1." || line[7] != '0' && line[7] != '1' || line[8] != ' ' ||
		len(line) > 12 && line[12] != ' ' || !isText(line) {
		return errStatus
	}
	status := 0
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return errStatus
		}
		status = 10*status + int(c-'0')
	}
	if status < 100 {
		return errors.New("the app answered with status " + strconv.Itoa(status))
	}
	a.ProtoMajor, a.ProtoMinor, a.Proto = 1, int(line[7]-'0'), line[:8]
	a.StatusCode, a.Status = status, line[9:]
	var err error
	a.Header, err = parseFields(rest, crlf)
	return err
}

func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return line, rest
}

// parseFields reads fields up to the empty line at the end. All lines end alike: in CRLF, or
// else in a line feed.
func parseFields(s string, crlf bool) (http.Header, error) {
	count := strings.Count(s, "\n") - 1
	if count > maxFields {
		return nil, errManyFields
	}
	h := make(http.Header, count)
	values := make([]string, count) // the first of each name, in one piece
	for {
		var line string
		line, s = cutLine(s)
		if strings.HasSuffix(line, "\r") != crlf {
			return nil, errLineEnds
		}
		line = strings.TrimSuffix(line, "\r")
		if line == "" {
			return h, nil
		}
		if line[0] == ' ' || line[0] == '\t' {
			return nil, errFolded
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || !isToken(name) {
			return nil, errFieldLine
		}
		if value = trim(value); !isText(value) {
			return nil, errFieldValue
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if have, again := h[name]; again {
			h[name] = append(have, value)
			continue
		}
		values[0] = value
		h[name], values = values[:1:1], values[1:]
	}
}

var (
	errCoding    = errors.New("the answer's transfer encoding is not chunked alone, in HTTP/1.1")
	errTwo       = errors.New("the answer has both Content-Length and a transfer encoding")
	errLengths   = errors.New("the answer's Content-Length is not one number")
	errInterim   = errors.New("an informational answer, or one without content, has a framing")
	errTrailers  = errors.New("a trailer of the answer would change its framing")
	errManyNames = errors.New("the answer announces too many trailers")
)

// frame finds out how the body ends, from the header and the request's method.
func (a *answer) frame(method string) error {
	h := a.Header
	length, err := contentLength(h)
	if err != nil {
		return err
	}
	chunked := false
	if codings, ok := h["Transfer-Encoding"]; ok {
		if len(codings) != 1 || !strings.EqualFold(codings[0], "chunked") || a.ProtoMinor == 0 {
			return errCoding
		}
		if length >= 0 {
			return errTwo
		}
		chunked = true
		delete(h, "Transfer-Encoding")
		a.TransferEncoding = codings
		if err := a.announce(); err != nil {
			return err
		}
	}
	b := &a.body
	a.Close = a.ProtoMinor == 0 || names(h["Connection"], "close")
	a.Body, a.ContentLength = http.NoBody, length
	switch {
	case a.StatusCode < 200 || a.StatusCode == http.StatusNoContent:
		if chunked || length > 0 {
			return errInterim
		}
		a.ContentLength = 0
		return nil
	case a.StatusCode == http.StatusNotModified:
		a.ContentLength = 0
		return nil
	case method == http.MethodHead:
		return nil
	case chunked:
		b.kind = inChunks
	case length == 0:
		return nil
	case length > 0:
		b.kind, b.left = byLength, length
	default:
		b.kind, a.Close = toTheEnd, true
	}
	a.Body = b
	return nil
}

// contentLength is the length that a header tells, -1 without one. Said twice, it has
// to be the same.
func contentLength(h http.Header) (int64, error) {
	said := h["Content-Length"]
	if len(said) == 0 {
		return -1, nil
	}
	for _, c := range []byte(said[0]) {
		if c < '0' || c > '9' {
			return 0, errLengths
		}
	}
	for _, other := range said[1:] {
		if other != said[0] {
			return 0, errLengths
		}
	}
	n, err := strconv.ParseInt(said[0], 10, 64)
	if err != nil {
		return 0, errLengths
	}
	if len(said) > 1 {
		h["Content-Length"] = said[:1:1]
	}
	return n, nil
}

// announce takes the names of trailers out of the header.
func (a *answer) announce() error {
	lines, ok := a.Header["Trailer"]
	if !ok {
		return nil
	}
	delete(a.Header, "Trailer")
	a.Trailer = http.Header{}
	for _, line := range lines {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(trim(name))
			switch {
			case name == "":
				continue
			case framing(name):
				return errTrailers
			case !isToken(name):
				return errFieldLine
			case len(a.Trailer) == maxFields:
				return errManyNames
			}
			a.Trailer[name] = nil
		}
	}
	return nil
}

// framing reports whether a field is about the message itself, so that it must not come
// behind it.
func framing(name string) bool {
	switch name {
	case "Transfer-Encoding", "Content-Length", "Trailer", "Host", "Connection", "Upgrade":
		return true
	}
	return false
}

// names reports whether a list has a word, in any case.
func names(lines []string, word string) bool {
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(trim(item), word) {
				return true
			}
		}
	}
	return false
}
