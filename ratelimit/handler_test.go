// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

// answer is an app that answers with the status in the header Want.
var answer = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	switch r.Header.Get("Want") {
	case "401":
		w.WriteHeader(401)
	case "302":
		w.WriteHeader(302)
	case "panic":
		panic(http.ErrAbortHandler)
	case "late-panic":
		w.WriteHeader(200)
		panic(http.ErrAbortHandler)
	case "500":
		http.Error(w, "no", 500)
	case "nothing":
	case "own-header":
		w.Header().Set("RateLimit", `"app"; r=1; t=1`)
		w.Header().Set("RateLimit-Policy", "5;w=60")
	}
})

// send sends one request and returns the answer, nil after a panic.
func send(h http.Handler, method, target, want string) (rec *httptest.ResponseRecorder) {
	r := httptest.NewRequest(method, target, nil)
	r.Header.Set("Want", want)
	rec = httptest.NewRecorder()
	defer func() {
		if recover() != nil {
			rec = nil
		}
	}()
	h.ServeHTTP(rec, r)
	return rec
}

func TestHandlerLimitsLogins(t *testing.T) {
	l, w := limiter(t, Config{})
	h := l.Handler(answer)
	for i, step := range []struct{ want, limit string }{
		{"200", `"login"; r=5; t=900`}, // given back
		{"401", `"login"; r=4; t=900`},
		{"302", `"login"; r=4; t=900`},
		{"500", `"login"; r=3; t=900`},
		{"nothing", `"login"; r=3; t=900`}, // an implicit 200
		{"panic", ""},
		{"late-panic", ""},
		{"401", `"login"; r=0; t=900`},
	} {
		rec := send(h, "POST", "/API/Login/", step.want)
		if rec == nil {
			if step.limit != "" {
				t.Fatalf("step %d: panic", i)
			}
			continue
		}
		if got := rec.Header().Get("RateLimit"); got != step.limit {
			t.Errorf("step %d: RateLimit: got %s; want %s", i, got, step.limit)
		}
		if got := rec.Header().Get("RateLimit-Policy"); got != `"login"; q=5; w=900` {
			t.Errorf("step %d: RateLimit-Policy: got %s", i, got)
		}
	}
	w.advance(500 * time.Millisecond)
	rec := send(h, "POST", "/api/login", "200")
	var body struct{ Type, Title, Detail string }
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	if rec.Code != 429 || body.Type != "urn:panoply:ratelimit/exceeded" || body.Detail != "Too many login attempts. Try again in 15 minutes." {
		t.Errorf("got %d %+v", rec.Code, body)
	}
	for name, want := range map[string]string{"Retry-After": "900", "RateLimit": `"login"; r=0; t=900`, "RateLimit-Policy": `"login"; q=5; w=900`, "Content-Type": "application/problem+json"} {
		if got := rec.Header().Get(name); got != want {
			t.Errorf("%s: got %s; want %s", name, got, want)
		}
	}
	for _, other := range [][2]string{{"GET", "/api/login"}, {"POST", "/api/users"}} {
		rec := send(h, other[0], other[1], "200")
		if rec.Code != 200 || rec.Header().Get("RateLimit") != "" {
			t.Errorf("%s %s: got %d, RateLimit %q; want it left alone", other[0], other[1], rec.Code, rec.Header().Get("RateLimit"))
		}
	}
}

