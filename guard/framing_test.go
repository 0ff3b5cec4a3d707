// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is an app of bytes alone: it keeps what it is sent, and answers each
// request with ok.
type recorder struct {
	url string
	mu  sync.Mutex
	got bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.Write(p)
}

// take returns the bytes that came since the last time.
func (r *recorder) take() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.got.Reset()
	return r.got.String()
}

func record(t *testing.T) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{url: "http://" + listener.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				in := bufio.NewReader(io.TeeReader(c, r))
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, req.Body); err != nil {
						return
					}
					io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				}
			})
		}
	})
	t.Cleanup(func() { listener.Close(); all.Wait() })
	return r
}

var requestID = regexp.MustCompile(`(?m)^X-Request-Id: [0-9a-f-]{36}`)

// ordered is a request with its header lines in order, as their order means nothing.
func ordered(raw string) string {
	head, body, _ := strings.Cut(requestID.ReplaceAllString(raw, "X-Request-Id: ID"), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n") + "\n\n" + body
}

// own are the headers that the guard adds.
const own = "X-Forwarded-For: 127.0.0.1\nX-Forwarded-Host: a\nX-Forwarded-Proto: http\nX-Request-Id: ID\n\n"

// What net/http makes one reading of arrives in exactly these bytes, whatever the
// client's were.
func TestTheAppSeesOneFraming(t *testing.T) {
	app := record(t)
	g := start(t, nil, options{policy: "profile: strict", upstream: app.url})
	const ct, octets = "Content-Type: application/json", "Content-Type: application/octet-stream"
	for name, test := range map[string]struct {
		request []string
		want    string
	}{
		"a-length":                 {[]string{"POST /a HTTP/1.1", "Host: a", ct, "Content-Length: 2", "", "{}"}, "POST /a HTTP/1.1\nContent-Length: 2\n" + ct + "\nHost: a\n" + own + "{}"},
		"a-padded-length":          {[]string{"POST /a HTTP/1.1", "Host: a", ct, "Content-Length:   0002\t ", "", "{}"}, "POST /a HTTP/1.1\nContent-Length: 2\n" + ct + "\nHost: a\n" + own + "{}"},
		"chunks-that-are-read":     {[]string{"POST /a HTTP/1.1", "Host: a", ct, "Transfer-Encoding: cHUNKED", "", "1;x=y", "{", "01", "}", "0", "", ""}, "POST /a HTTP/1.1\nContent-Length: 2\n" + ct + "\nHost: a\n" + own + "{}"},
		"a-trailer":                {[]string{"POST /a HTTP/1.1", "Host: a", ct, "Trailer: X-Sum, Content-Type", "Transfer-Encoding: chunked", "", "2", "{}", "0", "X-Sum: 1", "", ""}, "POST /a HTTP/1.1\nContent-Length: 2\n" + ct + "\nHost: a\n" + own + "{}"},
		"a-trailer-with-a-length":  {[]string{"POST /a HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "", "2", "{}", "0", "Content-Length: 9", "X-Forwarded-For: 6.6.6.6", "", ""}, "POST /a HTTP/1.1\nContent-Length: 2\n" + ct + "\nHost: a\n" + own + "{}"},
		"bare-line-feeds":          {[]string{"POST /a HTTP/1.1\nHost: a\n" + octets + "\nContent-Length: 2\n\n{}"}, "POST /a HTTP/1.1\nContent-Length: 2\n" + octets + "\nHost: a\n" + own + "{}"},
		"no-body":                  {[]string{"POST /a HTTP/1.1", "Host: a", "", ""}, "POST /a HTTP/1.1\nContent-Length: 0\nHost: a\n" + own},
		"a-get-with-a-body":        {[]string{"GET /a HTTP/1.1", "Host: a", ct, "Content-Length: 2", "", "{}"}, "GET /a HTTP/1.1\nContent-Length: 2\n" + ct + "\nHost: a\n" + own + "{}"},
		"an-old-request":           {[]string{"GET /a HTTP/1.0", "Host: a", "", ""}, "GET /a HTTP/1.1\nHost: a\n" + own},
		"odd-case-and-space":       {[]string{"GET /a HTTP/1.1", "hOsT: a", "x-oDd:  \t b \t", "X-Empty:", "", ""}, "GET /a HTTP/1.1\nHost: a\nX-Empty: \n" + strings.Replace(own, "X-Request", "X-Odd: b\nX-Request", 1)},
		"hop-by-hop":               {[]string{"GET /a HTTP/1.1", "Host: a", "Connection: close, TE, Keep-Alive", "Keep-Alive: timeout=5", "TE: gzip", "Proxy-Connection: x", "Proxy-Authenticate: x", "Proxy-Authorization: Basic eDp5", "Trailer: X-Sum", "Upgrade: h2c", "", ""}, "GET /a HTTP/1.1\nHost: a\n" + own},
		"connection-names-ours":    {[]string{"GET /a HTTP/1.1", "Host: a", "Connection: X-Request-Id, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Host", "", ""}, "GET /a HTTP/1.1\nHost: a\n" + own},
		"ours-from-a-stranger":     {[]string{"GET /a HTTP/1.1", "Host: a", "X-Request-Id: mine", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: b", "X-Forwarded-Proto: https", "Forwarded: for=6.6.6.6", "X-Real-IP: 6.6.6.6", "", ""}, "GET /a HTTP/1.1\nHost: a\n" + own},
		"an-expectation":           {[]string{"POST /a HTTP/1.1", "Host: a", ct, "Content-Length: 2", "Expect: 100-continue", "", "{}"}, "POST /a HTTP/1.1\nContent-Length: 2\n" + ct + "\nHost: a\n" + own + "{}"},
		"the-absolute-form":        {[]string{"GET http://a/a?b HTTP/1.1", "Host: a", "", ""}, "GET /a?b HTTP/1.1\nHost: a\n" + own},
		"line-ends-before-a-post":  {[]string{"POST /a HTTP/1.1", "Host: a", "Content-Length: 0", "", ""}, "POST /a HTTP/1.1\nContent-Length: 0\nHost: a\n" + own},
		"an-upgrade-to-no-one":     {[]string{"GET /a HTTP/1.1", "Host: a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "", ""}, "GET /a HTTP/1.1\nHost: a\n" + own},
		"a-body-that-looks-like-2": {[]string{"POST /a HTTP/1.1", "Host: a", octets, "Content-Length: 37", "", "GET /b HTTP/1.1\r\nHost: b\r\nX: yz\r\n\r\n\r\n"}, "POST /a HTTP/1.1\nContent-Length: 37\n" + octets + "\nHost: a\n" + own + "GET /b HTTP/1.1\r\nHost: b\r\nX: yz\r\n\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			app.take()
			c := g.dial(t)
			c.send(t, test.request...)
			resp, body := c.answer(t, "GET")
			for resp.StatusCode == 100 {
				resp, body = c.answer(t, "GET")
			}
			if resp.StatusCode != 200 || body != "ok" {
				t.Fatalf("got %d: %s", resp.StatusCode, body)
			}
			if got := ordered(app.take()); got != test.want {
				t.Errorf("the app got\n%q; want\n%q", got, test.want)
			}
		})
	}
	t.Run("chunks-that-stream", func(t *testing.T) {
		g := start(t, nil, options{policy: "mode: off", upstream: app.url})
		c := g.dial(t)
		c.send(t, "POST /a HTTP/1.1", "Host: a", octets, "Transfer-Encoding: chunked", "", "1;x=y", "{", "01", "}", "0", "X-Trailer: 1", "", "")
		if resp, body := c.answer(t, "POST"); resp.StatusCode != 200 {
			t.Fatalf("got %d: %s", resp.StatusCode, body)
		}
		got := ordered(app.take())
		if want := "POST /a HTTP/1.1\n" + octets + "\nHost: a\nTransfer-Encoding: chunked\n" + own; !strings.HasPrefix(got, want) {
			t.Errorf("the app got\n%q; want\n%q", got, want)
		} else if plain, chunks := dechunk(got[len(want):]); !chunks || plain != "{}" {
			t.Errorf("the body is %q", got[len(want):])
		}
	})
}

// dechunk undoes the plainest form of chunks: sizes, no extension, no trailer.
func dechunk(s string) (plain string, ok bool) {
	for {
		size, rest, found := strings.Cut(s, "\r\n")
		var n int
		if _, err := fmt.Sscanf(size, "%x", &n); !found || err != nil || fmt.Sprintf("%x", n) != size || len(rest) < n+2 || rest[n:n+2] != "\r\n" {
			return plain, false
		}
		plain += rest[:n]
		if s = rest[n+2:]; n == 0 {
			return plain, s == ""
		}
	}
}

// misframed are requests that net/http would serve and that other parsers read
// otherwise. Each has something behind it that would be a second request to those.
var misframed = map[string]string{
	"length-and-coding":      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"coding-and-length":      "POST /a HTTP/1.1\r\nHost: a\r\ntransfer-encoding:chunked\r\ncontent-length: 0\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"two-equal-lengths":      "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"three-lengths":          "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nX: y\r\nCONTENT-LENGTH: 0\r\ncontent-length:0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"folded":                 "GET /a HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n b\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"folded-with-a-tab":      "GET /a HTTP/1.1\r\nHost: a\r\nX-Fold: a\r\n\tContent-Length: 31\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"folded-length":          "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"folded-coding":          "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"folded-nothing":         "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n \r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"old-with-a-coding":      "POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"another-host-in-target": "GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
	"long-padding":           "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + strings.Repeat(" ", 200) + "0\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
}

// They are refused with a problem, end their connection, and leave the app alone: as
// the first request of a connection, behind others, and a byte at a time.
func TestMisframedRequestsAreRefused(t *testing.T) {
	cert, key, pool := certificate(t)
	app := record(t)
	plain := start(t, nil, options{policy: "profile: compatible", upstream: app.url})
	secure := start(t, nil, options{policy: fmt.Sprintf("profile: compatible\ntls: {cert: %q, key: %q}", cert, key), upstream: app.url})
	const before = "POST /before HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}" +
		"POST /before HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n" +
		"\r\nGET /before HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, raw := range misframed {
		for way, test := range map[string]struct {
			g      *running
			secure bool
			before string
			bytes  int // at a time
		}{
			"first":          {plain, false, "", 1 << 20},
			"behind-others":  {plain, false, before, 1 << 20},
			"in-small-bytes": {plain, false, before, 1},
			"tls":            {secure, true, before, 1 << 20},
		} {
			t.Run(name+"/"+way, func(t *testing.T) {
				app.take()
				c := test.g.dial(t)
				if test.secure {
					s := tls.Client(c.Conn, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}})
					c = conn{s, bufio.NewReader(s)}
				}
				for all := test.before + raw; len(all) > 0; {
					n := min(test.bytes, len(all))
					if _, err := io.WriteString(c.Conn, all[:n]); err != nil {
						break // refused already
					}
					all = all[n:]
				}
				for range strings.Count(test.before, "/before") {
					if resp, body := c.answer(t, "GET"); resp.StatusCode != 200 {
						t.Fatalf("a request before it: %d %s", resp.StatusCode, body)
					}
				}
				resp, body := c.answer(t, "POST")
				if rule := problemOf(t, test.g, resp, body); resp.StatusCode != 400 || rule != "request/header" || !resp.Close {
					t.Errorf("got %d %s, close %v", resp.StatusCode, rule, resp.Close)
				}
				c.ends(t)
				if got := app.take(); strings.Contains(got, " /a ") || strings.Contains(got, " /b ") || strings.Count(got, " /before ") != strings.Count(test.before, " /before ") {
					t.Errorf("the app got %q", got)
				}
			})
		}
	}
}

// With mode report they are only reported, and served as net/http reads them.
func TestMisframedRequestsAreReported(t *testing.T) {
	app := record(t)
	g := start(t, nil, options{policy: "mode: report", upstream: app.url})
	c := g.dial(t)
	io.WriteString(c.Conn, misframed["two-equal-lengths"])
	if resp, body := c.answer(t, "POST"); resp.StatusCode != 200 || body != "ok" || !resp.Close {
		t.Errorf("got %d %s, close %v", resp.StatusCode, body, resp.Close)
	}
	c.ends(t)
	if g.log.find(map[string]string{"rule": "request/header", "detail": "Content-Length is given more than once."}) == nil {
		t.Error("it is not reported")
	}
	if got := app.take(); !strings.HasPrefix(got, "POST /a ") || strings.Contains(got, "/b") {
		t.Errorf("the app got %q", got)
	}
}

// Such a request is the last of its connection, also when the app sends hints first.
func TestReportedConnectionsEndBehindHints(t *testing.T) {
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a>")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "ok")
	}, options{policy: "mode: report"})
	c := g.dial(t)
	io.WriteString(c.Conn, misframed["two-equal-lengths"])
	if hints, err := http.ReadResponse(c.Reader, nil); err != nil || hints.StatusCode != 103 {
		t.Fatalf("got %v, %v", hints, err)
	}
	if resp, body := c.answer(t, "POST"); resp.StatusCode != 200 || body != "ok" || !resp.Close {
		t.Fatalf("got %d %s, close %v", resp.StatusCode, body, resp.Close)
	}
	c.ends(t)
}

// Over HTTP/2 there is one framing; what it has of HTTP/1's headers is refused by
// net/http, and a Host beside :authority by the guard.
func TestHTTP2HasOneFraming(t *testing.T) {
	cert, key, pool := certificate(t)
	app := record(t)
	g := start(t, nil, options{policy: fmt.Sprintf("tls: {cert: %q, key: %q}", cert, key), upstream: app.url})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	g.client.Transport = transport
	resp, _ := g.do(t, "POST", "/a", "{}", "Content-Type", "application/json", "Host", "a", "User-Agent", "")
	if resp.ProtoMajor != 2 || resp.StatusCode != 200 {
		t.Fatalf("got %s %d", resp.Proto, resp.StatusCode)
	}
	want := "POST /a HTTP/1.1\nAccept-Encoding: identity\nContent-Length: 2\nContent-Type: application/json\nHost: a\n" + strings.Replace(own, "Proto: http", "Proto: https", 1) + "{}"
	if got := strings.Replace(ordered(app.take()), "Accept-Encoding: gzip\n", "Accept-Encoding: identity\n", 1); got != want {
		t.Errorf("the app got\n%q; want\n%q", got, want)
	}
}

// A target that HTTP/2 lets pass and HTTP/1.1 has no words for is the client's fault: it
// must not have servers left out.
func TestATargetThatHTTP1CannotSay(t *testing.T) {
	cert, key, pool := certificate(t)
	one, two := record(t), record(t)
	g := start(t, nil, options{policy: fmt.Sprintf("tls: {cert: %q, key: %q}\nupstreams: [{servers: ['%s', '%s']}]", cert, key, one.url, two.url)})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	g.client.Transport = transport
	for range 3 {
		resp, body := g.do(t, "GET", "/a?x y HTTP/1.1", "")
		if rule := problemOf(t, g, resp, body); resp.ProtoMajor != 2 || resp.StatusCode != 400 || rule != "request/header" {
			t.Errorf("got %s %d, %s", resp.Proto, resp.StatusCode, rule)
		}
	}
	for _, s := range g.proxy.upstreams.Stats() {
		if !s.Up || s.Failures > 0 || s.Open > 0 {
			t.Errorf("in the end: %+v", s)
		}
	}
	if got := one.take() + two.take(); got != "" {
		t.Errorf("the app got %q", got)
	}
}

// The Host that a client sends beside :authority is refused if it is another.
func TestHostBesideAuthority(t *testing.T) {
	for host, want := range map[string]bool{"": true, "a": true, "A": true, "b": false, "a:80": false} {
		r := &http.Request{Host: "a", Header: http.Header{}}
		if host != "" {
			r.Header["Host"] = []string{host}
		}
		if got := checkHost(r) == nil; got != want {
			t.Errorf("Host %q beside a: accepted %v; want %v", host, got, want)
		}
	}
}

// BenchmarkScanner is what a tap costs for the head of a browser's request.
func BenchmarkScanner(b *testing.B) {
	head := []byte("GET /articles/17?page=2 HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\n" +
		"Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nAccept-Encoding: gzip, deflate, br\r\n" +
		"Accept-Language: en-GB,en;q=0.9\r\nCookie: connect.sid=s%3Aabcdefghijklmnopqrstuvwxyz.0123456789abcdefghijklmnop\r\n\r\n")
	var s scanner
	b.ReportAllocs()
	for b.Loop() {
		s.see(head)
		if _, noted := s.next(); !noted {
			b.Fatal("no head")
		}
	}
}

// served is what net/http makes of the bytes of a connection: each request, and where
// its head ends.
func served(raw []byte) (all []*http.Request, ends []int) {
	from := bytes.NewReader(raw)
	in := bufio.NewReader(from)
	last := ""
	for {
		if last == "POST" { // as its server does
			ahead, _ := in.Peek(4)
			n := 0
			for n < len(ahead) && (ahead[n] == '\r' || ahead[n] == '\n') {
				n++
			}
			in.Discard(n)
		}
		req, err := http.ReadRequest(in)
		if err != nil {
			return all, ends
		}
		last = req.Method
		all, ends = append(all, req), append(ends, len(raw)-from.Len()-in.Buffered())
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return all, ends
		}
	}
}

