// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/panoply-security/panoply/internal/fault"
)

func TestWhatCounts(t *testing.T) {
	answer := func(status int, location string) (int, http.Header) {
		h := http.Header{}
		if location != "" {
			h.Set("Location", location)
		}
		return status, h
	}
	login := Failure{Redirect: []string{"/login", "/auth/*"}}
	for _, tt := range []struct {
		name     string
		count    string
		failure  Failure
		status   int
		location string
		counts   bool
	}{
		{"success", "failures", Failure{}, 200, "", false},
		{"failure", "failures", Failure{}, 401, "", true},
		{"server-error", "failures", Failure{}, 500, "", true},
		{"redirect", "failures", Failure{}, 302, "/login", false},
		{"never-came", "failures", Failure{}, 0, "", true},
		{"beyond-http", "failures", Failure{}, 999, "", true},
		{"own-status", "failures", Failure{Status: []string{"403", "5xx"}}, 401, "", false},
		{"own-status-met", "failures", Failure{Status: []string{"403", "5xx"}}, 403, "", true},
		{"own-class-met", "failures", Failure{Status: []string{"403", "5xx"}}, 503, "", true},
		{"own-range-met", "failures", Failure{Status: []string{"400-422"}}, 422, "", true},
		{"own-range-missed", "failures", Failure{Status: []string{"400-422"}}, 423, "", false},
		{"back-to-login", "failures", login, 302, "/login", true},
		{"back-to-login-with-query", "failures", login, 303, "/Login/?error=1#x", true},
		{"back-to-login-absolute", "failures", login, 302, "https://shop.example/login?e", true},
		{"back-to-login-of-other-kind", "failures", login, 302, "login", true},
		{"beginning-met", "failures", login, 302, "/auth/failed", true},
		{"home", "failures", login, 302, "/home", false},
		{"longer-name", "failures", login, 302, "/logins", false},
		{"unreadable-location", "failures", login, 302, "http://[::1", true},
		{"status-all-the-same", "failures", login, 401, "", true},
		{"location-of-no-redirect", "failures", login, 201, "/login", false},
		{"success-counts", "successes", Failure{}, 201, "", true},
		{"failure-of-successes", "successes", Failure{}, 409, "", false},
		{"never-came-of-successes", "successes", Failure{}, 0, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Count: tt.count, Failure: tt.failure}}})
			key := l.Key(0, alice, nil, nil)
			d := l.Take(t.Context(), 0, key, 1)
			d.Answered(answer(tt.status, tt.location))
			d.Close()
			if next := l.Take(t.Context(), 0, key, 1); next.Allowed == tt.counts {
				t.Errorf("counts: %v; want %v", !next.Allowed, tt.counts)
			}
		})
	}
}

// A form login that sends whoever failed back to the form.
func TestRedirectsBackToTheLogin(t *testing.T) {
	for _, tt := range []struct {
		name, method, path, location string
		failure                      Failure
		counts                       bool
	}{
		{"back", "POST", "/login", "/login", Failure{}, true},
		{"back-with-query", "POST", "/login", "/login?error=1", Failure{}, true},
		{"back-in-other-letters", "POST", "/Login", "/LOGIN/", Failure{}, true},
		{"back-asked-with-two-slashes", "POST", "//enter/", "/enter", Failure{}, true},
		{"back-absolute", "POST", "/login", "https://shop.example/login", Failure{}, true},
		{"back-without-scheme", "POST", "/enter", "//shop.example/enter", Failure{}, true},
		{"back-by-query-alone", "POST", "/enter", "?error=1", Failure{}, true},
		{"back-by-fragment-alone", "POST", "/enter", "#error", Failure{}, true},
		{"back-by-a-dot", "POST", "/shop/enter", "./enter?x", Failure{}, true},
		{"back-whatever-follows", "POST", "/enter", "/enter?next=#%zz", Failure{}, true},
		{"own-path-of-no-usual-name", "POST", "/portal/enter", "/portal/enter", Failure{}, true},
		{"other-login", "POST", "/session", "/auth/login?error=1", Failure{}, true},
		{"relative-login", "POST", "/auth/callback/credentials", "../sign-in", Failure{}, true},
		{"page-of-a-login", "POST", "/api/login", "/login.html", Failure{}, true},
		{"login-with-session", "POST", "/session", "/login;jsessionid=1?error", Failure{}, true},
		{"unreadable", "POST", "/session", "http://[::1", Failure{}, true},
		{"json-says-nothing-of-redirects", "POST", "/login", "/login", Failure{JSON: []string{"success=false"}}, true},
		{"home", "POST", "/login", "/", Failure{}, false},
		{"success-page", "POST", "/login", "/login/success", Failure{}, false},
		{"second-factor", "POST", "/login", "/login/otp", Failure{}, false},
		{"login-in-the-query", "POST", "/login", "/home?from=/login", Failure{}, false},
		{"longer-name", "POST", "/login", "/logins", Failure{}, false},
		{"nowhere", "POST", "/login", "", Failure{}, false},
		{"get", "GET", "/account", "/login", Failure{}, false},
		{"configured-status", "POST", "/login", "/login", Failure{Status: []string{"4xx"}}, false},
		{"configured-redirect", "POST", "/login", "/login", Failure{Redirect: []string{"/login/failed"}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Count: "failures", Failure: tt.failure}}})
			r := httptest.NewRequest(tt.method, tt.path, nil)
			d := l.Begin(0, alice, r, nil)
			h := http.Header{}
			if tt.location != "" {
				h.Set("Location", tt.location)
			}
			d.Answered(302, h)
			d.Close()
			if next := l.Begin(0, alice, r, nil); next.Allowed == tt.counts {
				t.Errorf("counts: %v; want %v", !next.Allowed, tt.counts)
			}
		})
	}
	// Where successes count, a redirect to the login is one: a new account.
	l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Count: "successes"}}})
	r := httptest.NewRequest("POST", "/register", nil)
	d := l.Begin(0, alice, r, nil)
	d.Answered(302, http.Header{"Location": {"/login"}})
	if next := l.Begin(0, alice, r, nil); next.Allowed {
		t.Error("a new account does not count")
	}
}

