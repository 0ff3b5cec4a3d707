// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"sync"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// A server that reads HTTP/1 for the guard forgives what other parsers read
// differently, and does not tell: Content-Length beside Transfer-Encoding, lengths
// given twice, folded lines. So a tap on the connection looks at each head as it
// goes by. It parses no request, changes no byte and answers nobody: it notes what
// was in the head (see scanner), and the handler of that request asks for the note.
//
// To find where the next head begins it counts the bytes of bodies. Where that
// could go wrong it stops, and requests that it has no note of are refused.

// tap is an HTTP/1 connection that is watched.
type tap struct {
	net.Conn
	mu   sync.Mutex // the server reads a byte ahead while a handler runs
	scan scanner
}

func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if n > 0 {
		t.mu.Lock()
		t.scan.see(p[:n])
		t.mu.Unlock()
	}
	return n, err
}

// CloseWrite ends our side, as net/http and httputil do to a peer that still sends.
func (t *tap) CloseWrite() error {
	if half, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Close()
}

// next is the note of the request that is being served.
func (t *tap) next() (h head, noted bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.scan.next()
}

// leave ends the watch: what follows is no HTTP/1, or is not known to be.
func (t *tap) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.scan.at, t.scan.heads = lost, nil
}

// secureTap is one over TLS. net/http asks it for [http.Request.TLS].
type secureTap struct {
	tap
	secure *tls.Conn
}

func (t *secureTap) ConnectionState() tls.ConnectionState { return t.secure.ConnectionState() }

type refusalKey struct{}

// framed looks at the note of each request. One that is not good is the last of its
// connection, whatever the suit makes of it; so is one on a connection too many.
func framed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := linkOf(r.Context())
		e := l.full
		if l.tap != nil {
			h, noted := l.tap.next()
			why := h.fault(r)
			if !noted {
				why = "It follows a request whose end is not clear."
			}
			if why != "" {
				l.tap.leave()
				e = problem.Refuse(rule.RequestHeader, why)
			}
		}
		if e != nil {
			w.Header().Set("Connection", "close")
			r = r.WithContext(context.WithValue(r.Context(), refusalKey{}, e))
		}
		next.ServeHTTP(w, r)
	})
}

// checkConnection is asked by the suit, which refuses or reports.
func checkConnection(r *http.Request) error {
	if e, ok := r.Context().Value(refusalKey{}).(*problem.Error); ok {
		return e
	}
	return checkHost(r)
}

// fault says in which way a head can be read differently than net/http did.
func (h *head) fault(r *http.Request) string {
	switch {
	case h.codings > 0 && h.lengths > 0:
		return "Content-Length and Transfer-Encoding are both given."
	case h.lengths > 1:
		return "Content-Length is given more than once."
	case h.codings > 0 && !r.ProtoAtLeast(1, 1):
		return "HTTP/1.0 has no Transfer-Encoding."
	case h.folded:
		return "A header is folded."
	case h.odd:
		return "A header about the body's end is not plainly written."
	case h.absolute && r.URL.Host != "" && !strings.EqualFold(h.host, r.URL.Host):
		return "The request target names another host than Host."
	}
	return ""
}

// checkHost refuses a Host that is no name or address with or without a port. net/http
// lets more pass, and over HTTP/2 a Host header beside :authority.
func checkHost(r *http.Request) error {
	if !plainHost(r.Host) {
		return problem.Refuse(rule.RequestHeader, "Host is not a name or an address.")
	}
	for _, host := range r.Header["Host"] {
		if !strings.EqualFold(host, r.Host) {
			return problem.Refuse(rule.RequestHeader, "Host differs from :authority.")
		}
	}
	return nil
}

// plainHost reports whether a Host has one reading; "" is one, of HTTP/1.0 and of
// RFC 9112 section 3.2.
func plainHost(s string) bool {
	name, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		name, port = s[:i], s[i+1:]
		if name == "" || len(port) > 5 {
			return false
		}
	}
	for i := range len(port) {
		if port[i] < '0' || port[i] > '9' {
			return false
		}
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return ok && strings.Trim(inner, "0123456789abcdefABCDEF:.") == "" && strings.Count(inner, ":") >= 2
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return false
		}
	}
	return true
}

// stage is where in a message a scanner is.
type stage uint8

const (
	inHead stage = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	lost // it is not known where the next head begins
)

const (
	// lineKept is what of a line a scanner looks at.
	lineKept = 128
	// maxTrailer is what net/http reads of a trailer.
	maxTrailer = 4096
	// maxAhead are the requests that may wait: more than the 4 KiB that net/http reads
	// ahead have room for.
	maxAhead = 512
)

// head is what a scanner notes of a request's head.
type head struct {
	lengths, codings uint8  // how often Content-Length and Transfer-Encoding are given
	folded           bool   // a line begins with a space
	odd              bool   // a line about the body's end is not as everybody writes it
	absolute         bool   // the target is neither a path nor *
	host             string // of the Host header, where absolute
}

