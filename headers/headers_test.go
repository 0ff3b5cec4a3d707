// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// helmetDefaults is what Helmet 8.3.0 sends without options, byte for byte.
var helmetDefaults = map[string]string{
	"Content-Security-Policy":           "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests",
	"Cross-Origin-Opener-Policy":        "same-origin",
	"Cross-Origin-Resource-Policy":      "same-origin",
	"Origin-Agent-Cluster":              "?1",
	"Referrer-Policy":                   "no-referrer",
	"Strict-Transport-Security":         "max-age=31536000; includeSubDomains",
	"X-Content-Type-Options":            "nosniff",
	"X-Dns-Prefetch-Control":            "off",
	"X-Download-Options":                "noopen",
	"X-Frame-Options":                   "SAMEORIGIN",
	"X-Permitted-Cross-Domain-Policies": "none",
	"X-Xss-Protection":                  "0",
}

func must(t testing.TB, cfg Config) *Headers {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func flat(h http.Header) map[string]string {
	m := make(map[string]string)
	for name, values := range h {
		m[name] = strings.Join(values, " | ")
	}
	return m
}

func TestDefaultsAreHelmets(t *testing.T) {
	h := http.Header{}
	must(t, Config{}).Apply(h, Request{TLS: true})
	if got := flat(h); !maps.Equal(got, helmetDefaults) {
		t.Errorf("got  %q\nwant %q", got, helmetDefaults)
	}
}

func TestPlainHTTPGetsNothingThatNeedsTLS(t *testing.T) {
	want := maps.Clone(helmetDefaults)
	delete(want, "Strict-Transport-Security")
	want["Content-Security-Policy"] = strings.TrimSuffix(want["Content-Security-Policy"], ";upgrade-insecure-requests")
	h := http.Header{}
	must(t, Config{}).Apply(h, Request{})
	if got := flat(h); !maps.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestKeysAreCanonical(t *testing.T) {
	cfg := Config{
		CrossOriginEmbedderPolicy:       Embedder{Policy: "require-corp"},
		ContentSecurityPolicyReportOnly: &CSP{},
		PermissionsPolicy:               Permissions{Features: map[string][]string{"camera": {}}},
	}
	for _, name := range must(t, cfg).Names() {
		if name != http.CanonicalHeaderKey(name) {
			t.Errorf("%s is not canonical", name)
		}
	}
}

func TestTheAppsHeadersStay(t *testing.T) {
	h := http.Header{
		"Content-Security-Policy": {"default-src 'none'"},
		"X-Frame-Options":         {"DENY"},
		"Referrer-Policy":         {},
		"X-Powered-By":            {"Express"},
		"Server":                  {"nginx/1.2.3"},
	}
	must(t, Config{}).Apply(h, Request{TLS: true})
	want := maps.Clone(helmetDefaults)
	want["Content-Security-Policy"] = "default-src 'none'"
	want["X-Frame-Options"] = "DENY"
	if got := flat(h); !maps.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAppendingToASharedValueCopiesIt(t *testing.T) {
	p := must(t, Config{})
	first, second := http.Header{}, http.Header{}
	p.Apply(first, Request{TLS: true})
	first.Add("Content-Security-Policy", "sandbox")
	p.Apply(second, Request{TLS: true})
	if got := second.Values("Content-Security-Policy"); len(got) != 1 {
		t.Errorf("the next answer got %q", got)
	}
}

func TestApplyAllocatesNothing(t *testing.T) {
	p := must(t, Config{})
	h := make(http.Header, 32)
	if n := testing.AllocsPerRun(100, func() { clear(h); p.Apply(h, Request{TLS: true}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Every way out of a handler carries the headers.
func TestHandler(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
		status  int
	}{
		{"silent", func(http.ResponseWriter, *http.Request) {}, 200},
		{"write", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("x")) }, 200},
		{"write-header", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }, 418},
		{"error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) }, 500},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, 302},
		{"flush", func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush() }, 200},
		{"read-from", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("x")) }, 200},
		{"early-hints", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(200)
		}, 200},
		{"set-after-write-header", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.Header().Del("X-Frame-Options")
		}, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := httptest.NewServer(must(t, Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Powered-By", "Express")
				tt.handler(w, r)
			})))
			defer srv.Close()
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			res, err := client.Get(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if res.StatusCode != tt.status {
				t.Errorf("status %d; want %d", res.StatusCode, tt.status)
			}
			if res.Header.Get("X-Frame-Options") != "SAMEORIGIN" || res.Header.Get("X-Powered-By") != "" {
				t.Errorf("headers %q", res.Header)
			}
			if res.Header.Get("Strict-Transport-Security") != "" {
				t.Error("Strict-Transport-Security over plain HTTP")
			}
		})
	}
}

