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

// A user sees where he is signed in and ends one of them; of others he does neither.
func TestListAndRevokeOne(t *testing.T) {
	a := newApp(t, session.Config{})
	phone, laptop, bob := &browser{app: a}, &browser{app: a}, &browser{app: a}
	phone.get("/login?user=ada")
	laptop.get("/login?user=ada")
	laptop.get("/add")
	bob.get("/login?user=bob")
	current := ""
	a.extra = func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { current = s.Handle() }
	laptop.get("/extra")
	list, err := a.List(t.Context(), "ada")
	if err != nil || len(list) != 2 || list[0].Seen.Before(list[1].Seen) {
		t.Fatalf("List = %+v, %v", list, err)
	}
	if list[0].Handle != current {
		list[0], list[1] = list[1], list[0] // seen in the same moment
	}
	n := 0
	if list[0].Handle != current || !list[0].Value("n", &n) || n != 1 || list[1].Value("n", &n) || list[0].Created.IsZero() || !list[0].Expires.After(list[0].Seen) {
		t.Errorf("%+v; the laptop is %s", list, current)
	}
	for name, tt := range map[string]struct{ user, handle string }{
		"of-another": {"bob", list[1].Handle}, "unknown": {"ada", strings.Repeat("0", 64)}, "empty": {"ada", ""}, "short": {"ada", current[:62]},
		"long": {"ada", current + "00"}, "no-hex": {"ada", strings.Repeat("x", 64)}, "the-id-itself": {"ada", laptop.cookie},
	} {
		if found, err := a.Revoke(t.Context(), tt.user, tt.handle); found || err != nil {
			t.Errorf("%s: Revoke = %v, %v", name, found, err)
		}
	}
	if found, err := a.Revoke(t.Context(), "ada", list[1].Handle); !found || err != nil {
		t.Errorf("Revoke = %v, %v", found, err)
	}
	expect(t, phone.text("/show"), `"" 0 false`)
	expect(t, laptop.text("/show"), `"ada" 1 true`)
	expect(t, bob.text("/show"), `"bob" 0 false`)
	_, err = a.List(t.Context(), "")
	if _, other := a.Revoke(t.Context(), "", current); err == nil || other == nil {
		t.Errorf("of nobody: %v, %v", err, other)
	}
	plain := newApp(t, session.Config{Store: struct{ session.Store }{a.store}})
	if _, err := plain.List(t.Context(), "ada"); !errors.Is(err, session.ErrNoUserIndex) {
		t.Errorf("without an index: %v", err)
	}
	var none *session.Session
	if none.Handle() != "" {
		t.Error("no session has a handle")
	}
}