// A scanner finds each head where net/http does, however the bytes come, or it says
// that it is lost. What it finds no fault with has one framing.
func FuzzScanner(f *testing.F) {
	for _, raw := range misframed {
		f.Add([]byte(raw), byte(3))
	}
	for _, raw := range []string{
		"GET / HTTP/1.1\nHost: a\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0a\r\n0123456789\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\nGET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 18446744073709551617\r\n\r\nGET / HTTP/1.1\r\n\r\n",
		"POST http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
	} {
		f.Add([]byte(raw), byte(1))
	}
	f.Fuzz(func(t *testing.T, raw []byte, piece byte) {
		var s, whole scanner
		var ends []int
		for i := range raw {
			before := len(s.heads)
			s.see(raw[i : i+1])
			if len(s.heads) > before {
				ends = append(ends, i+1)
			}
		}
		for rest := raw; len(rest) > 0; {
			n := min(int(piece)+1, len(rest))
			whole.see(rest[:n])
			rest = rest[n:]
		}
		if whole.at != s.at || !slices.Equal(whole.heads, s.heads) {
			t.Fatalf("in pieces of %d: %+v; byte by byte: %+v", int(piece)+1, whole.heads, s.heads)
		}
		all, want := served(raw)
		for i, req := range all {
			if i == len(ends) {
				if s.at != lost {
					t.Fatalf("head %d was overlooked", i)
				}
				return
			}
			h := s.heads[i]
			if ends[i] != want[i] {
				t.Fatalf("head %d ends at %d; for net/http at %d", i, ends[i], want[i])
			}
			if h.fault(req) != "" {
				return // the last of its connection
			}
			if chunked := req.ContentLength < 0; chunked != (h.codings > 0) || req.ContentLength > 0 && h.lengths != 1 {
				t.Fatalf("net/http reads a length of %d from %+v", req.ContentLength, h)
			}
		}
	})
}