func TestHandlerHijack(t *testing.T) {
	srv := httptest.NewServer(must(t, Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\n")
		w.Header().Write(conn)
		fmt.Fprint(conn, "\r\n")
	})))
	defer srv.Close()
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if res.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("headers %q", res.Header)
	}
}

func TestHandlerAsksWhetherTheClientCameOverTLS(t *testing.T) {
	tests := []struct {
		name string
		tls  *tls.ConnectionState
		hook func(*http.Request) bool
		want bool
	}{
		{"plain", nil, nil, false},
		{"tls", &tls.ConnectionState{}, nil, true},
		{"hook-says-yes", nil, func(*http.Request) bool { return true }, true},
		{"hook-says-no", &tls.ConnectionState{}, func(*http.Request) bool { return false }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.TLS = tt.tls
			w := httptest.NewRecorder()
			must(t, Config{TLS: tt.hook}).Handler(http.NotFoundHandler()).ServeHTTP(w, r)
			if got := w.Header().Get("Strict-Transport-Security") != ""; got != tt.want {
				t.Errorf("got %v; want %v", got, tt.want)
			}
		})
	}
}

func TestAPanicsAnswerCarriesTheHeaders(t *testing.T) {
	inner := must(t, Config{}).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	outer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				w.WriteHeader(500)
			}
		}()
		inner.ServeHTTP(w, r)
	})
	w := httptest.NewRecorder()
	outer.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || w.Header().Get("X-Frame-Options") != "SAMEORIGIN" {
		t.Errorf("got %d, %q", w.Code, w.Header())
	}
}

func TestNamesAndDescribe(t *testing.T) {
	p := must(t, Config{CrossOriginEmbedderPolicy: Embedder{Policy: "require-corp"}})
	if got := len(p.Names()); got != 16 { // twelve of Helmet, COEP, Cache-Control, two removed
		t.Errorf("%d names: %q", got, p.Names())
	}
	lines := p.Describe()
	if !slices.IsSorted(lines) || len(lines) != 16 {
		t.Errorf("got %q", lines)
	}
	for _, want := range []string{
		"Strict-Transport-Security: max-age=31536000; includeSubDomains (over TLS only)",
		"X-Frame-Options: SAMEORIGIN",
		"X-Powered-By: (removed)",
		"Cache-Control: no-store (with a session cookie only)",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is missing in %q", want, lines)
		}
	}
}

