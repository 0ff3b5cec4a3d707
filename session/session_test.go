// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panoply-security/panoply/session"
	"github.com/panoply-security/panoply/session/sessiontest"
)

func TestMemoryStore(t *testing.T) {
	sessiontest.Run(t, func(t *testing.T, test sessiontest.Test) {
		synctest.Test(t, func(t *testing.T) { test(t, newMemory(t, session.MemoryConfig{}), sessiontest.Bubble) })
	})
}

func newMemory(t testing.TB, cfg session.MemoryConfig) *session.Memory {
	t.Helper()
	m, err := session.NewMemory(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// counted is a store that counts what is asked of it, and breaks on demand.
type counted struct {
	*session.Memory
	mu                     sync.Mutex
	finds, commits, delete int
	err                    error
	before                 func(op string) // called outside the lock
}

func (c *counted) op(name string, n *int) error {
	if c.before != nil {
		c.before(name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
	return c.err
}

func (c *counted) Find(ctx context.Context, k session.Key) (session.Record, bool, error) {
	if err := c.op("find", &c.finds); err != nil {
		return session.Record{}, false, err
	}
	return c.Memory.Find(ctx, k)
}

func (c *counted) Commit(ctx context.Context, k session.Key, rec session.Record) (bool, error) {
	if err := c.op("commit", &c.commits); err != nil {
		return false, err
	}
	return c.Memory.Commit(ctx, k, rec)
}

func (c *counted) Delete(ctx context.Context, k session.Key) (bool, error) {
	if err := c.op("delete", &c.delete); err != nil {
		return false, err
	}
	return c.Memory.Delete(ctx, k)
}

// app is a site with one handler for each thing one may do with a session.
type app struct {
	*session.Sessions
	store   *counted
	log     *bytes.Buffer
	handler http.Handler
	extra   func(w http.ResponseWriter, r *http.Request, s *session.Session)
}

func newApp(t testing.TB, cfg session.Config) *app {
	t.Helper()
	a := &app{store: &counted{Memory: newMemory(t, session.MemoryConfig{})}, log: &bytes.Buffer{}}
	cfg.Logger = slog.New(slog.NewTextHandler(a.log, nil))
	if cfg.Store == nil {
		cfg.Store = a.store
	}
	var err error
	if a.Sessions, err = session.New(cfg); err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		if err != nil {
			t.Errorf("handler: %v", err)
		}
	}
	mux := http.NewServeMux()
	handle := func(path string, h func(w http.ResponseWriter, r *http.Request, s *session.Session)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { h(w, r, session.From(r.Context())) })
	}
	handle("/show", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		n, ok := session.Get[int](s, "n")
		fmt.Fprintf(w, "%q %d %v", s.User(), n, ok)
	})
	handle("/add", func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		n, _ := session.Get[int](s, "n")
		check(s.Set("n", n+1))
		fmt.Fprint(w, n+1)
	})
	handle("/remove", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { check(s.Delete("n")) })
	handle("/login", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		check(s.Renew(r.FormValue("user")))
		fmt.Fprint(w, "welcome")
	})
	handle("/logout", func(_ http.ResponseWriter, r *http.Request, s *session.Session) { check(s.Destroy(r.Context())) })
	handle("/extra", func(w http.ResponseWriter, r *http.Request, s *session.Session) { a.extra(w, r, s) })
	a.handler = a.Handler(mux)
	return a
}

// browser keeps the one cookie.
type browser struct {
	app    *app
	cookie string
}

func (b *browser) get(path string) *http.Response {
	r := httptest.NewRequest("GET", path, nil)
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: session.CookieName, Value: b.cookie})
	}
	w := httptest.NewRecorder()
	b.app.handler.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if b.cookie = c.Value; c.MaxAge < 0 {
			b.cookie = ""
		}
	}
	return res
}

