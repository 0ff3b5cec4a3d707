// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxInline is how long a body may be that is in memory and leaves with the header, in
	// one write that cannot wait for the server to read.
	maxInline = 32 << 10
	// maxKept is how much room is kept for the next request.
	maxKept = 64 << 10
)

// outgoing is a request as it leaves: the header, and a body that is short and in memory.
type outgoing struct {
	b []byte
	// length is that of the body: -1 in chunks, 0 without or when it is in b.
	length int64
}

var writing = sync.Pool{New: func() any { return &outgoing{b: make([]byte, 0, 4<<10)} }}

func (o *outgoing) free() {
	if cap(o.b) <= maxKept {
		writing.Put(o)
	}
}

// ErrRequest is what no server is to blame for: the request cannot be written in HTTP/1.1.
var ErrRequest = errors.New("not a request of HTTP/1.1")

var (
	errMethod = fmt.Errorf("%w: the method is no token", ErrRequest)
	errTarget = fmt.Errorf("%w: the target has a space or a control byte", ErrRequest)
	errHost   = fmt.Errorf("%w: the host has a space or a control byte", ErrRequest)
	errField  = fmt.Errorf("%w: a field would not arrive as it is", ErrRequest)
	errLength = errors.New("the request's body has another length than it should have")
)

// compose writes a request down.
func (o *outgoing) compose(r *http.Request) error {
	o.length = 0
	method := cmp.Or(r.Method, http.MethodGet)
	if !isToken(method) {
		return errMethod
	}
	b := append(append(o.b[:0], method...), ' ')
	from := len(b)
	path := r.URL.Opaque
	if path == "" {
		path = cmp.Or(r.URL.EscapedPath(), "/")
	}
	b = append(b, path...)
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		b = append(append(b, '?'), r.URL.RawQuery...)
	}
	for _, c := range b[from:] {
		if c <= ' ' || c == 0x7f {
			return errTarget
		}
	}
	b = append(b, " HTTP/1.1\r\nHost: "...)
	host := cmp.Or(r.Host, r.URL.Host)
	if !isText(host) || strings.ContainsAny(host, " \t") {
		return errHost
	}
	b = append(append(b, host...), "\r\n"...)
	for name, values := range r.Header {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer":
			continue // the framing is ours
		}
		if !isToken(name) {
			return errField
		}
		for _, v := range values {
			if v == "" && name == "User-Agent" {
				continue // net/http spells "none" so
			}
			v = trim(v)
			if !isText(v) {
				return errField
			}
			b = append(append(b, name...), ": "...)
			b = append(append(b, v...), "\r\n"...)
		}
	}
	bodiless := r.Body == nil || r.Body == http.NoBody
	switch {
	case bodiless && r.ContentLength > 0:
		return errLength
	case bodiless:
		if method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
			b = append(b, "Content-Length: 0\r\n"...) // many servers want to be told
		}
	case r.ContentLength > 0:
		b = strconv.AppendInt(append(b, "Content-Length: "...), r.ContentLength, 10)
		b = append(b, "\r\n"...)
		o.length = r.ContentLength
	default: // also 0 beside a body, by the rule of http.Request
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
		o.length = -1
	}
	o.b = append(b, "\r\n"...)
	return nil
}

// load takes a body along that is short and in memory.
func (o *outgoing) load(r *http.Request) error {
	if r.GetBody == nil || o.length <= 0 || o.length > maxInline {
		return nil
	}
	at, n := len(o.b), int(o.length)
	o.b = slices.Grow(o.b, n)[:at+n]
	if _, err := io.ReadFull(r.Body, o.b[at:]); err != nil {
		return errLength
	}
	o.length = 0
	return nil
}

// repeatable reports whether it does no harm to send a request again that a server may
// have had.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

// trim takes spaces and tabs off both ends.
func trim(s string) string {
	for s != "" && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for s != "" && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
}

// isText reports whether a value has no control bytes, but for tabs.
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isToken reports whether s is a token of RFC 9110.
func isToken(s string) bool {
	for i := range len(s) {
		if !tokens[s[i]] {
			return false
		}
	}
	return s != ""
}

var tokens = func() (t [256]bool) {
	for c := byte('!'); c < 0x7f; c++ {
		t[c] = strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) < 0
	}
	return t
}()
