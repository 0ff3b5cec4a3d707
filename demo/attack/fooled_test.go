// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// A server that is no shop is neither broken into nor sound.
func TestNotFooled(t *testing.T) {
	tests := []struct {
		name    string
		handler http.HandlerFunc
	}{
		{"refuses-everything", func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 403, map[string]string{"error": "Forbidden"})
		}},
		{"everything-is-unknown", http.NotFound},
		{"limits-everything", func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 429, map[string]string{"error": "Too many requests"})
		}},
		{"unauthorised-everything", func(w http.ResponseWriter, _ *http.Request) {
			answerJSON(w, 401, map[string]string{"error": "Unauthorized"})
		}},
		{"answers-everything-empty", func(http.ResponseWriter, *http.Request) {}},
		{"redirects-everything", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		}},
		{"promises-everything", func(w http.ResponseWriter, r *http.Request) {
			status := 200
			if r.Method == http.MethodPost {
				status = 201
			}
			answerJSON(w, status, map[string]any{
				"token": "a.b.c", "path": "/uploads/x.html",
				"name": "Admin", "email": adminEmail, "role": "admin",
			})
		}},
		{"echoes-everything", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
			w.WriteHeader(http.StatusCreated)
			io.Copy(w, r.Body)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(test.handler)
			defer server.Close()
			results, err := Run(t.Context(), server.URL, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if r.Exploited || r.Worked || r.Err == nil {
					t.Errorf("mistake %d: %+v", r.Mistake, r)
				}
			}
		})
	}
}

// A shop that is broken in a way that makes an attack pointless fails the
// attack's control.
func TestControls(t *testing.T) {
	for _, test := range []struct {
		name   string
		failed []int
		spoil  func(*toy)
	}{
		{"any-password", []int{7}, func(s *toy) { s.matches = func(string, any) bool { return true } }},
		{"everybody-is-admin", []int{2, 3, 5, 7}, func(s *toy) {
			claims := s.claims
			s.claims = func(c map[string]any) {
				claims(c)
				c["role"] = "admin"
			}
		}},
		{"names-are-lost", []int{2, 3, 5, 7}, func(s *toy) { s.userField = func(_, _ map[string]any) {} }},
		{"uploads-are-changed", []int{6}, func(s *toy) {
			serve := s.serve
			s.serve = func(h http.Header, stored string) {
				serve(h, stored)
				s.files[stored][0]++
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newToy()
			test.spoil(s)
			server := httptest.NewServer(s)
			defer server.Close()
			results, err := Run(t.Context(), server.URL, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				want := !slices.Contains(test.failed, r.Mistake)
				if r.Worked != want || (r.Err == nil) != want {
					t.Errorf("mistake %d: worked %v, error %v; want it to work: %v", r.Mistake, r.Worked, r.Err, want)
				}
			}
		})
	}
}

// A file that something else answers for was not stored.
func TestUploadsMustComeBack(t *testing.T) {
	s := newToy()
	s.accepts = func(string, string, []byte) bool { return true }
	s.maxUpload = func(*http.Request) int64 { return 1 << 30 }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !isPNG(s.files[r.URL.Path]) && s.files[r.URL.Path] != nil {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<!DOCTYPE html>The start page.")
			return
		}
		if content := s.files[r.URL.Path]; len(content) > maxFile {
			s.files[r.URL.Path] = content[:maxFile]
		}
		s.ServeHTTP(w, r)
	}))
	defer server.Close()
	c, err := newClient(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.attack(t.Context(), 6); r.Exploited || !r.Worked {
		t.Errorf("got %+v", r)
	}
}

// The brute force comes last and from an address that has failed at nothing.
func TestBruteForceComesLast(t *testing.T) {
	s, begun, failed := newToy(), false, map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		login := r.URL.Path == "/api/login"
		if login && strings.Contains(string(body), aliceEmail) {
			if !begun && failed[clientAddress(r)] {
				t.Error("the brute force starts from an address that has failed before")
			}
			begun = true
		} else if begun && !strings.Contains(strings.ToLower(r.URL.Path), "login") {
			t.Errorf("%s after the brute force began", r.URL.Path)
		}
		before := s.failures[clientAddress(r)]
		s.ServeHTTP(w, r)
		failed[clientAddress(r)] = failed[clientAddress(r)] || s.failures[clientAddress(r)] > before
	}))
	defer server.Close()
	c, err := newClient(server.URL, nil)
	if err != nil || !c.hops {
		t.Skip("this system has one loopback address only")
	}
	if _, err := Run(t.Context(), server.URL, Options{}); err != nil {
		t.Fatal(err)
	}
	if !begun {
		t.Error("no brute force")
	}
}

