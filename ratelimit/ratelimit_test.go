// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/rule"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// watch is a clock that goes on when told.
type watch struct{ ns atomic.Int64 }

func (w *watch) now() time.Time          { return start.Add(time.Duration(w.ns.Load())) }
func (w *watch) advance(d time.Duration) { w.ns.Add(int64(d)) }

// limiter makes one whose time stands still until advanced.
func limiter(t testing.TB, cfg Config) (*Limiter, *watch) {
	t.Helper()
	w := &watch{}
	w.advance(time.Hour)
	cfg.now = w.now
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.patience = time.Millisecond
	return l, w
}

var alice, bob = netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("203.0.113.2")

func TestLoginByTheArticle(t *testing.T) {
	l, w := limiter(t, Config{})
	r := httptest.NewRequest("POST", "/api/login", nil)
	try := func(client netip.Addr, status int) Decision {
		d := l.Begin(0, client, r, nil)
		if d.Allowed {
			d.Done(status)
		}
		return d
	}
	for range 100 {
		if d := try(alice, 200); !d.Allowed || d.Remaining != 5 {
			t.Fatalf("a success: got %+v; want allowed, 5 left", d)
		}
	}
	if d := try(alice, 399); !d.Allowed || d.Remaining != 5 {
		t.Fatalf("399: got %+v; want it given back", d)
	}
	for i := range 5 {
		if d := try(alice, 400); !d.Allowed || d.Remaining != 4-i {
			t.Fatalf("failure %d: got %+v", i+1, d)
		}
		w.advance(time.Minute)
	}
	d := try(alice, 200)
	if d.Allowed || d.Retry != 10*time.Minute || d.Problem() == nil {
		t.Fatalf("the sixth: got %+v; want refused for 10 minutes", d)
	}
	if p := d.Problem(); p.Rule != rule.RateLimitExceeded || p.Code() != 429 || p.Detail != "Too many login attempts. Try again in 15 minutes." || p.Retry != d.Retry {
		t.Errorf("problem: got %+v", p)
	}
	if d := try(bob, 401); !d.Allowed || d.Problem() != nil {
		t.Errorf("another client: got %+v; want allowed", d)
	}
	w.advance(10*time.Minute - 1)
	if try(alice, 401).Allowed {
		t.Error("allowed before the first failure is 15 minutes old")
	}
	w.advance(1)
	if !try(alice, 401).Allowed {
		t.Error("refused when the first failure is 15 minutes old")
	}
	if try(alice, 401).Allowed {
		t.Error("allowed twice when one failure has left the window")
	}
}

func TestDecisionReturnsOnce(t *testing.T) {
	l, _ := limiter(t, Config{})
	key := l.Key(0, alice, nil, nil)
	first := l.Take(t.Context(), 0, key, 1)
	second := l.Take(t.Context(), 0, key, 1)
	first.Return()
	first.Return()
	first.Done(200)
	if first.Remaining != 4 {
		t.Errorf("%d left; want 4: one attempt is still out", first.Remaining)
	}
	second.Done(500)
	if d := l.Take(t.Context(), 0, key, 1); d.Remaining != 3 {
		t.Errorf("%d left; want 3", d.Remaining)
	}
	for range 3 {
		l.Take(t.Context(), 0, key, 1)
	}
	denied := l.Take(t.Context(), 0, key, 1)
	denied.Return()
	denied.Done(200)
	if denied.Allowed || l.Take(t.Context(), 0, key, 1).Allowed {
		t.Error("returning a refusal gave an attempt")
	}
}

func TestBrokenAnswersCountAgain(t *testing.T) {
	l, _ := limiter(t, Config{})
	key := l.Key(0, alice, nil, nil)
	d := l.Take(t.Context(), 0, key, 1)
	d.Done(200)
	d.Broken()
	d.Broken()
	if d := l.Take(t.Context(), 0, key, 1); d.Remaining != 3 {
		t.Errorf("%d left; want 3", d.Remaining)
	}
}

func TestCountAllCountsSuccesses(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 2, Window: time.Minute}}})
	key := l.Key(0, alice, nil, nil)
	for range 2 {
		d := l.Take(t.Context(), 0, key, 1)
		d.Done(200)
		d.Broken()
	}
	if l.Take(t.Context(), 0, key, 1).Allowed {
		t.Error("a third request was allowed")
	}
}

