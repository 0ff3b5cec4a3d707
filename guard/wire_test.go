// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What net/http and the guard make of bytes that parsers read differently.
// Nothing of it reaches the app in two readings: a request that passes arrives in
// the one spelling that Go gives it. Where that is looser than one may like, the
// row pins it.
func TestBytesThatParsersReadDifferently(t *testing.T) {
	const ct = "Content-Type: application/json"
	big := func(n int) string { return "X-Big: " + strings.Repeat("x", n) }
	for name, test := range map[string]struct {
		request []string
		status  int
		rule    string // of the problem; "" for net/http's own answer or the app's
		body    string // as the app got it
	}{
		"length-and-coding":       {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: 3", "Transfer-Encoding: chunked", "", "2", "{}", "0", "", ""}, 400, "request/header", ""},
		"coding-and-length":       {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "Content-Length: 3", "", "2", "{}", "0", "", ""}, 400, "request/header", ""},
		"coding-and-a-bad-length": {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "Content-Length: x", "", "0", "", ""}, 400, "", ""},
		"folded-host":             {[]string{"GET / HTTP/1.1", "Host: a", " b", "", ""}, 400, "", ""},
		"two-equal-lengths":       {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: 2", "Content-Length: 2", "", "{}"}, 400, "request/header", ""},
		"two-lengths":             {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: 2", "Content-Length: 3", "", "{}"}, 400, "", ""},
		"list-of-lengths":         {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: 2, 2", "", "{}"}, 400, "", ""},
		"signed-length":           {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: +2", "", "{}"}, 400, "", ""},
		"hex-length":              {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: 0x2", "", "{}"}, 400, "", ""},
		"huge-length":             {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: 99999999999999999999", "", "{}"}, 400, "", ""},
		"unknown-coding":          {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: xchunked", "", "0", "", ""}, 501, "", ""},
		"two-codings":             {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: gzip, chunked", "", "0", "", ""}, 501, "", ""},
		"coding-twice":            {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", "", "0", "", ""}, 501, "", ""},
		"coding-in-capitals":      {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: CHUNKED", "", "2", "{}", "0", "", ""}, 200, "", "{}"},
		"space-before-the-colon":  {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding : chunked", "", "0", "", ""}, 400, "", ""},
		"folded":                  {[]string{"GET / HTTP/1.1", "Host: a", "X-Fold: a", " b", "", ""}, 400, "request/header", ""},
		"folded-coding":           {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding:", " chunked", "", "2", "{}", "0", "", ""}, 400, "request/header", ""},
		"nul-in-a-value":          {[]string{"GET / HTTP/1.1", "Host: a", "X-Nul: a\x00b", "", ""}, 400, "", ""},
		"nul-in-a-name":           {[]string{"GET / HTTP/1.1", "Host: a", "X\x00: a", "", ""}, 400, "", ""},
		"lone-return-in-a-value":  {[]string{"GET / HTTP/1.1", "Host: a", "X: a\rb", "", ""}, 400, "", ""},
		"no-host":                 {[]string{"GET / HTTP/1.1", "", ""}, 400, "", ""},
		"two-hosts":               {[]string{"GET / HTTP/1.1", "Host: a", "Host: b", "", ""}, 400, "", ""},
		"host-with-a-path":        {[]string{"GET / HTTP/1.1", "Host: a/b", "", ""}, 400, "", ""},
		"host-with-a-space":       {[]string{"GET / HTTP/1.1", "Host: a b", "", ""}, 400, "", ""},
		"host-with-a-list":        {[]string{"GET / HTTP/1.1", "Host: a,b", "", ""}, 400, "request/header", ""},
		"host-with-a-user":        {[]string{"GET / HTTP/1.1", "Host: u@a", "", ""}, 400, "", ""},
		"host-with-an-escape":     {[]string{"GET / HTTP/1.1", "Host: a%2fb", "", ""}, 400, "request/header", ""},
		"host-with-two-ports":     {[]string{"GET / HTTP/1.1", "Host: a:1:2", "", ""}, 400, "request/header", ""},
		"host-with-a-named-port":  {[]string{"GET / HTTP/1.1", "Host: a:http", "", ""}, 400, "request/header", ""},
		"host-is-a-port":          {[]string{"GET / HTTP/1.1", "Host: :80", "", ""}, 400, "request/header", ""},
		"host-half-an-address":    {[]string{"GET / HTTP/1.1", "Host: [::1", "", ""}, 400, "request/header", ""},
		"host-an-address":         {[]string{"GET / HTTP/1.1", "Host: [::1]:80", "", ""}, 200, "", ""},
		"empty-host":              {[]string{"GET / HTTP/1.1", "Host:", "", ""}, 200, "", ""},
		"old-without-a-host":      {[]string{"GET / HTTP/1.0", "", ""}, 200, "", ""},
		"old-with-a-coding":       {[]string{"POST / HTTP/1.0", "Host: a", ct, "Transfer-Encoding: chunked", "", "2", "{}", "0", "", ""}, 400, "request/header", ""},
		"unknown-version":         {[]string{"GET / HTTP/3.0", "Host: a", "", ""}, 505, "", ""},
		"no-version":              {[]string{"GET /", "Host: a", "", ""}, 400, "", ""},
		"two-spaces":              {[]string{"GET  / HTTP/1.1", "Host: a", "", ""}, 400, "", ""},
		"bad-escape":              {[]string{"GET /%zz HTTP/1.1", "Host: a", "", ""}, 400, "", ""},
		"control-byte":            {[]string{"GET /a\x01 HTTP/1.1", "Host: a", "", ""}, 400, "", ""},
		"expectation":             {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Length: 2", "Expect: more", "", "{}"}, 417, "", ""},
		"header-of-15-kb":         {[]string{"GET / HTTP/1.1", "Host: a", big(15 << 10), "", ""}, 200, "", ""},
		"header-of-17-kb":         {[]string{"GET / HTTP/1.1", "Host: a", big(17 << 10), "", ""}, 431, "request/headers-too-large", ""},
		"header-of-60-kb":         {[]string{"GET / HTTP/1.1", "Host: a", big(60 << 10), "", ""}, 431, "request/headers-too-large", ""},
		"header-of-80-kb":         {[]string{"GET / HTTP/1.1", "Host: a", big(80 << 10), "", ""}, 431, "", ""},
		"100-header-lines":        {[]string{"GET / HTTP/1.1", "Host: a" + strings.Repeat("\r\nX: 1", 100), "", ""}, 200, "", ""},
		"101-header-lines":        {[]string{"GET / HTTP/1.1", "Host: a" + strings.Repeat("\r\nX: 1", 101), "", ""}, 431, "request/headers-too-large", ""},
		"long-path":               {[]string{"GET /" + strings.Repeat("a", 9<<10) + " HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"dot-segments":            {[]string{"GET /a/../api HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"encoded-dot-segments":    {[]string{"GET /a/%2e%2E/api HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"encoded-control":         {[]string{"GET /a%00 HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"fragment":                {[]string{"GET /a#b HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"absolute-form-other":     {[]string{"GET http://b/x?y HTTP/1.1", "Host: a", "", ""}, 400, "request/header", ""},
		"absolute-form-no-host":   {[]string{"GET http://b/x HTTP/1.0", "", ""}, 400, "request/header", ""},
		"absolute-form":           {[]string{"GET http://B/x?y HTTP/1.1", "hOST: b", "", ""}, 200, "", ""},
		"absolute-form-user":      {[]string{"GET http://u:p@b/x HTTP/1.1", "Host: b", "", ""}, 200, "", ""},
		"absolute-form-no-path":   {[]string{"GET http://a HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"opaque-target":           {[]string{"GET http:x HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"relative-target":         {[]string{"GET x HTTP/1.1", "Host: a", "", ""}, 400, "", ""},
		"asterisk":                {[]string{"OPTIONS * HTTP/1.1", "Host: a", "", ""}, 200, "", ""},
		"asterisk-get":            {[]string{"GET * HTTP/1.1", "Host: a", "", ""}, 400, "request/path", ""},
		"connect":                 {[]string{"CONNECT b:80 HTTP/1.1", "Host: b:80", "", ""}, 405, "request/method", ""},
		"trace":                   {[]string{"TRACE / HTTP/1.1", "Host: a", "", ""}, 405, "request/method", ""},
		"method-with-a-bracket":   {[]string{"GE[T / HTTP/1.1", "Host: a", "", ""}, 400, "", ""},
		"http2-preface":           {[]string{"PRI * HTTP/2.0", "", "SM", "", ""}, 400, "request/path", ""},
		"chunk-size-beyond-int64": {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "", "fffffffffffffffff", "{}", "0", "", ""}, 400, "request/aborted", ""},
		"chunk-size-negative":     {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "", "-2", "{}", "0", "", ""}, 400, "request/aborted", ""},
		"chunk-without-its-end":   {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "", "2", "{}x0", "", ""}, 400, "request/aborted", ""},
		"chunk-extensions":        {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "", "2;a=b", "{}", "0", "", ""}, 200, "", "{}"},
		"chunk-line-feed":         {[]string{"POST / HTTP/1.1", "Host: a", ct, "Transfer-Encoding: chunked", "", "2;a\n{}", "0", "", ""}, 400, "request/aborted", ""},
		"two-content-types":       {[]string{"POST / HTTP/1.1", "Host: a", ct, "Content-Type: text/plain", "Content-Length: 2", "", "{}"}, 415, "request/content-type", ""},
		"two-authorizations":      {[]string{"GET / HTTP/1.1", "Host: a", "Authorization: a", "Authorization: b", "", ""}, 400, "request/header", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan seen, 2)
			g := start(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				for _, name := range []string{"Transfer-Encoding", "Expect"} {
					if r.Header.Get(name) != "" {
						t.Errorf("the app got %s: %q", name, r.Header[name])
					}
				}
				got <- seen{Target: r.RequestURI, Host: r.Host, Header: r.Header, Body: string(body), Length: r.ContentLength}
				io.WriteString(w, "app")
			}, options{})
			c := g.dial(t)
			c.send(t, test.request...)
			resp, body := c.answer(t, strings.SplitN(test.request[0], " ", 2)[0])
			if resp.StatusCode != test.status {
				t.Fatalf("got status %d; want %d: %s", resp.StatusCode, test.status, body)
			}
			if test.rule != "" {
				if rule := problemOf(t, g, resp, body); rule != test.rule {
					t.Errorf("got %s; want %s", rule, test.rule)
				}
			}
			var s seen
			select {
			case s = <-got:
			default:
			}
			if reached := s.Target != ""; reached != (test.status == 200) {
				t.Fatalf("the app got %+v", s)
			}
			if s.Body != test.body || s.Length != int64(len(test.body)) {
				t.Errorf("the app got %q, length %d; want %q", s.Body, s.Length, test.body)
			}
			switch name {
			case "absolute-form", "absolute-form-user":
				if !strings.HasPrefix(s.Target, "/x") || !strings.EqualFold(s.Host, "b") || s.Header.Get("Authorization") != "" || !strings.EqualFold(s.Header.Get("X-Forwarded-Host"), "b") {
					t.Errorf("the app got %+v", s)
				}
			case "asterisk":
				if s.Target != "*" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("the app got %+v, the client %v", s, resp.Header)
				}
			}
		})
	}
}

// Line ends may be bare line feeds; what follows is then read alike, too.
func TestBareLineFeeds(t *testing.T) {
	g := start(t, mirror, options{})
	c := g.dial(t)
	io.WriteString(c.Conn, "POST /a HTTP/1.1\nHost: a\nContent-Type: application/json\nContent-Length: 2\n\n{}GET /b HTTP/1.1\nHost: a\n\n")
	for _, want := range []string{"/a", "/b"} {
		resp, body := c.answer(t, "GET")
		if s := reflection(t, resp, body); s.Target != want {
			t.Errorf("got %s; want %s", s.Target, want)
		}
	}
}

// Pipelined requests are answered in order, refusals among them.
func TestPipelines(t *testing.T) {
	g := start(t, mirror, options{})
	c := g.dial(t)
	for i := range 6 {
		body := `{"a":1}`
		if i%2 == 1 {
			body = `{"a":1,}`
		}
		c.send(t, fmt.Sprintf("POST /%d HTTP/1.1", i), "Host: a", "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body)), "", body)
	}
	for i := range 6 {
		resp, body := c.answer(t, "POST")
		if i%2 == 1 {
			if rule := problemOf(t, g, resp, body); rule != "request/json" {
				t.Errorf("%d: got %s", i, rule)
			}
			continue
		}
		if s := reflection(t, resp, body); s.Target != fmt.Sprintf("/%d", i) {
			t.Errorf("%d: got %s", i, s.Target)
		}
	}
}

// The login rule counts a path as Express routes it.
func TestTheLoginRuleMeetsEverySpelling(t *testing.T) {
	spellings := []string{"/api/login", "/API/LOGIN/", "//api/login", "/api//login//", "/api/%6cogin", "/Api/Login?x=1"}
	for _, policy := range []string{"profile: strict", "profile: compatible",
		`rate_limits: {rules: [{name: login, match: "POST /api/login", limit: 5, window: 15m, count: failures}]}`} {
		t.Run(policy, func(t *testing.T) {
			attempts := 0
			g := start(t, func(w http.ResponseWriter, r *http.Request) {
				attempts++
				w.WriteHeader(http.StatusUnauthorized)
			}, options{policy: policy})
			for i := range 12 {
				c := g.dial(t)
				c.send(t, "POST "+spellings[i%len(spellings)]+" HTTP/1.1", "Host: a", "Content-Type: application/json", "Content-Length: 2", "", "{}")
				resp, body := c.answer(t, "POST")
				if i < 5 && resp.StatusCode != 401 {
					t.Errorf("attempt %d: got %d: %s", i+1, resp.StatusCode, body)
				}
				if i >= 5 && (resp.StatusCode != 429 || problemOf(t, g, resp, body) != "ratelimit/exceeded" ||
					!strings.Contains(body, "Too many login attempts. Try again in 15 minutes.") || resp.Header.Get("Retry-After") == "") {
					t.Errorf("attempt %d at %s: got %d: %s", i+1, spellings[i%len(spellings)], resp.StatusCode, body)
				}
			}
			if attempts != 5 {
				t.Errorf("%d attempts reached the app; want 5", attempts)
			}
		})
	}
}
