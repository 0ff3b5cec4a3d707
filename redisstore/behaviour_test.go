// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/redisstore/redistest"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/session"
	"github.com/panoply-security/panoply/token"
)

// What sessions and tokens promise, on the memory of a process and on a real server, each
// with a second process that shares the store: an attack on one is an attack on both.

// stores are those of one process.
type stores struct {
	sessions session.Store
	families token.Families
	revoked  token.Revocations
	skew     func(time.Duration) // puts the store's clock ahead; nil for the process's own
	stop     func()              // the server; nil without one
}

// onStores runs a test on two processes that share a store.
func onStores(t *testing.T, test func(t *testing.T, one, two stores)) {
	t.Run("memory", func(t *testing.T) {
		m, err1 := session.NewMemory(session.MemoryConfig{})
		f, err2 := token.NewMemoryFamilies(0, 0)
		r, err3 := token.NewMemoryRevocations(0)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		all := stores{sessions: m, families: f, revoked: r}
		test(t, all, all)
	})
	t.Run("server", func(t *testing.T) {
		server := redistest.Start(t)
		process := func() stores {
			c := open(t, Config{URL: "redis://" + server.Addr})
			s, f, r := c.Sessions(), c.Families(), c.Revocations()
			return stores{s, f, r, func(d time.Duration) {
				for _, shift := range []*atomic.Int64{&s.shift, &f.shift, &r.shift} {
					shift.Store(int64(d / time.Microsecond))
				}
			}, server.Stop}
		}
		test(t, process(), process())
	})
}

// site is an app with sessions.
type site struct {
	*session.Sessions
	handler http.Handler
}

func newSite(t *testing.T, s session.Store) *site {
	t.Helper()
	sessions, err := session.New(session.Config{Store: s, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	handle := func(path string, do func(r *http.Request, s *session.Session) error) {
		mux.Handle("POST "+path, problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
			if err := do(r, session.From(r.Context())); err != nil {
				return err
			}
			fmt.Fprint(w, session.From(r.Context()).User())
			return nil
		}))
	}
	handle("/visit", func(_ *http.Request, s *session.Session) error { return s.Set("visited", true) })
	handle("/login", func(r *http.Request, s *session.Session) error { return s.Renew(r.URL.Query().Get("user")) })
	handle("/renew", func(_ *http.Request, s *session.Session) error { return s.Renew(s.User()) })
	handle("/logout", func(r *http.Request, s *session.Session) error { return s.Destroy(r.Context()) })
	handle("/me", func(*http.Request, *session.Session) error { return nil })
	return &site{sessions, sessions.Handler(mux)}
}

// send plays a request of a browser with that cookie, and returns the status, the user and
// the cookie that it has then.
func (s *site) send(path, cookie string) (status int, user, after string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "https://shop.example"+path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, r)
	if set := rec.Header().Get("Set-Cookie"); set != "" {
		cookie, _, _ = strings.Cut(set, ";")
	}
	body, _ := io.ReadAll(rec.Body)
	if rec.Code != http.StatusOK {
		body = nil
	}
	return rec.Code, string(body), cookie
}

func (s *site) logIn(t *testing.T, user, before string) (cookie string) {
	t.Helper()
	status, got, cookie := s.send("/login?user="+user, before)
	if status != 200 || got != user || cookie == "" || cookie == before {
		t.Fatalf("the login: status %d, user %q, cookie %q", status, got, cookie)
	}
	return cookie
}

func (s *site) expect(t *testing.T, what, cookie, user string) {
	t.Helper()
	if status, got, _ := s.send("/me", cookie); status != 200 || got != user {
		t.Errorf("%s: status %d, user %q; want %q", what, status, got, user)
	}
}

func TestFixation(t *testing.T) {
	onStores(t, func(t *testing.T, one, two stores) {
		a, b := newSite(t, one.sessions), newSite(t, two.sessions)
		_, _, planted := a.send("/visit", "")
		if planted == "" {
			t.Fatal("no session to plant")
		}
		victim := b.logIn(t, "ada", planted)
		a.expect(t, "the victim", victim, "ada")
		a.expect(t, "who planted the id", planted, "")
		b.expect(t, "who planted the id", planted, "")
		// Signing in as another one is a change of privilege as well.
		other := a.logIn(t, "bob", victim)
		b.expect(t, "the session before", victim, "")
		b.expect(t, "the one after", other, "bob")
		_, _, own := a.send("/me", session.CookieName+"="+strings.Repeat("A", 43))
		if own != session.CookieName+"="+strings.Repeat("A", 43) {
			t.Errorf("an id that somebody made up is answered with %q", own)
		}
	})
}

