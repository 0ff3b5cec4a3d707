// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf16"

	"github.com/andybalholm/brotli"
)

// Request is one request as it goes over the wire.
type Request struct {
	Method, Target string
	Headers        [][2]string // but for Host and the framing
	Body           []byte
	Chunked        bool
	// Ordinary says that nothing about it is odd: it has to pass.
	Ordinary bool
}

// Raw is the request's bytes.
func (r *Request) Raw() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: shop.example\r\n", r.Method, r.Target)
	for _, h := range r.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	switch {
	case r.Chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for rest := r.Body; len(rest) > 0; {
			n := min(len(rest), 17)
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		b.WriteString("0\r\n\r\n")
	default:
		if len(r.Body) > 0 || r.Method == "POST" || r.Method == "PUT" {
			fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
		}
		b.WriteString("\r\n")
		b.Write(r.Body)
	}
	return b.Bytes()
}

func (r *Request) set(name, value string) { r.Headers = append(r.Headers, [2]string{name, value}) }

// Make is the request with a number.
func Make(seed, number uint64, recorded []*Request) *Request {
	s := newSource(seed, number)
	switch {
	case s.in(5):
		return s.ordinary()
	case len(recorded) > 0 && s.in(4):
		return s.mutate(pick(s, recorded...))
	case s.in(6):
		return s.mutate(s.odd())
	}
	return s.odd()
}

// ordinary is a request that no app and no guard has anything against.
func (s source) ordinary() *Request {
	r := &Request{Method: pick(s, "POST", "PUT", "PATCH", "POST"), Target: "/api/items", Ordinary: true}
	t := s.grow(2, true)
	switch s.IntN(6) {
	case 0:
		r.Method = pick(s, "GET", "DELETE")
		r.Target += "?" + s.form(t, true)
	case 1:
		r.set("Content-Type", pick(s, "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"))
		r.Body = []byte(s.form(t, true))
	case 2:
		contentType, body := s.multipart(t, true)
		r.set("Content-Type", contentType)
		r.Body = []byte(body)
	case 3:
		r.set("Content-Type", pick(s, "text/plain", "text/csv; charset=utf-8", "text/markdown", "application/octet-stream", "image/png", "application/xml"))
		r.Body = []byte(pick(s, string(photo), "a,b\n1,$ne\n", "$ne: {x}", "<a b=\"c\">$where</a>", "# prose about {\"$ne\": 1}", "a=b&$ne=1"))
	default:
		r.set("Content-Type", pick(s, "application/json", "application/json; charset=utf-8", "Application/JSON", "application/vnd.api+json"))
		r.Body = []byte(s.json(t, true))
		r.Chunked = s.in(4)
		if s.in(6) {
			r.set("Content-Encoding", "gzip")
			r.Body = gzipped(r.Body)
		}
	}
	if s.in(20) {
		r.set(pick(s, "X-HTTP-Method-Override", "X-Method-Override"), pick(s, r.Method, "PUT", "GET"))
		r.Ordinary = r.Method != "DELETE"
	}
	if s.in(4) {
		r.set("Cookie", pick(s, "theme=dark; id=abc123", `prefs=j:{"a":1}`, "session=s%3Aabc.def", "a=b%20c"))
	}
	return r
}

// odd is a request that may be an attack, spelled in any of the ways that some
// parser might take.
func (s source) odd() *Request {
	r := &Request{Method: pick(s, "POST", "POST", "POST", "PUT", "PATCH", "DELETE", "GET", "OPTIONS", "QUERY", "PROPFIND"), Target: pick(s, "/api/items", "/API/Items/", "//api/items", "/")}
	t := s.grow(2, s.in(2)) // with ordinary names, only the spelling is odd
	if s.in(20) {
		r.set(pick(s, "X-HTTP-Method-Override", "x-http-method", "X-Method-Override"), pick(s, "DELETE", " delete", "DELETE, PUT", "PUT,DELETE", "PUT"))
	}
	switch s.IntN(10) {
	case 0, 1:
		r.Target += "?" + strings.NewReplacer(" ", "%20", "\n", "", "\t", "", "\x00", "").Replace(s.form(t, false))
		return r
	case 2, 3, 4:
		s.typed(r, "application/x-www-form-urlencoded")
		r.Body = []byte(s.form(t, false))
	case 5, 6:
		contentType, body := s.multipart(t, false)
		r.set("Content-Type", contentType)
		r.Body = []byte(body)
	case 7:
		r.set(pick(s, "Cookie", "cookie"), s.cookies(t))
		if s.in(4) {
			r.set("Cookie", s.cookies(s.grow(1, false)))
		}
		return r
	case 8:
		s.typed(r, pick(s, "application/x-ndjson", "application/jsonl", "application/json-seq"))
		r.Body = []byte(s.json(t, false) + pick(s, "\n", "\r\n", "\x1e", " ") + s.json(s.grow(1, false), false))
	default:
		s.typed(r, "application/json")
		r.Body = []byte(s.json(t, false))
		s.transcode(r)
	}
	s.encode(r)
	r.Chunked = s.in(6)
	return r
}