func TestHandlerTwoRulesOnOneRoute(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{
		{Name: "all", Match: []string{"/"}, Except: []string{"/health"}, Limit: 4, Window: time.Minute, Algorithm: "fixed"},
		{Name: "fails", Match: []string{"POST /pay"}, Limit: 3, Window: time.Hour, Count: "failures"},
	}})
	h := l.Handler(answer)
	for i, step := range []struct {
		want, limit string
		code        int
	}{
		{"401", `"all"; r=3; t=60, "fails"; r=2; t=3600`, 401},
		{"200", `"all"; r=2; t=60, "fails"; r=2; t=3600`, 200},
		{"401", `"all"; r=1; t=60, "fails"; r=1; t=3600`, 401},
		{"own-header", `"all"; r=0; t=60, "fails"; r=1; t=3600`, 200},
		{"401", `"all"; r=0; t=60`, 429},
	} {
		rec := send(h, "POST", "/pay", step.want)
		if got := rec.Header()["Ratelimit"]; rec.Code != step.code || got[0] != step.limit {
			t.Errorf("step %d: got %d %q; want %d %q", i, rec.Code, got, step.code, step.limit)
		}
		if i == 1 {
			if got := rec.Header().Get("RateLimit-Policy"); got != `"all"; q=4; w=60, "fails"; q=3; w=3600` {
				t.Errorf("RateLimit-Policy: got %s", got)
			}
		}
		if step.want == "own-header" {
			if got := rec.Header()["Ratelimit"]; len(got) != 2 || got[1] != `"app"; r=1; t=1` {
				t.Errorf("the app's own list: got %q; want it kept behind ours", got)
			}
			if got := rec.Header()["Ratelimit-Policy"]; len(got) != 1 || got[0] == "5;w=60" {
				t.Errorf("the app's policy in another form: got %q; want ours alone", got)
			}
		}
	}
	if rec := send(h, "GET", "/health", "200"); rec.Code != 200 || rec.Header().Get("RateLimit") != "" {
		t.Errorf("an excepted route: got %d, RateLimit %q", rec.Code, rec.Header().Get("RateLimit"))
	}
}

// What one rule refuses is no failure for another, but it is a request.
func TestHandlerGivesBackWhatAnotherRuleRefused(t *testing.T) {
	l, w := limiter(t, Config{Rules: []Rule{
		{Name: "fails", Match: []string{"/"}, Limit: 10, Window: time.Hour, Count: "failures"},
		{Name: "all", Match: []string{"/"}, Limit: 10, Window: time.Hour, Algorithm: "sliding"},
		{Name: "narrow", Match: []string{"/"}, Limit: 1, Window: time.Minute, Algorithm: "sliding"},
	}})
	h := l.Handler(answer)
	send(h, "GET", "/x", "401")
	for range 5 {
		if rec := send(h, "GET", "/x", "401"); rec.Code != 429 {
			t.Fatalf("got %d; want 429", rec.Code)
		}
	}
	w.advance(time.Minute)
	rec := send(h, "GET", "/x", "401")
	if got, want := rec.Header().Get("RateLimit"), `"fails"; r=8; t=3540, "all"; r=3; t=3540, "narrow"; r=0; t=60`; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestHandlerCountsAbortedAnswers(t *testing.T) {
	l, _ := limiter(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	h := l.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cancel() }))
	r := httptest.NewRequestWithContext(ctx, "POST", "/login", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	if d := l.Begin(0, netip4(r), r, nil); d.Remaining != 3 {
		t.Errorf("%d left; want 3: the aborted attempt counts", d.Remaining)
	}
}

func TestHandlerLetsPreflightsPass(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute}}})
	h := l.Handler(answer)
	for range 3 {
		r := httptest.NewRequest("OPTIONS", "/x", nil)
		r.Header.Set("Origin", "https://shop.example")
		r.Header.Set("Access-Control-Request-Method", "PUT")
		rec := httptest.NewRecorder()
		if h.ServeHTTP(rec, r); rec.Code != 200 {
			t.Fatalf("got %d", rec.Code)
		}
	}
	r := httptest.NewRequest("PUT", "/x", nil) // counts, whatever it claims to be
	r.Header.Set("Origin", "https://shop.example")
	r.Header.Set("Access-Control-Request-Method", "PUT")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if rec := send(h, "OPTIONS", "/x", "200"); rec.Code != 429 {
		t.Errorf("plain OPTIONS: got %d; want 429", rec.Code)
	}
}

func TestHandlerRefusesPathsWithTwoReadings(t *testing.T) {
	l, _ := limiter(t, Config{})
	for _, target := range []string{"/x/../login", "/login/%2e", "/login%00"} {
		if rec := send(l.Handler(answer), "POST", target, "200"); rec.Code != 400 {
			t.Errorf("%s: got %d; want 400", target, rec.Code)
		}
	}
}

func netip4(r *http.Request) netip.Addr { return netip.MustParseAddrPort(r.RemoteAddr).Addr() }
