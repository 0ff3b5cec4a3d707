// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/inspect"
)

// account has names in the usual fields, in their order, and a password.
func account(names ...string) func(string) string {
	return func(field string) string {
		if field == "password" {
			return "guess"
		}
		if i := slices.Index(accountFields, field); i >= 0 && i < len(names) {
			return names[i]
		}
		return ""
	}
}

// one is one account as it is written.
func one(as string) Account { return Accounts(account(as))[0] }

func TestDeviceCookies(t *testing.T) {
	l, w := limiter(t, Config{})
	number, err := l.Find("login-account")
	if err != nil {
		t.Fatal(err)
	}
	login := func(cookies ...*http.Cookie) *http.Request {
		r := httptest.NewRequest("POST", "/api/v1/Login%20x", nil)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		return r
	}
	mint := func(status int, tls bool, names ...string) *http.Cookie {
		r := login()
		var decisions []Decision
		for _, a := range Accounts(account(names...)) {
			decisions = append(decisions, l.BeginAccount(number, alice, r, nil, a))
		}
		for i := range decisions {
			decisions[i].Done(status)
			defer decisions[i].Close()
		}
		return l.DeviceCookie(decisions, r, status, tls)
	}
	c := mint(200, false, "alice@x")
	if c == nil || c.Name != deviceName || c.Secure || !c.HttpOnly || c.Path != "/api/v1/Login%20x" || c.MaxAge != 90*86400 || c.Valid() != nil {
		t.Fatalf("got %v", c)
	}
	secure := mint(302, true, "alice@x")
	if secure == nil || secure.Name != "__Secure-"+deviceName || !secure.Secure {
		t.Fatalf("over TLS: got %v", secure)
	}
	if mint(401, false, "alice@x") != nil || mint(0, false, "alice@x") != nil || mint(200, false) != nil || mint(200, false, "alice@x", "bob@x") != nil {
		t.Error("a cookie where none belongs")
	}
	if mint(200, false, "alice@x", "alice@x") == nil {
		t.Error("one account in two fields is one")
	}
	if mint(200, false, "alice@x", "ALICE@x") != nil {
		t.Error("a cookie for one of two spellings, of which the app takes one")
	}
	for name, tt := range map[string]struct {
		cookies []*http.Cookie
		who     string
		known   bool
	}{
		"own":                       {[]*http.Cookie{c}, "alice@x", true},
		"secure":                    {[]*http.Cookie{secure}, "alice@x", true},
		"second-of-two":             {[]*http.Cookie{{Name: deviceName, Value: strings.Repeat("A", len(c.Value))}, c}, "alice@x", true},
		"other-account":             {[]*http.Cookie{c}, "bob@x", false},
		"none":                      {nil, "alice@x", false},
		"cut":                       {[]*http.Cookie{{Name: deviceName, Value: c.Value[1:]}}, "alice@x", false},
		"not-base64":                {[]*http.Cookie{{Name: deviceName, Value: "!" + c.Value[1:]}}, "alice@x", false},
		"later-end":                 {[]*http.Cookie{{Name: deviceName, Value: "B" + c.Value[1:]}}, "alice@x", false},
		"behind-others-of-the-name": {append(slices.Repeat([]*http.Cookie{{Name: deviceName, Value: "x"}}, 5), c), "alice@x", true},
		"behind-too-many":           {append(slices.Repeat([]*http.Cookie{{Name: deviceName, Value: strings.Repeat("A", len(c.Value))}}, 4), c), "alice@x", false},
	} {
		if got := l.device(login(tt.cookies...), one(tt.who)) != ""; got != tt.known {
			t.Errorf("%s: known %v; want %v", name, got, tt.known)
		}
	}
	w.advance(deviceAge - time.Minute)
	if l.device(login(c), one("alice@x")) == "" {
		t.Error("forgotten before its time")
	}
	w.advance(2 * time.Minute)
	if l.device(login(c), one("alice@x")) != "" {
		t.Error("known after its time")
	}
}

