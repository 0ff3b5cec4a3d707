// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

var page = template.Must(template.New("").Parse(`<script nonce="{{.}}">x()</script>`))

func TestNonce(t *testing.T) {
	h := must(t, Config{ContentSecurityPolicy: CSP{Nonces: []string{"script-src", "style-src"},
		Directives: map[string][]string{"script-src": {"'strict-dynamic'", "https://a.example/50%25"}, "report-uri": {"/%s"}}}}).
		Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page.Execute(w, Nonce(r.Context()))
		}))
	seen := make(map[string]bool)
	for _, url := range []string{"http://x.example/", "https://x.example/", "https://x.example/"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
		nonce := regexp.MustCompile(`nonce="([\w-]{22})"`).FindStringSubmatch(w.Body.String())
		if nonce == nil {
			t.Fatalf("the page is %s", w.Body)
		}
		csp := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{
			fmt.Sprintf(";script-src 'strict-dynamic' https://a.example/50%%25 'nonce-%s';", nonce[1]),
			fmt.Sprintf(";style-src 'self' https: 'unsafe-inline' 'nonce-%s';", nonce[1]), ";report-uri /%s",
		} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s has no %s", csp, want)
			}
		}
		if got := strings.Contains(csp, "upgrade-insecure-requests"); got != strings.HasPrefix(url, "https") {
			t.Errorf("%s: %s", url, csp)
		}
		if seen[nonce[1]] {
			t.Errorf("nonce %s came twice", nonce[1])
		}
		seen[nonce[1]] = true
	}
}

func TestNoNonceWithoutAPolicyThatHasOne(t *testing.T) {
	must(t, Config{}).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := Nonce(r.Context()); got != "" {
			t.Errorf("got %q", got)
		}
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

// Whoever sets headers without Begin gets a policy that allows no nonce.
func TestApplyWithoutANonceAllowsNone(t *testing.T) {
	h := http.Header{}
	must(t, Config{ContentSecurityPolicy: CSP{Nonces: []string{"script-src"}}}).Apply(h, Request{})
	if got := h.Get("Content-Security-Policy"); !strings.Contains(got, ";script-src 'self';") {
		t.Errorf("got %s", got)
	}
}

func TestNonceOfARouteAlone(t *testing.T) {
	h := must(t, Config{Routes: []Route{{Match: "/app/", ContentSecurityPolicy: &CSP{Nonces: []string{"script-src"}}}}}).
		Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for path, want := range map[string]bool{"/": false, "/app/x": true} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := strings.Contains(w.Header().Get("Content-Security-Policy"), "'nonce-"); got != want {
			t.Errorf("%s: %s", path, w.Header().Get("Content-Security-Policy"))
		}
	}
}

func TestNoncesRefused(t *testing.T) {
	_, err := New(Config{ContentSecurityPolicy: CSP{Nonces: []string{"script-src", "script-src", "worker-src"}}})
	if err == nil || !strings.Contains(err.Error(), "nonces[1]") || !strings.Contains(err.Error(), "nonces[2]") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkNonce(b *testing.B) {
	p := must(b, Config{ContentSecurityPolicy: CSP{Nonces: []string{"script-src"}}})
	h := make(http.Header, 16)
	r := httptest.NewRequest("GET", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		clear(h)
		_, nonce := p.Begin(r, nil)
		p.Apply(h, Request{TLS: true, Nonce: nonce})
	}
}

// Two policies with nonces would block each other's scripts.
func TestNoncesDoNotStrengthen(t *testing.T) {
	csp := CSP{Nonces: []string{"script-src"}}
	for name, cfg := range map[string]Config{
		"existing": {Existing: Strengthen, ContentSecurityPolicy: csp}, "routes[0].existing": {Existing: Strengthen, Routes: []Route{{Match: "/a", ContentSecurityPolicy: &csp}}},
		"": {ContentSecurityPolicy: csp, Routes: []Route{{Match: "/a", Existing: Replace}}},
	} {
		if _, err := New(cfg); (err != nil) != (name != "") || err != nil && !strings.Contains(err.Error(), name+": with nonces") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
