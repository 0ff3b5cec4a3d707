// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func TestHandler(t *testing.T) {
	tok := newTokens(t, Config{})
	cookie := newTokens(t, Config{Cookie: "__Host-token"})
	valid := must(tok.Issue(Claims{"sub": "42"}))
	expired := signRaw(t, goodSecret, `{"alg":"HS256"}`, `{"exp":1000000000}`)
	type header = http.Header
	tests := []struct {
		name      string
		by        *Tokens
		method    string
		header    header
		query     string
		status    int
		rule      rule.ID
		challenge string
	}{
		{"good", tok, "GET", header{"Authorization": {"Bearer " + valid}}, "", 200, "", ""},
		{"scheme-any-case", tok, "GET", header{"Authorization": {"bEARER " + valid}}, "", 200, "", ""},
		{"good-cookie", cookie, "GET", header{"Cookie": {"a=b; __Host-token=" + valid}}, "", 200, "", ""},
		{"nothing", tok, "GET", nil, "", 401, rule.TokenMissing, "Bearer"},
		{"query", tok, "GET", nil, "?access_token=" + valid, 401, rule.TokenMissing, "Bearer"},
		{"cookie-where-header-is-asked", tok, "GET", header{"Cookie": {"__Host-token=" + valid}}, "", 401, rule.TokenMissing, "Bearer"},
		{"header-where-cookie-is-asked", cookie, "GET", header{"Authorization": {"Bearer " + valid}}, "", 401, rule.TokenMissing, "Bearer"},
		{"two-headers", tok, "GET", header{"Authorization": {"Bearer " + valid, "Bearer " + valid}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"two-cookies", cookie, "GET", header{"Cookie": {"__Host-token=" + valid + "; __Host-token=" + valid}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"comma-list", tok, "GET", header{"Authorization": {"Bearer " + valid + ", Bearer " + valid}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"two-spaces", tok, "GET", header{"Authorization": {"Bearer  " + valid}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"tab", tok, "GET", header{"Authorization": {"Bearer\t" + valid}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"bare", tok, "GET", header{"Authorization": {valid}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"scheme-alone", tok, "GET", header{"Authorization": {"Bearer "}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"basic", tok, "GET", header{"Authorization": {"Basic dTpw"}}, "", 401, rule.TokenInvalid, `Bearer error="invalid_token"`},
		{"expired", tok, "GET", header{"Authorization": {"Bearer " + expired}}, "", 401, rule.TokenExpired, `Bearer error="invalid_token", error_description="The token expired"`},
		{"preflight", tok, "OPTIONS", header{"Origin": {"https://shop.example"}, "Access-Control-Request-Method": {"GET"}}, "", 200, "", ""},
		{"options-without-origin", tok, "OPTIONS", header{"Access-Control-Request-Method": {"GET"}}, "", 401, rule.TokenMissing, "Bearer"},
		{"options-no-preflight", tok, "OPTIONS", header{"Origin": {"https://shop.example"}}, "", 401, rule.TokenMissing, "Bearer"},
		{"get-dressed-as-preflight", tok, "GET", header{"Origin": {"https://shop.example"}, "Access-Control-Request-Method": {"GET"}}, "", 401, rule.TokenMissing, "Bearer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var claims Claims
			called := false
			h := tt.by.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				called, claims = true, From(r.Context())
			}))
			r := httptest.NewRequest(tt.method, "/api"+tt.query, nil)
			if tt.header != nil {
				r.Header = tt.header
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.status || called != (tt.status == 200) || w.Header().Get("WWW-Authenticate") != tt.challenge {
				t.Fatalf("status %d, called %v, challenge %q; want %d, %q", w.Code, called, w.Header().Get("WWW-Authenticate"), tt.status, tt.challenge)
			}
			if tt.status != 200 && (!strings.Contains(w.Body.String(), tt.rule.URN()) || strings.Contains(w.Body.String(), "eyJ")) {
				t.Errorf("body %s; want %s and no token", w.Body, tt.rule)
			}
			if want := tt.status == 200 && tt.method == "GET"; (claims.Subject() == "42") != want {
				t.Errorf("claims in the context: %v", claims)
			}
			if tt.rule != "" {
				if _, err := tt.by.Check(r); problem.As(err).Rule != tt.rule {
					t.Errorf("Check: %v; want %s", err, tt.rule)
				}
			}
		})
	}
}
