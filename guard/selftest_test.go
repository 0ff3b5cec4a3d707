// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

// breaks makes a suit in which one protection does nothing, though the policy
// says that it enforces.
func breaks(section string) wear {
	return func(p panoply.Policy) (func(http.Handler) http.Handler, error) {
		switch section {
		case "headers":
			p.Headers.Mode = panoply.Off
		case "rate_limits":
			p.RateLimits.Mode = panoply.Off
		case "bodies":
			p.Bodies.Mode = panoply.Off
		case "errors":
			p.Errors.Mode = panoply.Off
		case "cookies":
			p.Cookies.Mode = panoply.Off
		case "uploads":
			p.Uploads.Mode = panoply.Off
		case "nosql":
			p.NoSQL.Mode = panoply.Off
		case "everything":
			return func(h http.Handler) http.Handler { return h }, nil
		}
		return wearSuit(p)
	}
}

func TestSelfTestFindsABrokenProtection(t *testing.T) {
	policy := `bodies: {routes: [{match: POST /api/users, schema: {type: object, required: [name]}}]}`
	for _, section := range []string{"headers", "rate_limits", "bodies", "errors", "cookies", "uploads", "nosql"} {
		t.Run(section, func(t *testing.T) {
			_, err := build(parsePolicy(t, policy), slog.New(slog.DiscardHandler), usual, breaks(section), nil)
			if err == nil || !strings.Contains(err.Error(), "does not start") || !strings.Contains(err.Error(), section) {
				t.Errorf("got %v; want that the guard does not start because of %s", err, section)
			}
			for _, mode := range []string{"report", "off"} {
				if _, err := build(parsePolicy(t, section+": "+mode), slog.New(slog.DiscardHandler), usual, breaks(section), nil); err != nil {
					t.Errorf("%s does not claim to enforce, yet: %v", mode, err)
				}
			}
		})
	}
	t.Run("everything", func(t *testing.T) {
		_, err := build(parsePolicy(t, policy), slog.New(slog.DiscardHandler), usual, breaks("everything"), nil)
		for _, section := range []string{"headers", "rate_limits", "bodies", "errors", "cookies", "uploads", "nosql", "bodies (POST /api/users)"} {
			if err == nil || !strings.Contains(err.Error(), section+" is set to enforce") {
				t.Errorf("%v does not name %s", err, section)
			}
		}
	})
	t.Run("a-suit-that-cannot-be-made", func(t *testing.T) {
		_, err := build(parsePolicy(t, policy), slog.New(slog.DiscardHandler), usual,
			func(panoply.Policy) (func(http.Handler) http.Handler, error) { return nil, io.ErrUnexpectedEOF }, nil)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("got %v", err)
		}
	})
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
		"limit-by-claim":             "rate_limits: {rules: [{name: user, match: /api/, limit: 5, window: 15m, key: ['claim:sub']}]}\ntokens: [{match: /api/, secret_env: JWT_SECRET}]",
		"limit-by-new-account":       "rate_limits: {rules: [{name: made, match: POST /accounts, limit: 5, window: 15m, count: successes}]}",
		"limit-by-header":            "rate_limits: {rules: [{name: key, match: /api/, limit: 5, window: 15m, count: all, key: ['header:X-Api-Key']}]}",
		"limit-too-high-to-try":      "rate_limits: {rules: [{name: all, match: /, limit: 100000, window: 1m, count: all, algorithm: gcra}]}",
		"own-rule-on-a-login-path":   "rate_limits: {rules: [{name: mine, match: POST /login, limit: 100, window: 15m, count: failures}, {name: mine-too, match: POST /api/login, limit: 100, window: 15m, count: failures}]}",
		"excepted-first":             "rate_limits: {rules: [{name: api, match: [/api/health, /api/], except: [/api/health], limit: 5, window: 1m}]}",
		"large-bodies-everywhere":    "bodies: {routes: [{match: /, max_bytes: 50MB}]}",
		"schema-that-strips":         "bodies: {routes: [{match: POST /api/users, unknown: strip, schema: {type: object, properties: {name: {type: string}}}}]}",
		"schema-that-takes-anything": "bodies: {routes: [{match: POST /api/any, schema: {}}]}",
		"schema-on-get":              "bodies: {routes: [{match: GET /api/any, schema: {type: object}}]}",
		"schema-any-method":          "bodies: {routes: [{match: '/api/{thing}/{rest...}', schema: {type: object, required: [a]}}]}",
		"schema-on-the-root":         "bodies: {routes: [{match: '/{$}', schema: {type: object}}]}",
		"programs-allowed":           "uploads: [{match: /, unsafe_types: [application/octet-stream, application/vnd.microsoft.portable-executable]}]",
		"operators-allowed":          "nosql: {allow: [{match: /, keys: [$ne]}]}",
		"cookies-excepted":           "cookies: {except: [connect.sid]}",
		"cookies-left-alone":         "cookies: {http_only: false, same_site: off, secure: false}",
		"headers-left-alone":         "headers: {x_powered_by: off, x_content_type_options: off}",
		"errors-left-alone":          "errors: {scrub: false}",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(parsePolicy(t, src), slog.New(slog.DiscardHandler)); err != nil {
				t.Errorf("it does not start: %v", err)
			}
		})
	}
}
