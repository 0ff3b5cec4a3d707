// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/route"
)

func TestZeroConfigIsTheArticlesLogin(t *testing.T) {
	l, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	rules := l.Rules()
	want := Rule{
		Name: "login", Match: loginPaths, Limit: 5, Window: 15 * time.Minute, Count: "failures", Key: []string{"ip"},
		Algorithm: "sliding", Cost: 1, Message: "Too many login attempts. Try again in 15 minutes.",
	}
	if !reflect.DeepEqual(rules[0], want) {
		t.Errorf("got %+v; want %+v", rules[0], want)
	}
	if got, want := names(rules), "login login-account sign-up reset reset-account"; got != want {
		t.Errorf("got the rules %s; want %s", got, want)
	}
	again := Config{}.WithDefaults().WithDefaults()
	if !reflect.DeepEqual(again, Config{}.WithDefaults()) {
		t.Errorf("defaults of the defaults differ: %+v", again)
	}
}

func names(rules []Rule) string {
	var all []string
	for _, r := range rules {
		all = append(all, r.Name)
	}
	return strings.Join(all, " ")
}

func TestLoginPaths(t *testing.T) {
	matches := func(method, path string) bool {
		for _, p := range loginPaths {
			if route.MustCompile(p).Match(method, path) {
				return true
			}
		}
		return false
	}
	for _, path := range []string{
		"/login", "/signin", "/sign-in", "/api/login", "/api/signin", "/api/auth/login", "/auth/login", "/api/v1/login", "/api/v2/auth/login",
		"/users/login", "/api/users/login", "/api/session", "/api/sessions", "/session", "/sessions", "/api/token", "/oauth/token",
		"/auth/signin", "/verify-otp", "/api/auth/2fa", "/account/login", "/API/Login/", "/users/sign_in", "/api/v1/sessions",
	} {
		if !matches("POST", path) {
			t.Errorf("POST %s: not limited", path)
		}
		if matches("GET", path) {
			t.Errorf("GET %s: limited", path)
		}
	}
	for _, path := range []string{"/", "/api/users", "/api/logout", "/loginx", "/login/help", "/a/b/c/d/login"} {
		if matches("POST", path) {
			t.Errorf("POST %s: limited", path)
		}
	}
}

func TestOwnRulesAndTheDefaultOne(t *testing.T) {
	effective := func(rules ...Rule) []Rule {
		l, err := New(Config{Rules: rules})
		if err != nil {
			t.Fatal(err)
		}
		return l.Rules()
	}
	t.Run("a-rule-named-login-takes-its-place", func(t *testing.T) {
		rules := effective(Rule{Name: "login", Match: []string{"POST /enter"}, Window: time.Hour})
		want := Rule{Name: "login", Match: []string{"POST /enter"}, Limit: 5, Window: time.Hour, Count: "failures", Key: []string{"ip"},
			Algorithm: "sliding", Cost: 1, Message: "Too many login attempts. Try again in 1 hour."}
		if !reflect.DeepEqual(rules[0], want) || names(rules[1:]) != "login-account sign-up reset reset-account" {
			t.Errorf("got %+v; want %+v and the other defaults", rules, want)
		}
	})
	t.Run("other-rules-leave-it-be", func(t *testing.T) {
		rules := effective(Rule{Match: []string{"/"}, Limit: 100, Window: time.Minute}, Rule{Match: []string{"POST /{x}/login"}, Limit: 9, Window: time.Minute})
		if len(rules) != 7 || rules[2].Name != "login" || len(rules[2].Except) != 0 {
			t.Errorf("got %+v; want the default rules last, whole", rules)
		}
	})
	t.Run("a-path-named-by-a-rule-is-excepted", func(t *testing.T) {
		rules := effective(
			Rule{Match: []string{"POST /api/v2/login", "POST /other", "GET /login"}, Limit: 20, Window: time.Minute},
			Rule{Match: []string{"/SignIn", "/signin/"}, Limit: 20, Window: time.Minute})
		if want := []string{"POST /api/v2/login", "/SignIn"}; !slices.Equal(rules[2].Except, want) {
			t.Errorf("got except %q; want %q", rules[2].Except, want)
		} else if len(rules[3].Except)+len(rules[4].Except) > 0 {
			t.Errorf("login-account excepts %q, sign-up %q; want nothing", rules[3].Except, rules[4].Except)
		}
		rules = effective(Rule{Match: []string{"POST /login"}, Limit: 20, Window: time.Minute, Key: []string{"ip", "body:tenant"}})
		if want := []string{"POST /login"}; !slices.Equal(rules[1].Except, want) || !slices.Equal(rules[2].Except, want) {
			t.Errorf("login excepts %q, login-account %q; want %q", rules[1].Except, rules[2].Except, want)
		}
	})
	t.Run("names-of-the-numbers", func(t *testing.T) {
		var got []string
		for _, r := range effective(
			Rule{Match: []string{"/a"}, Limit: 5, Window: time.Minute}, Rule{Match: []string{"/b"}, Limit: 5, Window: time.Minute},
			Rule{Match: []string{"/c"}, Limit: 7, Window: 2 * time.Hour}, Rule{Match: []string{"/d"}, Limit: 1, Window: 24 * time.Hour},
			Rule{Match: []string{"/e"}, Limit: 9, Window: 90 * time.Second}) {
			got = append(got, r.Name)
		}
		if want := []string{"5-in-1min", "5-in-1min-2", "7-in-2hrs", "1-in-1day", "9-in-90sec", "login", "login-account", "sign-up", "reset", "reset-account"}; !slices.Equal(got, want) {
			t.Errorf("got %q; want %q", got, want)
		}
	})
	t.Run("algorithm-and-burst", func(t *testing.T) {
		rules := effective(
			Rule{Match: []string{"/a"}, Limit: 5, Window: time.Minute}, Rule{Match: []string{"/b"}, Limit: 5, Window: time.Minute, Count: "failures"},
			Rule{Match: []string{"/c"}, Limit: 5, Window: time.Minute, Burst: 2})
		if rules[0].Algorithm != "gcra" || rules[0].Burst != 5 || rules[1].Algorithm != "sliding" || rules[1].Burst != 0 || rules[2].Burst != 2 {
			t.Errorf("got %+v", rules)
		}
	})
}

