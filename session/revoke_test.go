// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/panoply-security/panoply/session"
)

func TestFixation(t *testing.T) {
	a := newApp(t, session.Config{})
	attacker := &browser{app: a}
	attacker.get("/add")
	victim := &browser{app: a, cookie: attacker.cookie}
	victim.get("/login?user=ada")
	if victim.cookie == attacker.cookie {
		t.Fatal("the id stays the same at login")
	}
	expect(t, victim.text("/show"), `"ada" 1 true`)
	expect(t, attacker.text("/show"), `"" 0 false`)
}

func TestReplayAfterLogout(t *testing.T) {
	a := newApp(t, session.Config{})
	b := &browser{app: a}
	b.get("/login?user=ada")
	stolen := &browser{app: a, cookie: b.cookie}
	expect(t, stolen.text("/show"), `"ada" 0 false`)
	res := b.get("/logout")
	if b.cookie != "" || !strings.Contains(res.Header.Get("Set-Cookie"), "Max-Age=0; HttpOnly; Secure; SameSite=Strict") {
		t.Errorf("cookie after logout: %q", res.Header.Get("Set-Cookie"))
	}
	expect(t, stolen.text("/show"), `"" 0 false`)
	if a.store.Len() != 0 {
		t.Errorf("%d sessions are left", a.store.Len())
	}
}

func TestRevokeAll(t *testing.T) {
	a := newApp(t, session.Config{})
	phone, laptop, bob := &browser{app: a}, &browser{app: a}, &browser{app: a}
	phone.get("/login?user=ada")
	laptop.get("/login?user=ada")
	bob.get("/login?user=bob")
	if n, err := a.RevokeAll(t.Context(), "ada"); n != 2 || err != nil {
		t.Errorf("RevokeAll = %d, %v", n, err)
	}
	expect(t, phone.text("/show"), `"" 0 false`)
	expect(t, laptop.text("/show"), `"" 0 false`)
	expect(t, bob.text("/show"), `"bob" 0 false`)
	if _, err := a.RevokeAll(t.Context(), ""); err == nil {
		t.Error("RevokeAll of nobody ends the sessions of everybody")
	}
	plain := newApp(t, session.Config{Store: struct{ session.Store }{a.store}})
	if _, err := plain.RevokeAll(t.Context(), "ada"); !errors.Is(err, session.ErrNoUserIndex) {
		t.Errorf("without an index: %v", err)
	}
}

// What was revoked while a request was under way does not come back by it,
// whatever the request does and at whatever moment.
func TestRevokedMeanwhile(t *testing.T) {
	moments := map[string]func(a *app, do func()){
		"in-the-handler": func(a *app, do func()) {
			inner := a.extra
			a.extra = func(w http.ResponseWriter, r *http.Request, s *session.Session) { inner(w, r, s); do() }
		},
		"before-commit": func(a *app, do func()) { on(a, "commit", do) },
		"before-delete": func(a *app, do func()) { on(a, "delete", do) },
	}
	acts := map[string]func(http.ResponseWriter, *http.Request, *session.Session){
		"set":   func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Set("n", 7) },
		"renew": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew("ada") },
	}
	for when, arrange := range moments {
		for what, act := range acts {
			if what == "set" && when == "before-delete" {
				continue // it deletes nothing
			}
			t.Run(what+"-"+when, func(t *testing.T) {
				a := newApp(t, session.Config{})
				b := &browser{app: a}
				b.get("/login?user=ada")
				a.extra = act
				revoked := false
				arrange(a, func() {
					if !revoked {
						revoked = true
						if n, err := a.RevokeAll(t.Context(), "ada"); n == 0 || err != nil {
							t.Errorf("RevokeAll = %d, %v", n, err)
						}
					}
				})
				old := b.cookie
				res := b.get("/extra")
				if !revoked {
					t.Fatal("the moment did not come")
				}
				if what == "renew" && (res.StatusCode != 401 || len(res.Cookies()) != 0) {
					t.Errorf("status %d, cookies %v; want 401 and none", res.StatusCode, res.Cookies())
				}
				if a.store.Len() != 0 {
					t.Errorf("%d sessions are left", a.store.Len())
				}
				for _, cookie := range []string{old, b.cookie} {
					expect(t, (&browser{app: a, cookie: cookie}).text("/show"), `"" 0 false`)
				}
			})
		}
	}
}

func on(a *app, op string, do func()) {
	a.store.before = func(name string) {
		if name == op {
			do()
		}
	}
}

// Renewed by two requests at once, one session remains for the user.
func TestConcurrentRenewal(t *testing.T) {
	a := newApp(t, session.Config{})
	b := &browser{app: a}
	b.get("/login?user=ada")
	a.extra = func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew("ada") }
	var wg sync.WaitGroup
	status := make([]int, 8)
	for i := range status {
		wg.Go(func() { status[i] = (&browser{app: a, cookie: b.cookie}).get("/extra").StatusCode })
	}
	wg.Wait()
	ok := 0
	for _, s := range status {
		switch s {
		case 200:
			ok++
		case 401:
		default:
			t.Errorf("status %d", s)
		}
	}
	// A request that was loaded after the first renewal has no session any more,
	// so its Renew is a login of its own.
	if n := a.store.Len(); ok < 1 || n != ok {
		t.Errorf("%d renewed, %d sessions", ok, n)
	}
	expect(t, (&browser{app: a, cookie: b.cookie}).text("/show"), `"" 0 false`)
}

// Parallel requests do not undo each other's changes.
func TestParallelChanges(t *testing.T) {
	a := newApp(t, session.Config{})
	b := &browser{app: a}
	b.get("/add")
	gate := make(chan struct{})
	a.extra = func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		session.Get[int](s, "n")
		<-gate
		s.Set(r.FormValue("name"), true)
	}
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			if res := (&browser{app: a, cookie: b.cookie}).get(fmt.Sprintf("/extra?name=v%d", i)); res.StatusCode != 200 {
				t.Errorf("status %d", res.StatusCode)
			}
		})
	}
	close(gate)
	wg.Wait()
	a.extra = func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		for i := range 5 {
			ok, _ := session.Get[bool](s, fmt.Sprintf("v%d", i))
			fmt.Fprint(w, ok, " ")
		}
	}
	expect(t, b.text("/extra"), "true true true true true ")
	expect(t, b.text("/show"), `"" 1 true`)
}

func TestLogoutAndLoginInOneRequest(t *testing.T) {
	a := newApp(t, session.Config{})
	b := &browser{app: a}
	b.get("/login?user=ada")
	b.get("/add")
	old := b.cookie
	a.extra = func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if n, err := a.RevokeAll(r.Context(), "ada"); n != 1 || err != nil {
			t.Errorf("RevokeAll = %d, %v", n, err)
		}
		if err := errors.Join(s.Destroy(r.Context()), s.Renew("ada")); err != nil {
			t.Error(err)
		}
	}
	res := b.get("/extra")
	if cookies := res.Cookies(); res.StatusCode != 200 || len(cookies) != 1 || cookies[0].MaxAge != 3600 {
		t.Errorf("status %d, cookies %v; want one new", res.StatusCode, cookies)
	}
	expect(t, b.text("/show"), `"ada" 0 false`) // none of the old values
	expect(t, (&browser{app: a, cookie: old}).text("/show"), `"" 0 false`)
}
