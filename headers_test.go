// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/headers"
)

// routesPolicy is a policy with what routes can say of headers.
const routesPolicy = `
trusted_proxies: [192.0.2.1/32]
cors: {origins: ["https://front.example"]}
headers:
  reporting_endpoints: {endpoints: {csp: /reports}}
  routes:
    - {match: "/embed/", x_frame_options: off, content_security_policy: {directives: {frame-ancestors: ["https://partner.example"]}}}
    - {match: "/assets/", cross_origin_resource_policy: cross-origin, existing: replace}
    - {match: "POST /logout", clear_site_data: [cookies, storage]}
    - {match: "/strong/", existing: strengthen}
    - {match: "/own/", server: off, x_powered_by: on}
`

func suitOf(t *testing.T, policy string) *panoply.Suit {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	s, err := panoply.New(p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHeadersOfRoutes(t *testing.T) {
	const download = "0123456789"
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Server", "app/1.2")
		switch {
		case r.Method == http.MethodOptions:
			h.Set("Access-Control-Allow-Origin", "https://front.example")
			h.Set("Access-Control-Allow-Methods", "PUT")
			w.WriteHeader(http.StatusNoContent)
		case strings.HasPrefix(r.URL.Path, "/strong"):
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "unsafe-url")
			h.Set("Content-Security-Policy", "default-src https:")
		case strings.HasPrefix(r.URL.Path, "/assets"):
			h.Set("Cross-Origin-Resource-Policy", "same-site")
			h.Set("Content-Disposition", `attachment; filename="a.txt"`)
			http.ServeContent(w, r, "a.txt", time.Unix(1, 0), strings.NewReader(download))
		case r.URL.Path == "/logout":
			http.SetCookie(w, &http.Cookie{Name: "connect.sid", MaxAge: -1})
		}
	})
	handler := suitOf(t, routesPolicy).Handler(app)
	const none = ""
	tests := []struct {
		name, method, path string
		header             map[string]string
		tls                bool
		status             int
		want               map[string]string
	}{
		{"elsewhere", "GET", "/", nil, true, 200, map[string]string{"X-Frame-Options": "SAMEORIGIN", "Reporting-Endpoints": `csp="/reports"`, "Server": none, "Cache-Control": none}},
		{"embedded", "GET", "/embed/a", nil, true, 200, map[string]string{"X-Frame-Options": none, "Cross-Origin-Resource-Policy": "same-origin"}},
		{"logout-over-tls", "POST", "/logout", nil, true, 200, map[string]string{"Clear-Site-Data": `"cookies", "storage"`, "Cache-Control": "no-store"}},
		{"logout-over-http", "POST", "/logout", nil, false, 200, map[string]string{"Clear-Site-Data": none, "Strict-Transport-Security": none}},
		{"tls-at-a-trusted-proxy", "POST", "/logout", map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}, false, 200,
			map[string]string{"Clear-Site-Data": `"cookies", "storage"`, "Strict-Transport-Security": "max-age=31536000; includeSubDomains"}},
		{"logout-page", "GET", "/logout", nil, true, 200, map[string]string{"Clear-Site-Data": none}},
		{"strengthened", "GET", "/strong/a", nil, true, 200, map[string]string{"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"}},
		{"server-left-on-a-route", "GET", "/own/a", nil, true, 200, map[string]string{"Server": "app/1.2"}},
		{"preflight", "OPTIONS", "/assets/a.txt", map[string]string{"Origin": "https://front.example", "Access-Control-Request-Method": "PUT"}, true, 204,
			map[string]string{"Access-Control-Allow-Origin": "https://front.example", "Access-Control-Allow-Methods": "PUT", "Cross-Origin-Resource-Policy": "cross-origin"}},
		{"download", "GET", "/assets/a.txt", nil, true, 200, map[string]string{"Cross-Origin-Resource-Policy": "cross-origin",
			"Content-Disposition": `attachment; filename="a.txt"`, "Accept-Ranges": "bytes", "Content-Length": "10"}},
		{"range", "GET", "/assets/a.txt", map[string]string{"Range": "bytes=2-4"}, true, 206, map[string]string{"Content-Range": "bytes 2-4/10", "Content-Length": "3"}},
		{"refused-by-the-suit", "GET", "/embed/%00", nil, true, 400, map[string]string{"X-Content-Type-Options": "nosniff"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			r.TLS = nil
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			for name, value := range tt.header {
				r.Header.Set(name, value)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != tt.status {
				t.Errorf("status %d; want %d", w.Code, tt.status)
			}
			for name, want := range tt.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s is %q; want %q", name, got, want)
				}
			}
			csp := w.Header().Values("Content-Security-Policy")
			switch {
			case strings.HasPrefix(tt.path, "/embed/a") && !strings.Contains(csp[0], "frame-ancestors https://partner.example"),
				strings.HasPrefix(tt.path, "/strong/") && len(csp) != 2:
				t.Errorf("policies %q", csp)
			case strings.Contains(csp[0], "upgrade-insecure-requests") && r.TLS == nil && tt.header == nil:
				t.Errorf("over plain HTTP: %q", csp)
			}
		})
	}
}

// What `policy show` prints of routes is read back to the same policy.
func TestHeadersOfRoutesAreShown(t *testing.T) {
	shown := yaml(t, suitOf(t, routesPolicy).Policy())
	again := yaml(t, suitOf(t, shown).Policy())
	if again != shown {
		t.Errorf("read back as\n%s\nfrom\n%s", again, shown)
	}
	if !strings.Contains(shown, "x_frame_options: off") || !strings.Contains(shown, "clear_site_data: [cookies, storage]") {
		t.Errorf("routes are missing in\n%s", shown)
	}
}

func TestNonceThroughTheSuit(t *testing.T) {
	s, err := panoply.New(panoply.Policy{Headers: panoply.HeadersSection{Config: headers.Config{
		ContentSecurityPolicy: headers.CSP{Nonces: []string{"script-src"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	var nonce string
	w := httptest.NewRecorder()
	s.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { nonce = headers.Nonce(r.Context()) })).
		ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if csp := w.Header().Get("Content-Security-Policy"); nonce == "" || !strings.Contains(csp, "script-src 'self' 'nonce-"+nonce+"'") {
		t.Errorf("nonce %q in %s", nonce, csp)
	}
}