// A server may send no more than the runner is willing to read, ask or print.
func TestBounds(t *testing.T) {
	requests, redirected := 0, false
	s := newToy()
	s.limitKey = func(*http.Request) string { return "everybody" }
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		redirected = redirected || r.URL.Path == "/elsewhere"
		if r.Header.Get("User-Agent") != userAgent {
			t.Errorf("got user agent %q", r.Header.Get("User-Agent"))
		}
		switch r.URL.Path {
		case "/api/data":
			w.WriteHeader(500)
			io.WriteString(w, strings.Repeat("\x1b[31m", maxAnswer)+"/srv/app.js:1:1")
		case "/uploads/.":
			http.Redirect(w, r, "/elsewhere", http.StatusFound)
		default:
			s.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	results, err := Run(t.Context(), server.URL, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if requests > maxRequests {
		t.Errorf("got %d requests; want at most %d", requests, maxRequests)
	}
	if r := results[3]; !r.Worked {
		t.Error(r.Err)
	}
	if redirected {
		t.Error("followed a redirect")
	}
	if results[3].Exploited {
		t.Error("read beyond 64 KB")
	}
}

func TestEvidenceIsShortAndPrintable(t *testing.T) {
	var r Result
	for range 2 * maxEvidence {
		r.prove("\x1b[31m\n%s\u202e", strings.Repeat("ä", 2*maxLine))
	}
	if len(r.Evidence) != maxEvidence-1 || r.more != maxEvidence+1 {
		t.Errorf("got %d lines and %d more", len(r.Evidence), r.more)
	}
	for _, line := range r.Evidence {
		if n := len([]rune(line)); n != maxLine || strings.ContainsAny(line, "\x1b\n\u202e") {
			t.Errorf("got %d runes: %q", n, line)
		}
	}
}

func TestBudget(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	c, err := newClient(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.requests = maxRequests - 1
	if a := c.do(t.Context(), get("/")); a.err != nil {
		t.Error(a.err)
	}
	if a := c.do(t.Context(), get("/")); !errors.Is(a.err, errBudget) {
		t.Errorf("got %v", a.err)
	}
}

func TestBudgetEndsInTheMiddleOfAnAttack(t *testing.T) {
	server := httptest.NewServer(newToy())
	defer server.Close()
	c, err := newClient(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.requests = maxRequests - 10
	if r := c.attack(t.Context(), 4); !errors.Is(r.Err, errBudget) || r.Requests != 10 || !r.Worked {
		t.Errorf("got %+v", r)
	}
	if r := c.attack(t.Context(), 6); !errors.Is(r.Err, errBudget) || r.Requests != 0 || r.Worked {
		t.Errorf("got %+v", r)
	}
}

func TestWrongTargets(t *testing.T) {
	for name, target := range map[string]string{
		"empty":       "",
		"no-scheme":   "127.0.0.1:1",
		"other":       "ftp://127.0.0.1/",
		"with-path":   "http://127.0.0.1:1/shop",
		"with-query":  "http://127.0.0.1:1/?a",
		"with-user":   "http://a:b@127.0.0.1:1/",
		"no-listener": "http://127.0.0.1:1/",
	} {
		t.Run(name, func(t *testing.T) {
			if results, err := Run(t.Context(), target, Options{}); err == nil {
				t.Errorf("got %v", results)
			}
		})
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s, n := newToy(), 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 20 {
			cancel()
		}
		s.ServeHTTP(w, r)
	}))
	defer server.Close()
	results, err := Run(ctx, server.URL, Options{})
	if !errors.Is(err, context.Canceled) || len(results) != len(attacks) {
		t.Fatalf("got %d results, %v", len(results), err)
	}
	if !slices.ContainsFunc(results, func(r Result) bool { return errors.Is(r.Err, context.Canceled) }) {
		t.Error("no result says that it was not finished")
	}
	if n > 25 {
		t.Errorf("%d requests after the end", n-20)
	}
}

// When an address has used up its attempts, all but the brute force go on
// from another one.
func TestHop(t *testing.T) {
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen[clientAddress(r)]++; seen[clientAddress(r)] > 2 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()
	c, err := newClient(server.URL, &http.Client{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if !c.hops {
		t.Skip("this system has one loopback address only")
	}
	for range 6 {
		if a := c.do(t.Context(), get("/")); a.status != 200 {
			t.Errorf("got %d, %v", a.status, a.err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("came from %v; want three addresses", seen)
	}
	for range 2 {
		c.once(t.Context(), get("/"))
	}
	if a := c.once(t.Context(), get("/")); a.status != 429 {
		t.Errorf("got %d; want 429", a.status)
	}
}

// When other addresses do not help, the attack stops looking for one.
func TestHopGivesUp(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	c, err := newClient(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.do(t.Context(), get("/"))
	first := c.requests
	for range 5 {
		c.do(t.Context(), get("/"))
	}
	if first > 1+maxHops || c.requests != first+5 {
		t.Errorf("got %d requests, then %d; want at most %d, then 5", first, c.requests-first, 1+maxHops)
	}
}

func TestTargetsAreSentAsTheyStand(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI }))
	defer server.Close()
	c, err := newClient(server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/", "/a?b=[$c]", "//a//b/", "/a%2f%2e?%zz", "/a%00", "/?"} {
		if a := c.do(t.Context(), get(target)); a.err != nil || got != strings.TrimSuffix(target, "?") {
			t.Errorf("sent %q, got %q, %v", target, got, a.err)
		}
	}
	// net/http's server refuses this one, which shows that it was sent.
	if a := c.do(t.Context(), get("/%zz")); a.status != 400 {
		t.Error(fmt.Sprint(a.status, a.err))
	}
}
