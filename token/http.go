// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"net/http"
	"strings"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

var (
	errTwoTokens = errors.New("more than one Authorization header, or cookie of that name")
	errScheme    = errors.New("the Authorization header is not Bearer, one space and a token")
)

// FromRequest returns the request's token: from the one Authorization header,
// or from the one cookie where [Config.Cookie] is set. Never from anywhere
// else.
func (t *Tokens) FromRequest(r *http.Request) (string, error) {
	if t.cookie != "" {
		switch cookies := r.CookiesNamed(t.cookie); len(cookies) {
		case 0:
			return "", refuse(rule.TokenMissing, nil)
		case 1:
			return cookies[0].Value, nil
		}
		return "", refuse(rule.TokenInvalid, errTwoTokens)
	}
	values := r.Header["Authorization"]
	switch {
	case len(values) == 0:
		return "", refuse(rule.TokenMissing, nil)
	case len(values) > 1:
		return "", refuse(rule.TokenInvalid, errTwoTokens)
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", refuse(rule.TokenInvalid, errScheme)
	}
	return token, nil // a second space or a comma is no base64url
}

// Check decides about a request: the claims of its token, or a
// [*problem.Error] with status 401. A CORS preflight, which browsers send
// without credentials, passes with no claims.
func (t *Tokens) Check(r *http.Request) (Claims, error) {
	if preflight(r) {
		return nil, nil
	}
	token, err := t.FromRequest(r)
	if err != nil {
		return nil, err
	}
	return t.VerifyContext(r.Context(), token)
}

// preflight reports whether this is a CORS preflight and not any OPTIONS. It
// is let through without a token, so OPTIONS must have no side effects.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// Handler lets requests with a good token through to next, its claims in the
// context ([From]), and answers the others with a 401 problem.
func (t *Tokens) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := t.Check(r)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		if c != nil {
			r = r.WithContext(NewContext(r.Context(), c))
		}
		next.ServeHTTP(w, r)
	})
}
