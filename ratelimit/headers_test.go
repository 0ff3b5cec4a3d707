// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"net/http"
	"testing"
	"time"
)

func TestHeaderForms(t *testing.T) {
	two := []Rule{
		{Name: "wide", Match: []string{"/"}, Limit: 100, Window: time.Minute, Algorithm: "fixed"},
		{Name: "narrow", Match: []string{"/"}, Limit: 3, Window: time.Hour, Algorithm: "fixed"},
	}
	for _, tt := range []struct {
		name    string
		headers []string
		want    map[string]string
	}{
		{"draft-8", nil, map[string]string{
			"RateLimit": `"wide"; r=99; t=60, "narrow"; r=2; t=3600`, "RateLimit-Policy": `"wide"; q=100; w=60, "narrow"; q=3; w=3600`}},
		{"draft-7", []string{"draft-7"}, map[string]string{"RateLimit": "limit=3, remaining=2, reset=3600", "RateLimit-Policy": "3;w=3600"}},
		{"draft-6", []string{"draft-6"}, map[string]string{
			"RateLimit-Policy": "3;w=3600", "RateLimit-Limit": "3", "RateLimit-Remaining": "2", "RateLimit-Reset": "3600"}},
		{"legacy", []string{"legacy"}, map[string]string{"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "1800000000"}},
		{"legacy-and-draft-7", []string{"legacy", "draft-7"}, map[string]string{"RateLimit": "limit=3, remaining=2, reset=3600", "RateLimit-Policy": "3;w=3600",
			"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "2", "X-RateLimit-Reset": "1800000000"}},
		{"off", []string{"off"}, map[string]string{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, w := limiter(t, Config{Rules: two, Headers: tt.headers})
			// So that the hour ends in the middle of the second before 1800000000.
			w.ns.Store(int64(time.Unix(1800000000-3601, 5e8).Sub(start)))
			rec := send(l.Handler(answer), "GET", "/", "200")
			checkHeaders(t, rec.Header(), tt.want)
		})
	}
}

// Of an attempt that was the last and one that was one too many, the refusal is
// the tighter.
func TestRefusalIsTightest(t *testing.T) {
	l, _ := limiter(t, Config{Headers: []string{"draft-7"}, Rules: []Rule{
		{Name: "wide", Match: []string{"/"}, Limit: 2, Window: time.Minute, Algorithm: "fixed"},
		{Name: "narrow", Match: []string{"/"}, Limit: 1, Window: time.Hour, Algorithm: "fixed"},
	}})
	h := l.Handler(answer)
	send(h, "GET", "/", "200")
	if got, want := send(h, "GET", "/", "200").Header().Get("RateLimit"), "limit=1, remaining=0, reset=3600"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// checkHeaders holds all headers that any form uses: what is not wanted must
// not be there.
func checkHeaders(t *testing.T, h http.Header, want map[string]string) {
	t.Helper()
	for _, name := range []string{
		"RateLimit", "RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset",
		"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset",
	} {
		if got := h.Get(name); got != want[name] || len(h.Values(name)) > 1 {
			t.Errorf("%s: got %q; want %q", name, h.Values(name), want[name])
		}
	}
}

// GCRA tells when all is paid for, and for a refusal when to try again.
func TestGCRAHeaders(t *testing.T) {
	l, w := limiter(t, Config{Rules: []Rule{{Name: "api", Match: []string{"/"}, Limit: 60, Window: time.Minute, Burst: 2}}})
	h := l.Handler(answer)
	for i, want := range []string{`"api"; r=1; t=1`, `"api"; r=0; t=2`, `"api"; r=0; t=1`, `"api"; r=0; t=1`} {
		if got := send(h, "GET", "/", "200").Header().Get("RateLimit"); got != want {
			t.Errorf("request %d: got %s; want %s", i, got, want)
		}
	}
	w.advance(time.Second)
	if got := send(h, "GET", "/", "200"); got.Code != 200 {
		t.Errorf("a second later: got %d; want 200", got.Code)
	}
}