func TestWithDefaultsChangesNothing(t *testing.T) {
	configs := map[string]Config{
		"zero": {},
		"csp": {ContentSecurityPolicy: CSP{Directives: map[string][]string{"scriptSrc": {"'self'", "a.example"}, "font-src": {"off"}, "sandbox": {}}},
			ContentSecurityPolicyReportOnly: &CSP{}},
		"off":   {ContentSecurityPolicy: CSP{Off: true}, XPoweredBy: Switch{Off: true}, StrictTransportSecurity: HSTS{Off: true}, ReferrerPolicy: Referrer{Off: true}},
		"hsts0": {StrictTransportSecurity: HSTS{MaxAge: None}},
	}
	for name, cfg := range configs {
		t.Run(name, func(t *testing.T) {
			full := cfg.WithDefaults()
			if !reflect.DeepEqual(full, full.WithDefaults()) {
				t.Error("not stable")
			}
			if got, want := must(t, full).Describe(), must(t, cfg).Describe(); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestWithDefaultsLeavesTheGivenConfigAlone(t *testing.T) {
	ro := &CSP{}
	Config{ContentSecurityPolicyReportOnly: ro}.WithDefaults()
	if ro.Directives != nil {
		t.Error("the caller's policy was filled in")
	}
}

// typical is what an Express app sends before the headers are set.
var typical = http.Header{"Content-Type": {"application/json"}, "Content-Length": {"2"}, "Etag": {`W/"2"`},
	"Date": {"Fri, 27 Nov 2026 12:00:00 GMT"}, "Vary": {"Origin"}}

// BenchmarkApply sets the default headers and assigns the same ones by hand, in
// turns: in a map that has room for them already, where neither allocates, and in
// one with an app's headers as net/http makes it, which grows under both. Beside
// the time it gives the ratio of the two, each the fastest of its turns, for
// what other programs on the machine do slows down single turns.
func BenchmarkApply(b *testing.B) {
	p := must(b, Config{})
	to := Request{TLS: true}
	const turn = 500
	answers := make([]http.Header, turn)
	measure := func(b *testing.B, ready func(i int)) {
		run := func(set func(http.Header)) time.Duration {
			for i := range answers {
				ready(i)
			}
			start := time.Now()
			for _, h := range answers {
				set(h)
			}
			return time.Since(start)
		}
		apply, byHand := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
		for range (b.N + turn - 1) / turn {
			apply = min(apply, run(func(h http.Header) { p.Apply(h, to) }))
			byHand = min(byHand, run(assign))
		}
		b.ReportMetric(float64(apply)/turn, "apply-ns")
		b.ReportMetric(float64(byHand)/turn, "by-hand-ns")
		b.ReportMetric(float64(apply)/float64(byHand), "ratio")
	}
	b.Run("room", func(b *testing.B) {
		for i := range answers {
			answers[i] = make(http.Header, 16)
		}
		b.ReportAllocs()
		measure(b, func(i int) { clear(answers[i]) })
	})
	b.Run("typical", func(b *testing.B) {
		measure(b, func(i int) {
			answers[i] = make(http.Header)
			maps.Copy(answers[i], typical)
		})
	})
}

var byHand = func() (values [12][]string) {
	for i, name := range slices.Sorted(maps.Keys(helmetDefaults)) {
		values[i] = []string{helmetDefaults[name]}
	}
	return values
}()

// assign is the yardstick: twelve map assignments of values made once.
func assign(h http.Header) {
	h["Content-Security-Policy"] = byHand[0]
	h["Cross-Origin-Opener-Policy"] = byHand[1]
	h["Cross-Origin-Resource-Policy"] = byHand[2]
	h["Origin-Agent-Cluster"] = byHand[3]
	h["Referrer-Policy"] = byHand[4]
	h["Strict-Transport-Security"] = byHand[5]
	h["X-Content-Type-Options"] = byHand[6]
	h["X-Dns-Prefetch-Control"] = byHand[7]
	h["X-Download-Options"] = byHand[8]
	h["X-Frame-Options"] = byHand[9]
	h["X-Permitted-Cross-Domain-Policies"] = byHand[10]
	h["X-Xss-Protection"] = byHand[11]
}

func BenchmarkHandler(b *testing.B) {
	h := must(b, Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	r := httptest.NewRequest("GET", "/", nil)
	w := &discard{h: make(http.Header, 16)}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

type discard struct{ h http.Header }

func (d *discard) Header() http.Header         { return d.h }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