// scanner finds the heads in the bytes of an HTTP/1 connection. It looks at line ends
// and at the few headers that say where a body ends, each of which must have its one
// plain spelling. The zero value is at the start of a connection.
type scanner struct {
	at    stage
	begun bool // of a head: its first line is over
	head  head
	left  int64 // of the body or the chunk
	rest  int   // of the trailer

	line [lineKept]byte // the beginning of a line that came in pieces
	n    int            // its whole length

	heads []head // that went by and were not asked for
}

// next is the first head that was not asked for yet.
func (s *scanner) next() (h head, noted bool) {
	if len(s.heads) == 0 {
		return head{}, false
	}
	h = s.heads[0]
	s.heads = s.heads[:copy(s.heads, s.heads[1:])]
	return h, true
}

// see takes the bytes that follow.
func (s *scanner) see(p []byte) {
	for len(p) > 0 && s.at != lost {
		if s.at == inBody || s.at == inChunk {
			n := min(s.left, int64(len(p)))
			p = p[n:]
			if s.left -= n; s.left == 0 && s.at == inBody {
				s.at = inHead
			} else if s.left == 0 {
				s.at = inChunkEnd
			}
			continue
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.keep(p)
			return
		}
		line, long := p[:i], i > lineKept
		if s.n > 0 {
			s.keep(line)
			line, long = s.line[:min(s.n, lineKept)], s.n > lineKept
			s.n = 0
		}
		p = p[i+1:]
		s.seeLine(line[:min(len(line), lineKept)], long)
	}
}

// keep keeps a piece of a line.
func (s *scanner) keep(p []byte) {
	if s.n < lineKept {
		copy(s.line[s.n:], p)
	}
	s.n += len(p)
}

// seeLine takes a line without its line feed, or the beginning of one that is long.
func (s *scanner) seeLine(line []byte, long bool) {
	text, returned := bytes.CutSuffix(line, []byte("\r"))
	switch s.at {
	case inHead:
		s.headLine(text, long)
	case inChunkSize:
		if size, ok := chunkSize(text); !ok || !returned || long {
			s.at = lost
		} else if size > 0 {
			s.at, s.left = inChunk, size
		} else {
			s.at, s.rest = inTrailer, maxTrailer
		}
	case inChunkEnd:
		if s.at = inChunkSize; !returned || len(text) > 0 {
			s.at = lost
		}
	case inTrailer:
		s.rest -= len(line) + 1
		switch {
		case long || !returned || s.rest < 0:
			s.at = lost
		case len(text) == 0:
			s.at = inHead
		}
	}
}

// headLine takes a line of a head. Its end may be a lone line feed, as in net/http.
func (s *scanner) headLine(line []byte, long bool) {
	if !s.begun {
		line = bytes.Trim(line, "\r")
		if len(line) == 0 {
			return // net/http skips it, after a POST, or refuses and closes
		}
		s.begun, s.head, s.left = true, head{}, 0
		if i := bytes.IndexByte(line, ' '); i < 0 || i+1 == len(line) || line[i+1] != '/' && line[i+1] != '*' {
			s.head.absolute = true
		}
		return
	}
	switch {
	case len(line) == 0:
		s.endHead()
		return
	case line[0] == ' ' || line[0] == '\t':
		s.head.folded = true // and what it continues may be a length
		return
	case line[0]|0x20 != 'c' && line[0]|0x20 != 't' && line[0]|0x20 != 'h':
		return
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.Trim(value, " \t")
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		if s.head.lengths < 2 {
			s.head.lengths++
		}
		n, ok := length(value)
		s.left = n
		s.head.odd = s.head.odd || long || !ok
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		s.head.codings = 1
		s.head.odd = s.head.odd || long || !bytes.EqualFold(value, []byte("chunked"))
	case s.head.absolute && bytes.EqualFold(name, []byte("Host")):
		s.head.host = string(value)
		s.head.odd = s.head.odd || long
	}
}

// endHead notes the head, and knows by it where its body ends.
func (s *scanner) endHead() {
	h := s.head
	s.begun = false
	if len(s.heads) == maxAhead {
		s.at = lost
		return
	}
	s.heads = append(s.heads, h)
	switch {
	case h.folded || h.odd:
		s.at = lost
	case h.codings > 0:
		s.at = inChunkSize
	case s.left > 0:
		s.at = inBody
	}
}

// length reads a Content-Length of digits alone.
func length(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// chunkSize reads a line of chunked coding: a size and perhaps an extension.
func chunkSize(b []byte) (n int64, ok bool) {
	if i := bytes.IndexByte(b, ';'); i >= 0 {
		if bytes.IndexByte(b, '\r') >= 0 {
			return 0, false
		}
		b = b[:i]
	}
	if len(b) == 0 || len(b) > 15 {
		return 0, false
	}
	for _, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | int64(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			n = n<<4 | int64(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}