// typed gives the request a content type.
func (s source) typed(r *Request, contentType string) {
	switch s.IntN(8) {
	case 0:
		major, minor, _ := strings.Cut(contentType, "/")
		contentType = pick(s, strings.ToUpper(contentType), contentType+";", contentType+" ; charset=utf-8", contentType+`; charset="UTF-8"`,
			contentType+"; charset=utf8", contentType+"; charset=us-ascii", contentType+"; charset=utf-8; charset=utf-8", contentType+";;",
			contentType+", text/plain", "text/plain, "+contentType, " "+contentType, contentType+"; a=b", major+"/"+minor+" x",
			"application/x-www-form-urlencoded; a=application/json", "text/plain", "text/json", "application/octet-stream", "*/*", "json", "application/json5", "text/x-json")
	case 1:
		return // none
	case 2:
		r.set("Content-Type", pick(s, contentType, "text/plain"))
	}
	r.set(pick(s, "Content-Type", "content-type"), contentType)
}

// transcode writes the body in another charset, declared or not.
func (s source) transcode(r *Request) {
	if !s.in(4) || len(r.Headers) == 0 {
		return
	}
	name := pick(s, "utf-16le", "utf-16be", "utf-16", "utf-32le", "utf-7", "utf-7", "iso-8859-1", "UTF-16LE", `"utf-16le"`, "ucs-2", "unicode-1-1-utf-7")
	text := string(r.Body)
	var out []byte
	switch strings.ToLower(strings.Trim(name, `"`)) {
	case "utf-16be":
		for _, u := range utf16.Encode([]rune(text)) {
			out = append(out, byte(u>>8), byte(u))
		}
	case "utf-32le":
		for _, c := range text {
			out = append(out, byte(c), byte(c>>8), byte(c>>16), byte(c>>24))
		}
	case "utf-7", "unicode-1-1-utf-7":
		out = []byte(strings.NewReplacer("$", "+ACQ-", "_", "+AF8-").Replace(text))
	case "iso-8859-1":
		out = []byte(text)
	default:
		if s.in(2) {
			out = append(out, 0xff, 0xfe)
		}
		for _, u := range utf16.Encode([]rune(text)) {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	r.Body = out
	if !s.in(4) {
		r.Headers[len(r.Headers)-1][1] += "; charset=" + name
	}
}

// encode puts the body under a content coding.
func (s source) encode(r *Request) {
	if !s.in(6) {
		return
	}
	switch s.IntN(9) {
	case 0:
		r.set("Content-Encoding", pick(s, "gzip", "GZIP", " gzip ", "x-gzip", "gzip, gzip", "identity, gzip"))
		r.Body = gzipped(r.Body)
	case 1:
		r.set("Content-Encoding", "gzip")
		half := len(r.Body) / 2
		r.Body = append(gzipped(r.Body[:half]), gzipped(r.Body[half:])...)
	case 2:
		r.set("Content-Encoding", pick(s, "deflate", "Deflate", "br", "zstd"))
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(r.Body)
		w.Close()
		r.Body = b.Bytes()
	case 3:
		r.set("Content-Encoding", "deflate")
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.DefaultCompression)
		w.Write(r.Body)
		w.Close()
		r.Body = b.Bytes()
	case 4:
		r.set("Content-Encoding", pick(s, "br", "BR"))
		var b bytes.Buffer
		w := brotli.NewWriter(&b)
		w.Write(r.Body)
		w.Close()
		r.Body = b.Bytes()
	case 7:
		r.set("Content-Encoding", "gzip")
		r.set("Content-Encoding", "gzip")
		r.Body = gzipped(gzipped(r.Body))
	case 5:
		r.set("Content-Encoding", pick(s, "identity", "", "none", "utf-8", "br"))
	case 6:
		r.set("Content-Encoding", "gzip")
		r.Body = append(gzipped(r.Body), pick(s, "x", `{"$ne":1}`)...)
	default:
		r.set("Content-Encoding", "gzip")
		z := gzipped(r.Body)
		r.Body = z[:len(z)-s.IntN(9)]
	}
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data) // to a buffer, which never fails
	w.Close()
	return b.Bytes()
}