func TestReplayAfterLogout(t *testing.T) {
	onStores(t, func(t *testing.T, one, two stores) {
		a, b := newSite(t, one.sessions), newSite(t, two.sessions)
		cookie, other := a.logIn(t, "ada", ""), b.logIn(t, "ada", "")
		b.expect(t, "before", cookie, "ada")
		if status, _, _ := a.send("/logout", cookie); status != 200 {
			t.Fatalf("the logout: status %d", status)
		}
		for range 2 {
			a.expect(t, "replayed", cookie, "")
			b.expect(t, "replayed to the other process", cookie, "")
		}
		b.send("/visit", cookie)
		a.expect(t, "replayed once it was written to", cookie, "")
		a.expect(t, "the other login", other, "ada")
	})
}

func TestReplayAfterRevokeAll(t *testing.T) {
	onStores(t, func(t *testing.T, one, two stores) {
		a, b := newSite(t, one.sessions), newSite(t, two.sessions)
		phone, laptop, bob := a.logIn(t, "ada", ""), b.logIn(t, "ada", ""), b.logIn(t, "bob", "")
		if n, err := b.RevokeAll(t.Context(), "ada"); n != 2 || err != nil {
			t.Fatalf("RevokeAll = %d, %v", n, err)
		}
		for _, cookie := range []string{phone, laptop} {
			a.expect(t, "replayed", cookie, "")
			b.expect(t, "replayed", cookie, "")
		}
		a.expect(t, "somebody else", bob, "bob")
		a.expect(t, "a login since", a.logIn(t, "ada", phone), "ada")
	})
}

// Renewed by many requests at once, in two processes, each answer's session is good or was
// refused, and the id of before is over.
func TestConcurrentRenewal(t *testing.T) {
	onStores(t, func(t *testing.T, one, two stores) {
		sites := []*site{newSite(t, one.sessions), newSite(t, two.sessions)}
		before := sites[0].logIn(t, "ada", "")
		var wg sync.WaitGroup
		var mu sync.Mutex
		renewed := map[string]string{}
		for i := range 16 {
			wg.Go(func() {
				status, user, after := sites[i%2].send("/renew", before)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case status == 200 && after != before:
					renewed[after] = user
				case status != 401:
					t.Errorf("status %d, the cookie stays: %v", status, after == before)
				}
			})
		}
		wg.Wait()
		asAda := 0
		for cookie, user := range renewed {
			sites[0].expect(t, "a renewed one", cookie, user)
			if user == "ada" {
				asAda++
			}
		}
		if asAda != 1 {
			t.Errorf("%d sessions of ada came of one", asAda)
		}
		for _, s := range sites {
			s.expect(t, "the one before", before, "")
		}
	})
}