// Failures and successes of 64 clients at once: at most five failures are let
// through, and afterwards exactly the failures count.
func TestConcurrentSuccessesAreGivenBackExactly(t *testing.T) {
	l, w := limiter(t, Config{})
	key := l.Key(0, alice, nil, nil)
	for round := range 50 {
		var failed atomic.Int32
		var wg sync.WaitGroup
		for g := range 64 {
			wg.Go(func() {
				for range 10 {
					d := l.Take(t.Context(), 0, key, 1)
					if !d.Allowed {
						continue
					}
					if g%16 == 0 && failed.Load() < 4 {
						failed.Add(1)
						d.Done(401)
						continue
					}
					d.Done(200)
				}
			})
		}
		wg.Wait()
		d := l.Take(t.Context(), 0, key, 1)
		if want := 4 - int(failed.Load()); failed.Load() > 5 || d.Allowed && d.Remaining != want || !d.Allowed && want >= 0 {
			t.Fatalf("round %d: %d failures; the next is allowed: %v, and leaves %d", round, failed.Load(), d.Allowed, d.Remaining)
		}
		w.advance(15*time.Minute + time.Second)
	}
}

func TestKeys(t *testing.T) {
	request := func(headers ...string) *http.Request {
		r := httptest.NewRequest("POST", "/x", nil)
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			r.Header.Add(name, value)
		}
		return r
	}
	fields := func(kv ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(kv); i += 2 {
				if kv[i] == name {
					return kv[i+1]
				}
			}
			return ""
		}
	}
	v6 := netip.MustParseAddr
	type who struct {
		client netip.Addr
		r      *http.Request
		field  func(string) string
	}
	tests := []struct {
		name string
		key  []string
		a, b who
		same bool
	}{
		{"one-address", []string{"ip"}, who{client: alice}, who{client: alice}, true},
		{"two-addresses", []string{"ip"}, who{client: alice}, who{client: bob}, false},
		{"v4-in-v6", []string{"ip"}, who{client: alice}, who{client: v6("::ffff:203.0.113.1")}, true},
		{"v6-of-one-customer", []string{"ip"}, who{client: v6("2001:db8:0:1::1")}, who{client: v6("2001:db8:0:2::1")}, true},
		{"v6-of-two-customers", []string{"ip"}, who{client: v6("2001:db8:0:100::1")}, who{client: v6("2001:db8:0:200::1")}, false},
		{"no-address-is-one-client", []string{"ip"}, who{}, who{}, true},
		{"no-address-is-not-the-zero-address", []string{"ip"}, who{}, who{client: v6("::")}, false},
		{"header", []string{"header:X-Api-Key"}, who{alice, request("X-API-KEY: k"), nil}, who{bob, request("X-API-KEY: k"), nil}, true},
		{"other-header", []string{"header:X-Api-Key"}, who{alice, request("X-Api-Key: k"), nil}, who{alice, request("X-Api-Key: l"), nil}, false},
		{"second-header-line-counts", []string{"header:X-Api-Key"}, who{alice, request("X-Api-Key: k"), nil}, who{alice, request("X-Api-Key: k", "X-Api-Key: l"), nil}, false},
		{"no-header-counts-by-address", []string{"header:X-Api-Key"}, who{alice, request(), nil}, who{bob, request(), nil}, false},
		{"cookie", []string{"cookie:sid"}, who{alice, request("Cookie: a=1; sid=2"), nil}, who{bob, request("Cookie: sid=2"), nil}, true},
		{"other-cookie", []string{"cookie:sid"}, who{alice, request("Cookie: sid=1"), nil}, who{alice, request("Cookie: sid=2"), nil}, false},
		{"account", []string{"body:email"}, who{alice, nil, fields("email", "a@x")}, who{bob, nil, fields("email", "a@x")}, true},
		{"account-in-other-spelling", []string{"body:email"}, who{alice, nil, fields("email", "a@x")}, who{bob, nil, fields("email", " A@X ")}, true},
		{"no-account-counts-by-address", []string{"body:email"}, who{alice, nil, fields()}, who{bob, nil, nil}, false},
		{"account-and-address", []string{"ip", "body:email"}, who{alice, nil, fields("email", "a@x")}, who{bob, nil, fields("email", "a@x")}, false},
		{"parts-do-not-run-together", []string{"body:a", "body:b"}, who{alice, nil, fields("a", "xy", "b", "z")}, who{alice, nil, fields("a", "x", "b", "yz")}, false},
		{"parts-do-not-change-places", []string{"header:A", "body:b"}, who{alice, request("A: x"), fields("b", "y")}, who{alice, request("A: y"), fields("b", "x")}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Key: tt.key}}})
			a, b := l.Key(0, tt.a.client, tt.a.r, tt.a.field), l.Key(0, tt.b.client, tt.b.r, tt.b.field)
			if (a == b) != tt.same {
				t.Errorf("same key: got %v; want %v", a == b, tt.same)
			}
		})
	}
	if got := (Rule{Key: []string{"ip", "body:email", "body:tenant"}}).BodyFields(); len(got) != 2 || got[0] != "email" || got[1] != "tenant" {
		t.Errorf("body fields: got %q", got)
	}
}

