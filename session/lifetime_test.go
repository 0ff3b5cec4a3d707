// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/session"
)

func TestLifetimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, session.Config{Lifetime: time.Hour, Idle: 20 * time.Minute})
		b := &browser{app: a}
		b.get("/login?user=ada")
		commits := a.store.commits
		time.Sleep(time.Minute)
		b.get("/show")
		if a.store.commits != commits {
			t.Error("a request a minute after the last writes to the store")
		}
		for range 3 { // kept alive by requests
			time.Sleep(15 * time.Minute)
			expect(t, b.text("/show"), `"ada" 0 false`)
		}
		if a.store.commits != commits+3 {
			t.Errorf("%d writes to keep it alive; want 3", a.store.commits-commits)
		}
		time.Sleep(14*time.Minute - time.Second)
		expect(t, b.text("/show"), `"ada" 0 false`)
		time.Sleep(time.Second)
		expect(t, b.text("/show"), `"" 0 false`) // an hour, whatever happens

		b.cookie = ""
		b.get("/login?user=ada")
		time.Sleep(20 * time.Minute)
		expect(t, b.text("/show"), `"" 0 false`) // idle
	})
}

// Renewing for the same user does not prolong the session; a login does.
func TestRenewAndLifetime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t, session.Config{})
		b := &browser{app: a}
		b.get("/add")
		time.Sleep(30 * time.Minute)
		maxAge := func(path string) int { return b.get(path).Cookies()[0].MaxAge }
		if got := maxAge("/login?user=ada"); got != 3600 {
			t.Errorf("Max-Age at login %d; want 3600", got)
		}
		time.Sleep(30 * time.Minute)
		if got := maxAge("/login?user=ada"); got != 1800 {
			t.Errorf("Max-Age when renewed for the same user %d; want 1800", got)
		}
		if got := maxAge("/login?user=bob"); got != 3600 {
			t.Errorf("Max-Age when another user logs in %d; want 3600", got)
		}
		expect(t, b.text("/show"), `"bob" 1 true`)
	})
}

func TestStoreOutage(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		status     int
		rule       rule.ID
		err        error
		known      bool // the browser has a session
	}{
		{"find", "/show", 503, rule.SessionUnavailable, errors.New("down"), true},
		{"create", "/add", 503, rule.SessionUnavailable, errors.New("down"), false},
		{"login", "/login?user=ada", 503, rule.SessionUnavailable, errors.New("down"), false},
		{"full", "/add", 503, rule.SessionFull, fmt.Errorf("no room: %w", session.ErrFull), false},
		{"no-session-no-store", "/show", 200, "", errors.New("down"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, session.Config{})
			b := &browser{app: a}
			if tt.known {
				b.get("/add")
			}
			before := b.cookie
			a.store.err = tt.err
			res := b.get(tt.path)
			var body bytes.Buffer
			body.ReadFrom(res.Body)
			if res.StatusCode != tt.status || b.cookie != before {
				t.Errorf("status %d, cookie %q; want %d and no new cookie", res.StatusCode, b.cookie, tt.status)
			}
			if tt.rule != "" && (!strings.Contains(body.String(), tt.rule.URN()) || res.Header.Get("Retry-After") == "" || strings.Contains(body.String(), "welcome")) {
				t.Errorf("%v %s; want %s", res.Header, body.String(), tt.rule)
			}
		})
	}
	t.Run("change", func(t *testing.T) {
		a := newApp(t, session.Config{})
		b := &browser{app: a}
		b.get("/add")
		on(a, "commit", func() { a.store.mu.Lock(); a.store.err = errors.New("down"); a.store.mu.Unlock() })
		if res := b.get("/add"); res.StatusCode != 503 {
			t.Errorf("status %d; want 503", res.StatusCode)
		}
	})
	t.Run("logout", func(t *testing.T) {
		a := newApp(t, session.Config{})
		b := &browser{app: a}
		b.get("/login?user=ada")
		a.extra = func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			a.store.err = errors.New("down")
			fmt.Fprint(w, s.Destroy(r.Context()) != nil)
		}
		if got := b.text("/extra"); got != "true" || b.cookie == "" {
			t.Errorf("Destroy that did not: %s, cookie %q; it must say so and leave the cookie", got, b.cookie)
		}
	})
	t.Run("kept-alive-later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			a := newApp(t, session.Config{})
			b := &browser{app: a}
			b.get("/add")
			time.Sleep(10 * time.Minute)
			on(a, "commit", func() { a.store.mu.Lock(); a.store.err = errors.New("down"); a.store.mu.Unlock() })
			if got := b.text("/show"); got != `"" 1 true` {
				t.Errorf("%s; a sign of life that is not stored must not fail the request", got)
			}
		})
	})
}

func TestCrossOrigin(t *testing.T) {
	a := newApp(t, session.Config{TrustedOrigins: []string{"https://pay.example"}})
	tests := []struct {
		name, method string
		header       http.Header
		status       int
	}{
		{"same-origin", "POST", http.Header{"Sec-Fetch-Site": {"same-origin"}}, 200},
		{"cross-site", "POST", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{"same-site", "POST", http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{"cross-site-get", "GET", http.Header{"Sec-Fetch-Site": {"cross-site"}}, 200},
		{"other-origin", "DELETE", http.Header{"Origin": {"https://evil.example"}}, 403},
		{"own-origin", "POST", http.Header{"Origin": {"https://example.com"}}, 200},
		{"trusted", "POST", http.Header{"Sec-Fetch-Site": {"cross-site"}, "Origin": {"https://pay.example"}}, 200},
		{"no-browser", "POST", nil, 200},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "https://example.com/show", nil)
			if tt.header != nil {
				r.Header = tt.header
			}
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, r)
			if w.Code != tt.status || w.Code == 403 && !strings.Contains(w.Body.String(), rule.SessionCrossOrigin.URN()) {
				t.Errorf("%d %s; want %d", w.Code, w.Body, tt.status)
			}
		})
	}
}
