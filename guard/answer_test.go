// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// careless sets what an Express app sets, and nothing that protects.
func careless(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Powered-By", "Express")
	h.Set("Server", "node")
	h.Set("X-Request-Id", "the-apps-own")
	h.Add("Set-Cookie", "connect.sid=s1; Path=/")
	h.Add("Set-Cookie", "theme=dark; Path=/")
	h.Set("X-Proto", r.Header.Get("X-Forwarded-Proto"))
	switch r.URL.Path {
	case "/redirect":
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	case "/404":
		http.NotFound(w, r)
	case "/500":
		http.Error(w, "MongoServerError: E11000 at /srv/app/server.js:10:5", http.StatusInternalServerError)
	default:
		io.WriteString(w, "ok")
	}
}

func TestAnswersWearTheSuit(t *testing.T) {
	g := start(t, careless, options{policy: "profile: strict"})
	for _, path := range []string{"/", "/redirect", "/404", "/500"} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			t.Run(method+path, func(t *testing.T) {
				resp, body := g.do(t, method, path, "")
				h := resp.Header
				for name, want := range map[string][]string{
					"X-Powered-By": nil, "Server": nil, "Strict-Transport-Security": nil, "X-Content-Type-Options": {"nosniff"},
					"Set-Cookie": {"connect.sid=s1; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict", "theme=dark; Path=/; HttpOnly; SameSite=Strict"},
				} {
					if got := h[name]; !slices.Equal(got, want) {
						t.Errorf("%s: got %q; want %q", name, got, want)
					}
				}
				if len(h["X-Request-Id"]) != 1 || len(h["X-Request-Id"][0]) != 36 {
					t.Errorf("X-Request-Id: %q", h["X-Request-Id"])
				}
				if h.Get("Content-Security-Policy") == "" || strings.Contains(h.Get("Content-Security-Policy"), "upgrade-insecure-requests") {
					t.Errorf("Content-Security-Policy: %q", h.Get("Content-Security-Policy"))
				}
				if path == "/500" && (strings.Contains(body, "Mongo") || strings.Contains(body, "server.js")) {
					t.Errorf("it leaks: %s", body)
				}
			})
		}
	}
}

// certificate writes a new certificate for 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool = x509.NewCertPool()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(text)
	for file, text := range map[string][]byte{cert: text, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pool
}