// cookies spells a tree as a JSON cookie, among others.
func (s source) cookies(t tree) string {
	text := "j:" + s.json(t, s.in(2))
	text = strings.NewReplacer("\n", " ", "\r", " ", "\x00", "").Replace(text)
	switch s.IntN(6) {
	case 0:
		text = url.QueryEscape(text)
	case 1:
		text = url.PathEscape(text)
	case 2:
		text = strings.NewReplacer("$", "%24", ";", "%3B", " ", "%20").Replace(text)
	case 3:
		text = `"` + text + `"`
	case 4:
		text = "s:" + text + "." + pick(s, base64.RawStdEncoding.EncodeToString([]byte("no signature")), signature(text))
	}
	return pick(s, "", "theme=dark; ", "a; ", "=x;") + pick(s, "prefs", "$ne", "a b", "") + "=" + text + pick(s, "", "; b=1", ";", "; prefs=x")
}

// signature is that of cookie-parser with the oracle's secret.
func signature(text string) string {
	m := hmac.New(sha256.New, []byte("secret"))
	m.Write([]byte(text))
	return base64.RawStdEncoding.EncodeToString(m.Sum(nil))
}

// mutate changes bytes of a request here and there.
func (s source) mutate(from *Request) *Request {
	r := *from
	r.Ordinary = false
	r.Headers = append([][2]string(nil), from.Headers...)
	r.Body = bytes.Clone(from.Body)
	for range 1 + s.IntN(3) {
		switch s.IntN(8) {
		case 0:
			target := s.bytes([]byte(r.Target))
			r.Target = "/" + strings.TrimLeft(strings.Map(visible, string(target)), "/")
		case 1:
			if len(r.Headers) > 0 {
				i := s.IntN(len(r.Headers))
				r.Headers[i][1] = strings.Map(printable, string(s.bytes([]byte(r.Headers[i][1]))))
			}
		case 2:
			if len(r.Headers) > 0 {
				r.Headers = append(r.Headers, pick(s, r.Headers...))
			}
		case 3:
			r.Method = pick(s, "GET", "DELETE", "POST", "PUT")
		case 4:
			r.Chunked = !r.Chunked
		default:
			r.Body = s.bytes(r.Body)
		}
	}
	return &r
}

func visible(c rune) rune {
	if c <= ' ' || c >= 0x7f || c == '#' {
		return -1
	}
	return c
}

func printable(c rune) rune {
	if c < ' ' || c == 0x7f {
		return ' '
	}
	return c
}

var pieces = []string{"$", "$ne", "[", "]", ".", "%", "%24", "\\", "\"", "{", "}", ",", "&", "=", ";", "__proto__", "\x00", "\xff", "\r\n", "--", ":", "j:", "\ufeff", "u0024", "prototype"}

func (s source) bytes(b []byte) []byte {
	if len(b) == 0 {
		return []byte(pick(s, pieces...))
	}
	at := s.IntN(len(b))
	switch s.IntN(5) {
	case 0:
		return append(bytes.Clone(b[:at]), b[at+1:]...)
	case 1:
		return bytes.Join([][]byte{b[:at], b[at:]}, []byte(pick(s, pieces...)))
	case 2:
		end := at + s.IntN(len(b)-at)
		return bytes.Join([][]byte{b[:end], b[at:]}, nil)
	case 3:
		c := bytes.Clone(b)
		c[at] = pick(s, pieces...)[0]
		return c
	}
	c := bytes.Clone(b)
	c[at] ^= 1 << s.IntN(8)
	return c
}