func TestNewReportsAllFaults(t *testing.T) {
	good := Rule{Name: "x", Match: []string{"/x"}, Limit: 1, Window: time.Second}
	with := func(change func(*Rule)) Rule {
		r := good
		change(&r)
		return r
	}
	tests := []struct {
		name string
		cfg  Config
		want []string
	}{
		{"limiter", Config{MaxKeys: -1, IPv6Prefix: 128, Store: "redis://localhost"},
			[]string{"max_keys: -1 is out of range", "ipv6_prefix: 128", "store: nothing has opened it"}},
		{"max-keys", Config{MaxKeys: 10_000_001}, []string{"max_keys: "}},
		{"headers", Config{Headers: []string{"draft-8", "off", "draft-7", "draft-9"}}, []string{"headers[1]: \"off\"", "headers[2]: two drafts", "headers[3]: \"draft-9\""}},
		{"empty-rule", Config{Rules: []Rule{{}}}, []string{"rules[0].match: no route", "rules[0].limit: 0 is", "rules[0].window: 0s is"}},
		{"rule", Config{Rules: []Rule{good, {
			Name: "a b", Match: []string{"POST login", "/ok"}, Except: []string{"x"}, Limit: 1_000_001, Window: 745 * time.Hour, Count: "some",
			Key: []string{"ip", "ip", "body:", "header:a b", "cookie"}, Algorithm: "leaky", Burst: 3, Message: "a\nb",
		}}}, []string{"rules[1].name: \"a b\"", "rules[1].match[0]: ", "rules[1].except[0]: ", "rules[1].limit: ", "rules[1].window: ", "rules[1].count: \"some\"",
			"rules[1].key: 5 parts", "rules[1].algorithm: \"leaky\"", "rules[1].burst: only gcra", "rules[1].message: "}},
		{"key", Config{Rules: []Rule{with(func(r *Rule) { r.Key = []string{"ip", "ip", "header:a b", "body:"} })}},
			[]string{"rules[0].key[1]: \"ip\" is there twice", "rules[0].key[2]: ", "rules[0].key[3]: "}},
		{"same-name", Config{Rules: []Rule{good, good}}, []string{"rules[1].name: another rule"}},
		{"burst-of-sliding", Config{Rules: []Rule{with(func(r *Rule) { r.Count, r.Burst = "failures", 1 })}}, []string{"rules[0].burst: only gcra"}},
		{"endless-burst", Config{Rules: []Rule{with(func(r *Rule) { r.Burst, r.Window = 100_000, 24*time.Hour })}}, []string{"rules[0].burst: 100000 attempts at once would count for more than a year"}},
		{"big-log", Config{Rules: []Rule{with(func(r *Rule) { r.Algorithm, r.Limit = "sliding", 1000 })}}, []string{"rules[0].limit: the log of 1000 attempts for each of 100000 clients would take 762 MiB"}},
		{"too-many-rules", Config{Rules: make([]Rule, 256)}, []string{"rules: 261 rules"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not reported:\n%v", want, err)
				}
			}
		})
	}
	if _, err := New(Config{MaxKeys: 1, Rules: []Rule{good}, Headers: []string{"legacy", "draft-7"}}); err != nil {
		t.Errorf("a good config: %v", err)
	}
}
