// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/session"
)

// talk sends one request over a real connection and returns all that comes back.
func talk(t *testing.T, h http.Handler, method string) string {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "%s /extra HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n", method)
	b, err := io.ReadAll(bufio.NewReader(conn))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Whatever way the answer takes, the final header has the cookie, once, and the
// store has the session before it.
func TestCookieOnEveryWayOut(t *testing.T) {
	type handler = func(http.ResponseWriter, *http.Request, *session.Session)
	set := func(t *testing.T, s *session.Session) {
		if err := s.Set("n", 1); err != nil {
			t.Error(err)
		}
	}
	tests := map[string]func(t *testing.T) handler{
		"silence": func(t *testing.T) handler {
			return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { set(t, s) }
		},
		"write": func(t *testing.T) handler {
			return func(w http.ResponseWriter, _ *http.Request, s *session.Session) { set(t, s); fmt.Fprint(w, "x") }
		},
		"status": func(t *testing.T) handler {
			return func(w http.ResponseWriter, _ *http.Request, s *session.Session) { set(t, s); w.WriteHeader(302) }
		},
		"flush": func(t *testing.T) handler {
			return func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
				set(t, s)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
				fmt.Fprint(w, "x")
			}
		},
		"read-from": func(t *testing.T) handler {
			return func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
				set(t, s)
				w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
			}
		},
		"after-early-hints": func(t *testing.T) handler {
			return func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				w.WriteHeader(http.StatusProcessing)
				set(t, s)
				fmt.Fprint(w, "x")
			}
		},
		"hijack": func(t *testing.T) handler {
			return func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
				set(t, s)
				conn, rw, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				defer conn.Close()
				fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\n")
				w.Header().Write(rw)
				fmt.Fprint(rw, "\r\n")
				rw.Flush()
			}
		},
	}
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, session.Config{})
			a.extra = make(t)
			answer := talk(t, a.handler, "GET")
			informational, final := "", answer
			for strings.HasPrefix(final, "HTTP/1.1 1") && !strings.HasPrefix(final, "HTTP/1.1 101") {
				head, rest, _ := strings.Cut(final, "\r\n\r\n")
				informational, final = informational+head, rest
			}
			head, _, _ := strings.Cut(final, "\r\n\r\n")
			if strings.Count(head, "Set-Cookie: __Host-session=") != 1 || strings.Contains(informational, "Set-Cookie") || !strings.Contains(head, "Cache-Control: no-store") {
				t.Errorf("answer\n%s", answer)
			}
			if a.store.Len() != 1 {
				t.Errorf("%d sessions are stored", a.store.Len())
			}
		})
	}
}

// After the header has left, a session that is there can change; one that would
// need a cookie cannot begin.
func TestAfterTheHeader(t *testing.T) {
	a := newApp(t, session.Config{})
	var errs []error
	a.extra = func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, "x")
		errs = []error{s.Set("late", 1), s.Renew("ada")}
	}
	b := &browser{app: a}
	b.get("/extra")
	for _, err := range errs {
		if !errors.Is(err, session.ErrSent) {
			t.Errorf("without a session: %v; want ErrSent", err)
		}
	}
	if a.store.Len() != 0 {
		t.Error("a session without a cookie is stored")
	}
	b.get("/add")
	b.get("/extra")
	if errs[0] != nil || !errors.Is(errs[1], session.ErrSent) {
		t.Errorf("with a session: %v", errs)
	}
	a.extra = func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		v, ok := session.Get[int](s, "late")
		fmt.Fprint(w, v, ok)
	}
	expect(t, b.text("/extra"), "1 true")
	a.extra = func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fmt.Fprint(w, "x")
		if err := s.Destroy(r.Context()); err != nil {
			t.Error(err)
		}
	}
	stolen := b.cookie
	b.get("/extra")
	expect(t, (&browser{app: a, cookie: stolen}).text("/show"), `"" 0 false`)
}

// A panic saves nothing, and leaves the answer to whoever recovers.
func TestPanicSavesNothing(t *testing.T) {
	a := newApp(t, session.Config{})
	responder, err := problem.New(problem.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a.handler = responder.Handler(a.handler)
	a.extra = func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Renew("ada")
		panic("half way")
	}
	res := (&browser{app: a}).get("/extra")
	if res.StatusCode != 500 || len(res.Cookies()) != 0 || a.store.Len() != 0 {
		t.Errorf("status %d, cookies %v, %d sessions; want 500 and nothing", res.StatusCode, res.Cookies(), a.store.Len())
	}
}

// The answer in place of the handler's is one problem, with the id of the
// request, and to HEAD without a body.
func TestReplacedAnswer(t *testing.T) {
	a := newApp(t, session.Config{})
	a.store.err = errors.New("secret cause")
	responder, err := problem.New(problem.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a.extra = func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Set("n", 1)
		w.Header().Set("Content-Length", "7")
		w.Header().Set("Content-Encoding", "gzip")
		fmt.Fprint(w, "welcome")
		fmt.Fprint(w, " and more")
	}
	for _, method := range []string{"GET", "HEAD"} {
		answer := talk(t, responder.Handler(a.handler), method)
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		if !strings.HasPrefix(head, "HTTP/1.1 503") || strings.Contains(answer, "welcome") || strings.Contains(answer, "secret cause") ||
			strings.Contains(head, "gzip") || strings.Count(head, "X-Request-Id: ") != 1 || (body == "") != (method == "HEAD") {
			t.Errorf("%s\n%s", method, answer)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	a := newApp(b, session.Config{})
	visitor := &browser{app: a}
	visitor.get("/add")
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(&http.Cookie{Name: session.CookieName, Value: visitor.cookie})
	anonymous := httptest.NewRequest("GET", "/", nil)
	read := a.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n, ok := session.Get[int](session.From(r.Context()), "n"); !ok || n != 1 {
			b.Fatal("no session")
		}
	}))
	change := a.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		session.From(r.Context()).Set("m", 1)
	}))
	nothing := a.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, bench := range []struct {
		name string
		h    http.Handler
		r    *http.Request
	}{{"read-one-value", read, r}, {"untouched", nothing, r}, {"change", change, r}, {"without-cookie", nothing, anonymous}} {
		b.Run(bench.name, func(b *testing.B) {
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				bench.h.ServeHTTP(w, bench.r)
			}
		})
	}
}
