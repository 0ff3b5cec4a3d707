// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestOperatorsBlockAndList(t *testing.T) {
	l, w := limiter(t, Config{})
	key, err := l.KeyOf(0, "203.0.113.1")
	if err != nil || key != l.Key(0, alice, nil, nil) {
		t.Fatalf("KeyOf: %v, %v", key, err)
	}
	if r, err := l.Peek(t.Context(), 0, key); err != nil || !r.Allowed || r.Remaining != 5 {
		t.Errorf("Peek: %+v, %v", r, err)
	}
	if err := l.Block(t.Context(), 0, key, time.Hour); err != nil {
		t.Fatal(err)
	}
	if d := l.Begin(0, alice, nil, nil); d.Allowed || d.Retry != time.Hour {
		t.Errorf("blocked: %+v", d)
	}
	for range 5 {
		d := l.Begin(0, bob, nil, nil)
		d.Done(401)
	}
	list, err := l.Blocked(t.Context(), 0, 10)
	if err != nil || len(list) != 2 || list[0].Key != key || list[0].Until != l.wall().Add(time.Hour) || list[1].Key != l.Key(0, bob, nil, nil) {
		t.Errorf("Blocked: %v, %v", list, err)
	}
	if list, _ := l.Blocked(t.Context(), 0, 1); len(list) != 1 {
		t.Errorf("at most one: %v", list)
	}
	parsed, err := ParseKey(list[0].Key.String())
	if err != nil || parsed != key {
		t.Errorf("ParseKey: %v, %v", parsed, err)
	}
	if known, err := l.Reset(t.Context(), 0, parsed); !known || err != nil {
		t.Errorf("Reset: %v, %v", known, err)
	}
	if d := l.Begin(0, alice, nil, nil); !d.Allowed {
		t.Errorf("after the reset: %+v", d)
	}
	w.advance(time.Hour)
	if list, _ := l.Blocked(t.Context(), 0, 10); len(list) != 0 {
		t.Errorf("an hour later: %v", list)
	}
	for _, d := range []time.Duration{0, -time.Second, 1000 * time.Hour} {
		if err := l.Block(t.Context(), 0, key, d); err == nil {
			t.Errorf("a block of %v: got no error", d)
		}
	}
	for _, text := range []string{"", "00", strings.Repeat("g", 32), strings.Repeat("0", 34)} {
		if _, err := ParseKey(text); err == nil {
			t.Errorf("ParseKey(%q): got no error", text)
		}
	}
}

func TestStats(t *testing.T) {
	l, _ := limiter(t, Config{})
	for i := range 8 {
		d := l.Begin(0, alice, nil, nil)
		if d.Allowed {
			d.Done([]int{200, 401}[min(i, 1)])
		}
	}
	got := l.Stats()
	if want := (RuleStats{Name: "login", Allowed: 6, Refused: 2, Returned: 1}); got.Rules[0] != want || got.StoreDown {
		t.Errorf("got %+v; want %+v", got.Rules[0], want)
	}
}

// A blocked key goes on being blocked when the configuration is loaded again,
// and keeps its place when a million others come.
func TestBlocksSurvive(t *testing.T) {
	rule := Rule{Name: "api", Match: []string{"/"}, Limit: 2, Window: time.Second, Block: time.Hour}
	cfg := Config{MaxKeys: 10_000, Rules: []Rule{rule}}
	old, w := limiter(t, cfg)
	for range 3 {
		old.Begin(0, alice, nil, nil)
	}
	cfg.now = w.now
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.Adopt(old)
	for n := range 1_000_000 {
		l.Begin(0, netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), nil, nil)
	}
	w.advance(time.Hour - time.Second)
	if d := l.Begin(0, alice, nil, nil); d.Allowed || d.Retry != time.Second {
		t.Errorf("after a reload and a million others: %+v", d)
	}
	c := l.rules[0].counts
	if n := c.table.bytes() + c.jail.bytes(); n > 64<<20 {
		t.Errorf("%d bytes; want at most 64 MiB", n)
	}
}

// The most that a million clients take.
func TestAMillionClientsFitInto64MB(t *testing.T) {
	c := newCounts(Limit{Algorithm: "gcra", Limit: 100, Burst: 100, Window: time.Minute}, 1_000_000)
	blocked := mix(-1)
	for range 100 {
		c.take(blocked, 1, 1, 0, 0)
	}
	c.block(blocked, 1, time.Hour)
	for n := range 1_500_000 {
		c.take(mix(n), 2, 1, 0, 0)
	}
	bytes := c.table.bytes() + c.jail.bytes()
	if bytes > 64<<20 || c.table.keys() > 1_000_000 {
		t.Errorf("%d keys in %d bytes; want at most 64 MiB", c.table.keys(), bytes)
	}
	if c.take(blocked, 3, 1, 0, 0).allowed {
		t.Error("a blocked client was forgotten")
	}
	t.Logf("%d keys, %d bytes each", c.table.keys(), bytes/c.table.keys())
}