func TestReset(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{
		{Name: "account", Match: []string{"/"}, Limit: 1, Window: time.Minute, Key: []string{"ip", "body:email", "header:X-K", "cookie:c"}},
	}})
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("X-K", "k")
	r.Header.Set("Cookie", "c=v")
	email := func(string) string { return "a@x" }
	reset := func(rule string, values ...string) (bool, error) {
		number, err := l.Find(rule)
		if err != nil {
			return false, err
		}
		key, err := l.KeyOf(number, values...)
		if err != nil {
			return false, err
		}
		return l.Reset(t.Context(), number, key)
	}
	l.Begin(0, alice, r, email)
	if d := l.Begin(0, alice, r, email); d.Allowed {
		t.Fatal("a second attempt was allowed")
	}
	if known, err := reset("account", "203.0.113.2", "a@x", "k", "v"); known || err != nil {
		t.Errorf("a client never seen: got %v, %v", known, err)
	}
	if known, err := reset("account", "203.0.113.1", "A@x", "k", "v"); !known || err != nil {
		t.Errorf("got %v, %v; want true", known, err)
	}
	if d := l.Begin(0, alice, r, email); !d.Allowed {
		t.Error("still refused after the reset")
	}
	for _, bad := range [][]string{{"none"}, {"login"}, {"login", "localhost"}, {"account", "203.0.113.1"}} {
		if _, err := reset(bad[0], bad[1:]...); err == nil {
			t.Errorf("Reset(%q): got no error", bad)
		}
	}
}

func TestAdoptGoesOnCounting(t *testing.T) {
	api := Rule{Name: "api", Match: []string{"/api/"}, Limit: 1, Window: time.Minute, Algorithm: "fixed"}
	old, w := limiter(t, Config{Rules: []Rule{api}})
	for n := range 2 {
		key := old.Key(n, alice, nil, nil)
		for old.Take(t.Context(), n, key, 1).Allowed {
		}
	}
	api.Limit = 2
	reloaded, err := New(Config{Rules: []Rule{{Name: "new", Match: []string{"/new"}, Limit: 1, Window: time.Minute}, api}, now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	reloaded.patience = time.Millisecond
	reloaded.Adopt(old)
	for n, want := range []bool{true, true, false} { // new, api with another limit, login
		if d := reloaded.Take(t.Context(), n, reloaded.Key(n, alice, nil, nil), 1); d.Allowed != want {
			t.Errorf("rule %s: allowed %v; want %v", d.Rule(), d.Allowed, want)
		}
	}
}

func TestTakeDoesNotAllocate(t *testing.T) {
	l, w := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 100, Window: time.Minute}}})
	r := httptest.NewRequest("POST", "/", nil)
	for number := range 2 {
		if n := testing.AllocsPerRun(1000, func() {
			w.advance(time.Second)
			d := l.Begin(number, alice, r, nil)
			d.Done(200)
		}); n != 0 {
			t.Errorf("rule %d: %v allocations; want 0", number, n)
		}
	}
}