// A device is one of a route, of a method and of an account as it was written.
func TestWhatADeviceCookieIsGoodFor(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{{Name: "all", Match: []string{"/"}, Limit: 10, Window: time.Minute, Count: "failures", Key: []string{"account"}}}})
	only := func(kv ...string) *Named {
		n := &Named{byAccount: true}
		for i := 0; i < len(kv); i += 2 {
			n.hear(foldName(kv[i]), kv[i+1])
		}
		return n
	}
	mint := func(method, path string, n *Named) *http.Cookie {
		r := httptest.NewRequest(method, path, nil)
		copied := *n
		if err := inspect.ReadQuery(r.URL.RawQuery, inspect.Visitors(nil), &copied); err != nil {
			t.Fatal(err)
		}
		all := copied.Accounts()
		if len(all) != 1 {
			t.Fatalf("accounts: %v", all)
		}
		d := l.BeginAccount(0, alice, r, nil, all[0])
		defer d.Close()
		d.Done(200)
		return l.DeviceCookie([]Decision{d}, r, 200, false)
	}
	login := only("email", "Alice@x", "password", "p")
	cookie := mint("POST", "/api/login", login)
	if cookie == nil {
		t.Fatal("a login mints no cookie")
	}
	for _, tt := range []struct {
		name, method, path, account string
		known                       bool
	}{
		{"same", "POST", "/api/login", "Alice@x", true},
		{"same-route-in-other-letters", "POST", "/API/Login/", "Alice@x", true},
		{"other-route", "POST", "/login", "Alice@x", false},
		{"below", "POST", "/api/login/x", "Alice@x", false},
		{"other-method", "PUT", "/api/login", "Alice@x", false},
		{"other-spelling", "POST", "/api/login", "alice@x", false},
		{"unreadable-route", "POST", "/api/../api/login", "Alice@x", false},
	} {
		t.Run("good-for-"+tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.path, nil)
			plain := l.BeginAccount(0, alice, r, nil, one(tt.account))
			plain.Done(200)
			r.AddCookie(cookie)
			own := l.BeginAccount(0, alice, r, nil, one(tt.account))
			own.Done(200)
			if (own.key != plain.key) != tt.known {
				t.Errorf("counts apart: %v; want %v", own.key != plain.key, tt.known)
			}
		})
	}
	for _, tt := range []struct {
		name, method, path string
		named              *Named
		minted             bool
	}{
		{"form", "POST", "/signin", only("username", "alice", "pwd", "p"), true},
		{"tenant-whose-name-ends-so", "POST", "/hotpots/login", login, true},
		{"no-password", "POST", "/login", only("email", "alice"), false},
		{"otp", "POST", "/api/otp", only("email", "alice"), false},
		{"otp-with-a-decoy", "POST", "/api/otp", login, false},
		{"verify-otp", "POST", "/verify-otp", login, false},
		{"verify-in-one-word", "POST", "/login/verifyCode", login, false},
		{"totp", "POST", "/auth/totp", login, false},
		{"mfa", "POST", "/MFA", login, false},
		{"two-factor", "POST", "/two-factor/login", login, false},
		{"2fa", "POST", "/users/alice/2fa", login, false},
		{"other-spelling-beside-it", "POST", "/login", only("email", "alice", "username", "Alice", "password", "p"), false},
		{"password-grant", "POST", "/oauth/token?grant_type=password", only("username", "alice", "password", "p", "grant_type", "password"), true},
		{"refresh-grant", "POST", "/oauth/token", only("username", "alice", "password", "p", "grant_type", "refresh_token"), false},
		{"refresh-grant-in-the-query", "POST", "/token?grant_type=refresh_token", login, false},
		{"second-grant-in-the-query", "POST", "/token?grant_type=password&grant_type=refresh_token", login, false},
		{"refresh-token", "POST", "/token", only("username", "alice", "password", "p", "refreshToken", "mine"), false},
		{"other-provider", "POST", "/login", only("username", "alice", "password", "p", "provider", "google"), false},
		{"local-strategy", "POST", "/authentication", only("username", "alice", "password", "p", "strategy", "local"), true},
		{"too-long", "POST", "/login", only("email", strings.Repeat("a", maxAccount+1), "password", "p"), false},
	} {
		t.Run("minted-for-"+tt.name, func(t *testing.T) {
			if c := mint(tt.method, tt.path, tt.named); (c != nil) != tt.minted {
				t.Errorf("got %v; minted: want %v", c, tt.minted)
			}
		})
	}
}

// Somebody who comes by any number of cookies of an account, as from an app that
// shows no failures, still has a bounded number of tries.
func TestCookiesWithoutEndAreEightDevices(t *testing.T) {
	l, _ := limiter(t, Config{})
	number, _ := l.Find("login-account")
	tries := 0
	for range 1000 {
		r := httptest.NewRequest("POST", "/login", nil)
		device := make([]byte, 24)
		binary.BigEndian.PutUint64(device, uint64(l.wall().Add(time.Hour).Unix()))
		rand.Read(device[8:])
		value := append(device, l.sign(device, "POST", "/login", "alice@x")...)
		r.AddCookie(&http.Cookie{Name: deviceName, Value: base64.RawURLEncoding.EncodeToString(value)})
		d := l.BeginAccount(number, alice, r, nil, one("alice@x"))
		if d.Allowed {
			tries++
		}
		d.Done(401)
	}
	if want := 8 * 10; tries != want {
		t.Errorf("%d tries; want %d", tries, want)
	}
	d := l.BeginAccount(number, alice, httptest.NewRequest("POST", "/login", nil), nil, one("alice@x"))
	if d.Done(401); !d.Allowed {
		t.Error("a new device shares with those that are known")
	}
}

func TestDevicesOfASharedSecretAreKnownEverywhere(t *testing.T) {
	first, second := deviceKey(testSecret), deviceKey(testSecret)
	if !slices.Equal(first, second) || slices.Equal(first, testSecret) {
		t.Error("the shared secret makes no key of its own")
	}
	if own := deviceKey(nil); !slices.Equal(own, deviceKey(nil)) || slices.Equal(own, first) || len(own) != 32 {
		t.Error("without a secret, the limiters of a process do not have one key of their own")
	}
}

// What others have tried with an account is not told.
func TestHeadersDoNotTellOfAccounts(t *testing.T) {
	l, _ := limiter(t, Config{})
	r := httptest.NewRequest("POST", "/login", nil)
	byIP := l.Begin(0, alice, r, nil)
	byAccount := l.Begin(1, alice, r, account("alice@x"))
	h := http.Header{}
	l.SetHeaders(h, []Decision{byIP, byAccount})
	if got, want := h.Get("RateLimit"), `"login"; r=4; t=900`; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	byIP.Close()
	byAccount.Close()
}