func TestAllowedClientsAreNotLimited(t *testing.T) {
	l, _ := limiter(t, Config{Allow: []string{"192.0.2.0/24", "2001:db8::1", "203.0.113.9/32"}})
	for text, want := range map[string]bool{
		"192.0.2.77": true, "::ffff:192.0.2.77": true, "192.0.3.1": false, "2001:db8::1": true, "2001:db8::1%eth0": true, "2001:db8::2": false, "203.0.113.9": true,
	} {
		if got := l.Exempt(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: exempt %v; want %v", text, got, want)
		}
	}
	if l.Exempt(netip.Addr{}) {
		t.Error("no address is exempt")
	}
	h := l.Handler(answer)
	for range 10 {
		r := httptest.NewRequest("POST", "/login", nil) // from 192.0.2.1
		r.Header.Set("X-Status", "401")
		rec := httptest.NewRecorder()
		if h.ServeHTTP(rec, r); rec.Code == 429 || rec.Header().Get("RateLimit") != "" {
			t.Fatalf("got %d, %v", rec.Code, rec.Header())
		}
	}
	_, err := New(Config{Allow: []string{"0.0.0.0/0", "localhost", "::/0", "::ffff:1.2.3.4", "fe80::1%eth0", "10.0.0.0/8"}})
	for _, want := range []string{`allow[0]: "0.0.0.0/0" is everybody`, "allow[1]: ", "allow[2]: ", "allow[3]: ", "allow[4]: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "allow[5]") {
		t.Errorf("a good one is reported: %v", err)
	}
}

func TestExposedThroughCORS(t *testing.T) {
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Expose-Headers", "ETag")
		if r.Header.Get("Origin") != "" {
			w.Header().Set("Access-Control-Allow-Origin", "https://shop.example")
		}
	})
	for _, tt := range []struct {
		forms  []string
		expose bool
		origin string
		want   string
	}{
		{nil, true, "https://shop.example", "ETag, Retry-After, RateLimit, RateLimit-Policy"},
		{[]string{"draft-6", "legacy"}, true, "https://shop.example", "ETag, Retry-After, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"},
		{nil, true, "", "ETag"},
		{nil, false, "https://shop.example", "ETag"},
	} {
		l, _ := limiter(t, Config{Expose: tt.expose, Headers: tt.forms})
		r := httptest.NewRequest("POST", "/login", nil)
		if tt.origin != "" {
			r.Header.Set("Origin", tt.origin)
		}
		rec := httptest.NewRecorder()
		l.Handler(app).ServeHTTP(rec, r)
		if got := strings.Join(rec.Header().Values("Access-Control-Expose-Headers"), ", "); got != tt.want {
			t.Errorf("got %q; want %q", got, tt.want)
		}
	}
}

func TestRouteAndClaimKeys(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{
		{Name: "route", Match: []string{"/"}, Limit: 1, Window: time.Minute, Key: []string{"ip", "route"}},
		{Name: "claim", Match: []string{"/"}, Limit: 1, Window: time.Minute, Key: []string{"claim:sub"}},
	}})
	key := func(path string) Key { return l.Key(0, alice, httptest.NewRequest("GET", path, nil), nil) }
	for _, same := range []string{"/API/users", "/api/users/", "/api//users", "/api/%75sers", "/api/users?x=1"} {
		if key(same) != key("/api/users") {
			t.Errorf("%s counts apart from /api/users", same)
		}
	}
	if key("/api/orders") == key("/api/users") || key("/") == key("/api") {
		t.Error("two routes count as one")
	}
	sub := func(value string) Key {
		return l.Key(1, alice, httptest.NewRequest("GET", "/", nil), func(name string) string {
			if name != "claim:sub" {
				t.Errorf("asked for %q", name)
			}
			return value
		})
	}
	if sub("a") == sub("b") || sub("") == sub("a") {
		t.Error("claims do not count apart")
	}
	if !l.NeedsClaims(1) || l.NeedsClaims(0) || l.NeedsBody(1) {
		t.Error("the wrong rules need claims")
	}
	if _, err := New(Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Key: []string{"body:claim:sub"}}}}); err == nil {
		t.Error("a body field that reads like a claim: got no error")
	}
}