func (b *browser) text(path string) string {
	res := b.get(path)
	var buf bytes.Buffer
	buf.ReadFrom(res.Body)
	return buf.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tests := []struct {
			name string
			cfg  session.Config
			want string
		}{
			{"defaults", session.Config{}, "__Host-session=ID; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict"},
			{"lax-and-longer", session.Config{SameSite: "Lax", Lifetime: 2 * time.Hour, Idle: time.Hour}, "__Host-session=ID; Path=/; Max-Age=7200; HttpOnly; Secure; SameSite=Lax"},
			{"development", session.Config{InsecureDevelopment: true}, "session-insecure=ID; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict"},
		}
		for _, tt := range tests {
			a := newApp(t, tt.cfg)
			res := (&browser{app: a}).get("/add")
			lines := res.Header["Set-Cookie"]
			if len(lines) != 1 {
				t.Fatalf("%s: cookies %q", tt.name, lines)
			}
			name, rest, _ := strings.Cut(lines[0], "=")
			value, attrs, _ := strings.Cut(rest, ";")
			if got := name + "=ID;" + attrs; got != tt.want {
				t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
			}
			id, err := base64.RawURLEncoding.DecodeString(value)
			if err != nil || len(id) != 32 {
				t.Errorf("%s: id of %d bytes, %v", tt.name, len(id), err)
			}
			expect(t, res.Header.Get("Cache-Control"), "no-store")
			// The store knows the hash and not the id.
			if _, found, _ := a.store.Memory.Find(t.Context(), session.Key(id)); found {
				t.Errorf("%s: the store knows the id itself", tt.name)
			}
			if _, found, _ := a.store.Memory.Find(t.Context(), sha256.Sum256(id)); !found {
				t.Errorf("%s: the store does not know the hash of the id", tt.name)
			}
			if warned := strings.Contains(a.log.String(), "insecure"); warned != tt.cfg.InsecureDevelopment && !strings.Contains(a.log.String(), "plain HTTP") {
				t.Errorf("%s: log %s", tt.name, a.log)
			}
		}
	})
}

// Behind a proxy that terminates TLS nothing of TLS is to be seen, and the
// cookie is set all the same. Only where nothing speaks for TLS the log says
// what browsers will do, once.
func TestSecureCookieOverPlainHTTP(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		warned       int
	}{{"behind-a-proxy", "X-Forwarded-Proto", 0}, {"plain", "X-Nothing", 1}} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, session.Config{})
			for range 3 {
				r := httptest.NewRequest("GET", "http://shop.example/add", nil)
				r.Header.Set(tt.header, "https")
				w := httptest.NewRecorder()
				a.handler.ServeHTTP(w, r)
				if !strings.Contains(w.Header().Get("Set-Cookie"), "; Secure") {
					t.Errorf("cookie %q", w.Header().Get("Set-Cookie"))
				}
			}
			if n := strings.Count(a.log.String(), "plain HTTP"); n != tt.warned {
				t.Errorf("warned %d times; want %d", n, tt.warned)
			}
		})
	}
}

func TestNothingIsCreatedByReading(t *testing.T) {
	a := newApp(t, session.Config{})
	b := &browser{app: a}
	expect(t, b.text("/show"), `"" 0 false`)
	b.get("/remove")
	b.get("/logout")
	if a.store.finds+a.store.commits+a.store.delete != 0 || a.store.Len() != 0 || b.cookie != "" {
		t.Errorf("%d finds, %d commits, %d deletes, cookie %q; want nothing", a.store.finds, a.store.commits, a.store.delete, b.cookie)
	}
	if res := b.get("/show"); res.Header.Get("Set-Cookie") != "" || res.Header.Get("Cache-Control") != "" {
		t.Errorf("headers %v", res.Header)
	}
}

func TestSavedOnlyWhenChanged(t *testing.T) {
	a := newApp(t, session.Config{})
	b := &browser{app: a}
	expect(t, b.text("/add"), "1")
	for range 5 {
		if res := b.get("/show"); res.Header.Get("Set-Cookie") != "" {
			t.Error("reading sets a cookie")
		}
	}
	expect(t, b.text("/show"), `"" 1 true`)
	if a.store.commits != 1 || a.store.finds != 6 {
		t.Errorf("%d commits and %d finds; want 1 and 6", a.store.commits, a.store.finds)
	}
	expect(t, b.text("/add"), "2")
	b.get("/remove")
	expect(t, b.text("/show"), `"" 0 false`)
	if a.store.commits != 3 {
		t.Errorf("%d commits; want 3", a.store.commits)
	}
}

