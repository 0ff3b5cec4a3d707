// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package password

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestBreachedPasswordsAreRefused(t *testing.T) {
	h := cheap(t)
	for password, want := range map[string]error{"sunshine1": ErrBreached, "PASSWORD1": ErrBreached, "password123": ErrBreached, "a horse that is correct": nil} {
		if _, err := h.Hash(t.Context(), password); !errors.Is(err, want) {
			t.Errorf("Hash(%q): %v; want %v", password, err, want)
		}
	}
	// What was stored before is compared, and what an upgrade stores anew too.
	all := hasher(t, Config{Algorithm: "bcrypt", BcryptCost: 10, UnsafeAllowBreached: true})
	stored, err := all.Hash(t.Context(), "sunshine1")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := verify(t, hasher(t, Config{Algorithm: "bcrypt", BcryptCost: 10}), stored, "sunshine1"); !ok {
		t.Error("a stored one is not compared")
	}
}

// ranges answers as a range API does, and notes what it was asked.
func ranges(t *testing.T, answer func(w http.ResponseWriter, prefix string)) (url string, asked *atomic.Value) {
	asked = new(atomic.Value)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.URL.String() + " " + r.Header.Get("Add-Padding"))
		if answer == nil { // never
			<-r.Context().Done()
			return
		}
		answer(w, r.URL.Path[len("/range/"):])
	}))
	t.Cleanup(server.Close)
	return server.URL + "/range/", asked
}

func digitsOf(password string) string { return fmt.Sprintf("%X", sha1.Sum([]byte(password))) }

func TestRangeAPI(t *testing.T) {
	const known, rare, padding, other = "known to the API", "seen only once", "only padding", "known to nobody"
	url, asked := ranges(t, func(w http.ResponseWriter, prefix string) {
		fmt.Fprintf(w, "%035d:7\r\n", 0)
		for password, n := range map[string]int{known: 1234, rare: 1, padding: 0} {
			if d := digitsOf(password); d[:5] == prefix {
				fmt.Fprintf(w, "%s:%d\r\n", d[5:], n)
			}
		}
		fmt.Fprintf(w, "%s:0", strings.Repeat("F", 35))
	})
	for _, tt := range []struct {
		password string
		least    int
		want     error
	}{{known, 0, ErrBreached}, {rare, 0, ErrBreached}, {rare, 2, nil}, {padding, 0, nil}, {other, 0, nil}} {
		b, err := NewBreaches(BreachConfig{RangeURL: url, OnFailure: "deny", Least: tt.least})
		if err != nil {
			t.Fatal(err)
		}
		h := cheap(t)
		h.breaches = b
		if _, err := h.Hash(t.Context(), tt.password); !errors.Is(err, tt.want) {
			t.Errorf("%q, seen %d times: %v; want %v", tt.password, tt.least, err, tt.want)
		}
		if got, want := asked.Load(), "GET /range/"+digitsOf(tt.password)[:5]+" true"; got != want {
			t.Errorf("it was asked %q; want %q", got, want)
		}
	}
}

// Without a good answer happens what was declared, and the log tells why without telling
// of what.
func TestRangeAPIFails(t *testing.T) {
	const password = "a horse that is correct"
	for name, answer := range map[string]func(w http.ResponseWriter, prefix string){
		"status":   func(w http.ResponseWriter, _ string) { w.WriteHeader(429) },
		"redirect": func(w http.ResponseWriter, _ string) { w.Header().Set("Location", "/range/00000"); w.WriteHeader(302) },
		"empty":    func(http.ResponseWriter, string) {},
		"page":     func(w http.ResponseWriter, _ string) { fmt.Fprint(w, "<html>Log in to the network</html>") },
		"no-count": func(w http.ResponseWriter, _ string) { fmt.Fprintf(w, "%s:many", strings.Repeat("F", 35)) },
		"endless": func(w http.ResponseWriter, _ string) {
			fmt.Fprint(w, strings.Repeat(strings.Repeat("F", 35)+":1\n", 40_000))
		},
		"long-line": func(w http.ResponseWriter, _ string) { fmt.Fprint(w, strings.Repeat("F", 1<<18)) },
		"broken-off": func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Length", "99")
			fmt.Fprintf(w, "%035d:7\n", 0)
		},
		"slow": nil,
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := ranges(t, answer)
			for failure, want := range map[string]error{"allow": nil, "deny": ErrUnknown} {
				var log bytes.Buffer
				timeout := time.Duration(0)
				if name == "slow" {
					timeout = 20 * time.Millisecond
				}
				b, err := NewBreaches(BreachConfig{RangeURL: url, OnFailure: failure, Timeout: timeout, Logger: slog.New(slog.NewTextHandler(&log, nil))})
				if err != nil {
					t.Fatal(err)
				}
				if err := b.Check(t.Context(), password); !errors.Is(err, want) || want == nil && err != nil {
					t.Errorf("%s: %v; want %v", failure, err, want)
				}
				if s := log.String(); !strings.Contains(s, "does not answer") || strings.Contains(s, digitsOf(password)[:5]) || strings.Contains(s, "horse") {
					t.Errorf("the log has %s", s)
				}
			}
		})
	}
	t.Run("gave-up", func(t *testing.T) {
		url, _ := ranges(t, nil)
		b, err := NewBreaches(BreachConfig{RangeURL: url, OnFailure: "allow", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Check(ctx, password); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("too-many", func(t *testing.T) {
		b, err := NewBreaches(BreachConfig{RangeURL: "http://127.0.0.1:1/", OnFailure: "deny", Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		for range maxAsking {
			b.asking <- struct{}{}
		}
		if _, err := b.ask(t.Context(), password); err != errAsking {
			t.Errorf("got %v", err)
		}
	})
}

func TestNewBreachesRefuses(t *testing.T) {
	for fault, cfg := range map[string]BreachConfig{
		"range_url: it is no plain URL":  {OnFailure: "allow"},
		"range_url: it is not https":     {RangeURL: "http://api.example/range/", OnFailure: "allow"},
		"on_failure: \"\" is neither":    {RangeURL: "https://api.example/range/"},
		"least: -1 is negative":          {RangeURL: "https://api.example/range/", OnFailure: "allow", Least: -1},
		"timeout: 1h0m0s is not within":  {RangeURL: "https://api.example/range/", OnFailure: "allow", Timeout: time.Hour},
		"range_url: it is no plain URL ": {RangeURL: "https://u:p@api.example/range/", OnFailure: "deny"},
	} {
		if _, err := NewBreaches(cfg); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(fault)) {
			t.Errorf("%s: got %v", fault, err)
		}
	}
}