func TestRefreshReuse(t *testing.T) {
	onStores(t, func(t *testing.T, one, two stores) {
		r1, err1 := token.NewRefresher(token.RefreshConfig{Families: one.families})
		r2, err2 := token.NewRefresher(token.RefreshConfig{Families: two.families})
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		begin := func() string {
			s, err := r1.Begin(ctx, "ada")
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		expect := func(what string, r *token.Refresher, text string, want rule.ID) string {
			t.Helper()
			subject, next, err := r.Rotate(ctx, text)
			if want == "" && (err != nil || subject != "ada") || want != "" && (err == nil || problem.As(err).Rule != want) {
				t.Errorf("%s: %q, %v; want %q", what, subject, err, want)
			}
			return next
		}
		stolen, other := begin(), begin()
		thief := expect("the thief", r2, stolen, "")
		expect("the user, elsewhere", r1, stolen, rule.TokenReused)
		expect("what the thief got", r2, thief, rule.TokenExpired)
		expect("another login", r2, other, "")

		// At once, in both: one at most is good, and then it is over.
		raced := begin()
		var wg sync.WaitGroup
		var good atomic.Int32
		for i := range 16 {
			wg.Go(func() {
				if _, _, err := []*token.Refresher{r1, r2}[i%2].Rotate(ctx, raced); err == nil {
					good.Add(1)
				}
			})
		}
		wg.Wait()
		if good.Load() > 1 {
			t.Errorf("%d of 16 uses at once are good", good.Load())
		}
		if _, _, err := r1.Rotate(ctx, raced); err == nil {
			t.Error("and it is still good")
		}
		ended := begin()
		if err := r2.End(ctx, ended); err != nil {
			t.Error(err)
		}
		expect("after the logout", r1, ended, rule.TokenExpired)
		all := begin()
		if _, err := r2.EndAll(ctx, "ada"); err != nil {
			t.Error(err)
		}
		expect("after all were ended", r1, all, rule.TokenExpired)
	})
}

const strongSecret = "hT5wq9Lz3VbX8nRk2MfC7dJy4GsP6aEuhT2wq8Lz5VbX3nRk"

func newTokens(t *testing.T, s token.Revocations) *token.Tokens {
	t.Helper()
	tokens, err := token.New(token.Config{Secret: []byte(strongSecret), Revocations: s})
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestRevokedTokensAreReplayed(t *testing.T) {
	onStores(t, func(t *testing.T, one, two stores) {
		a, b := newTokens(t, one.revoked), newTokens(t, two.revoked)
		text, err1 := a.Issue(token.Claims{"sub": "ada"})
		other, err2 := a.Issue(token.Claims{"sub": "ada"})
		claims, err3 := b.Verify(text)
		if err := errors.Join(err1, err2, err3, b.Revoke(t.Context(), claims)); err != nil {
			t.Fatal(err)
		}
		for _, tokens := range []*token.Tokens{a, b} {
			if _, err := tokens.Verify(text); err == nil || problem.As(err).Rule != rule.TokenInvalid {
				t.Errorf("replayed: %v", err)
			}
			if _, err := tokens.Verify(other); err != nil {
				t.Errorf("another one of ada: %v", err)
			}
		}
	})
}

// While the server is away nobody is let in, and nobody is told that he is out.
func TestStoreOutage(t *testing.T) {
	onStores(t, func(t *testing.T, one, _ stores) {
		if one.stop == nil {
			t.Skip("the memory of a process does not go away; packages session and token have stores that fail")
		}
		s, tokens := newSite(t, one.sessions), newTokens(t, one.revoked)
		refresher, err := token.NewRefresher(token.RefreshConfig{Families: one.families})
		if err != nil {
			t.Fatal(err)
		}
		cookie := s.logIn(t, "ada", "")
		access, err1 := tokens.Issue(token.Claims{"sub": "ada"})
		claims, err2 := tokens.Verify(access)
		refresh, err3 := refresher.Begin(t.Context(), "ada")
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		one.stop()
		for _, path := range []string{"/me", "/logout", "/renew", "/login?user=ada", "/visit"} {
			if status, user, after := s.send(path, cookie); status != 503 || user != "" || after != cookie {
				t.Errorf("%s: status %d, user %q, another cookie %v", path, status, user, after != cookie)
			}
		}
		if status, _, after := s.send("/login?user=ada", ""); status != 503 || after != "" {
			t.Errorf("a first login: status %d, cookie %q", status, after)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := tokens.VerifyContext(ctx, access); err == nil || problem.As(err).Code() != 503 {
			t.Errorf("a token: %v", err)
		}
		if err := tokens.Revoke(ctx, claims); err == nil {
			t.Error("a token is revoked nowhere")
		}
		if _, _, err := refresher.Rotate(ctx, refresh); err == nil || problem.As(err).Code() != 503 {
			t.Errorf("a refresh: %v", err)
		}
		if n, err := s.RevokeAll(ctx, "ada"); err == nil || n != 0 {
			t.Errorf("RevokeAll = %d, %v", n, err)
		}
	})
}

// A server's clock that is off by half a minute, either way, signs nobody out and lets
// nothing back in; one that is off by hours signs everybody out.
func TestClockSkew(t *testing.T) {
	onStores(t, func(t *testing.T, one, two stores) {
		if one.skew == nil {
			t.Skip("the memory of a process has the process's clock; the tests of package token turn it")
		}
		for _, skew := range []time.Duration{-30 * time.Second, 30 * time.Second} {
			one.skew(skew)
			two.skew(-skew)
			a, b := newSite(t, one.sessions), newSite(t, two.sessions)
			cookie := a.logIn(t, "ada", "")
			b.expect(t, "logged in elsewhere", cookie, "ada")
			if status, _, _ := b.send("/logout", cookie); status != 200 {
				t.Errorf("the logout: status %d", status)
			}
			a.expect(t, "replayed", cookie, "")

			// A token that ends in ten seconds is revoked until it has ended by every clock.
			tokens := newTokens(t, one.revoked)
			text, err1 := tokens.Issue(token.Claims{"sub": "ada", "exp": time.Now().Add(10 * time.Second)})
			claims, err2 := tokens.Verify(text)
			if err := errors.Join(err1, err2, newTokens(t, two.revoked).Revoke(t.Context(), claims)); err != nil {
				t.Fatal(err)
			}
			if _, err := tokens.Verify(text); err == nil || problem.As(err).Rule != rule.TokenInvalid {
				t.Errorf("%v: a revoked token that is about to end: %v", skew, err)
			}

			r1, err1 := token.NewRefresher(token.RefreshConfig{Families: one.families})
			r2, err2 := token.NewRefresher(token.RefreshConfig{Families: two.families})
			first, err3 := r1.Begin(t.Context(), "ada")
			_, second, err4 := r2.Rotate(t.Context(), first)
			if err := errors.Join(err1, err2, err3, err4); err != nil {
				t.Fatal(err)
			}
			if _, _, err := r1.Rotate(t.Context(), second); err != nil {
				t.Errorf("%v: a refresh: %v", skew, err)
			}
		}
		one.skew(3 * time.Hour)
		s := newSite(t, one.sessions)
		if status, _, cookie := s.send("/login?user=ada", ""); status == 200 {
			s.expect(t, "three hours ahead", cookie, "")
		}
	})
}
