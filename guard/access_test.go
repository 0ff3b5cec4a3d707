// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const adminToken = "q8Jz2mVw5xYt0Lr7Kd3Hs9Nf6Bg1Pc4A"

func TestAdminBeyondLoopbackAsksForTheToken(t *testing.T) {
	t.Setenv("TEST_ADMIN", adminToken)
	g := admin(t, "admin: {listen: \"10.0.0.1:9901\", token_env: TEST_ADMIN, hosts: [guard.example, 10.0.0.1]}")
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for name, tt := range map[string]struct {
		host, authorization string
		want                int
	}{
		"bearer":           {"guard.example:9901", "Bearer " + adminToken, 200},
		"by-address":       {"10.0.0.1:9901", "Bearer " + adminToken, 200},
		"case":             {"Guard.Example", "Bearer " + adminToken, 200},
		"basic":            {"guard.example", basic("anyone", adminToken), 200},
		"loopback":         {"localhost", "Bearer " + adminToken, 200},
		"none":             {"guard.example", "", 401},
		"none-on-loopback": {"localhost", "", 401},
		"empty":            {"guard.example", "Bearer ", 401},
		"wrong":            {"guard.example", "Bearer " + strings.ToLower(adminToken), 401},
		"longer":           {"guard.example", "Bearer " + adminToken + "x", 401},
		"as-the-user":      {"guard.example", basic(adminToken, ""), 401},
		"other-host":       {"evil.example", "Bearer " + adminToken, 403},
		"no-host":          {"", "Bearer " + adminToken, 403},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/", "/healthz", "/metrics", "/limits"} {
				r := httptest.NewRequest("GET", path, nil)
				r.Host = tt.host
				r.Header.Set("Authorization", tt.authorization)
				rec := httptest.NewRecorder()
				g.adminHandler().ServeHTTP(rec, r)
				want := tt.want
				if path == "/healthz" && want == 401 {
					want = 200 // who asks whether it lives needs no token
				}
				if rec.Code != want || (rec.Code == 401) != (rec.Header().Get("WWW-Authenticate") != "") {
					t.Errorf("%s: %d %v", path, rec.Code, rec.Header())
				}
			}
		})
	}
}

func TestAdminIsChecked(t *testing.T) {
	t.Setenv("TEST_ADMIN", adminToken)
	t.Setenv("TEST_SHORT", adminToken[1:])
	for policy, want := range map[string]string{
		`admin: {listen: ":9901", token_env: TEST_ADMIN}`:                     "admin.hosts",
		`admin: {listen: ":9901", hosts: [a.example]}`:                        "admin:",
		`admin: {listen: ":9901", hosts: [a.example], token_env: TEST_SHORT}`: "admin.token_env: the variable TEST_SHORT has 31 bytes",
		`admin: {token_env: TEST_UNSET}`:                                      "admin.token_env: the variable TEST_UNSET has 0 bytes",
		"listen: 127.0.0.1:1\nadmin: 127.0.0.1:1":                             "admin: the app's clients would reach it",
	} {
		if _, err := New(parsePolicy(t, policy), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", policy, err, want)
		}
	}
}

func TestProfilesAreServedByChoice(t *testing.T) {
	if resp := ask(admin(t, ""), "GET", "/debug/pprof/", "localhost"); resp.StatusCode != 404 {
		t.Errorf("not asked for: %d", resp.StatusCode)
	}
	g := admin(t, "admin: {pprof: true}")
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap?debug=1", "/debug/pprof/symbol"} {
		if resp := ask(g, "GET", path, "localhost"); resp.StatusCode != 200 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

func TestPageTellsWhatHappened(t *testing.T) {
	g := admin(t, "admin: 127.0.0.1:0\nnosql: report")
	g.history.Decided(httptest.NewRequest("POST", "/login", nil), &problem.Exchange{ID: "id-1"}, problem.Refuse(rule.NoSQLOperator, "No."), true)
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "localhost"
	r.Header.Set("Accept", "text/html,*/*")
	for _, target := range []string{"/", "/?window=day"} {
		r.URL.RawQuery = strings.TrimPrefix(target, "/?")
		rec := httptest.NewRecorder()
		g.adminHandler().ServeHTTP(rec, r)
		resp := rec.Result()
		page, _ := io.ReadAll(resp.Body)
		if ct, csp := resp.Header.Get("Content-Type"), resp.Header.Get("Content-Security-Policy"); resp.StatusCode != http.StatusOK || ct != "text/html; charset=utf-8" ||
			!strings.HasPrefix(csp, "default-src 'none';") || resp.Header.Get("Vary") != "Accept" || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", target, resp.StatusCode, resp.Header)
		}
		for _, want := range []string{"nosql/operator", "id-1", "nosql: mode report", "profile: strict"} {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s: %q is missing", target, want)
			}
		}
	}
}