func TestUnknownIDsAreNotAdopted(t *testing.T) {
	a := newApp(t, session.Config{})
	real := &browser{app: a}
	real.get("/add")
	made := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", real.cookie[42])
	trailing := real.cookie[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last|1])
	for name, cookie := range map[string]string{
		"made-up": made, "empty": "", "short": real.cookie[:42], "long": real.cookie + "A", "padded": real.cookie + "=",
		"trailing-bits": trailing, "not-base64": strings.Repeat("!", 43), "two": real.cookie + "; __Host-session=" + real.cookie,
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/add", nil)
			r.Header.Set("Cookie", session.CookieName+"="+cookie)
			w := httptest.NewRecorder()
			a.handler.ServeHTTP(w, r)
			set := w.Result().Cookies()
			if w.Body.String() != "1" || len(set) != 1 || set[0].Value == cookie || set[0].Value == real.cookie {
				t.Errorf("%s, cookies %v; want a new session", w.Body, set)
			}
		})
	}
}

func TestValues(t *testing.T) {
	type cart struct{ Items []string }
	a := newApp(t, session.Config{MaxBytes: 200})
	b := &browser{app: a}
	a.extra = func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := s.Set("cart", cart{[]string{"<a>", "b"}}); err != nil {
			t.Error(err)
		}
		if c, ok := session.Get[cart](s, "cart"); !ok || !slices.Equal(c.Items, []string{"<a>", "b"}) {
			t.Errorf("in the same request: %v, %v", c, ok)
		}
		if err := s.Set("f", func() {}); err == nil {
			t.Error("Set took a function")
		}
		if err := s.Set("long", strings.Repeat("x", 170)); !errors.Is(err, session.ErrTooLarge) {
			t.Errorf("Set over the limit: %v", err)
		}
		if err := s.Set("cart2", strings.Repeat("x", 100)); err != nil {
			t.Errorf("Set within the limit: %v", err)
		}
		if err := s.Set("cart2", strings.Repeat("y", 110)); err != nil {
			t.Errorf("Set in place of another: %v", err)
		}
		if err := s.Renew(strings.Repeat("u", 257)); err == nil {
			t.Error("Renew took a user of 257 bytes")
		}
	}
	b.get("/extra")
	a.extra = func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if c, ok := session.Get[cart](s, "cart"); !ok || len(c.Items) != 2 {
			t.Errorf("in the next request: %v, %v", c, ok)
		}
		if v, ok := session.Get[int](s, "cart"); ok || v != 0 {
			t.Errorf("as another type: %v, %v", v, ok)
		}
		if _, ok := session.Get[string](s, "long"); ok {
			t.Error("what was refused is there")
		}
		if v, _ := session.Get[string](s, "cart2"); v != strings.Repeat("y", 110) {
			t.Errorf("cart2 = %q", v)
		}
	}
	b.get("/extra")

	var none *session.Session = session.From(t.Context())
	if _, ok := session.Get[int](none, "n"); none != nil || ok || none.User() != "" {
		t.Error("without Handler there is something")
	}
	for name, err := range map[string]error{"set": none.Set("n", 1), "delete": none.Delete("n"), "renew": none.Renew("ada"), "destroy": none.Destroy(t.Context())} {
		if err == nil {
			t.Errorf("%s without Handler succeeds", name)
		}
	}
}

func TestNewReportsEverything(t *testing.T) {
	_, err := session.New(session.Config{Lifetime: time.Second, Idle: 2 * time.Hour, SameSite: "None", MaxBytes: 1, TrustedOrigins: []string{"https://ok.example", "shop.example/x"}})
	if err == nil {
		t.Fatal("New accepted it")
	}
	for _, path := range []string{"lifetime:", "idle:", "same_site:", "max_bytes:", "trusted_origins[1]:"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%s is not reported in\n%v", path, err)
		}
	}
	if _, err := session.NewMemory(session.MemoryConfig{MaxSessions: -1, MaxBytes: 1}); err == nil || !strings.Contains(err.Error(), "max_sessions:") || !strings.Contains(err.Error(), "max_bytes:") {
		t.Errorf("NewMemory: %v", err)
	}
	if _, err := session.New(session.Config{}); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
}