func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chat":
			echo(w, r)
		case "/upload":
			sum, n := digest(r.Body)
			fmt.Fprintf(w, "%s %d", sum, n)
		default:
			careless(w, r)
		}
	}, options{policy: fmt.Sprintf("tls: {cert: %q, key: %q}\nbodies: {max_bytes: 16MB}", cert, key)})
	config := &tls.Config{RootCAs: pool}
	h1 := &http.Transport{TLSClientConfig: config.Clone()} // a transport writes its protocols into it
	h2 := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: true}
	for name, transport := range map[string]*http.Transport{"http-1.1": h1, "http-2": h2} {
		t.Run(name, func(t *testing.T) {
			defer transport.CloseIdleConnections()
			g.client.Transport = transport
			resp, _ := g.do(t, "GET", "/", "")
			if want := map[string]int{"http-1.1": 1, "http-2": 2}[name]; resp.ProtoMajor != want {
				t.Errorf("got %s", resp.Proto)
			}
			for name, want := range map[string]string{
				"Strict-Transport-Security": "max-age=31536000; includeSubDomains", "X-Powered-By": "", "Server": "", "X-Proto": "https",
				"Set-Cookie": "connect.sid=s1; Path=/; Max-Age=3600; Secure; HttpOnly; SameSite=Strict|theme=dark; Path=/; Secure; HttpOnly; SameSite=Strict",
			} {
				if got := strings.Join(resp.Header[name], "|"); got != want {
					t.Errorf("%s: got %q; want %q", name, got, want)
				}
			}
			for _, size := range []int64{0, 1, 100_000, 8 << 20} {
				want, _ := digest(&pattern{n: size})
				req, _ := http.NewRequest("POST", g.url+"/upload", &pattern{n: size})
				req.Header.Set("Content-Type", "application/octet-stream")
				resp, err := g.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := fmt.Sprintf("%s %d", want, size); string(got) != want {
					t.Errorf("the app got %s; want %s", got, want)
				}
			}
			resp, body := g.do(t, "POST", "/", `{"a":{"$ne":1}}`, "Content-Type", "application/json")
			if resp.StatusCode != 400 || !strings.HasPrefix(problemOf(t, g, resp, body), "nosql/") {
				t.Errorf("got %d %s", resp.StatusCode, body)
			}
			req, _ := http.NewRequest("POST", g.url+"/upload", io.LimitReader(endless{}, 64<<20))
			req.Header.Set("Content-Type", "application/octet-stream")
			if resp, err := g.client.Do(req); err == nil {
				body, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if rule := problemOf(t, g, resp, string(body)); resp.StatusCode != 413 {
					t.Errorf("got %d %s; want 413", resp.StatusCode, rule)
				}
			} else if name == "http-2" {
				t.Error(err) // over HTTP/1.1 a client may miss the answer while it sends
			}
		})
	}
	t.Run("websocket", func(t *testing.T) {
		defer h1.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c, _, err := websocket.Dial(ctx, "wss://"+g.addr+"/chat", &websocket.DialOptions{HTTPClient: &http.Client{Transport: h1}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseNow()
		if err := c.Write(ctx, websocket.MessageBinary, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != "hello" {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("old-tls", func(t *testing.T) {
		old := config.Clone()
		old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		if c, err := tls.Dial("tcp", g.addr, old); err == nil {
			c.Close()
			t.Error("TLS 1.1 is served")
		}
	})
	t.Run("plain-http", func(t *testing.T) {
		c := g.dial(t)
		c.send(t, "GET / HTTP/1.1", "Host: a", "", "")
		if resp, _ := c.answer(t, "GET"); resp.StatusCode != 400 || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("got %d with %v", resp.StatusCode, resp.Header)
		}
	})
}

// A trusted proxy says that its client came over TLS; nobody else can.
func TestTLSInFront(t *testing.T) {
	for name, test := range map[string]struct {
		policy string
		tls    bool
	}{"trusted": {"trusted_proxies: [127.0.0.1]", true}, "stranger": {"", false}} {
		t.Run(name, func(t *testing.T) {
			g := start(t, careless, options{policy: test.policy})
			resp, _ := g.do(t, "GET", "/", "", "X-Forwarded-Proto", "https", "X-Forwarded-For", "203.0.113.9")
			secure := strings.Contains(strings.Join(resp.Header["Set-Cookie"], ""), "Secure")
			if hsts := resp.Header.Get("Strict-Transport-Security") != ""; hsts != test.tls || secure != test.tls {
				t.Errorf("HSTS %v, Secure %v; want %v", hsts, secure, test.tls)
			}
			if got, want := resp.Header.Get("X-Proto"), map[bool]string{true: "https", false: "http"}[test.tls]; got != want {
				t.Errorf("the app was told %q; want %q", got, want)
			}
		})
	}
}

// What cannot be read in one way, or does not fit, is a problem that tells
// nothing of the app. What nobody parses passes as it is.
func TestEachFaultHasItsProblem(t *testing.T) {
	reached := false
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		reached = true
		w.Header().Set("X-Powered-By", "Express")
		io.Copy(w, r.Body)
	}, options{policy: `
bodies: {routes: [{match: POST /api/users, schema: {type: object, required: [name], properties: {name: {type: string, minLength: 1}, age: {type: integer}}}}]}
nosql: {strings: [email, password]}
`})
	var form strings.Builder
	parts := multipart.NewWriter(&form)
	file, _ := parts.CreateFormFile("file", "shell.html")
	io.WriteString(file, "<html><script>alert(1)</script></html>")
	parts.Close()
	for name, test := range map[string]struct {
		path, contentType, body string
		status                  int
		rule                    string
		field                   string
	}{
		"cut-off-json":      {"/", "application/json", `{"a":`, 400, "request/json", ""},
		"duplicate-name":    {"/", "application/json", `{"a":1,"a":2}`, 400, "request/json", ""},
		"trailing-data":     {"/", "application/json", `{} {}`, 400, "request/json", ""},
		"bad-utf8":          {"/", "application/json", "{\"a\":\"\xff\"}", 400, "request/json", ""},
		"wrong-type":        {"/api/users", "application/json", `{"name":["x"]}`, 400, "validate/", "/name"},
		"missing-field":     {"/api/users", "application/json", `{}`, 400, "validate/", "/name"},
		"undeclared-field":  {"/api/users", "application/json", `{"name":"x","role":"admin"}`, 400, "validate/", "/role"},
		"operator":          {"/api/users", "application/json", `{"name":{"$gt":""}}`, 400, "nosql/", "/name/$gt"},
		"no-string":         {"/api/login", "application/json", `{"email":["x"],"password":"x"}`, 400, "nosql/", "/email"},
		"operator-in-form":  {"/", "application/x-www-form-urlencoded", "a[$ne]=1", 400, "nosql/", "/a/$ne"},
		"operator-in-query": {"/?a[$ne]=1", "", "", 400, "nosql/", "#query/a/$ne"},
		"prototype":         {"/", "application/json", `{"__proto__":{"a":1}}`, 400, "", ""},
		"unknown-charset":   {"/", "application/json; charset=utf-16le", "{\x00}\x00", 415, "request/charset", ""},
		"unknown-coding":    {"/", "application/json|zstd", `{}`, 415, "request/content-coding", ""},
		"broken-gzip":       {"/", "application/json|gzip", `{}`, 400, "request/content-coding", ""},
		"not-a-type":        {"/", "json", `{}`, 415, "request/content-type", ""},
		"too-long":          {"/", "application/json", `"` + strings.Repeat("x", 110<<10) + `"`, 413, "request/body-too-large", ""},
		"too-long-octets":   {"/", "application/octet-stream", strings.Repeat("x", 110<<10), 413, "request/body-too-large", ""},
		"page-as-upload":    {"/", parts.FormDataContentType(), form.String(), 0, "upload/", ""},
		"broken-multipart":  {"/", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=a\r\n", 400, "request/multipart", ""},
	} {
		t.Run(name, func(t *testing.T) {
			reached = false
			contentType, coding, _ := strings.Cut(test.contentType, "|")
			headers := []string{"Content-Type", contentType}
			if coding != "" {
				headers = append(headers, "Content-Encoding", coding)
			}
			resp, body := g.do(t, "POST", test.path, test.body, headers...)
			rule := problemOf(t, g, resp, body)
			if test.status != 0 && resp.StatusCode != test.status || resp.StatusCode < 400 || resp.StatusCode > 499 || !strings.HasPrefix(rule, test.rule) {
				t.Errorf("got %d %s; want %d %s", resp.StatusCode, rule, test.status, test.rule)
			}
			if reached {
				t.Error("it reached the app")
			}
			if test.field != "" && !strings.Contains(body, `"pointer":"`+test.field+`"`) {
				t.Errorf("%s does not name %s", body, test.field)
			}
			if resp.Header.Get("X-Powered-By") != "" || strings.Contains(body, g.policy.Upstream) {
				t.Errorf("it tells of the app: %v %s", resp.Header, body)
			}
		})
	}
	for name, test := range map[string]struct{ contentType, body string }{
		"csv":              {"text/csv", "a;b\r\n\"$ne\";{x}\r\n"},
		"csv-latin-1":      {"text/csv; charset=iso-8859-1", "name\r\nM\xfcller\r\n"},
		"octets":           {"application/octet-stream", "\x00\x01$ne\xff"},
		"no-type":          {"", "anything"},
		"ndjson":           {"application/x-ndjson", "{\"a\":1}\n{\"a\":2.50}\n"},
		"xml":              {"application/xml", "<a>$ne</a>"},
		"json-with-spaces": {"application/json", " { \"price\" : 1.50, \"note\": \"$5 {x}\" }\n"},
		"form":             {"application/x-www-form-urlencoded", "a=1&b=%24ne&c=O%27Brien+M%C3%BCller"},
		"empty-json":       {"application/json", ""},
	} {
		t.Run("passes-"+name, func(t *testing.T) {
			headers := []string{"Content-Type", test.contentType}
			if test.contentType == "" {
				headers = nil
			}
			if resp, body := g.do(t, "POST", "/items", test.body, headers...); resp.StatusCode != 200 || body != test.body {
				t.Errorf("got %d %q", resp.StatusCode, body)
			}
		})
	}
}

// Preflights pass, whatever the routes demand; what only looks like one is a
// request like any other.
func TestPreflights(t *testing.T) {
	t.Setenv("JWT_SECRET", "n0t-a-secret-but-long-enough/kq83hdYw02mzPq")
	g := start(t, ok, options{policy: `
tokens: [{match: /api/, secret_env: JWT_SECRET}]
rate_limits: {rules: [{name: all, match: /limited, limit: 1, window: 1h, count: all}]}
bodies: {routes: [{match: /api/users, schema: {type: object, required: [name]}}]}
`})
	ask := []string{"Origin", "https://front.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization"}
	for range 3 {
		for _, path := range []string{"/api/users", "/limited", "/api/x?rating[lte]=10"} {
			if resp, body := g.do(t, "OPTIONS", path, "", ask...); resp.StatusCode != 200 || body != "ok" {
				t.Errorf("%s: got %d %s", path, resp.StatusCode, body)
			}
		}
	}
	for name, test := range map[string]struct {
		path, body string
		headers    []string
		status     int
	}{
		"no-origin":          {"/api/x", "", ask[2:], 401},
		"with-a-token":       {"/api/x", "", append([]string{"Authorization", "Bearer e30.e30.e30"}, ask...), 401},
		"with-a-cookie":      {"/api/x", "", append([]string{"Cookie", "token=e30.e30.e30"}, ask...), 401},
		"with-a-body":        {"/x", `{"a":{"$ne":1}}`, append([]string{"Content-Type", "application/json"}, ask...), 400},
		"operator-in-query":  {"/x?a[$ne]=1", "", ask, 400},
		"without-the-method": {"/api/x", "", ask[:2], 401},
	} {
		t.Run(name, func(t *testing.T) {
			if resp, body := g.do(t, "OPTIONS", test.path, test.body, test.headers...); resp.StatusCode != test.status {
				t.Errorf("got %d %s; want %d", resp.StatusCode, body, test.status)
			}
		})
	}
}