func TestFaultsOfAFailure(t *testing.T) {
	_, err := New(Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Count: "failures", Cost: 2, Concurrent: -1, Block: -1,
		Failure: Failure{Status: []string{"4xx", "6xx", "99", "500-400", "x"}, Redirect: []string{"/ok*", "login", "/a*b", "/x?y"}}}}})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"rules[0].failure.status[1]: ", "rules[0].failure.status[2]: ", "rules[0].failure.status[3]: ", "rules[0].failure.status[4]: ",
		"rules[0].failure.redirect[1]: ", "rules[0].failure.redirect[2]: ", "rules[0].failure.redirect[3]: ", "rules[0].cost: 2", "rules[0].concurrent: -1", "rules[0].block: -1ns"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "status[0]") || strings.Contains(err.Error(), "redirect[0]") {
		t.Errorf("what is right is reported:\n%v", err)
	}
}

func TestCostOfARule(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 10, Window: time.Minute, Cost: 4}}})
	for i, want := range []bool{true, true, false} {
		if d := l.Begin(0, alice, nil, nil); d.Allowed != want {
			t.Errorf("request %d: allowed %v; want %v", i, d.Allowed, want)
		}
	}
	if d := l.Take(t.Context(), 0, l.Key(0, alice, nil, nil), 2); !d.Allowed || d.Remaining != 0 {
		t.Errorf("the last two of ten: %+v", d)
	}
	if d := l.Take(t.Context(), 0, l.Key(0, bob, nil, nil), 11); d.Allowed {
		t.Error("eleven of ten were allowed")
	}
}

// An app that answers every login with 200 says in the body how it went.
func TestFailuresInTheBody(t *testing.T) {
	login := Failure{JSON: []string{"success=false", "status=error", "code=17"}}
	for _, tt := range []struct {
		name, kind, body string
		counts           bool
	}{
		{"success", "application/json", `{"success":true,"token":"x"}`, false},
		{"failure", "application/json; charset=utf-8", `{"message":{"success":true},"success":false}`, true},
		{"other-field", "application/json", `{"status":"error"}`, true},
		{"number", "application/json", `{"code":17}`, true},
		{"not-top-level", "application/json", `{"inner":{"success":false},"list":[{"success":false}]}`, false},
		{"array", "application/json", `[{"success":false}]`, false},
		{"empty", "application/json", ``, true},
		{"broken-off", "application/json", `{"success":tr`, true},
		{"no-json", "application/json", `<html>`, true},
		{"other-type", "text/html", `{"success":false}`, false},
		{"long-and-late", "application/json", `{"pad":"` + strings.Repeat("x", Peek) + `","success":true}`, true},
		{"long-and-early", "application/json", `{"success":false,"pad":"` + strings.Repeat("x", Peek) + `"}`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := limiter(t, Config{Rules: []Rule{{Name: "a", Match: []string{"/"}, Limit: 1, Window: time.Minute, Count: "failures", Failure: login}}})
			h := l.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.kind)
				io.WriteString(w, tt.body)
			}))
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest("POST", "/x", nil))
			left := map[bool]string{true: `"a"; r=0; t=60`, false: `"a"; r=1; t=60`}[tt.counts]
			if rec.Code != 200 || rec.Body.String() != tt.body || rec.Header().Get("RateLimit") != left {
				t.Errorf("got %d, %q, %s; want it as it was, and %s", rec.Code, rec.Body, rec.Header().Get("RateLimit"), left)
			}
			rec = httptest.NewRecorder()
			if h.ServeHTTP(rec, httptest.NewRequest("POST", "/x", nil)); (rec.Code == 429) != tt.counts {
				t.Errorf("the next has %d; counts: want %v", rec.Code, tt.counts)
			}
			if !l.rules[0].undecided.idle() {
				t.Error("something is left in the crowd")
			}
		})
	}
	if _, err := New(Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Failure: login}}}); err == nil || !strings.Contains(err.Error(), "rules[0].failure: all attempts count") {
		t.Errorf("a failure where all count: got %v", err)
	}
	if _, err := New(Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Count: "failures", Failure: Failure{JSON: []string{"success"}}}}}); err == nil || !strings.Contains(err.Error(), "rules[0].failure.json[0]") {
		t.Errorf("a field without a value: got %v", err)
	}
}

// FuzzFailureInBody holds the peek against reading all of the answer.
func FuzzFailureInBody(f *testing.F) {
	for _, s := range []string{`{"success":false}`, `{"a":[{"success":false}],"status":"error"}`, `{"success":true} x`, `[1]`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", ``, `{"status":"err\u006fr"}`} {
		f.Add([]byte(s))
	}
	var faults fault.List
	c := Failure{JSON: []string{"success=false", "status=error"}}.compile(&faults)
	f.Fuzz(func(t *testing.T, body []byte) {
		want := true
		if jsontext.Value(body).IsValid() {
			var all any
			if err := json.Unmarshal(body, &all); err != nil {
				t.Skip() // nested deeper than one of the two reads
			}
			fields, _ := all.(map[string]any)
			success, isBool := fields["success"].(bool)
			want = isBool && !success || fields["success"] == "false" || fields["status"] == "error"
		}
		if got := c.byBody(body); got != want {
			t.Errorf("%q: got %v; want %v", body, got, want)
		}
	})
}
