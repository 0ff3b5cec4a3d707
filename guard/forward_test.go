// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// seen is a request as the app got it.
type seen struct {
	Target, Host, Method string
	Header               http.Header
	Body                 string
	Length               int64
	Encoding             []string
}

// mirror answers with the request as it came.
func mirror(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	json.NewEncoder(w).Encode(seen{r.RequestURI, r.Host, r.Method, r.Header, string(body), r.ContentLength, r.TransferEncoding})
}

func reflection(t *testing.T, resp *http.Response, body string) (s seen) {
	t.Helper()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheAppSeesTheRequestAsItCame(t *testing.T) {
	g := start(t, mirror, options{policy: "profile: strict"})
	resp, body := g.do(t, "POST", "/a/b?q=1;r=2", `{ "a" : 1.50 }`, "Content-Type", "application/json", "Host", "shop.example:99",
		"Cookie", "a=1; b=2", "Authorization", "Bearer x", "X-Own", "1", "X-Own", "2", "X-Request-Id", "forged", "Accept-Encoding", "gzip, deflate")
	s := reflection(t, resp, body)
	if s.Target != "/a/b?q=1;r=2" || s.Host != "shop.example:99" || s.Method != "POST" || s.Body != `{ "a" : 1.50 }` || s.Length != 14 {
		t.Errorf("got %+v", s)
	}
	for name, want := range map[string][]string{
		"Cookie": {"a=1; b=2"}, "Authorization": {"Bearer x"}, "X-Own": {"1", "2"}, "Accept-Encoding": {"gzip, deflate"},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"shop.example:99"}, "X-Forwarded-Proto": {"http"},
	} {
		if got := s.Header[name]; !slices.Equal(got, want) {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
	id := resp.Header.Get("X-Request-Id")
	if len(id) != 36 || !slices.Equal(s.Header["X-Request-Id"], []string{id}) {
		t.Errorf("the client's request id is %q, the app's %q", id, s.Header["X-Request-Id"])
	}
}

// Targets arrive byte for byte, but for bytes that no target may have.
func TestTargetsArriveAsTheyCame(t *testing.T) {
	g := start(t, mirror, options{policy: "profile: strict"})
	for name, test := range map[string]struct{ send, want string }{
		"plain":              {"/a/b", ""},
		"doubled-slashes":    {"//a//b/", ""},
		"encoded-slash":      {"/a%2Fb", ""},
		"encoded-letters":    {"/%61%2f%5Bx%5d", ""},
		"encoded-percent":    {"/100%25", ""},
		"sub-delimiters":     {"/!$&'()*+,;=:@[]~", ""},
		"empty-query":        {"/a?", ""},
		"semicolons":         {"/a?x=1;y=2&z=%3B", ""},
		"odd-query":          {`/a?x="<>\^{|}` + "`", ""},
		"question-marks":     {"/a??x=?", ""},
		"raw-bytes-in-query": {"/a?x=\xc3\xbc", ""},
		"pipe":               {"/a|b", "/a%7Cb"},
		"pipe-and-slash":     {"/a%2Fb|c", "/a%2Fb%7Cc"},
		"raw-bytes-in-path":  {"/\xc3\xbc%2f", "/%C3%BC%2f"},
		"many-parameters":    {"/a?" + strings.Repeat("&", 900) + "x=1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := g.dial(t)
			c.send(t, "GET "+test.send+" HTTP/1.1", "Host: shop.example", "", "")
			resp, body := c.answer(t, "GET")
			if s, want := reflection(t, resp, body), cmp.Or(test.want, test.send); s.Target != want {
				t.Errorf("got %q; want %q", s.Target, want)
			}
		})
	}
}

// The app gets forwarding headers of the guard's own making, whatever the
// client spells.
func TestForwardingHeadersAreTheGuards(t *testing.T) {
	claims := []string{
		"X-Forwarded-For", "1.2.3.4", "X-Forwarded-For", "5.6.7.8", "X-Forwarded-Host", "evil.example", "X-Forwarded-Proto", "https",
		"X-Forwarded-Port", "1", "X-Forwarded-Prefix", "/x", "X-Forwarded-Server", "x", "Forwarded", "for=1.2.3.4", "X-Real-Ip", "1.2.3.4",
		"X-Client-Ip", "1.2.3.4", "True-Client-Ip", "1.2.3.4", "Cf-Connecting-Ip", "1.2.3.4",
	}
	for name, test := range map[string]struct {
		policy  string
		headers []string
		want    map[string]string // X-… and Forwarded headers, all of them
	}{
		"from-a-stranger": {"", claims, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http"}},
		"from-nobody": {"", nil, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http"}},
		"from-a-trusted-proxy": {"trusted_proxies: [127.0.0.1]",
			[]string{"X-Forwarded-For", "6.6.6.6, 203.0.113.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"}, map[string]string{
				"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}},
		"through-two-trusted-proxies": {"trusted_proxies: [127.0.0.1, 10.0.0.0/8]",
			[]string{"X-Forwarded-For", "6.6.6.6, 203.0.113.9, 10.1.1.1"}, map[string]string{
				"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http"}},
		"a-trusted-proxy-itself": {"trusted_proxies: [127.0.0.1]", nil, map[string]string{
			"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http"}},
		"another-header-is-the-trusted-one": {"trusted_proxies: [127.0.0.1]\nforwarded_header: Forwarded",
			[]string{"X-Forwarded-For", "6.6.6.6", "Forwarded", "for=203.0.113.9;proto=https"}, map[string]string{
				"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https"}},
		"what-a-trusted-proxy-passed-on": {"trusted_proxies: [127.0.0.1]",
			append(slices.Clone(claims), "X-Forwarded-For", "203.0.113.9"), map[string]string{
				"X-Forwarded-For": "203.0.113.9, 127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "https", "X-Real-Ip": "203.0.113.9",
				"X-Forwarded-Port": "1", "X-Forwarded-Prefix": "/x", "X-Forwarded-Server": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, mirror, options{policy: test.policy})
			resp, body := g.do(t, "GET", "/", "", append([]string{"Host", "shop.example"}, test.headers...)...)
			got := map[string]string{}
			for name, values := range reflection(t, resp, body).Header {
				if strings.Contains(strings.ReplaceAll(name, "_", "-"), "orward") || strings.Contains(name, "Ip") {
					got[name] = strings.Join(values, "|")
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

// What reads like a forwarding header to an app behind CGI is no client's to write, and
// no proxy does.
func TestUnderscoredForwardingHeadersAreRefused(t *testing.T) {
	for _, policy := range []string{"", "profile: compatible", "trusted_proxies: [127.0.0.1]"} {
		g := start(t, mirror, options{policy: policy})
		for _, name := range []string{"X_Forwarded_For", "X-Forwarded_For", "x_forwarded-host", "X_Forwarded_Proto", "X_Real_IP", "True_Client-IP"} {
			resp, body := g.do(t, "GET", "/", "", name, "1.2.3.4")
			if resp.StatusCode != 400 || problemOf(t, g, resp, body) != "request/header" {
				t.Errorf("%s: got %d %s", name, resp.StatusCode, body)
			}
		}
		if resp, body := g.do(t, "GET", "/", "", "X_Own", "1"); resp.StatusCode != 200 {
			t.Errorf("a header of the app's own: got %d %s", resp.StatusCode, body)
		}
	}
}

// What is about the connection to the guard ends there, and a client cannot
// have a header dropped that was inspected.
func TestHeadersOfTheConnectionEndHere(t *testing.T) {
	g := start(t, mirror, options{})
	c := g.dial(t)
	c.send(t, "GET / HTTP/1.1", "Host: a", "Connection: keep-alive, Upgrade, TE, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__",
		"Keep-Alive: timeout=5", "Proxy-Connection: keep-alive", "Proxy-Authorization: Basic eDp5", "TE: trailers", "", "")
	resp, body := c.answer(t, "GET")
	s := reflection(t, resp, body)
	for _, name := range []string{"Connection", "Upgrade", "Http2-Settings", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization"} {
		if s.Header[name] != nil {
			t.Errorf("the app got %s: %q", name, s.Header[name])
		}
	}
	for _, named := range []string{"X-Forwarded-For", "Cookie", "content-type", " authorization ", "X-Anything"} {
		t.Run(strings.TrimSpace(named), func(t *testing.T) {
			c := g.dial(t)
			c.send(t, "GET / HTTP/1.1", "Host: a", "Connection: keep-alive,"+named, strings.TrimSpace(named)+": x/y", "", "")
			if resp, body := c.answer(t, "GET"); resp.StatusCode != 400 || problemOf(t, g, resp, body) != "request/header" {
				t.Errorf("status %d: %s", resp.StatusCode, body)
			}
		})
	}
	t.Run("names-what-is-not-there", func(t *testing.T) {
		c := g.dial(t)
		c.send(t, "GET / HTTP/1.1", "Host: a", "Connection: keep-alive, X-Forwarded-For", "", "")
		resp, body := c.answer(t, "GET")
		if got := reflection(t, resp, body).Header["X-Forwarded-For"]; !slices.Equal(got, []string{"127.0.0.1"}) {
			t.Errorf("got X-Forwarded-For %q", got)
		}
	})
}

// The guard asks for the body itself; an app that knows no 100-continue is not
// waited for, and the client is told once.
func TestExpectContinueEndsHere(t *testing.T) {
	g := start(t, mirror, options{})
	c := g.dial(t)
	c.send(t, "POST / HTTP/1.1", "Host: a", "Content-Type: application/json", "Content-Length: 2", "Expect: 100-continue", "", "")
	if line, err := c.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	c.ReadString('\n')
	c.send(t, "{}")
	resp, body := c.answer(t, "POST") // a second 100 would be taken for the answer
	if s := reflection(t, resp, body); s.Header["Expect"] != nil || s.Body != "{}" {
		t.Errorf("got %+v", s)
	}
	t.Run("refused-without-the-body", func(t *testing.T) {
		c := g.dial(t)
		c.send(t, "POST / HTTP/1.1", "Host: a", "Content-Type: application/json", "Content-Length: 1000000000", "Expect: 100-continue", "", "")
		if resp, body := c.answer(t, "POST"); resp.StatusCode != 413 || problemOf(t, g, resp, body) != "request/body-too-large" {
			t.Errorf("status %d: %s", resp.StatusCode, body)
		}
		c.ends(t)
	})
}

// A connection that the app closed while it was idle is no reason for an error,
// and a request that may have had an effect is sent once.
func TestStaleConnectionsAndRetries(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 10)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			req, err := http.ReadRequest(in) // one answer per connection, which promises more
			if err == nil {
				io.Copy(io.Discard, req.Body)
				got <- req.Method + " " + req.RequestURI
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				if req, err = http.ReadRequest(in); err == nil {
					got <- req.Method + " " + req.RequestURI + " again"
				}
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-closed })
	g := start(t, nil, options{upstream: "http://" + listener.Addr().String()})
	for i, test := range []struct {
		method string
		status int
	}{{"GET", 200}, {"GET", 200}, {"POST", 502}} {
		// The second and third go out on a connection whose other end reads
		// them and closes.
		resp, body := g.do(t, test.method, "/", strings.Repeat("{}", i/2), "Content-Type", "application/json")
		if resp.StatusCode != test.status {
			t.Errorf("%d %s: status %d: %s", i, test.method, resp.StatusCode, body)
		}
	}
	listener.Close()
	g.Close()
	<-closed
	close(got)
	var all []string
	for s := range got {
		all = append(all, s)
	}
	if want := []string{"GET /", "GET / again", "GET /", "POST / again"}; !slices.Equal(all, want) {
		t.Errorf("the app got %q; want %q", all, want)
	}
}
