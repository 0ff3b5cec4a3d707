// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

func parsePolicy(t *testing.T, src string) panoply.Policy {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if p.Upstream == "" {
		p.Upstream = "http://127.0.0.1:1"
	}
	return p
}

// Policies that are unusual, and mean what they say, start.
func TestSelfTestLetsHonestPoliciesStart(t *testing.T) {
	t.Setenv("JWT_SECRET", "n0t-a-secret-but-long-enough/kq83hdYw02mzPq")
	for name, src := range map[string]string{
		"empty":                      "",
		"compatible":                 "profile: compatible",
		"all-reported":               "mode: report",
		"all-off":                    "mode: off",
		"tokens-everywhere":          "tokens: [{match: /, secret_env: JWT_SECRET}]",
		"tokens-on-login":            "tokens: [{match: POST /api/login, secret_env: JWT_SECRET}]",
		"tight-limit-everywhere":     "rate_limits: {rules: [{name: all, match: /, limit: 1, window: 1m, count: all}]}",
		"limit-by-account":           "rate_limits: {rules: [{name: account, match: POST /api/login, limit: 5, window: 15m, count: failures, key: ['body:email']}]}",
		"limit-by-account-schema":    "rate_limits: {rules: [{name: account, match: POST /api/login, limit: 5, window: 15m, count: failures, key: ['body:email']}]}\nbodies: {routes: [{match: POST /api/login, schema: {type: object, required: [email], properties: {email: {type: string}}}}]}",
		"limit-by-header":            "rate_limits: {rules: [{name: key, match: /api/, limit: 5, window: 15m, count: all, key: ['header:X-Api-Key']}]}",
		"own-rule-on-a-login-path":   "rate_limits: {rules: [{name: mine, match: POST /login, limit: 100, window: 15m, count: failures}, {name: mine-too, match: POST /api/login, limit: 100, window: 15m, count: failures}]}",
		"excepted-first":             "rate_limits: {rules: [{name: api, match: [/api/health, /api/], except: [/api/health], limit: 5, window: 1m}]}",
		"large-bodies-everywhere":    "bodies: {routes: [{match: /, max_bytes: 50MB}]}",
		"schema-that-strips":         "bodies: {routes: [{match: POST /api/users, unknown: strip, schema: {type: object, properties: {name: {type: string}}}}]}",
		"schema-that-takes-anything": "bodies: {routes: [{match: POST /api/any, schema: {}}]}",
		"schema-on-get":              "bodies: {routes: [{match: GET /api/any, schema: {type: object}}]}",
		"schema-any-method":          "bodies: {routes: [{match: '/api/{thing}/{rest...}', schema: {type: object, required: [a]}}]}",
		"schema-on-a-header-token":   "bodies: {routes: [{match: '/{$}', schema: {type: object}}]}",
		"programs-allowed":           "uploads: [{match: /, unsafe_types: [application/octet-stream, application/vnd.microsoft.portable-executable]}]",
		"operators-allowed":          "nosql: {allow: [{match: /, keys: [$ne]}]}",
		"cookies-excepted":           "cookies: {except: ['*', connect.sid]}",
		"cookies-left-alone":         "cookies: {http_only: false, same_site: off, secure: false}",
		"headers-left-alone":         "headers: {x_powered_by: off, x_content_type_options: off}",
		"errors-left-alone":          "errors: {scrub: false}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(parsePolicy(t, src), slog.New(slog.DiscardHandler)); err != nil && !strings.Contains(err.Error(), "hint") {
				t.Errorf("it does not start: %v", err)
			} else if err != nil {
				t.Logf("no policy: %v", err)
			}
		})
	}
}

var _ = http.StatusOK
var _ = httptest.NewRecorder
